"""HTTP on the port that everything else is on (S004-30): h11 on our own connections.

``opening`` tells an HTTP client by its first bytes; ``wire`` is bytes to requests and responses
to bytes; ``connection`` serves one request after the other; ``routing`` finds the handler;
``files`` are the page's. The API is one more handler, in ``server/gateways/api``.
"""
