"""From the user's command to the database and back, over real sockets."""
