"""Ending a run that lives in another process, whether its file tells of it or not."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import click

from deadrelu_tui.cli.join import leave
from deadrelu_tui.cli.options import epilog
from deadrelu_tui.cli.recorded import complete_run, file_of
from deadrelu_tui.errors import InputError
from deadrelu_tui.wording import count, printable

if TYPE_CHECKING:
    from deadrelu_tui.run.attached import Attached
    from deadrelu_tui.run.listening import Caller

ENDED_WITHIN = 10.0
"""Seconds for which a run that was told to end is waited for, before its process is, and after."""


@click.command(
    "stop",
    short_help="End a run that lives in another process.",
    epilog=epilog(("deadrelu-tui stop last", "what was recorded stays")),
)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.pass_context
def stop_command(ctx: click.Context, run: str) -> None:
    """End a run that lives in another process of yours, after the step it is in.

    RUN is an id, the beginning of one, or `last`. Where the run does not obey in ten seconds its process is ended. A
    training that was joined is left, and goes on.
    """
    from deadrelu_tui.run.attached import Attached

    word = run
    try:
        path = file_of(run)
        word = path.stem
        found = Attached(path, patience=0)
    except InputError as error:  # it may live all the same, on a disk that takes nothing
        with _caller(word, error) as caller:
            ctx.exit(_stop_unseen(caller))
    try:
        if found.start.facts.get("joined"):  # the process is somebody else's
            ctx.exit(leave(word))
        ctx.exit(_stop(found))
    finally:
        found.close()


def _stop(found: Attached) -> int:
    """End a run that has a file, and say what became of it; return the exit code."""
    from deadrelu_tui.record.commands import Stop
    from deadrelu_tui.run.origin import pid_here
    from deadrelu_tui.run.source import ALIVE

    name = found.start.run
    found.settle()
    if found.status not in ALIVE:
        raise InputError(f"run {name} has ended: it is {found.status.value}")
    pid, lack = pid_here(found.start.facts), found.lack
    if lack and pid is None:
        raise InputError(lack)

    def ended() -> bool:
        until = time.monotonic() + ENDED_WITHIN
        while found.status in ALIVE and time.monotonic() < until:
            time.sleep(0.05)
        return found.status not in ALIVE

    if not lack:
        found.send(Stop())
    if (lack or not ended()) and not found.successor:  # or else its process trains another run, which is not meant
        _terminate(pid)
        ended()
    came = f": {found.unwritten}" if found.unwritten else f" after {count(found.history.taken)} steps"
    click.echo(f"run {name} is {found.status.value}{came}")
    return 1 if found.status in ALIVE else 0


def _terminate(pid: int | None) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)  # what it does then is the same


def _caller(word: str, otherwise: InputError) -> Caller:
    """Return who can order the run that is meant, which has no file that tells of it; raise what else is to be said."""
    from deadrelu_tui.run import wire
    from deadrelu_tui.run.listening import Caller, listening

    try:
        found = [path for run, path in listening() if word and run.startswith(word)]
        if len(found) == 1:
            return Caller(found[0])
    except (InputError, OSError, wire.WireError):
        raise otherwise from None
    if found:
        raise InputError(f"{printable(word)} may be any of {len(found)} runs that live")
    raise otherwise


def _stop_unseen(caller: Caller) -> int:
    from deadrelu_tui.record.commands import Stop

    caller.order(Stop())
    ended = caller.ends(ENDED_WITHIN)
    if not ended:
        _terminate(caller.pid)
        ended = caller.ends(ENDED_WITHIN)
    more = f": {caller.unwritten}" if caller.unwritten else ""
    click.echo(f"run {caller.run} has ended{more}" if ended else f"run {caller.run} does not end")
    return 0 if ended else 1
