"""What came of a sweep as a file: a row per run for any program, or its maps as a picture."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from deadrelu_tui.builtin.settings import ENDLESS
from deadrelu_tui.errors import InputError
from deadrelu_tui.export import as_picture, files
from deadrelu_tui.export.phases import Map, Panel, Side, Spot
from deadrelu_tui.export.plain import cell
from deadrelu_tui.report.sweep_words import meaning, metric_words, places
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.boundary import is_even, is_geometric, numbers
from deadrelu_tui.sweep.chart import Chart, is_share
from deadrelu_tui.sweep.common import in_common
from deadrelu_tui.sweep.grid import Limit, Place
from deadrelu_tui.sweep.outcome import OTHER, SHORT
from deadrelu_tui.wording import count, printable

SUFFIXES = (".csv", ".png", ".svg")
MAPS = 24
"""Maps of one picture."""
THEORY = "half of layer 1 dies beyond, by theory"
_BEFORE = ("seed", "run", "status", "verdict", "error", "steps", "seconds")


def check(path: Path, overwrite: bool = False) -> None:
    """Raise InputError if a sweep cannot be written to a path: known before anything is computed for it."""
    kind = _kind(path)
    files.check(path, overwrite=overwrite)
    if kind != "csv":
        as_picture.load()


def write(chart: Chart, metric: str, path: Path, *, limit: Limit, overwrite: bool = False) -> None:
    """Write what came of a sweep so far, whole or not at all, in the format that the end of the path's name stands for.

    Raises InputError, in a line, where something is in the way or a library is missing.
    """
    kind = _kind(path)
    with files.placed(path, overwrite=overwrite) as beside:
        if kind == "csv":
            write_csv(chart, beside)
        else:
            as_picture.write_map(map_of(chart, metric, limit), beside, kind)


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise InputError(f"{printable(str(path))} could be of any format; end the name of a sweep's file in {known}")
    return suffix.removeprefix(".")


# Rows


def write_csv(chart: Chart, path: Path) -> None:
    """Write a row per run, in the order of the axes; what is not known is empty, and every float the shortest decimal
    that is it.
    """
    outcomes = chart.outcomes
    told = sorted((each.values for each in outcomes.values()), key=len, reverse=True)
    names = [name for name in dict.fromkeys(name for values in told for name in values) if name not in (*SHORT, *OTHER)]
    with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*(each.name for each in chart.grid.axes), *_BEFORE, *names])
        for place in places(chart.grid):
            settings = [_value(axis, index) for axis, index in zip(chart.grid.axes, place, strict=True)]
            for seed in range(chart.grid.seeds):
                row: list[Any] = [*settings, chart.grid.base.seed + seed]
                found = outcomes.get((place, seed))
                if found is None:
                    row += [None] * (len(_BEFORE) - 1 + len(names))
                else:
                    row += [found.run, found.how, found.verdict, found.error, found.steps, found.seconds]
                    row += [found.values.get(name) for name in names]
                lines.writerow(map(cell, row))


def _value(axis: Axis, index: int) -> Any:
    """Return a value that the setting can be given as again."""
    value = axis.values[index]
    if value is None:
        return ENDLESS
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


# Maps


def map_of(chart: Chart, metric: str, limit: Limit) -> Map:
    """Return what is drawn of a sweep: a map for each page of it, or the course over its only axis."""
    grid = chart.grid
    names = [each.words for each in grid.axes]
    over = " and ".join(names[:2])
    pages = grid.pages[:MAPS]
    limited = next((at for at, each in enumerate(grid.axes[:2]) if each.name == "lr"), None)
    share = is_share(metric)
    words = metric_words(metric)
    return Map(
        title=f"{words[0].upper()}{words[1:]} by {over}",
        about=tuple(filter(None, (_swept(chart, len(pages)), ", ".join(in_common(grid)), meaning(metric, grid)))),
        metric=words, share=share, bright_high=words.endswith("accuracy"),
        across=_side(grid.axes[0]), up=_side(grid.axes[1]) if len(grid.axes) > 1 else None,
        panels=tuple(_panel(chart, metric, page, limit, limited) for page in pages),
        boundary=f"{words}: 50 %" if share else "", theory=THEORY, limited=limited or 0,
    )  # fmt: skip


def _swept(chart: Chart, drawn: int) -> str:
    grid, done = chart.grid, chart.done
    parts = [grid.told, "mean over the seeds" if grid.seeds > 1 else ""]
    if done < len(grid):
        parts.append(f"{count(done)} of {count(len(grid))} runs are done")
    if drawn < len(grid.pages):
        parts.append(f"of {count(len(grid.pages))} maps the first {drawn}")
    return "; ".join(filter(None, parts))


def _side(axis: Axis) -> Side:
    values = numbers(axis)
    texts = tuple(axis.text(index) for index in range(len(axis.values)))
    if values is None:
        return Side(axis.words, texts)
    return Side(axis.words, texts, values, is_geometric(values), is_even(values))


def _panel(chart: Chart, metric: str, page: Place, limit: Limit, limited: int | None) -> Panel:
    sizes = [len(each.values) for each in chart.grid.axes]
    columns, rows = sizes[0], sizes[1] if len(sizes) > 1 else None
    lines = [[(x, *page) for x in range(columns)]]
    if rows is not None:
        lines = [[(x, y, *page) for x in range(columns)] for y in range(rows)]
    limits = list[float | None]()
    if limited is not None:  # whatever the learning rate is, it is not asked for
        others = [line[0] for line in lines] if limited == 0 else lines[0]
        limits = [limit(chart.grid.cell(place).settings) for place in others]
    spots = tuple(tuple(_spot(chart, place, metric) for place in line) for line in lines)
    return Panel(chart.grid.page_text(page), spots, tuple(limits))


def _spot(chart: Chart, place: Place, metric: str) -> Spot:
    found = chart.reading(place, metric)
    return Spot(found.values, found.diverged > 0, found.failed > 0, chart.beyond(place, metric))
