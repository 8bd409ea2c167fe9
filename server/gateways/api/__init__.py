"""The API of HTTP, below ``/api/v1``: what the protocol can be asked for, as resources (S004-30).

``routes`` has the table: which method and path become which request. ``calls`` turns any HTTP
request into the protocol's, hands it to ``chat.dispatch`` and makes JSON of the answer. What is no
such exchange has a file of its own: ``entry`` (coming and going), ``texts``, ``files``, ``events``.
"""
