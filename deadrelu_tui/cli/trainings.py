"""Who trains in this process: runs of the built-in network, one after the other, recorded and seen from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder

if TYPE_CHECKING:
    from deadrelu_tui.run.host import Begin, Host
    from deadrelu_tui.run.run import Run
    from deadrelu_tui.run.session import Session
    from deadrelu_tui.run.source import Source


class Trainings:
    """Makes runs, all of which train in one thread, and keeps what they are recorded in and how they are reached."""

    def __init__(self, beside: Mapping[str, Any], unfit: str, stays: bool = True) -> None:
        """Take what is set beside what determines a run, why MXNet does not fit, and whether a run that has finished
        waits to be trained on.
        """
        from deadrelu_tui.run.host import socket_of
        from deadrelu_tui.run.store import Store

        self._executor = ThreadPoolExecutor(1, "training")
        self._trials, self._unfit, self._stays = beside["trials"], unfit, stays
        self._store = Store(runs_folder()) if beside["store"] else None
        self._host: Host | None = None
        self._facts: dict[str, Any] = {}
        self.lack = "" if beside["store"] else "the run is not recorded"
        """Why nobody can look from elsewhere."""
        if beside["store"]:
            try:
                self._facts["socket"] = socket_of(os.getpid())  # the first run is to tell it already
            except InputError as error:
                self.lack = self._facts["unreachable"] = str(error)

    def unattended(self) -> None:
        """Have nobody steer from elsewhere what comes: runs that follow one another and are all needed as they are."""
        self._facts.clear()
        self.lack = "its process takes no orders"

    def make(self, settings: RunSettings) -> Run:
        """Return a run that has not begun."""
        from deadrelu_tui.engine import begin as engine

        recorded = self._store.recorded if self._store is not None else None
        return engine.make_run(
            settings, self._executor, self._stays, self._trials, self._unfit, recorded, self._facts
        )  # fmt: skip

    def begin(self, values: Mapping[str, Any], paused: bool) -> Run:
        """Return a run that has begun, held before its first step or not."""
        from deadrelu_tui.record.commands import Pause

        run = self.make(RunSettings.of(values))
        if paused:
            run.send(Pause())
        run.begin()
        return run

    def serve(self, session: Session, begin: Begin | None = None) -> None:
        """Let a session's runs be looked at from other terminals, where that can be; others begin by `begin`, or as the
        session does it.
        """
        from deadrelu_tui.record.commands import Restart
        from deadrelu_tui.run.host import Host

        def restart(values: Mapping[str, Any], paused: bool) -> Source:
            return session.restart(Restart(values, paused))

        if not self.lack and self._store is not None:
            try:
                self._host = Host(session, begin or restart, self._store.hurry)
            except InputError as error:
                self.lack = str(error)

    @property
    def guests(self) -> int:
        """How many look from other terminals."""
        return 0 if self._host is None else self._host.guests

    def settle(self) -> None:
        """Have all that was told of the runs recorded."""
        if self._store is not None:
            self._store.close()

    def close(self, run: Source) -> None:
        """End a run, the last one, and have all of it recorded; nobody can look any more."""
        run.close()
        self.settle()
        if self._host is not None:
            self._host.close()
