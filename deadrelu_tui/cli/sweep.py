"""A grid of runs: what becomes of them, as a map."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.settings import MAX_SEED, RunSettings, parse_word
from deadrelu_tui.cli.options import (
    INTERRUPTED,
    PRESETS,
    STORE,
    Setting,
    chosen,
    chosen_beside,
    epilog,
    listed,
    some_settings,
)
from deadrelu_tui.cli.progress import progress
from deadrelu_tui.cli.showing import screen_options
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.sweep.axes import FIXED, Axis, values_of
from deadrelu_tui.wording import count, duration

if TYPE_CHECKING:
    from deadrelu_tui.builtin.dataset import Dataset
    from deadrelu_tui.sweep.cluster import Cluster
    from deadrelu_tui.sweep.grid import Grid, Limit
    from deadrelu_tui.sweep.sweep import Sweep

POLL_SECONDS = 0.1
TOLD = 0.1
"""Of a sweep without a terminal it is told whenever such a share more of it is done."""
_VALUES = "Values:\n\n" + listed(
    ("0.1", "one value, as for a run"),
    ("0.1,0.01,0.001", "three"),
    ("log:1e-4:10:21", "21 from 1e-4 to 10, evenly by ratio"),
    ("lin:64:512:8", "8 from 64 to 512, evenly apart"),
    ("--hidden 300 --hidden 300,100", "two networks: layers have commas of their own"),
)


def _several(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for every setting that may have several values."""
    for each in reversed(fields(RunSettings)):
        if each.name not in FIXED:
            alone = {"is_flag": False, "flag_value": "on"} if each.name == "normalise" else {}
            command = click.option(
                "--" + each.name.replace("_", "-"), each.name, multiple=True, envvar=f"DEADRELU_{each.name.upper()}",
                metavar="VALUES", help=each.metadata["help"], **alone,  # type: ignore[arg-type]
            )(command)  # fmt: skip
    return command


@click.command(
    "sweep",
    short_help="Run a grid of settings and map where ReLUs die.",
    epilog=epilog(
        ("deadrelu-tui sweep --lr log:1e-3:10:9 --steps 200", "a row of nine"),
        ("deadrelu-tui sweep --lr 0.1,0.01 --input-scale 1,1/255", "a map of four"),
        ("deadrelu-tui sweep --lr 0.1,1 --seeds 3 --export map.csv", "means, in a file"),
        ("deadrelu-tui sweep --lr 0.1,1 --scheduler tcp://host:8786", "on a cluster"),
        more=f"{_VALUES}\n\n{PRESETS}",
    ),
)
@some_settings(*FIXED, preset=True)
@_several
@click.option(
    "--seeds", type=click.IntRange(1, 1000), metavar="N", default=1,
    help="Runs of each cell, from --seed on; what is shown is their mean.  [default: 1]",
)  # fmt: skip
@click.option(
    "--show", metavar="METRIC", default="dead",
    help="What the map shows: dead, zeros, accuracy, loss, or any other metric of a run.  [default: dead]",
)  # fmt: skip
@click.option(
    "--name", type=Setting(parse_word("name"), "NAME"), metavar="NAME",
    help="What the sweep is called in `runs`.  [default: made of what is swept]",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1, 1000), metavar="N",
    help="Processes that compute here.  [default: one a core, or one a GPU]",
)  # fmt: skip
@click.option(
    "--scheduler", metavar="ADDRESS", envvar="DEADRELU_SCHEDULER",
    help="Compute on a cluster of Dask that is there, tcp://host:8786, in place of here.",
)  # fmt: skip
@click.option(
    "--export", "exports", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
    help="Write what came of it to this file as well: .csv, .png or .svg.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace a file that is there already.")
@click.option("--headless", is_flag=True, help="A bar and a table, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object when all is done.")
@STORE
@screen_options
@click.pass_context
def sweep_command(
    ctx: click.Context, /, seeds: int, show: str, name: str | None, workers: int | None, scheduler: str | None,
    exports: tuple[Path, ...], overwrite: bool, headless: bool, as_json: bool, **_given: Any,
) -> None:  # fmt: skip
    """Run every combination of some settings, and map what becomes of each: on a terminal live, else as a table.

    The setting with the most values goes from left to right, the next one upwards. Each cell is a run that is recorded
    (deadrelu-tui runs sweep=NAME). The same command goes on where it was interrupted: only what is missing is computed.
    """
    from deadrelu_tui.engine import rehearsal
    from deadrelu_tui.report import sweep_files
    from deadrelu_tui.sweep import cluster as dask
    from deadrelu_tui.sweep.grid import Grid
    from deadrelu_tui.sweep.outcome import metric_of
    from deadrelu_tui.sweep.sweep import Given, Sweep, name_of

    headless = headless or as_json or not (os.isatty(0) and os.isatty(1))
    axes = _axes(ctx)
    settings, beside = chosen(ctx), chosen_beside(ctx)
    if settings.seed + seeds - 1 > MAX_SEED:
        raise InputError(f"seed must be at most {MAX_SEED - seeds + 1} with {seeds} seeds")
    if scheduler is not None and workers is not None:
        raise InputError("--workers are processes of this machine, --scheduler has its own; give one of the two")
    if scheduler is not None:
        dask.checked_address(scheduler)
    grid = Grid(settings, axes, seeds)
    _check_ends(grid)
    metric = metric_of(show, tuple(each.name for each in _promised(grid)))
    for each in grid.axes:
        if each.name == "engine":
            for engine in each.values:
                needs.require_engine(engine)
    needs.require_engine(settings.engine)
    dask.require()
    unfit = rehearsal.require_room(settings)

    from deadrelu_tui.builtin import fashion_mnist
    from deadrelu_tui.cli.cell import compute

    images = fashion_mnist.find(settings.data_dir, settings.full)

    def begun(many: int) -> Cluster:
        if scheduler is not None:
            return dask.Cluster.at(scheduler, settings.device.startswith("gpu"))
        gpus = _gpus(settings)
        return dask.Cluster.here(workers or min(len(gpus) or dask.cores(), many), gpus)

    folder = runs_folder() if beside["store"] else None
    given = Given(name or name_of(grid), folder, images.sha256, compute, begun, "" if scheduler else unfit)
    for path in exports:
        sweep_files.check(path, overwrite)
        if exports.count(path) > 1:
            raise InputError(f"--export names {path} twice")
    sweep = Sweep(grid, given)
    limit, code = _limits(images), 0
    if headless:
        code = INTERRUPTED if _without_screen(sweep, metric, limit, as_json) else 0
    else:
        from deadrelu_tui.cli.phase import show as show_map

        code = show_map(sweep, metric, limit, beside)
    _write(sweep, metric, limit, exports, overwrite)
    ctx.exit(_ended(sweep, code, told=not as_json and sweep.recorded))


def _axes(ctx: click.Context) -> tuple[Axis, ...]:
    """Return what is varied, the longest axis first; in the place of the values the first one of each is left."""
    axes = list[Axis]()
    for each in fields(RunSettings):
        texts = ctx.params.get(each.name)
        if each.name in FIXED or not texts:
            continue
        values = values_of(each.name, texts)
        ctx.params[each.name] = values[0]
        if len(values) > 1:
            axes.append(Axis(each.name, values))
    names = {each.name for each in axes}
    if {"normalise", "input_scale"} <= names:
        raise InputError("--normalise is an input scale of 1/255; vary one of the two")
    if {"epochs", "steps"} <= names:
        raise InputError("give --steps or --epochs")
    return tuple(sorted(axes, key=lambda axis: len(axis.values), reverse=True))


def _check_ends(grid: Grid) -> None:
    """Raise InputError if a run would have no end."""
    values = next((each.values for each in grid.axes if each.name == "epochs"), (grid.base.epochs,))
    if None in values and grid.base.steps is None and not any(each.name == "steps" for each in grid.axes):
        raise InputError("endless runs make no sweep: give --steps or --epochs")


def _promised(grid: Grid) -> tuple[Any, ...]:
    from deadrelu_tui.builtin.promise import promise

    return promise(grid.base).metrics


def _gpus(settings: RunSettings) -> list[str]:
    """Return the GPUs that workers of this machine share; none where they compute without."""
    if settings.device == "cpu" or not needs.gpu_is_here():
        return []
    build = needs.torch_build()
    cuda = needs.mxnet_has_cuda() if settings.engine == "mxnet" else bool(build is not None and build.cuda)
    if not cuda or settings.engine == "numpy":
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [each.strip() for each in named.split(",") if each.strip()]
    found = sorted(int(each.name.removeprefix("nvidia")) for each in Path("/dev").glob("nvidia[0-9]*"))
    return [str(each) for each in found] or ["0"]


def _limits(images: Dataset) -> Limit:
    """Return what says from which learning rate on theory expects half of layer 1 to be dead."""
    from deadrelu_tui.builtin.promise import DIVISOR
    from deadrelu_tui.theory.rates import half_dies
    from deadrelu_tui.theory.sample import norm, sample

    raw = norm(sample(images.train_images, images.train_labels, 1.0)[0])

    def limit(settings: RunSettings) -> float | None:
        scale = 1 / DIVISOR if settings.normalise else settings.input_scale
        return half_dies(raw * scale, len(settings.hidden)) if settings.activation == "relu" else None

    return limit


def _without_screen(sweep: Sweep, metric: str, limit: Limit, as_json: bool) -> bool:
    """Compute it all, and print what came of it; return whether somebody interrupted it."""
    from deadrelu_tui import strict_json
    from deadrelu_tui.report import swept
    from deadrelu_tui.report.paper import Paper

    interrupted, chart = threading.Event(), sweep.chart

    def stop(_signal: int, _frame: object) -> None:
        interrupted.set()
        sweep.stop()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, stop)
    sweep.begin()
    _follow(sweep)
    if chart.done:
        if as_json:
            click.echo(strict_json.line({"sweep": sweep.name, **swept.data(chart, metric, limit)}))
        else:
            for line in swept.lines(chart, metric, limit, Paper.of(sys.stdout, os.environ)):
                click.echo(line)
    return interrupted.is_set()


def _write(sweep: Sweep, metric: str, limit: Limit, exports: tuple[Path, ...], overwrite: bool) -> None:
    from deadrelu_tui.report import sweep_files

    for path in exports if sweep.chart.done else ():
        sweep_files.write(sweep.chart, metric, path, limit=limit, overwrite=overwrite)
        click.echo(f"deadrelu-tui: {path} is written", err=True)


def _ended(sweep: Sweep, code: int, told: bool) -> int:
    """Say how it ended, which is no news for a program unless it is not as it should be; return the exit code."""
    from deadrelu_tui.sweep.cluster import GoneError

    chart, total = sweep.chart, len(sweep.chart.grid)
    if sweep.unrecorded:
        click.echo(f"deadrelu-tui: not all that was computed is recorded: {sweep.unrecorded}", err=True)
    elif chart.done < total and sweep.recorded:
        kept = f"{count(chart.done)} of {count(total)} runs are recorded; the same command goes on with the others"
        click.echo(f"deadrelu-tui: {kept}", err=True)
    if isinstance(sweep.error, GoneError):
        click.echo(f"deadrelu-tui: {sweep.error}", err=True)
        return 1
    if sweep.error is not None:
        raise sweep.error
    if code:
        return code
    if told and chart.done == total:
        before = f", {count(sweep.taken)} of them recorded before" if sweep.taken else ""
        listed = f"; deadrelu-tui runs sweep={sweep.name} lists the others" if sweep.taken else ""
        listed = listed or f"; deadrelu-tui runs sweep={sweep.name} lists them"
        click.echo(f"sweep {sweep.name}: {count(total)} runs{before}{listed if sweep.taken < total else ''}")
    return 1 if sweep.unrecorded or (chart.done and all(each.failed for each in chart.outcomes.values())) else 0


def _follow(sweep: Sweep) -> None:
    """Say how far it is until it is over: a bar on a terminal, a line now and then anywhere else."""
    from deadrelu_tui.sweep.sweep import NOBODY

    chart, shown = sweep.chart, sys.stderr.isatty()
    total, done, told, lonely = len(chart.grid), 0, 0.0, False
    with progress(total, "runs") as bar:
        while True:
            over = sweep.join(POLL_SECONDS)
            bar.tell(sweep.waiting or sweep.where)
            if not shown and sweep.waiting == NOBODY and not lonely:
                lonely = True
                click.echo(f"deadrelu-tui: {NOBODY}", err=True)
            now = chart.done
            bar.advance(now - done)
            done = now
            if not shown and (done / total >= told + TOLD or over) and done:
                told = done / total
                since = duration(sweep.seconds)
                click.echo(f"{count(done)} of {count(total)} runs in {since}", err=True)
            if over:
                return
