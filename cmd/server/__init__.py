"""The server as a program of the checkout: ``python -m cmd.server``."""
