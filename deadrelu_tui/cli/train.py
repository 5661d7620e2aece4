"""Training without a screen."""

from __future__ import annotations

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from deadrelu_tui.builtin import needs
from deadrelu_tui.cli.options import (
    INTERRUPTED,
    PRESETS,
    STORE,
    TRIALS,
    chosen,
    chosen_beside,
    epilog,
    settings_options,
)
from deadrelu_tui.cli.places import runs_folder
from deadrelu_tui.ending import Deadline


@click.command(
    "run",
    short_help="Train without a screen, for scripts and logs.",
    epilog=epilog(
        ("deadrelu-tui run --preset normalised", "five epochs, a line for each"),
        ("deadrelu-tui run --lr 0.05 --json | jq .", "the same for programs"),
        ("deadrelu-tui run --epochs 1 --steps-json -", "every number of every step"),
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
@click.pass_context
def run_command(ctx: click.Context, /, as_json: bool, steps_json: Path | None, **_given: Any) -> None:
    """Train without a screen; for scripts, logs and machines without a terminal."""
    from deadrelu_tui.engine import rehearsal

    settings = chosen(ctx)
    needs.require_engine(settings.engine)
    unfit = rehearsal.require_room(settings)  # before anything that starts threads is loaded

    from deadrelu_tui import headless
    from deadrelu_tui.engine import begin as engine
    from deadrelu_tui.record.commands import Stop
    from deadrelu_tui.run.store import Store

    interrupted, deadline = threading.Event(), Deadline()
    beside, store = chosen_beside(ctx), Store(runs_folder())
    with ThreadPoolExecutor(1, "training") as executor:
        recorded = store.recorded if beside["store"] else None
        run = engine.make_run(settings, executor, False, beside["trials"], unfit, recorded)

        def stop(_signal: int, _frame: object) -> None:
            interrupted.set()
            deadline.set(INTERRUPTED)
            run.send(Stop())

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(signal.SIGHUP, stop)
        run.begin()
        try:
            with headless.apart(sys.stdout) as out:
                whole = headless.watch(
                    run, as_json=as_json, steps_file=steps_json, out=out, err=sys.stderr, asked=interrupted
                )
        finally:
            run.close()
            store.close()
            deadline.call_off()
    if run.error is not None:
        raise run.error
    ctx.exit(INTERRUPTED if interrupted.is_set() else 0 if whole else 1)
