"""The map of a sweep on the terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import strftime
from typing import TYPE_CHECKING, Any

from deadrelu_tui.cli.options import INTERRUPTED
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder, state_folder

if TYPE_CHECKING:
    from deadrelu_tui.run.recorded import Recorded
    from deadrelu_tui.sweep.grid import Limit
    from deadrelu_tui.sweep.sweep import Sweep


def show(sweep: Sweep, metric: str, limit: Limit, beside: Mapping[str, Any]) -> int:
    """Show the map of a sweep, which begins when the first frame stands, until it is left; return the exit code."""
    from deadrelu_tui.tui import themes
    from deadrelu_tui.tui.wire import terminal

    kept = themes.Kept(state_folder() / "theme")
    theme = kept.read() if beside["theme"] is None else themes.named(beside["theme"])
    terminal.check()
    shell = os.getsid(os.getppid()) == os.getsid(0)
    taken = terminal.Taken(state_folder() / "log")
    try:
        from deadrelu_tui.tui.phase_app import PhaseApp
        from deadrelu_tui.tui.wire import pace

        paced = pace.POOR_LINK if beside["low_bandwidth"] else pace.Pace()
        paced = replace(paced, frames=beside["fps"] or paced.frames)
        deadline = Deadline(taken.guard.leaving)

        def save() -> str:
            shown = metric if app.map is None else app.map.map.look.metric
            return _saved(sweep, shown, limit)

        app = PhaseApp(
            sweep, metric, _find, limit, save, taken.meter, paced, sweep.begin, lambda: deadline.set(INTERRUPTED),
            theme, kept.write, shell,
        )  # fmt: skip
        try:
            app.run(mouse=beside["mouse"])
        finally:
            if not app.terminated:
                deadline.set(app.return_code or 0)
            sweep.stop()
            sweep.join()
            deadline.call_off()
    finally:
        taken.give_back()
    if app.error is not None:
        raise app.error
    return INTERRUPTED if app.terminated else app.return_code or 0


def _find(run: str) -> Recorded:
    """Return the run of a cell."""
    from deadrelu_tui.run.folder import path_of
    from deadrelu_tui.run.recorded import Recorded

    found = Recorded(path_of(runs_folder(), run))
    found.only_read()  # the map is of other runs
    return found


def _saved(sweep: Sweep, metric: str, limit: Limit) -> str:
    """Write a picture of the map into the current folder; return where. Raises InputError where that cannot be."""
    from deadrelu_tui.report import sweep_files

    stem = f"deadrelu-tui-sweep-{strftime('%Y-%m-%dT%H-%M-%S')}"
    try:
        path = Path(f"{stem}.png").absolute()
    except OSError as error:  # the folder was removed
        raise InputError(f"the current folder cannot be written to ({error.strerror})") from error
    sweep_files.write(sweep.chart, metric, path, limit=limit)
    return str(path)
