"""What every command that opens the screen shares: its options, a terminal, a log, and who trains behind it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from deadrelu_tui.builtin import config
from deadrelu_tui.cli.alone import go_on, left_running
from deadrelu_tui.cli.options import INTERRUPTED, ON_HANGUP, ON_SUSPEND, STORE, TRIALS, Setting
from deadrelu_tui.cli.trainings import Trainings
from deadrelu_tui.ending import Deadline
from deadrelu_tui.errors import RunFailedError
from deadrelu_tui.places import runs_folder, state_folder

if TYPE_CHECKING:
    from deadrelu_tui.cli.launcher import Launched
    from deadrelu_tui.run.session import Begin, Find
    from deadrelu_tui.run.source import Source


def _themes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from deadrelu_tui.tui import themes

    return [CompletionItem(name) for name in themes.NAMES if name.startswith(incomplete)]


def screen_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say how the screen is drawn."""
    options = (
        click.option(
            "--mouse/--no-mouse",
            "mouse",
            default=None,
            envvar="DEADRELU_MOUSE",
            help="Listen to the mouse.  [default: yes, except over SSH, where a lost link leaves its codes in the "
            "shell]",
        ),
        click.option(
            "--fps",
            type=Setting(config.BESIDE["fps"], "N"),
            envvar="DEADRELU_FPS",
            metavar="N",
            help="Draw the screen at most so many times a second; it draws less often by itself where the machine or "
            "the link cannot bear it.  [default: 5]",
        ),
        click.option(
            "--low-bandwidth",
            is_flag=True,
            default=None,
            envvar="DEADRELU_LOW_BANDWIDTH",
            help="For a poor link: a frame and 2 KB a second at most.",
        ),
        click.option(
            "--theme",
            shell_complete=_themes,
            envvar="DEADRELU_THEME",
            metavar="NAME",
            help="Colours: dark, light, or a theme of Textual's, such as nord.  [default: what was chosen last in "
            "ctrl+p, Theme]",
        ),
    )
    for each in reversed(options):
        command = each(command)
    return command


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of what trains behind its screen."""
    for each in (STORE, TRIALS, ON_SUSPEND, ON_HANGUP):
        command = each(command)
    return command


ENDED_WITHIN = 3.0
"""Seconds within which a run of another process ends that was told to."""


@dataclass(frozen=True)
class Opened:
    """What the screen opens on, and what is to be done once it stands."""

    first: Source
    when_ready: Callable[[], None] = lambda: None
    begin: Begin | None = None
    """What begins another run, if not this process does."""
    find: Find | None = None
    """What finds one that another process has begun."""
    ghosts: Sequence[Source] = ()
    """What lies under its charts."""


def show(
    beside: Mapping[str, Any], opened: Callable[[Trainings], Opened], unfit: str = "", tour: bool = False,
    farewell: bool = True, launched: Launched | None = None,
) -> int:  # fmt: skip
    """Show the screen on what is opened, until it is left; return the exit code. What ended a run of ours is raised.
    Who has launched already says so.
    """
    from deadrelu_tui.cli.launcher import launch
    from deadrelu_tui.tui import themes
    from deadrelu_tui.tui.wire import terminal

    kept = themes.Kept(state_folder() / "theme")
    theme = kept.read() if beside["theme"] is None else themes.named(beside["theme"])
    terminal.check()
    launched = launched or launch()
    taken, app = terminal.Taken(state_folder() / "log"), None
    try:
        from deadrelu_tui.run.library import Library
        from deadrelu_tui.tui.app import Around, MonitorApp
        from deadrelu_tui.tui.wire import pace

        paced = pace.POOR_LINK if beside["low_bandwidth"] else pace.Pace()
        paced = replace(paced, frames=beside["fps"] or paced.frames)
        trainings = Trainings(beside, unfit)
        shown = opened(trainings)

        def last() -> None:
            if app is not None and app.farewell and not app.is_running:
                taken.meter.write(f"{app.farewell}\n")
            taken.guard.leaving()

        deadline = Deadline(last)
        away = launched.shell and launched.can_go_on and beside["on_suspend"] == "train"
        seen = beside["store"]  # what is not recorded nobody could see again
        around = Around(launched.shell, launched.can_go_on and seen, away, beside["on_hangup"] == "stop")
        app = MonitorApp(
            shown.first, shown.begin or trainings.begin, taken.meter, paced, shown.when_ready,
            lambda: deadline.set(INTERRUPTED), tour,
            theme, kept.write, around, shown.find, Library(runs_folder()),
        )  # fmt: skip
        for ghost in shown.ghosts:
            app.session.lay_under(ghost)
        if shown.begin is None:
            trainings.serve(app.session, app.begin_from_elsewhere)
        try:
            wanted = app.run(mouse=beside["mouse"])
            if str(wanted) == "stop":  # a run of another process
                _wait_for_end(app.session.in_hand)
        finally:
            if not app.detached:
                if not app.terminated:
                    deadline.set(app.return_code or 0)
                trainings.close(app.session.end())
                deadline.call_off()
    finally:
        if app is not None and app.detached:
            taken.let_go()
        else:
            taken.give_back()
    if app.detached:
        launched.go_on(f"{left_running(app.session.in_hand, trainings.lack)}\n")
        return go_on(app.session, trainings)
    from deadrelu_tui.report import leaving

    runs, error = [each for _, each in app.session.runs], app.error or app.failure
    if error is not None and not isinstance(error, RunFailedError):  # which ended elsewhere, and is told on the screen
        for line in leaving.lost(runs):
            click.echo(line, err=True)
        raise error
    if farewell and not app.hung_up:
        from deadrelu_tui.report.paper import Paper

        for line in leaving.lines(
            runs, app.farewell, beside["store"], Paper.of(sys.stdout, os.environ), wanted == "stop"
        ):
            click.echo(line)
    return INTERRUPTED if app.terminated else app.return_code or 0


def _wait_for_end(run: Source) -> None:
    from deadrelu_tui.run.source import ALIVE

    until = time.monotonic() + ENDED_WITHIN
    while run.status in ALIVE and time.monotonic() < until:
        time.sleep(0.05)
