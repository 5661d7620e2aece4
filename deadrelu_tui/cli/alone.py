"""A training that goes on without its terminal, until it has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from deadrelu_tui.cli.options import INTERRUPTED
from deadrelu_tui.ending import Deadline

if TYPE_CHECKING:
    from deadrelu_tui.cli.trainings import Trainings
    from deadrelu_tui.run.session import Session
    from deadrelu_tui.run.source import Source

WATCHED = 0.5
"""Seconds between two looks at whether it has ended."""


def left_running(run: Source, lack: str) -> str:
    """Return what to say of a run that goes on without a screen, and why nobody can change it, if that is so."""
    name = run.start.run
    told = f"run {name} goes on without a screen; to see it: deadrelu-tui attach {name}"
    return f"{told}\n{deaf(lack)}" if lack else told


def deaf(lack: str) -> str:
    """Return what to say of a run that can be looked at from elsewhere, and no more."""
    return f"deadrelu-tui: it can be seen and stopped from elsewhere, and no more: {lack}"


def let_go(log: Path) -> None:
    """Have no descriptor of a terminal left: what is said goes to the log."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    nowhere = os.open(os.devnull, os.O_RDWR)
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:  # a log is a help, not a need
        said = os.dup(nowhere)
    for descriptor, leads_to in enumerate((nowhere, said, said)):
        os.dup2(leads_to, descriptor)
    os.close(nowhere)
    os.close(said)


def terminals() -> frozenset[int]:
    """Return the terminals to which standard streams lead, by their devices."""
    return frozenset(os.fstat(each).st_rdev for each in range(3) if os.isatty(each))


def hang_up(gone: frozenset[int]) -> None:
    """Have whatever leads to a terminal that has gone lead nowhere; files and pipes stay."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            known = os.fstat(descriptor)
            if stat.S_ISCHR(known.st_mode) and known.st_rdev in gone:
                os.dup2(nowhere, descriptor)
    os.close(nowhere)


def go_on(session: Session, trainings: Trainings) -> int:
    """Go on until the run in hand has ended and nobody looks, or somebody ends the process; return the exit code."""
    from deadrelu_tui.record.commands import Stop
    from deadrelu_tui.run.run import Run
    from deadrelu_tui.run.source import ALIVE

    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: asked.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    while (session.in_hand.status in ALIVE or trainings.guests) and not asked.wait(WATCHED):
        if session.in_hand.history.unseen and not trainings.guests:  # or else nobody would ever end it
            session.send(Stop())
    run = session.end()
    if not asked.is_set() and isinstance(run, Run):
        run.settle()
    code = INTERRUPTED if asked.is_set() else 0
    deadline = Deadline()
    deadline.set(code)
    trainings.close(run)
    deadline.call_off()
    if run.unwritten:
        print(f"deadrelu-tui: run {run.start.run}: {run.unwritten}", file=sys.stderr, flush=True)
    return code
