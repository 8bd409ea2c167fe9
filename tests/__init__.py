"""The tests; the user's view first, end to end over real sockets."""
