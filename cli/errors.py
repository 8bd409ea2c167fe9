"""What can go wrong for a program that uses :class:`cli.client.Client`."""

from __future__ import annotations

from protocol.language import Sentence


class ClientError(Sentence, Exception):
    """The base of all errors of the client; each is a sentence for people.

    As a text it is English; ``said`` says it in the language of a voice.
    """


class CannotConnect(ClientError):
    """No connection came about at the first attempt: nobody listens, or the server is not ready."""


class Refused(ClientError):
    """The server has answered a message or a request with an error.

    ``code`` is one of :class:`protocol.errors.ErrorCode`, or a newer server's own. The sentence
    is the server's, in the language it was asked to speak.
    """

    def __init__(self, code: str, sentence: str | Sentence) -> None:
        super().__init__("{sentence}", sentence=sentence)
        self.code = code
        self.sentence = str(sentence)


class TextFailed(ClientError):
    """The text of a message could not be read to its end, so the message was not sent."""


class Withdrawn(ClientError):
    """A message was taken back before any connection had carried it."""


class FileFailed(ClientError):
    """A file could not be read or saved to its end, or is not what it was said to be."""


class LoginRefused(Refused):
    """The server does not take this name or this version; trying again would not help."""


class ClientClosed(ClientError):
    """The client has been closed, or has given up after its login was refused later on."""


class ConnectionLost(ClientError):
    """One connection has ended; inside the library only, the client makes the next one."""


class NoWelcome(ConnectionLost):
    """The connection ended before the other end said anything that a server of ours says."""


class NoEncryption(ConnectionLost):
    """No TLS came about, or a server of ours wants it; nothing was sent in its place."""


class BadCertificate(ConnectionLost):
    """The certificate that an authority has signed is not in order, for example expired."""


class UntrustedServer(ClientError):
    """Who answers may not be the server that is meant: nothing was sent, and nobody tries again."""


class UnknownServer(UntrustedServer):
    """The server is known neither to the user nor to an authority that this machine trusts.

    ``server`` is its address and ``fingerprint`` that of its certificate, for the question
    whether to trust it.
    """

    def __init__(self, server: str, fingerprint: str) -> None:
        sentence = Sentence(
            "The server {server} is not known yet, and no authority vouches for it: nothing was "
            "sent to it. Its fingerprint is {fingerprint} . If that is the one the server printed "
            "when it started, give it with --fingerprint {fingerprint} ; --trust-new trusts "
            "whatever a server shows the first time.",
            server=server,
            fingerprint=fingerprint,
        )
        super().__init__("{sentence}", sentence=sentence)
        self.server = server
        self.fingerprint = fingerprint


class OtherServer(UntrustedServer):
    """Who answers is not the server that is known at this address, or that was named."""
