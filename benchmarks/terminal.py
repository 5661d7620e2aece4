"""A command in a pseudo-terminal of 160×48, driven as a person would: look at the screen, press keys.

What the command writes is taken off the terminal at once and is kept with its time; it is made into a screen only
when somebody looks, so that this process stays out of the way of the one that is measured.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pyte

from deadrelu_tui.builtin import fashion_mnist as data

WIDTH, HEIGHT = 160, 48
BURST = 0.02
"""Seconds: pieces of output that follow each other faster are one frame."""
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p")
_STEP = re.compile(r"\bstep (\d[\d\s]*?)(?:/|\s{2,})")


def command(*arguments: str) -> list[str]:
    """Return the command line of deadrelu-tui as it is installed beside this Python."""
    script = shutil.which("deadrelu-tui", path=str(Path(sys.executable).parent))
    if script is None:
        raise SystemExit("deadrelu-tui is not installed beside this Python: pip install -e .")
    return [script, *arguments]


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Give variables under which a command finds the full set and begins at full speed, but no config, log or records
    of the user's.
    """
    # Without its bytecode Python would compile the package at every start, which no user sees.
    left_out = ("DEADRELU_", "SSH_", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    with tempfile.TemporaryDirectory() as folder:
        places = {f"XDG_{name}_HOME": folder for name in ("CONFIG", "STATE", "DATA")}
        found = {"DEADRELU_DATA_DIR": data.find(full=True).source}
        looks = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", "DEADRELU_SPEED": "full"}
        yield {**kept, **places, **found, **looks}


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Have what is started in the block run on these cores only; this process is free again afterwards."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Terminal:
    """A running command, its output so far, and its screen. `with` ends the command if it has not ended."""

    def __init__(self, command: list[str], variables: dict[str, str]) -> None:
        self.chunks: list[tuple[float, bytes]] = []
        """(seconds since the start, bytes) of each piece of output."""
        self._drawn = 0
        self.forget()
        self.peak_kib: int | None = None
        """Largest resident memory, once the command has ended."""
        self.began = time.perf_counter()
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
            os.execve(command[0], command, variables)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self.peak_kib is None:
            os.kill(self.pid, 9)
            self._reap()
        os.close(self._descriptor)

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    @property
    def cpu_seconds(self) -> float:
        """What all threads of the command have computed so far, as the kernel counts it.

        The process that was started waits for one that does the work.
        """
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text(encoding="ascii").split()
        stat = Path(f"/proc/{children[0] if children else self.pid}/stat").read_text(encoding="utf-8")
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def press(self, keys: str) -> float:
        """Type keys; return when."""
        at = self.now
        os.write(self._descriptor, keys.encode())
        return at

    def resize(self, width: int) -> None:
        """Give the terminal another width, as a person who drags its edge."""
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, width, 0, 0))

    def drain(self, seconds: float, until: bytes | None = None) -> bool:
        """Take what comes within some seconds, or until the output holds some bytes. Return whether it goes on."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._descriptor], [], [], left)[0]:
                try:
                    got = os.read(self._descriptor, 65_536)
                except OSError:  # how Linux says that nobody is at the other end any more
                    got = b""
                if not got:
                    self._reap()
                    return False
                self.chunks.append((self.now, got))
                if until is not None and until in b"".join(each for _, each in self.chunks[-2:]):
                    break
        return True

    def wait_for(self, wanted: Callable[[str], bool], within: float) -> None:
        """Take output until the screen is as wanted. Raises SystemExit if it is not in time."""
        end = self.now + within
        while not wanted(self.text()):
            if self.now > end or not self.drain(0.1):
                raise SystemExit(f"in {within:.0f} s the screen never came to what was waited for:\n{self.text()}")

    def bytes_since(self, at: float) -> int:
        """Return how many bytes came after a moment."""
        return sum(len(got) for when, got in self.chunks if when > at)

    def moments(self, *wanted: Callable[[str], bool], within: float) -> list[float]:
        """Take so many seconds of output, then find when the screen was first as wanted; raise if it never was."""
        self.drain(within)
        found: list[float] = []
        for at, screen in self.replay():
            text = "\n".join(screen.display)
            while len(found) < len(wanted) and wanted[len(found)](text):
                found.append(at)
            if len(found) == len(wanted):
                return found
        raise SystemExit(f"in {within:.0f} s the screen never came to what was waited for:\n{self.text()}")

    def quit(self) -> None:
        """Leave as a person does, confirming where that is asked for, and wait for the end."""
        self.press("q")
        if self.drain(1.0):
            self.press("y")
            if self.drain(20.0):
                raise SystemExit("the command did not end within 20 s of q and y")

    def forget(self) -> None:
        """Begin with an empty screen: only what is sent from now on stands on it."""
        for _ in self.replay():
            pass
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)

    def replay(self) -> Iterator[tuple[float, pyte.Screen]]:
        """Yield the screen after each piece of output that was not looked at yet, and when it came."""
        while self._drawn < len(self.chunks):
            at, got = self.chunks[self._drawn]
            self._drawn += 1
            self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", got))
            yield at, self._screen

    def frames(self) -> Iterator[tuple[float, list[str]]]:
        """Yield the rows of the screen after each frame that was not looked at yet, and when its last byte came."""
        for at, screen in self.replay():
            if self._drawn == len(self.chunks) or self.chunks[self._drawn][0] - at > BURST:
                yield at, list(screen.display)

    def text(self) -> str:
        """Return what stands on the screen after all that came."""
        for _ in self.replay():
            pass
        return "\n".join(self._screen.display)

    def _reap(self) -> None:
        if self.peak_kib is None:
            self.peak_kib = os.wait4(self.pid, 0)[2].ru_maxrss


def step_shown(text: str) -> int:
    """Return the step number that a screen shows; 0 if there is none."""
    found = _STEP.search(text)
    return int(re.sub(r"\D", "", found[1])) if found else 0
