"""What stands between messages, and beside them: day lines, the unread line, the scroll bar."""

from __future__ import annotations

from cli.tui.layout import day_of
from cli.tui.log import Log
from protocol.view import View


def lines_before(log: Log, index: int, view: View) -> tuple[str, bool]:
    """Return the day that begins with an entry, and whether the unread line stands before it.

    That line stands before the first message of somebody else that was not read (S000-10).
    """
    message = log.entries[index].message
    if message is None:
        return "", False
    day, divider = day_of(message, view), log.divider
    unread = divider is not None and message.seq > divider and message.sender != view.me
    for before in range(index - 1, -1, -1):
        earlier = log.entries[before].message
        if earlier is None:
            continue
        if unread and divider is not None and earlier.seq > divider:
            unread = not _any_of_others(log, before, divider, view.me)
        return ("" if day_of(earlier, view) == day else day), unread
    return day, unread


def _any_of_others(log: Log, index: int, divider: int, me: str) -> bool:
    """Tell whether somebody else wrote between the unread line's place and an entry."""
    while index >= 0:
        message = log.entries[index].message
        if message is not None:
            if message.seq <= divider:
                return False
            if message.sender != me:
                return True
        index -= 1
    return False


def share_of(first: int, last: int, total: int, height: int) -> tuple[int, int]:
    """Return from which to which row of a scroll bar a part of ``total`` messages stands."""
    top = (first - 1) * height // total
    return top, max(top + 1, -(-last * height // total))
