"""The fingerprint of a certificate: what a server's own certificate is known by.

The SHA-256 of its DER form, shown as ssh shows keys: ``SHA256:`` and base64 without padding.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha256

_KIND = "SHA256:"


def fingerprint_of(certificate: bytes) -> str:
    """Return the fingerprint of a certificate in DER form."""
    return _shown(sha256(certificate).digest())


def as_fingerprint(text: str) -> str | None:
    """Return a fingerprint that somebody has typed in its one form; None where it is none."""
    kind, code = text[: len(_KIND)], text[len(_KIND) :].rstrip("=")
    try:
        digest = b64decode(code + "=" * (-len(code) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    if kind.upper() != _KIND or len(digest) != sha256().digest_size:
        return None
    return _shown(digest) if _shown(digest)[len(_KIND) :] == code else None


def _shown(digest: bytes) -> str:
    return _KIND + b64encode(digest).decode().rstrip("=")
