"""The servers that the user trusts, and what each is known by: the file ``known_servers``.

It is meant to be read and edited by people, like ssh's known_hosts. A line is a server::

    chat.example.org:8000 SHA256:zN1M...   its own certificate has this fingerprint
    chat.example.com:443 CA                an authority that this machine trusts vouches for it

What follows on a line is a remark, as is a line that begins with ``#``. A server may have
several lines with fingerprints: it is accepted by any of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cli.address import address_of, parse_address
from cli.errors import UntrustedServer
from cli.fingerprints import as_fingerprint
from cli.private_file import alone, write_private
from cli.reasons import reason_of
from protocol.language import Sentence

CA = "CA"
"""The mark of a server whose certificate was signed by an authority."""
_SHOWN = 60
"""Characters of a strange line that are shown."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What a server is known by; where it is nothing, the server is not known."""

    fingerprints: frozenset[str] = frozenset()
    by_ca: bool = False
    """True: an authority vouched for it. That counts where there is no fingerprint."""

    def __bool__(self) -> bool:
        return bool(self.fingerprints) or self.by_ca


class _Line(NamedTuple):
    number: int
    text: str
    address: str | None
    """None: this is no address."""
    mark: str | None
    """None: this is neither a fingerprint nor CA."""


class KnownServers:
    """The known servers of one user of this machine, and those met while the program runs.

    What was met outranks the file: a program that runs goes on with the servers it has met.
    """

    def __init__(self, path: Path | None) -> None:
        """Keep them in a file; None keeps none beyond the program's end."""
        self._path = path
        self._met: dict[str, Trust] = {}

    def trust(self, host: str, port: int) -> Trust:
        """Return what a server is known by.

        Raises UntrustedServer where that cannot be found out: a server whose line is spoilt, or
        that may be in a file that cannot be read, is not the same as one that is not known.
        """
        address = address_of(host, port)
        if address in self._met:
            return self._met[address]
        marks = []
        for line in self._lines():
            if line.address != address:
                continue
            if line.mark is None:
                raise UntrustedServer(
                    "Line {number} of {path} is about the server {server}, but does not say "
                    "what it is known by. Correct the line or delete it.",
                    number=line.number, path=str(self._path), server=address,
                )  # fmt: skip
            marks.append(line.mark)
        return Trust(frozenset(mark for mark in marks if mark != CA), by_ca=CA in marks)

    def note(self, host: str, port: int, mark: str) -> None:
        """Know a server by a fingerprint, or by ``CA``, as long as the program runs."""
        trust = Trust(by_ca=True) if mark == CA else Trust(frozenset({mark}))
        self._met[address_of(host, port)] = trust

    def add(self, host: str, port: int, mark: str) -> None:
        """Know a server from now on; raises OSError where that is for this run only."""
        self.note(host, port, mark)
        address = address_of(host, port)
        with self._alone():
            content = self._read()
            if any((line.address, line.mark) == (address, mark) for line in _lines(content)):
                return  # another program of the same user was quicker
            if content and not content.endswith("\n"):
                content += "\n"
            self._write(f"{content}{address} {mark}\n")

    def forget(self, host: str, port: int) -> bool:
        """Know a server no longer; False where it was not known. Raises OSError."""
        address = address_of(host, port)
        met = self._met.pop(address, None) is not None
        with self._alone():
            lines = list(_lines(self._read()))
            kept = [line.text for line in lines if line.address != address]
            if len(kept) == len(lines):
                return met
            self._write("\n".join(kept))
        return True

    def complaints(self) -> list[Sentence]:
        """Return a sentence for each line that is not understood, and stays as it is."""
        try:
            lines = list(self._lines())
        except UntrustedServer:
            return []  # it is told where a server is looked for
        return [
            Sentence(
                "Line {number} of {path} is not understood and passed over: {line}",
                number=line.number, path=str(self._path), line=line.text[:_SHOWN],
            )
            for line in lines
            if line.address is None
        ]  # fmt: skip

    def _lines(self) -> Iterator[_Line]:
        try:
            return _lines(self._read())
        except OSError as error:
            raise UntrustedServer(
                "The file {path}, which says what servers are known by, cannot be read: {reason}.",
                path=str(self._path),
                reason=reason_of(error),
            ) from error

    def _alone(self) -> AbstractContextManager[None]:
        return nullcontext() if self._path is None else alone(self._path)

    def _read(self) -> str:
        """Return the file as it is, also what is not UTF-8; raises OSError."""
        if self._path is None:
            return ""
        try:
            return self._path.read_bytes().decode(errors="surrogateescape")
        except FileNotFoundError:
            return ""

    def _write(self, content: str) -> None:
        if self._path is not None:
            write_private(self._path, content.encode(errors="surrogateescape"))


def _lines(content: str) -> Iterator[_Line]:
    """Yield every line, and as one without address what is neither a server nor a remark."""
    for number, text in enumerate(content.split("\n"), start=1):
        words = text.split()
        if not words or words[0].startswith("#"):
            yield _Line(number, text, "", "")
            continue
        parsed = parse_address(words[0])
        mark = words[1] if len(words) > 1 else ""
        yield _Line(
            number,
            text,
            None if parsed is None else address_of(*parsed),
            CA if mark == CA else as_fingerprint(mark),
        )


def known_servers(environment: Mapping[str, str]) -> KnownServers:
    """Return the user's; MYMESSENGER_KNOWN_SERVERS names another file, and empty keeps none."""
    chosen = environment.get("MYMESSENGER_KNOWN_SERVERS")
    if chosen is not None:
        return KnownServers(Path(chosen) if chosen else None)
    from platformdirs import user_config_path  # after the choice: it takes 15 ms to load

    return KnownServers(user_config_path("mymessenger", appauthor=False) / "known_servers")
