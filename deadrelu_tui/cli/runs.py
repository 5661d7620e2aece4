"""The list of recorded runs, and how some of them are removed."""

from __future__ import annotations

import gc
import os
import re
import sys

import click

from deadrelu_tui.cli.options import Setting, epilog, listed
from deadrelu_tui.cli.recorded import complete_field, complete_run, file_of, summaries
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder

BESIDE = 3
"""Lines of a terminal that a list leaves free: its headings, how many there are, the prompt."""
ALL = "all"
_SPANS = {"h": 3600, "d": 86_400, "w": 7 * 86_400}
_CONDITIONS = "Conditions:\n\n" + listed(
    ("lr=0.1  hidden=300,100  normalise=on", "what was set"),
    ("preset=tragedy  engine=numpy  host=box", "what it was"),
    ("verdict=dead  status=running  done=", "what became of it"),
    ("sweep=NAME  sweep=", "cells of a sweep; of none"),
    ("'accuracy>0.8'  'dead<5%'  'steps>=1000'", "numbers, in quotes"),
    ("date=2026-11  'date>=2026-11-29'", "when it began"),
)


class WordsOrCommand(click.Group):
    """A group whose words are its own unless the first one is a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave all words in ctx.args, with options before and after them, unless a command comes first."""
        if args and args[0] in self.commands:
            return super().parse_args(ctx, args)
        ctx.allow_interspersed_args = True
        return click.Command.parse_args(self, ctx, args)


def parse_limit(text: str) -> int | None:
    """Return how many runs are listed at most; None for all."""
    if text == ALL:
        return None
    if not re.fullmatch(r"0*[1-9]\d{0,8}", text):
        raise InputError(f"limit must be {ALL} or a whole number from 1, not {text!r}")
    return int(text)


def parse_span(text: str) -> float:
    """Return a time in seconds: 12h, 30d, 8w."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([hdw])", text)
    if found is None:
        raise InputError(f"older-than must be a number of hours, days or weeks, such as 12h, 30d or 8w, not {text!r}")
    return float(found[1]) * _SPANS[found[2]]


@click.group(
    "runs",
    cls=WordsOrCommand,
    invoke_without_command=True,
    subcommand_metavar="[WORD]... | COMMAND",
    short_help="List recorded runs, sort and sift them.",
    epilog=epilog(
        ("deadrelu-tui runs", "the newest, as many as fit"),
        ("deadrelu-tui runs verdict=dead lr=0.1", "those that died at lr 0.1"),
        ("deadrelu-tui runs --sort accuracy -n 10", "the ten best"),
        ("deadrelu-tui runs --json | jq .verdict", "the same for programs"),
        more=_CONDITIONS,
    ),
)
@click.option(
    "--sort",
    metavar="FIELD",
    shell_complete=complete_field,
    help="By date, accuracy, loss, steps, seconds, verdict, lr, or whatever can be asked.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option(
    "-n", "--limit", type=Setting(parse_limit, f"N|{ALL}"), metavar=f"N|{ALL}",
    help="So many at most.  [default: as many as the terminal has lines, or all where there is none]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines: one for each run.")
@click.pass_context
def runs_group(ctx: click.Context, /, sort: str | None, reverse: bool, limit: int | None, as_json: bool) -> None:
    """List recorded runs, the newest first: all of them, or those that every WORD is true of.

    A WORD is a condition, or a text that stands in the list.
    """
    if ctx.invoked_subcommand is not None:
        return
    gc.disable()  # thousands of rows are made once and kept: to look for garbage in them takes a fifth of the time
    ctx.call_on_close(gc.enable)
    from deadrelu_tui import strict_json
    from deadrelu_tui.report import listing
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.report.wanted import ordered, sifted
    from deadrelu_tui.run.folder import ids

    paper, known = Paper.of(sys.stdout, os.environ), ids(runs_folder())
    asked = ctx.get_parameter_source("limit") is click.core.ParameterSource.COMMANDLINE
    if not asked and paper.height is not None and not as_json:
        limit = max(1, paper.height - BESIDE)
    field = "date" if sort is None and reverse else sort
    plain = not ctx.args and field is None
    found = sifted(summaries(limit if plain else None), ctx.args)
    if field is not None:
        found = ordered(found, field, reverse)
    shown = found[:limit]
    if as_json:
        click.echo("".join(f"{strict_json.line(listing.row(each))}\n" for each in shown), nl=False)
        return
    if not shown:
        click.echo(listing.NONE if known else listing.EMPTY)
        return
    click.echo("\n".join(listing.lines(shown, paper, known)))
    of = len(known) if plain else len(found)
    if not asked and len(shown) < of:
        click.echo(paper.put(f"{len(shown)} of {of} runs; -n {ALL} lists all", "dim"))


@runs_group.command(
    "rm",
    short_help="Remove recorded runs.",
    epilog=epilog(
        ("deadrelu-tui runs rm 20261129-120000", "one, by its id"),
        ("deadrelu-tui runs rm --older-than 30d", "all older than 30 days"),
        ("deadrelu-tui runs rm --keep 100 --yes", "all but the newest 100"),
        ("deadrelu-tui runs rm status=crashed --dry-run", "what that would be"),
    ),
)
@click.argument("words", metavar="[RUN|CONDITION]...", nargs=-1, shell_complete=complete_run)
@click.option(
    "--older-than", type=Setting(parse_span, "TIME"), metavar="TIME", help="Those that began so long ago: 12h, 30d, 8w."
)
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="All but the newest N of them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Tell what would be removed, and remove nothing.")
@click.pass_context
def remove_command(
    ctx: click.Context, /, words: tuple[str, ...], older_than: float | None, keep: int | None, yes: bool, dry_run: bool
) -> None:
    """Remove runs by id, or all that every condition is true of; never one that is still running.

    It lists them and asks first.
    """
    if not words and older_than is None and keep is None:
        raise InputError("say which runs: by id, by a condition such as verdict=dead, --older-than 30d or --keep 100")
    from deadrelu_tui.report import listing, removing
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.report.wanted import is_condition

    named = {file_of(word).stem for word in words if not is_condition(word)}
    conditions = [word for word in words if is_condition(word)]
    chosen = removing.chosen(summaries(), named, conditions, older_than, keep)
    for run in chosen.running:
        click.echo(f"{run.run} is still running: it stays")
    stays = any(run.run in named for run in chosen.running)
    if not chosen.ended:
        click.echo("nothing is to be removed")
        ctx.exit(1 if stays else 0)
    click.echo("\n".join(listing.lines(chosen.ended, Paper.of(sys.stdout, os.environ))))
    if dry_run:
        click.echo(f"would remove {removing.told(chosen.ended)}")
        return
    if not yes and not sys.stdin.isatty():
        raise InputError("nobody can be asked without a terminal: add --yes to remove them, or --dry-run to look")
    if not yes and not click.confirm(f"Remove {removing.told(chosen.ended)}?"):
        click.echo("nothing was removed")
        ctx.exit(1)
    removed, faults = removing.remove(runs_folder(), chosen.ended)
    click.echo(f"removed {removing.told(removed)}")
    for fault in faults:
        click.echo(f"deadrelu-tui: {fault}", err=True)
    ctx.exit(1 if faults or stays else 0)
