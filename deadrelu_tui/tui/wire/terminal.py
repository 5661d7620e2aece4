"""The terminal itself: is there one, is it large enough, and who may write to it.

Textual draws on file descriptor 2, where MXNet's C++ code also logs. While the screen is on, the screen has a
duplicate of the terminal to itself, and descriptors 1 and 2 lead to the log file.
"""

from __future__ import annotations

import os
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.wire.guard import Guard
from deadrelu_tui.wording import printable

MIN_WIDTH, MIN_HEIGHT = 20, 5
MOUSE = ("\x1b[?1000h\x1b[?1003h\x1b[?1006h", "\x1b[?1000l\x1b[?1003l\x1b[?1006l")
ON = (
    "\x1b[?1049h"  # the other screen
    "\x1b[?25l"  # no cursor
    "\x1b[?1004h"  # tell of the focus
    "\x1b[?2004h"  # mark what is pasted
    "\x1b[?7l"  # do not wrap
)
OFF = "\x1b[0m\x1b[?2004l\x1b[?7h\x1b[?1004l\x1b[?1049l\x1b[?25h"
_EVERY_KEY = 1 | 8 | 16
KITTY = (f"\x1b[>{_EVERY_KEY}u", f"\x1b[={_EVERY_KEY};1u", "\x1b[<u")
"""Every key as a sequence of its own, with its text: pushed, set again, popped."""
RESTORED = MOUSE[1] + KITTY[2] + OFF
"""What leaves a terminal as a shell has it, whatever was on."""
STALLED_AFTER = 0.3
"""Seconds that a write is under way."""
HEADLESS = "without a terminal use: deadrelu-tui run"


def check() -> None:
    """Raise InputError unless a screen can be shown here."""
    for name, stream in (("stdin", sys.stdin), ("stdout", sys.stdout), ("stderr", sys.stderr)):
        if stream is None or not stream.isatty():
            raise InputError(f"the screen needs a terminal, and {name} is none; {HEADLESS}")
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise InputError(f"the screen cannot be drawn with TERM={os.environ.get('TERM', '')!r}; {HEADLESS}")
    width, height = os.get_terminal_size(sys.stdout.fileno())
    # A size of 0×0 means that the terminal does not say; Textual then assumes 80×24.
    if (width, height) != (0, 0) and (width < MIN_WIDTH or height < MIN_HEIGHT):
        raise InputError(
            f"the terminal is {width}×{height} characters; the screen needs at least {MIN_WIDTH}×{MIN_HEIGHT}, "
            "or: deadrelu-tui run"
        )


class Meter:
    """A text file over a descriptor that counts what goes through it. One thread writes, any thread asks."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, descriptor: int, before_first: Callable[[], None] = lambda: None) -> None:
        self.descriptor, self._before_first = descriptor, before_first
        self.total = 0
        self.gone = False
        """Whether the terminal is no more: what is written then goes nowhere."""
        self._blocked = 0.0
        self._writing_since: float | None = None
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], maxlen=64)

    def write(self, text: str) -> int:
        """Write all of a text, waiting for the terminal as long as it takes."""
        if not self.total:
            self._before_first()
        data = memoryview(text.encode(self.encoding, self.errors))
        began = self._writing_since = time.monotonic()
        while data and not self.gone:
            try:
                taken = os.write(self.descriptor, data)
            except BlockingIOError:  # somebody else has set the terminal so
                select.select([], [self.descriptor], [], STALLED_AFTER)
                continue
            except OSError:
                self.gone = True
                break
            self.total += taken
            data = data[taken:]
        now = time.monotonic()
        self._blocked, self._writing_since = now - began, None
        if now - self._recent[-1][0] > 0.1:
            self._recent.append((now, self.total))
        return len(text)

    def flush(self) -> None:
        """Do nothing: every write is on its way when it returns."""

    def isatty(self) -> bool:
        """Return True: a Meter is only ever put over a terminal."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the terminal."""
        return self.descriptor

    def blocked(self) -> float:
        """Return the seconds for which the terminal held up the last write."""
        return self._blocked

    @property
    def stalled(self) -> bool:
        """Whether the terminal takes nothing: a frame would only stand in line behind others."""
        since = self._writing_since
        return since is not None and time.monotonic() - since > STALLED_AFTER

    def bytes_per_second(self) -> float:
        """Return the rate over the last three seconds or so."""
        now = time.monotonic()
        while len(self._recent) > 1 and now - self._recent[0][0] > 3:
            self._recent.popleft()
        then, before = self._recent[0]
        return (self.total - before) / max(now - then, 1.0)


class Taken:
    """The terminal while the screen has it to itself; native output goes to the log.

    A guard gives it back should this process end meanwhile.
    """

    def __init__(self, log: Path) -> None:
        for name in ("COLUMNS", "LINES"):  # of another terminal, or of this one before it was resized
            os.environ.pop(name, None)
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            log_descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            said = f"what native libraries said last is in {printable(str(log))}"
        except OSError:  # a log is a help, not a need
            log_descriptor = os.open(os.devnull, os.O_WRONLY)
            said = "there is no log"
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self.guard = Guard(2, RESTORED, f"deadrelu-tui: the process was killed or broke off; {said}\r\n")
        self._saved = {1: os.dup(1), 2: os.dup(2)}
        self.meter = Meter(os.dup(2), self.guard.drawn)
        self._streams: Any = (sys.__stdout__, sys.__stderr__)
        for descriptor in self._saved:
            os.dup2(log_descriptor, descriptor)
        os.close(log_descriptor)
        # Textual takes its file from sys.__stderr__ and the terminal's size from sys.__stdout__.
        sys.__stdout__ = sys.__stderr__ = self.meter  # type: ignore[misc, assignment]

    def give_back(self) -> None:
        """Have stdout and stderr lead to the terminal again."""
        self._end(self._saved)

    def let_go(self) -> None:
        """Close the terminal for good: nothing of this process leads there any more, its output goes to the log."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        self._end({0: nowhere})
        for original in self._saved.values():
            os.close(original)

    def _end(self, leading: Mapping[int, int]) -> None:
        sys.__stdout__, sys.__stderr__ = self._streams  # type: ignore[misc]
        for descriptor, original in leading.items():
            os.dup2(original, descriptor)
            os.close(original)
        self.meter.gone = True
        os.close(self.meter.descriptor)
        self.guard.done()
