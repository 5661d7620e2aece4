"""Looking at a run that another process has recorded, or records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import parse_times
from deadrelu_tui.cli.options import Setting, chosen_beside, epilog
from deadrelu_tui.cli.recorded import complete_run, file_of, summaries
from deadrelu_tui.cli.showing import Opened, screen_options, show, training_options
from deadrelu_tui.cli.trainings import Trainings
from deadrelu_tui.errors import InputError, UnsureError
from deadrelu_tui.places import runs_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deadrelu_tui.run.recorded import Recorded


def recorded(path: Path) -> Recorded:
    """Return a run to be looked at on the screen."""
    from deadrelu_tui.run.recorded import Recorded

    found = Recorded(path)
    if presets.ours(found.start.settings) is None:
        found.only_read()  # here only the built-in network can be trained
    return found


def running() -> str:
    """Return the id of the run that was started last of those that live. Raises InputError if none does."""
    found = next((each.run for each in summaries() if each.alive), None)
    if found is None:
        raise InputError("no run is live; deadrelu-tui runs lists all of them, deadrelu-tui replay RUN shows one")
    return found


@click.command(
    "attach",
    short_help="Show a run that lives in another process.",
    epilog=epilog(
        ("deadrelu-tui attach", "the newest live run"),
        ("deadrelu-tui attach 20261129 --read-only", "for a screen that others see"),
    ),
)
@click.argument("run", metavar="[RUN]", default="", shell_complete=complete_run)
@click.option("--read-only", is_flag=True, help="Look only: no key changes the run.")
@screen_options
@click.pass_context
def attach_command(ctx: click.Context, /, run: str, read_only: bool, **_given: Any) -> None:
    """Show the screen on a run that lives in another process of yours: one that was left running, or is on another
    terminal.

    RUN is an id, the beginning of one, or `last`; without it the newest live run. Its process ends with it; to leave
    the screen leaves the run alone.
    """
    from deadrelu_tui.run.attached import Attached
    from deadrelu_tui.run.folder import path_of
    from deadrelu_tui.run.source import ALIVE

    folder, in_hand = runs_folder(), list[Attached]()
    path = file_of(run or running())

    def look(name: str) -> Attached:
        in_hand.append(Attached(path_of(folder, name), read_only))
        return in_hand[-1]

    def begin(values: Mapping[str, Any], paused: bool) -> Attached:
        name = in_hand[-1].begin(values, paused)
        try:
            return look(name)
        except InputError as error:
            raise UnsureError(f"run {name} was begun, but cannot be shown: {error}") from error

    def follow(name: str) -> Attached:
        in_hand.append(Attached(path_of(folder, name), read_only, patience=0))
        return in_hand[-1]

    def opened(_trainings: Trainings) -> Opened:  # not before: its threads would not be in the process of the screen
        first = Attached(path, read_only)
        if not first.lack and first.status not in ALIVE and "train_on" not in first.can:  # its process has gone
            first.close()
            return Opened(recorded(path))
        in_hand.append(first)
        return Opened(first, begin=begin, find=follow)

    ctx.exit(show(chosen_beside(ctx), opened))


@click.command(
    "replay",
    short_help="Show a recorded run on the screen, step by step.",
    epilog=epilog(
        ("deadrelu-tui replay last", "the newest run; space plays it"),
        ("deadrelu-tui replay 20261129 --times 10", "ten times as fast as it went"),
    ),
)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option(
    "--times",
    type=Setting(parse_times, "N"),
    metavar="N",
    help="Play it from its first step on, N times as fast as it went: 1 to 100. < and > change that.",
)
@screen_options
@training_options
@click.pass_context
def replay_command(ctx: click.Context, /, run: str, times: float | None, **_given: Any) -> None:
    """Show a recorded run on the same screen: arrows, [ and ] read any step of it, space plays it.

    RUN is an id, the beginning of one, or `last`. r trains anew with its settings.
    """
    path = file_of(run)

    def opened(_trainings: Trainings) -> Opened:  # not before: its thread would not be in the process of the screen
        from deadrelu_tui.record.commands import Play

        found = recorded(path)
        if times is not None and times < math.inf:
            found.send(Play(times))
        return Opened(found)

    ctx.exit(show(chosen_beside(ctx), opened))
