"""What was claimed, computed again: it holds, or it fails."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.settings import MAX_SEED, RunSettings
from deadrelu_tui.cli.options import STORE, chosen, chosen_beside, epilog, some_settings
from deadrelu_tui.cli.progress import progress
from deadrelu_tui.errors import InputError

_OF_PAPER, _OF_ARTICLE = ("nets",), ("quick", "seeds", "report", "overwrite", "full", "data_dir", "engine", "device")


@click.command(
    "reproduce",
    short_help="Run what was claimed again: it holds or fails.",
    epilog=epilog(
        ("deadrelu-tui reproduce", "the article, three seeds"),
        ("deadrelu-tui reproduce --quick", "fewer claims, in a minute"),
        ("deadrelu-tui reproduce --report claims.html", "with the curves"),
        ("deadrelu-tui reproduce --paper born-dead", "a table, in seconds"),
    ),
)
@click.option("--quick", is_flag=True, help="One epoch of the embedded images; claims about more are not judged.")
@click.option("--seeds", type=click.IntRange(1, 100), metavar="N", default=3, help="Runs of each.  [default: 3]")
@click.option("--seed", type=click.IntRange(0, MAX_SEED - 100), metavar="N", default=0, help="The first.  [default: 0]")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="Write a report: .html, or .md.")
@click.option("--overwrite", is_flag=True, help="Replace a report that is there already.")
@some_settings("engine", "device", "data_dir", "full")
@STORE
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--paper", type=click.Choice(["born-dead"]),
    help="Not the article, but Lu et al. 2019: how many deep narrow networks are dead before they are trained.",
)  # fmt: skip
@click.option(
    "--nets", type=click.IntRange(100, 10_000_000), metavar="N", default=40_000,
    help="With --paper: networks a cell.  [default: 40000]",
)  # fmt: skip
@click.pass_context
def reproduce_command(
    ctx: click.Context, /, paper: str | None, nets: int, seed: int, seeds: int, quick: bool, report: Path | None,
    overwrite: bool, as_json: bool, **_given: Any,
) -> None:  # fmt: skip
    """Run the article's five experiments again and say of each claim whether it holds, and of what it did not notice.

    A claim holds if the mean over the seeds lies where the claim has it; one that a short run cannot judge is no
    failure. Exits with 1 if one fails.
    """
    for name in _OF_ARTICLE if paper else _OF_PAPER:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            without = "is of the article and does not go with" if paper else "needs"
            raise InputError(f"--{name.replace('_', '-')} {without} --paper")
    ctx.exit(
        _born_dead(nets, seed, as_json)
        if paper
        else _article(ctx, quick, range(seed, seed + seeds), report, overwrite, as_json)
    )


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


def _article(
    ctx: click.Context, quick: bool, seeds: range, report: Path | None, overwrite: bool, as_json: bool
) -> int:  # fmt: skip
    from deadrelu_tui.engine import rehearsal

    settings, beside = chosen(ctx), chosen_beside(ctx)
    if quick:
        if settings.data_dir is not None or settings.full:
            raise InputError("--quick takes the embedded images; leave out --data-dir and --full")
        settings = replace(settings, full=False)
    base = RunSettings(
        engine=settings.engine, device=settings.device, data_dir=settings.data_dir, full=settings.full
    )  # what else is set is not the article's
    needs.require_engine(base.engine)
    unfit = rehearsal.require_room(base)

    from deadrelu_tui import headless, strict_json
    from deadrelu_tui.article.judging import hold, judge
    from deadrelu_tui.cli.experiments import EPOCHS, experiments, many
    from deadrelu_tui.cli.trainings import Trainings
    from deadrelu_tui.report import reproduction
    from deadrelu_tui.report.paper import Paper
    from deadrelu_tui.wording import count

    if report is not None:
        reproduction.check_path(report, overwrite)
    trainings = Trainings({**beside, "trials": False}, unfit, stays=False)
    trainings.unattended()
    with headless.apart(sys.stdout) as out:
        try:
            with progress(many(len(seeds)), "runs") as bar:
                found = experiments(trainings, base, seeds, quick, bar)
        finally:
            trainings.settle()
        start = found[0]["tragedy"].start
        assert start is not None
        epochs, images = 1 if quick else EPOCHS, int(start.facts["train"])
        lack = "" if images == 60_000 and epochs == EPOCHS else f"not after {epochs} epochs of {count(images)} images"
        lack = lack.replace("1 epochs", "1 epoch")
        judged = judge(found, lack)
        facts = {
            "article": True, "quick": quick, "seeds": list(seeds), "epochs": epochs, "source": start.facts["source"],
            "train": images, "engine": start.facts["engine"], "device": start.device,
        }  # fmt: skip
        told = "seed" if len(seeds) == 1 else "seeds"
        about = (
            f"{start.title}, {epochs} epoch{'' if epochs == 1 else 's'}, {told} {', '.join(map(str, seeds))}, "
            f"{start.facts['engine']} on {start.device}: mean (range) over the seeds"
        )
        if as_json:
            runs = [{name: history.start.run for name, history in each.items() if history.start} for each in found]
            print(strict_json.line(reproduction.data(judged, facts, runs)), file=out, flush=True)
        else:
            for line in reproduction.lines(judged, about, Paper.of(out, os.environ)):
                print(line, file=out, flush=True)
    if report is not None:
        reproduction.write(report, judged, about, found[0], overwrite)
        click.echo(f"deadrelu-tui: the report is in {report}", err=True)
    return 0 if hold(judged) else 1
