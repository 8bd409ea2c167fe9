"""``python -m cmd.cli``, the same as the console script ``mymessenger``."""
