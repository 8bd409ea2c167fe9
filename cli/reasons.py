"""Why a file or a socket did not do what it was asked, in words for people."""

from __future__ import annotations

import errno

from protocol.language import N_, Sentence


def reason_of(error: Exception) -> Sentence:
    """Return what is wrong, as words that stand before a full stop."""
    if isinstance(error, OSError):
        said = _BY_NUMBER.get(error.errno or 0) or error.strerror or str(error)
    elif isinstance(error, UnicodeDecodeError):
        said = error.reason
    else:
        said = str(error).removesuffix(".")
    return Sentence(said) if said in _KNOWN else Sentence("{reason}", reason=said)


_BY_NUMBER = {
    errno.EPERM: N_("Operation not permitted"),
    errno.ENOENT: N_("No such file or directory"),
    errno.EIO: N_("Input/output error"),
    errno.EACCES: N_("Permission denied"),
    errno.EBUSY: N_("Device or resource busy"),
    errno.EEXIST: N_("There is a file of that name already"),
    errno.ENOTDIR: N_("Not a directory"),
    errno.EISDIR: N_("Is a directory"),
    errno.EMFILE: N_("Too many open files"),
    errno.EFBIG: N_("File too large"),
    errno.ENOSPC: N_("No space left on device"),
    errno.EROFS: N_("Read-only file system"),
    errno.ENAMETOOLONG: N_("File name too long"),
    errno.ELOOP: N_("Too many levels of symbolic links"),
    errno.EDQUOT: N_("Disk quota exceeded"),
    errno.ENETUNREACH: N_("Network is unreachable"),
    errno.ECONNRESET: N_("Connection reset by peer"),
    errno.ETIMEDOUT: N_("Connection timed out"),
    errno.EHOSTUNREACH: N_("No route to host"),
}
"""What the system says to the errors that a person may meet; any other it says in English."""

_KNOWN = {
    *_BY_NUMBER.values(),
    N_("invalid start byte"),
    N_("invalid continuation byte"),
    N_("unexpected end of data"),
    N_("embedded null byte"),
    N_("Could not determine home directory"),
    N_("There are too many files of that name"),
}
"""What is translated: also what Python says, and this program itself in place of the system."""
