"""Looking at a recorded run on the screen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from deadrelu_tui.builtin import presets
from deadrelu_tui.builtin.settings import parse_times
from deadrelu_tui.cli.options import STORE, TRIALS, Setting, chosen_beside, epilog
from deadrelu_tui.cli.places import runs_folder
from deadrelu_tui.cli.showing import Opened, Trainings, screen_options, show

if TYPE_CHECKING:
    from deadrelu_tui.run.recorded import Recorded


def complete_run(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the runs whose id begins so."""
    from deadrelu_tui.run.store import ids

    return [CompletionItem(each) for each in ids(runs_folder()) if each.startswith(incomplete)]


def recorded(run: str) -> Recorded:
    """Return the run that is meant by an id, by the beginning of one, or by `last`."""
    from deadrelu_tui.run.file import path_of
    from deadrelu_tui.run.recorded import Recorded
    from deadrelu_tui.run.store import find

    folder = runs_folder()
    found = Recorded(path_of(folder, find(folder, run)))
    if presets.ours(found.start.settings) is None:
        found.withhold("restart")  # here only the built-in network can be trained
    return found


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
@TRIALS
@STORE
@click.pass_context
def replay_command(ctx: click.Context, /, run: str, times: float | None, **_given: Any) -> None:
    """Show a recorded run on the same screen: arrows, [ and ] read any step of it, space plays it.

    RUN is an id, the beginning of one, or `last`. r trains anew with its settings.
    """
    found = recorded(run)

    def opened(_trainings: Trainings) -> Opened:
        from deadrelu_tui.record.commands import Play

        if times is not None and times < math.inf:
            found.send(Play(times))
        return Opened(found)

    ctx.exit(show(chosen_beside(ctx), opened))
