"""The pictures in the docs are those of the screen as it is."""

from __future__ import annotations

from tools.screens import FOLDER, pictures


def test_pictures_are_up_to_date() -> None:
    for name, picture in pictures().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == picture, "make docs makes them anew"
