"""An end in time, whatever hangs: a step of seconds, a native library, a pipe that nobody reads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

GRACE = 1.5
"""Seconds for an orderly end, from the moment at which somebody asks for it."""


class Deadline:
    """Ends the process when its time is up, unless that is called off; what is recorded must not depend on more."""

    def __init__(self, last: Callable[[], object] = lambda: None) -> None:
        """Take what is to be done just before the process ends by force; it must not wait for anything."""
        self._last, self._off = last, threading.Event()
        self._set = False

    def set(self, code: int, seconds: float = GRACE) -> None:
        """Give the process so many seconds more, then end it with a code; asked once more, end it at once."""
        if self._set:
            self._end(code)
        self._set = True
        threading.Thread(target=self._wait, args=(code, seconds), name="deadline", daemon=True).start()

    def call_off(self) -> None:
        """Leave the process its time: it is about to end by itself."""
        self._off.set()

    def _wait(self, code: int, seconds: float) -> None:
        if not self._off.wait(seconds):
            self._end(code)

    def _end(self, code: int) -> None:
        try:
            self._last()
        finally:
            os._exit(code)
