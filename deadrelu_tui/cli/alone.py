"""A training that goes on without its screen, until it has ended."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

from deadrelu_tui.cli.options import INTERRUPTED
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError

if TYPE_CHECKING:
    from deadrelu_tui.cli.showing import Trainings
    from deadrelu_tui.run.host import Begin, Host
    from deadrelu_tui.run.session import Session
    from deadrelu_tui.run.source import Source
    from deadrelu_tui.run.store import Store

WATCHED = 0.5
"""Seconds between two looks at whether it has ended."""


def left_running(run: Source) -> str:
    """Return what to say of a run that goes on without a screen."""
    name = run.start.run
    return f"run {name} goes on without a screen; to see it: deadrelu-tui attach {name}"


class Hosted:
    """Lets the runs of this process be looked at from other terminals, where that can be."""

    def __init__(self, trainings: Trainings, stored: bool) -> None:
        """Have every run tell where it listens: that must be known before the first one begins."""
        from deadrelu_tui.run.host import socket_of

        self._store = trainings.store
        self._host: Host | None = None
        self._path = ""
        self.lack = "" if stored else "the run is not recorded"
        """Why nobody can look."""
        if stored:
            try:
                self._path = trainings.facts["socket"] = socket_of(os.getpid())
            except InputError as error:
                self.lack = str(error)

    def serve(self, session: Session, begin: Begin) -> None:
        """Listen for those who look."""
        from deadrelu_tui.run.host import Host

        if self._path:
            try:
                self._host = Host(session, begin, self._store.hurry)
            except InputError as error:
                self.lack = str(error)

    @property
    def guests(self) -> int:
        """How many look."""
        return 0 if self._host is None else self._host.guests

    def close(self) -> None:
        """Listen no more."""
        if self._host is not None:
            self._host.close()


def go_on(session: Session, store: Store, hosted: Hosted) -> int:
    """Go on until the run in hand has ended and nobody looks, or somebody ends the process; return the exit code."""
    from deadrelu_tui.run.source import ALIVE

    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while (session.in_hand.status in ALIVE or hosted.guests) and not asked.wait(WATCHED):
        pass
    code = INTERRUPTED if asked.is_set() else 0
    deadline = Deadline()
    deadline.set(code)
    hosted.close()
    session.in_hand.close()
    store.close()
    deadline.call_off()
    return code
