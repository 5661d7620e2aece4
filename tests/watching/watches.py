"""A watch whose run lies in a folder of a test's."""

from __future__ import annotations

from typing import Any

from deadrelu_tui.record.history import History
from deadrelu_tui.watching import begin
from deadrelu_tui.watching.guest import Guest
from deadrelu_tui.watching.monitor import Monitor


def guest_of(monitor: Monitor) -> Guest:
    """Return the guest behind a monitor."""
    assert not monitor.fault, monitor.fault
    guest = monitor._guest
    assert guest is not None
    return guest


def history_of(monitor: Monitor) -> History:
    """Close a monitor and return all that was recorded."""
    guest = guest_of(monitor)
    monitor.close()
    return guest.run.history


def watched(*args: Any, **given: Any) -> Monitor:
    """Watch with all of the training's time to spend, so that every step is measured."""
    return begin(*args, **{"budget": 1.0, **given})
