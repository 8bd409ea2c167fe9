"""The client on a terminal as a person has it: tmux runs it, types, and tells what it shows."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.cli.programs import command, environment
from tests.harness import PATIENCE, ROOT

LOOK_EVERY = 0.03
ENDED = "ended with"


class Person:
    """One person's terminal. The program runs in a shell, which tells how it ended."""

    def __init__(self, socket: str, columns: int, rows: int) -> None:
        self._socket = socket
        self._size = (columns, rows)

    def tmux(self, *arguments: str, data: bytes | None = None) -> str:
        """Give tmux a command and return what it says."""
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments], capture_output=True, input=data, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def start(self, arguments: list[str], variables: dict[str, str]) -> None:
        """Run a program, and the shell behind it."""
        columns, rows = self._size
        line = f"trap : INT; stty -a > {self._socket}.before; {shlex.join(arguments)}; "
        # A Ctrl+C that comes late is for nobody.
        line += f"code=$?; trap '' INT; echo {ENDED} $code; stty -a > {self._socket}.after; "
        line += "exec sleep 600"
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
            "-c", str(ROOT), "env", "-i", *(f"{k}={v}" for k, v in variables.items()),
            "sh", "-c", line,
        )  # fmt: skip

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self.tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by their names, as tmux has them."""
        self.tmux("send-keys", *keys)

    def enter(self, text: str) -> None:
        """Type a line and Enter."""
        self.type(text)
        self.press("Enter")

    def paste(self, text: str) -> None:
        """Paste a text, as a terminal does that knows where a paste begins and ends."""
        self.tmux("load-buffer", "-", data=text.encode())
        self.tmux("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size."""
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def lines(self) -> list[str]:
        """Return what the screen shows, without the blanks at the ends."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p").split("\n")]

    def look(self, found: Callable[[list[str]], bool], wanted: str) -> list[str]:
        """Wait until the screen shows something, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not found(lines := self.lines()):
            assert time.monotonic() < deadline, f"{wanted!r} did not come:\n" + "\n".join(lines)
            time.sleep(LOOK_EVERY)
        return lines

    def until(self, text: str) -> list[str]:
        """Wait until a line has a text in it."""
        return self.look(lambda lines: any(text in line for line in lines), text)

    def until_gone(self, text: str) -> list[str]:
        """Wait until no line has a text in it."""
        return self.look(lambda lines: not any(text in line for line in lines), f"no {text}")

    def online(self) -> None:
        """Wait until the client is logged in."""
        self.until("connected ·")

    def ended(self) -> int:
        """Wait for the end of the program and return its exit code."""
        lines = self.until(ENDED)
        line = next(line for line in lines if ENDED in line)
        return int(line.rpartition(" ")[2])

    @property
    def pid(self) -> int:
        """The process of the client."""
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        children = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(children[0])

    def check_restored(self) -> None:
        """Fail unless the terminal is as it was before the program."""
        flags = "#{alternate_on} #{mouse_any_flag} #{cursor_flag}"
        assert self.tmux("display-message", "-p", flags).split() == ["0", "0", "1"]
        after = Path(f"{self._socket}.after")
        self.look(lambda _: after.exists() and bool(after.read_text()), "stty")
        assert after.read_text() == Path(f"{self._socket}.before").read_text()

    def close(self) -> None:
        """End everything."""
        subprocess.run(
            ["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False
        )


@contextmanager
def person(
    folder: Path,
    port: int,
    name: str | None,
    *flags: str,
    columns: int = 100,
    rows: int = 30,
    term: str = "tmux-256color",
    **changes: str,
) -> Iterator[Person]:
    """Let somebody run the client on a terminal of their own, for the time of a block."""
    # The socket is a file, and what the shell writes stands beside it.
    one = Person(str(folder / f"t{uuid4().hex[:8]}"), columns, rows)
    try:
        variables = environment(
            TERM=term, MYMESSENGER_SCREEN=str(folder / f"{name}.json"), **changes
        )
        variables.pop("TMUX", None)
        one.start(command(port, name, *flags), variables)
        yield one
    finally:
        one.close()
