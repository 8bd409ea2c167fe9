"""Writes ``chat/confusables.txt`` from Unicode's table of characters that look alike.

``python -m tools.confusables confusables.txt``, with the file of that name from
https://www.unicode.org/Public/security/latest/. The skeletons of the names in a database are
stored there: with another table they have to be made anew.

The table there is at the moment was read out of confusable-homoglyphs 3.3.1, which has that of
Unicode 15.1, and compared, character by character, with what ICU 72 makes of each.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "chat" / "confusables.txt"
_LINE = re.compile(r"^([0-9A-F]+) *;\s*([0-9A-F]+(?: [0-9A-F]+)*) *;", re.MULTILINE)


def parse(text: str) -> dict[str, str]:
    """Return what stands for each character, from the text of Unicode's file."""
    return {chr(int(source, 16)): _text(target) for source, target in _LINE.findall(text)}


def lines(table: dict[str, str]) -> list[str]:
    """Return one line for each prototype: ``006F:03BF 043E``, its look-alikes behind the colon."""
    alike: dict[str, list[str]] = defaultdict(list)
    for source, target in sorted(table.items()):
        alike[target].append(source)
    return [f"{_numbers(target)}:{_numbers(sources)}" for target, sources in sorted(alike.items())]


def _text(numbers: str) -> str:
    return "".join(chr(int(number, 16)) for number in numbers.split())


def _numbers(text: str | list[str]) -> str:
    return " ".join(f"{ord(character):04X}" for character in text)


def main(arguments: list[str] | None = None) -> None:
    """Write the table anew; what stands at its head stays."""
    parser = argparse.ArgumentParser(prog="python -m tools.confusables", description=__doc__)
    parser.add_argument("source", type=Path, help="Unicode's confusables.txt")
    source = parser.parse_args(arguments).source
    written = TARGET.read_text(encoding="utf-8").splitlines()
    head = [line for line in written if line.startswith("#")]
    table = lines(parse(source.read_text(encoding="utf-8-sig")))
    TARGET.write_text("\n".join([*head, *table, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
