"""Training without a screen."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.alone import deaf, go_on, hang_up, let_go, terminals
from deadrelu_tui.cli.launcher import launch
from deadrelu_tui.cli.options import (
    INTERRUPTED,
    ON_HANGUP,
    PRESETS,
    STORE,
    TRIALS,
    chosen,
    chosen_beside,
    epilog,
    settings_options,
)
from deadrelu_tui.cli.trainings import Trainings
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder, state_folder

if TYPE_CHECKING:
    from deadrelu_tui.run.source import Source


@click.command(
    "run",
    short_help="Train without a screen, for scripts and logs.",
    epilog=epilog(
        ("deadrelu-tui run --preset normalised", "five epochs, a line for each"),
        ("deadrelu-tui run --lr 0.05 --json | jq .", "the same for programs"),
        ("deadrelu-tui run --epochs 1 --steps-json -", "every number of every step"),
        ("deadrelu-tui run --epochs endless --detach", "prints an id; attach shows it"),
        more=PRESETS,
    ),
)
@settings_options
@TRIALS
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: a start, every epoch, a summary.")
@click.option(
    "--steps-json", type=click.Path(path_type=Path), help="Write every step to this file, a line each; - is stdout."
)
@click.option(
    "--detach", is_flag=True, help="Print the run's id and let it train on without a terminal; attach shows it."
)
@ON_HANGUP
@click.pass_context
def run_command(ctx: click.Context, /, as_json: bool, steps_json: Path | None, detach: bool, **_given: Any) -> None:
    """Train without a screen; for scripts, logs and machines without a terminal."""
    from deadrelu_tui.engine import rehearsal

    settings, beside = chosen(ctx), chosen_beside(ctx)
    if detach and not beside["store"]:
        raise InputError("a run that is not recorded cannot be detached, as nobody could see it; leave out --no-store")
    if detach and steps_json is not None:
        raise InputError("a detached run writes no steps; leave out --steps-json: deadrelu-tui export does it")
    needs.require_engine(settings.engine)
    unfit = rehearsal.require_room(settings)  # before anything that starts threads is loaded
    if detach:
        ctx.exit(_detached(settings, beside, unfit, as_json))

    from deadrelu_tui import headless
    from deadrelu_tui.record.commands import Stop
    from deadrelu_tui.run.session import Session

    interrupted, deadline = threading.Event(), Deadline()
    trainings = Trainings(beside, unfit, stays=False)
    run = trainings.make(settings)

    def stop(_signal: int, _frame: object) -> None:
        interrupted.set()
        deadline.set(INTERRUPTED)
        run.send(Stop())

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        gone = terminals()

        def leave(number: int, frame: object) -> None:
            hang_up(gone)
            if run.history.unseen:  # nobody would ever end it
                stop(number, frame)

        signal.signal(signal.SIGHUP, stop if beside["on_hangup"] == "stop" else leave)
    trainings.serve(Session(run, _no_other), _no_other)
    run.begin()
    try:
        with headless.apart(sys.stdout) as out:
            whole = headless.watch(
                run, as_json=as_json, steps_file=steps_json, out=out, err=sys.stderr, asked=interrupted
            )
    finally:
        trainings.close(run)
        deadline.call_off()
    if run.unwritten:
        click.echo(f"deadrelu-tui: {run.unwritten}", err=True)
    if run.error is not None:
        raise run.error
    # Where there is no home to record in, nothing of what was wanted is lost; on a full disk it is.
    homeless = run.history.unseen and run.unrecorded != os.strerror(errno.ENOSPC)
    lost = bool(run.unwritten) and not homeless
    ctx.exit(INTERRUPTED if interrupted.is_set() else 0 if whole and not lost else 1)


def _no_other(_values: Mapping[str, Any], _paused: bool) -> Source:
    raise InputError("deadrelu-tui run trains once and prints that; only what is shown or detached begins another run")


def _detached(settings: RunSettings, beside: Mapping[str, Any], unfit: str, as_json: bool) -> int:
    """Begin a run, say which as soon as it is known, and go on alone; return the exit code."""
    launched = launch()
    if not launched.can_go_on:
        raise InputError("no process can be begun that goes on alone: so many are not allowed; leave out --detach")
    from deadrelu_tui import headless
    from deadrelu_tui.run.folder import path_of
    from deadrelu_tui.run.session import Session

    trainings = Trainings(beside, unfit)
    run = trainings.make(settings)
    session = Session(run, trainings.begin)
    trainings.serve(session)
    run.begin()
    while run.history.start is None and run.alive:
        with contextlib.suppress(TimeoutError):
            run.join(headless.POLL_SECONDS)
    if run.error is not None:
        trainings.close(run)
        raise run.error
    path = path_of(runs_folder(), run.start.run)
    while not path.exists() and not run.unrecorded:  # nobody could see it
        time.sleep(headless.POLL_SECONDS)
    if run.unrecorded:
        why = run.unrecorded
        trainings.close(run)
        raise InputError(f"{path} cannot be written ({why}), and nobody could see the run; leave out --detach")
    said = json.dumps(headless.start_row(run.start)) if as_json else run.start.run
    if trainings.lack:
        click.echo(deaf(trainings.lack), err=True)
    let_go(state_folder() / "log")
    launched.go_on(f"{said}\n", to=1)
    return go_on(session, trainings)
