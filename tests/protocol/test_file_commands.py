"""What `/file`, `/get`, `/files` and `/stop` mean, and how files are listed (S003-7, S003-15)."""

from __future__ import annotations

from datetime import UTC

import pytest

from protocol.commands import Built, Place
from protocol.errors import ErrorCode, ProtocolError
from protocol.language import english
from protocol.typed import parse_line
from protocol.view import View, lines
from protocol.vocabulary.files import (
    FileList,
    GetFile,
    ListFiles,
    SendFile,
    SharedFile,
    StopTransfers,
)

PLACE = Place(7)


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("/file report.pdf", SendFile("report.pdf", None, 7)),
        ("/file report.pdf to Bob", SendFile("report.pdf", "Bob", 7)),
        ("/file my report.pdf to Bob", SendFile("my report.pdf", "Bob", 7)),
        ('/file "back to school" to Bob', SendFile("back to school", "Bob", 7)),
        ('/file "back to school"', SendFile("back to school", None, 7)),
        ("/file ~/a  to  Боб", SendFile("~/a", "Боб", 7)),
        ("/file to", SendFile("to", None, 7)),
        ("/get 12", GetFile(12, "")),
        ("/get #12", GetFile(12, "")),
        ("/get 12 my report.pdf", GetFile(12, "my report.pdf")),
        ("/get 12 > report.pdf", GetFile(12, "report.pdf")),
        ("/files", ListFiles(conversation=7)),
        ("/files 12", ListFiles(conversation=7, before=12)),
        ("/stop", StopTransfers()),
    ],
)
def test_what_lines_mean(line: str, meaning: Built) -> None:
    """S003-7, S003-15: a path may have blanks, and the last `to NAME` is no part of it."""
    assert parse_line(line, PLACE) == meaning


@pytest.mark.parametrize("line", ["/file", '/file "a', '/file "a" b', "/get", "/get x", "/files x"])
def test_what_is_written_wrongly_is_told(line: str) -> None:
    """S003-14: with what would be right."""
    with pytest.raises(ProtocolError, match="Write /") as told:
        parse_line(line, PLACE)
    assert told.value.code == ErrorCode.BAD_ARGUMENTS


def test_a_list_of_files() -> None:
    """S003-15: with the numbers that /get takes; names from strangers do no harm."""
    view = View(english(), UTC)
    one = SharedFile(id=12, time=0, sender="Bob", name="a\x1b[2J\n.pdf", size=1536)
    assert lines(FileList(conversation=1, files=[one], more=True), view) == [
        "Earlier ones: /files 12",
        "#12 00:00 01.01.70 Bob: a␛[2J⏎.pdf (1.5 KiB)",
    ]
    assert lines(FileList(conversation=1, files=[]), view) == ["There are no files here."]
