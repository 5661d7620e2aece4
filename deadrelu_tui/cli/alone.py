"""A training that goes on without its screen, until it has ended."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from deadrelu_tui.cli.options import INTERRUPTED
from deadrelu_tui.ending import Deadline

if TYPE_CHECKING:
    from deadrelu_tui.run.session import Session
    from deadrelu_tui.run.source import Source
    from deadrelu_tui.run.store import Store

WATCHED = 0.5
"""Seconds between two looks at whether it has ended."""


def left_running(run: Source) -> str:
    """Return what to say of a run that goes on without a screen."""
    name = run.start.run
    return f"run {name} goes on without a screen; to see it: deadrelu-tui attach {name}"


def go_on(session: Session, store: Store) -> int:
    """Go on until the run in hand has ended, or somebody ends the process; return the exit code."""
    from deadrelu_tui.run.source import ALIVE

    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while session.in_hand.status in ALIVE and not asked.wait(WATCHED):
        pass
    code = INTERRUPTED if asked.is_set() else 0
    deadline = Deadline()
    deadline.set(code)
    session.in_hand.close()
    store.close()
    deadline.call_off()
    return code
