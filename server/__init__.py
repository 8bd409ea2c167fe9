"""Sockets: accepting, channels, delivery and the gateways; and the program that runs them."""
