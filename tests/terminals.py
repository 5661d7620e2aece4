"""A real pseudo-terminal with the installed command in it, read back through a terminal emulator."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import sysconfig
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

COMMAND = shutil.which("deadrelu-tui", path=sysconfig.get_path("scripts")) or "deadrelu-tui"


class Terminal:
    """The command in a terminal of so many columns and rows."""

    def __init__(
        self, arguments: list[str], size: tuple[int, int], environment: dict[str, str], command: str = COMMAND
    ) -> None:
        self.screen = pyte.Screen(*size)
        self.stream = pyte.ByteStream(self.screen)
        self.exit_code: int | None = None
        self.raw = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may have them go on without it
                # The size must stand before the command looks at it.
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
                os.execve(command, [command, *arguments], environment)
            finally:
                os._exit(127)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as a person who drags a corner."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self.master, keys.encode())

    @property
    def text(self) -> str:
        """What stands on the terminal now."""
        return "\n".join(self.screen.display)

    def until(self, wanted: str | Callable[[str], bool], seconds: float = 60) -> str:
        """Read until the terminal shows something, and return what it shows. Raises AssertionError if it never does."""
        shows = wanted if callable(wanted) else lambda text: wanted in text
        end = time.monotonic() + seconds
        while not shows(self.text):
            if not self._read(end) and not shows(self.text):
                raise AssertionError(f"never shown: {wanted}; the terminal shows:\n{self.text}")
        return self.text

    def ends(self, seconds: float = 60) -> int:
        """Read until the command has ended, and return its exit code."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        if self.exit_code is None:
            raise AssertionError(f"it did not end; the terminal shows:\n{self.text}")
        return self.exit_code

    def _read(self, end: float) -> bool:
        """Feed what comes next to the emulator. Return False when time is up or the command has ended."""
        if self.exit_code is not None:
            return False
        ready, _, _ = select.select([self.master], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # the other end is closed: the command is ending
            data = b""
        if not data:
            _, status = os.waitpid(self.pid, 0)
            self.exit_code = os.waitstatus_to_exitcode(status)
            return False
        self.raw += data
        self.stream.feed(data)
        return True

    def close(self) -> None:
        """End the command if it still runs."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return the environment of a terminal: a home of its own, colours, UTF-8, and no slow first steps."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "DEADRELU_SPEED": "full",
        **more,
    }
