"""Programs for those who work on mymessenger; no part of what is installed."""
