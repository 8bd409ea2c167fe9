"""From bytes to typed requests and from events to bytes, a module for each kind of client."""
