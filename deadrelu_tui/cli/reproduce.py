"""What was claimed, computed again: it holds, or it fails."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from deadrelu_tui.cli.options import epilog
from deadrelu_tui.cli.progress import progress

NETS = 40_000


@click.command(
    "reproduce",
    short_help="Compute again what was claimed: holds or fails.",
    epilog=epilog(
        ("deadrelu-tui reproduce --paper born-dead", "deep narrow networks, in seconds"),
    ),
)
@click.option("--paper", type=click.Choice(["born-dead"]), help="Lu et al. 2019: how many networks are born dead.")
@click.option(
    "--nets",
    type=click.IntRange(100, 10_000_000),
    metavar="N",
    default=NETS,
    help="With --paper: networks a cell.  [default: 40000]",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    default=0,
    help="With --paper: of the draws.  [default: 0]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def reproduce_command(
    ctx: click.Context, /, paper: str | None, nets: int, seed: int, as_json: bool, **_given: Any
) -> None:
    """Compute the numbers of a paper again and say of each whether it holds. Exits with 1 if one fails."""
    ctx.exit(_born_dead(nets, seed, as_json))


def _born_dead(nets: int, seed: int, as_json: bool) -> int:
    from deadrelu_tui import strict_json
    from deadrelu_tui.report import born_dead as report
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.theory import born_dead

    with progress(nets * len(born_dead.WIDTHS), "networks") as bar:
        cells = list(born_dead.table(nets, seed, lambda share: bar.advance(share * nets)))
    if as_json:
        click.echo(strict_json.line(report.data(cells, nets, seed)))
    else:
        for line in report.lines(cells, nets, Paper.of(sys.stdout, os.environ)):
            click.echo(line)
    return 0 if all(each.holds for each in cells) else 1
