"""What can go wrong for a program that uses :class:`cli.client.Client`."""

from __future__ import annotations


class ClientError(Exception):
    """The base of all errors of the client; its text is a sentence for people."""


class CannotConnect(ClientError):
    """No connection came about at the first attempt: nobody listens, or the server is not ready."""


class Refused(ClientError):
    """The server has answered a message or a request with an error.

    ``code`` is one of :class:`protocol.errors.ErrorCode`, or a newer server's own.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class TextFailed(ClientError):
    """The text of a message could not be read to its end, so the message was not sent."""


class LoginRefused(Refused):
    """The server does not take this name or this version; trying again would not help."""


class ClientClosed(ClientError):
    """The client has been closed, or has given up after its login was refused later on."""


class ConnectionLost(ClientError):
    """One connection has ended; inside the library only, the client makes the next one."""


class NoWelcome(ConnectionLost):
    """The connection ended before the other end said anything that a server of ours says."""
