"""Waiting for what another thread does, and no longer than it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 20.0
"""Seconds until a test that hangs fails; no test waits for this long."""


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline, moment = time.monotonic() + PATIENCE, threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        moment.wait(0.002)
