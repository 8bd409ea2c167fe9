"""The full-screen client: on a real terminal, its widgets, and its rules."""
