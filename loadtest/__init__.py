"""A load test: simulated clients in one room, and proof that each got every message once, in order.

Run it with ``python -m loadtest``. The clients are raw non-blocking sockets in one epoll
loop, because a task for each would cost several times as much as what is to be measured.
"""
