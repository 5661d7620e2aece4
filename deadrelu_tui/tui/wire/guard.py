"""Gives the terminal back when the process that drew on it is gone without having done so.

Whatever ends a process at once (a native library's abort, a fault of memory, kill -9) leaves raw modes and another
screen behind, in a shell that echoes nothing. So a small process sits beside it, waits for its end, and tidies up. It
is forked before anything heavy is loaded, and needs nothing but two descriptors.
"""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from typing import Any

_DRAWN, _LEAVING, _DONE = b"d", b"l", b"x"
"""What the guard is told: that the terminal has been written to, that its modes are to be restored without a word, and
that there is nothing left to restore."""
LONGEST = 5
"""Seconds that the guard may take, with a terminal that takes nothing."""


class Guard:
    """Waits in a process of its own for the end of this one."""

    def __init__(self, terminal: int, restored: str, last_words: str) -> None:
        """Take a terminal, what restores it beside its modes, and what to say if the end was not to be expected."""
        heard, self._tell = os.pipe()
        self._told = b""
        try:
            modes: list[Any] | None = termios.tcgetattr(terminal)
        except termios.error:
            modes = None
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _wait(heard, os.dup2(terminal, 0), modes, restored, last_words)
            finally:
                os._exit(0)
        os.close(heard)

    def drawn(self) -> None:
        """Tell that there is something to restore from now on."""
        self._say(_DRAWN)

    def leaving(self) -> None:
        """Tell that this process is about to end without restoring the terminal itself."""
        self._say(_LEAVING)

    def done(self) -> None:
        """Tell that the terminal is as it was, and wait until the guard has gone."""
        self._say(_DONE)
        os.close(self._tell)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _say(self, what: bytes) -> None:
        if what not in self._told:
            self._told += what
            with contextlib.suppress(OSError):
                os.write(self._tell, what)


def _wait(heard: int, terminal: int, modes: list[Any] | None, restored: str, last_words: str) -> None:
    """Wait, in the guard's process, until the other one has ended or is done; restore what it has left."""
    os.setsid()  # no key and no lost line may end it
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    heard = os.dup2(heard, 1)
    os.closerange(2, 4096)
    told = b""
    while more := os.read(heard, 16):
        told += more
    if _DONE in told or _DRAWN not in told:
        return
    signal.alarm(LONGEST)
    if modes is not None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
    words = "" if _LEAVING in told else last_words
    with contextlib.suppress(OSError):
        os.write(terminal, (restored + words).encode("utf-8", "replace"))
