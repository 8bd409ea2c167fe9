"""What both ends of a connection share: typed frames, framing, commands and text.

Nothing here opens a socket or reads a clock (sans-IO), and nothing here imports
another package of the project.
"""

__version__ = "0.1.0"

PROTOCOL_VERSION = 1
"""The version this program speaks; a server answers a client of another one with an error."""
