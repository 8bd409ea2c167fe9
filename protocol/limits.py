"""Sizes that both ends agree upon; all in bytes unless a name says otherwise."""

MAX_HEADER = 512 * 1024
"""The longest header line: a text of MAX_TEXT bytes, each escaped as ``\\u0001``, and the rest."""

LOGIN_HEADER = 64 * 1024
"""The longest header line before the login: what strangers send costs as little as possible."""

MAX_TEXT = 64 * 1024
"""The longest text, in UTF-8, that fits into a frame; a longer one is a stream of chunks."""

TEXT_HEAD = 4 * 1024
"""How much of a longer text its `message` frame shows."""

MAX_CHUNK = 256 * 1024
"""The most raw bytes that may follow one header."""

MAX_PAGE = 200
"""The most messages a history page may hold."""

MAX_UNREAD = 1000
"""So many messages are said to be unread at most: what is behind the newest 1000 entries of a
conversation is not counted."""

MAX_NAME = 32
"""The longest user name, in characters."""

MAX_TYPED = 8 * MAX_NAME
"""Characters of what should be a name that are looked at: no more than so many make a name, and
what normalises a text takes time that grows with the square of it."""

MAX_SECRET = 1024
"""Characters of a password or a token that are looked at; it may have far fewer."""
