"""Clocks that say what Python cannot hold, or that do not go: no reason not to come up, nor to hang."""

import os
import time
from types import SimpleNamespace

_TICK = 0.01
"""Seconds: how fine the kernel counts in os.times()."""
_PATIENCE = 3 * _TICK
"""Seconds for which a clock is watched until it goes on; one that goes does so at once."""


def mend() -> None:
    """Put the time since the machine's start in the place of clocks that cannot be read, or that measure no time.

    Whoever asks gets it. Python's own library asks while it is imported, so this goes before all other imports.
    """
    for name in ("time", "monotonic", "perf_counter"):
        if not _goes(name):
            setattr(time, name, _since_boot)
            time.get_clock_info = _resolution


def _goes(name: str) -> bool:
    """Return whether a clock can be read, and goes on if it is not that of the date, which anybody may set."""
    read = getattr(time, name)
    try:
        began = now = read()
    except (OverflowError, OSError):  # a date beyond the year 2262
        return False
    until = _since_boot() + _PATIENCE
    while name != "time" and now == began and _since_boot() < until:
        now = read()
    return name == "time" or bool(now > began)


def _since_boot() -> float:
    return os.times().elapsed


def _resolution(_name: str) -> SimpleNamespace:
    return SimpleNamespace(resolution=_TICK, monotonic=True, adjustable=False, implementation="times()")
