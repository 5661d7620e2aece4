"""One recorded run at length, and several side by side."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from deadrelu_tui.cli.options import chosen_beside, epilog
from deadrelu_tui.cli.recorded import complete_run, file_of
from deadrelu_tui.cli.replay import recorded
from deadrelu_tui.cli.showing import Opened, screen_options, show, training_options
from deadrelu_tui.cli.trainings import Trainings


@click.command(
    "show",
    short_help="Tell all of a recorded run.",
    epilog=epilog(
        ("deadrelu-tui show last", "the newest run"),
        ("deadrelu-tui show 20261129-12 --json", "any other, for programs"),
    ),
)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_command(run: str, as_json: bool) -> None:
    """Tell what was set, on what data and machine, how it ended, the verdict and why, and all that happened.

    RUN is an id, the beginning of one, or `last`.
    """
    path = file_of(run)
    from deadrelu_tui import strict_json
    from deadrelu_tui.report import showing
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.run import summing

    shown = showing.Shown(*summing.whole(path))
    if as_json:
        click.echo(strict_json.line(showing.data(shown)))
        return
    for line in showing.lines(shown, Paper.of(sys.stdout, os.environ)):
        click.echo(line)


@click.command(
    "compare",
    short_help="Lay recorded runs side by side.",
    epilog=epilog(
        ("deadrelu-tui compare last 20261129-1201", "two runs, over each other"),
        ("deadrelu-tui compare A B C --json", "up to six, for programs"),
    ),
)
@click.argument("runs", metavar="RUN...", nargs=-1, shell_complete=complete_run)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--text", "text", is_flag=True, help="Print the table alone. Without a terminal there is nothing else.")
@screen_options
@training_options
@click.pass_context
def compare_command(ctx: click.Context, /, runs: tuple[str, ...], as_json: bool, text: bool, **_given: Any) -> None:
    """Show 2 to 6 runs over each other on the screen, the first one in front, and tell how they were set otherwise and
    what became of each.

    RUN is an id, the beginning of one, or `last`.
    """
    from deadrelu_tui import strict_json
    from deadrelu_tui.report import comparing
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.run import summing

    paths = [file_of(each) for each in runs]
    comparing.check([each.stem for each in paths])
    found = [summing.whole(path)[0] for path in paths]
    if as_json:
        click.echo(strict_json.line(comparing.data(found)))
        return

    def opened(_trainings: Trainings) -> Opened:  # not before: the threads would not be in the process of the screen
        first, *others = (recorded(path) for path in paths)
        return Opened(first, ghosts=others)

    code = 0
    if not text and all(each.isatty() for each in (sys.stdin, sys.stdout, sys.stderr)):
        code = show(chosen_beside(ctx), opened, farewell=False)
    for line in comparing.lines(found, Paper.of(sys.stdout, os.environ)):
        click.echo(line)
    ctx.exit(code)
