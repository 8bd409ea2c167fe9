"""What the kernel knows of the other end of a connection, and the program there does not say."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
import termios

UNANSWERED = 3
"""Packets in a row without an answer after which the other end is taken for dead."""

_TCP_INFO_HEAD = struct.Struct("4B")  # state, congestion state, retransmits, probes (linux/tcp.h)


def unconfirmed(sock: socket.socket) -> int:
    """Return how many bytes that were given to a socket the other end has not confirmed."""
    answer = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, answer)
    return answer[0]


def is_half_open(sock: socket.socket) -> bool:
    """Tell whether the other end's kernel has left several packets in a row unanswered.

    A client that merely does not read answers the probes of its full window, so it is not taken
    for dead.
    """
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_HEAD.size)
    except OSError:
        return True
    _, _, retransmits, probes = _TCP_INFO_HEAD.unpack(info)
    return bool(max(retransmits, probes) >= UNANSWERED)
