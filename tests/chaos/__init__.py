"""Faults on purpose: what breaks around the server, and what its clients see of it."""
