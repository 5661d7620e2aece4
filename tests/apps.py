"""The application on runs that a test makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Pause
from deadrelu_tui.run.run import Run, Training
from deadrelu_tui.run.session import Begin
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter


def made(settings: RunSettings, training: Training, executor: Executor, stays: bool = False) -> Run:
    """Return a run of a training, not yet begun."""
    return Run(promise(settings), training, executor, settings.live, stays)


def begun(make: Callable[[RunSettings], Run]) -> Begin:
    """Return what makes a run of some values and begins it."""

    def begin(values: Mapping[str, Any], paused: bool) -> Run:
        run = make(RunSettings.of(values))
        if paused:
            run.send(Pause())
        run.begin()
        return run

    return begin


def monitor(
    settings: RunSettings, make: Callable[[RunSettings], Run], meter: Meter | None = None, pace: Pace | None = None
) -> MonitorApp:
    """Return the application on a first run, and on those that it begins itself."""
    first = make(settings)
    return MonitorApp(first, begun(make), meter, pace, when_ready=first.begin)
