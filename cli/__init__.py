"""The client's end: the library (:class:`cli.client.Client`), line mode, and their entry point."""
