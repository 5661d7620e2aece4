"""What came of a sweep, as text and as plain values: its cells, and where half is dead, measured and by theory."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deadrelu_tui.report.paper import GAP, Column, Paper, table
from deadrelu_tui.report.sweep_words import metric_words, places
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.boundary import Crossing, crossings
from deadrelu_tui.sweep.chart import LEVEL, Chart, Reading, is_share, value_words
from deadrelu_tui.sweep.common import in_common
from deadrelu_tui.sweep.grid import Limit, Place
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.wording import count, number

DIVERGED, FAILED, MISSING = "×", "!", "·"
_BARS = "▁▂▃▄▅▆▇█"
_LOOKS = {DIVERGED: "doubtful", FAILED: "bad", MISSING: "dim"}
_CROSSINGS = 1
"""Of a row that crosses the boundary more often the first one is told."""


def lines(chart: Chart, metric: str, limit: Limit, paper: Paper) -> Iterator[str]:
    """Yield a table for each page of a sweep, in it or below it where the boundary lies and what theory says of that,
    and how many runs came to what.
    """
    grid = chart.grid
    told = f"{metric_words(metric)}{' in %' if is_share(metric) else ''}"
    yield paper.put(f"{told[0].upper()}{told[1:]}", "bold")
    mean = "; mean over the seeds" if grid.seeds > 1 else ""
    yield from paper.wrapped(f"{grid.told}{mean}; {', '.join(in_common(grid))}", 0, "dim")
    limits = boundaries = False
    for page in grid.pages:
        yield ""
        if page:
            yield paper.put(grid.page_text(page), "bold")
        of_page = _Page(chart, metric, limit, page)
        limits, boundaries = limits or of_page.has_limits, boundaries or of_page.tells_boundary
        yield from of_page.lines(paper)
    yield ""
    if boundaries:
        yield from paper.wrapped(_explained(metric, limits), 0, "dim")
    yield from _ends(chart, paper)


def _explained(metric: str, limits: bool) -> str:
    text = f"boundary: where {metric_words(metric)} pass {100 * LEVEL:.0f} %"
    if metric_words(metric).endswith("accuracy"):
        text = text.replace("pass", "passes")
    if limits:
        text += "; at: halfway between"
        text += "; theory: the learning rate beyond which half of layer 1 dies; ratio: boundary / theory"
    return text


class _Page:
    """One page of a sweep, or the only one, which may have one axis."""

    def __init__(self, chart: Chart, metric: str, limit: Limit, page: Place) -> None:
        self._chart, self._metric, self._limit, self._page = chart, metric, limit, page
        self._across, *up = chart.grid.axes[:2]
        self._up: Axis | None = up[0] if up else None
        self._along = boundary_axis(chart)
        self._others = [(*each, *page) for each in _places(self._across if self._along else self._up)]
        """The rows across which the boundary is looked for, by their places on all other axes."""
        about = metric == "dead" or metric.startswith("dead_fraction")  # of other things theory says nothing
        self._limits = [theory(chart, limit, each, self._along) if about else None for each in self._others]
        self._found = [crossings(chart, metric, each, self._along) for each in self._others]

    @property
    def has_limits(self) -> bool:
        """Whether theory has something to say."""
        return any(each is not None for each in self._limits)

    @property
    def tells_boundary(self) -> bool:
        """Whether anything crosses the boundary, or should by theory."""
        return is_share(self._metric) and (self.has_limits or any(self._found))

    def lines(self, paper: Paper) -> Iterator[str]:
        """Yield what its cells came to."""
        if self._up is None:
            yield from self._list(paper)
            return
        edge = self._edge()
        beside, below = (edge, []) if self._along == 0 else ([], edge)
        yield from self._fitting(self._up, beside, paper)
        if below and self.tells_boundary:
            yield ""
            yield from table([Column(self._across.words, _texts(self._across), right=True), *below], paper)

    def _fitting(self, up: Axis, beside: Sequence[Column], paper: Paper) -> list[str]:
        """Return the cells with as much of them, and of what stands beside them, as the paper is wide."""
        labels = Column(f"{up.flag} \\ {self._across.flag}", _texts(up)[::-1], "dim", right=True)
        many = len(self._across.values)
        for columns in itertools.chain(
            ([*self._matrix(up, text), *beside] for text in (self._full, self._rounded)),
            ([self._bars(up), *beside] for _ in range(1)),
            ([*self._matrix(up, text), *beside[:1]] for text in (self._full, self._rounded)),
            ([self._bars(up, every), *beside[:1]] for every in range(1, many + 1)),
        ):
            printed = list(table([labels, *columns], paper))
            if paper.width is None or _width([labels, *columns]) <= paper.width:
                return printed
        return printed

    # Cells

    def _list(self, paper: Paper) -> Iterator[str]:
        """Yield a line for each value of the only axis."""
        places = _places(self._across)
        readings = [self._chart.reading(place, self._metric) for place in places]
        means = [self._cell(each, self._full) for each in readings]
        columns = [
            Column(self._across.words, _texts(self._across), right=True),
            Column("mean" if self._chart.grid.seeds > 1 else _heading(self._metric), means, list(map(_look, means)),
                   right=True),
            Column("of seeds", [self._range(each) for each in readings], right=True),
            Column("verdict", [_verdicts(each) for each in readings]),
        ]  # fmt: skip
        yield from table(columns, paper, spared=("verdict", "of seeds"))
        if self.tells_boundary:
            yield ""
            yield from table(self._edge(), paper)

    def _matrix(self, up: Axis, text: Callable[[float], str]) -> Iterator[Column]:
        for x in range(len(self._across.values)):
            readings = [self._reading(x, y) for y in reversed(range(len(up.values)))]
            cells = [self._cell(each, text) for each in readings]
            yield Column(self._across.text(x), cells, [_look(each) for each in cells], right=True)

    def _bars(self, up: Axis, every: int = 1) -> Column:
        """Return each row as one character for each cell, or for some, the higher the larger."""
        means = [self._reading(x, y).mean for y in range(len(up.values)) for x in range(len(self._across.values))]
        known = [each for each in means if math.isfinite(each)]
        low, high = (0.0, 1.0) if is_share(self._metric) else (min(known, default=0.0), max(known, default=1.0))

        def bar(value: float) -> str:
            share = (value - low) / (high - low) if high > low else 0.0
            return _BARS[min(len(_BARS) - 1, max(0, int(share * len(_BARS))))]

        rows = [
            "".join(self._cell(self._reading(x, y), bar) for x in range(0, len(self._across.values), every))
            for y in reversed(range(len(up.values)))
        ]
        texts = _texts(self._across)[::every]
        return Column(f"{texts[0]} to {texts[-1]}{f', 1 of {every}' if every > 1 else ''}", rows)

    def _reading(self, x: int, y: int) -> Reading:
        return self._chart.reading((x, y, *self._page), self._metric)

    def _cell(self, reading: Reading, text: Callable[[float], str]) -> str:
        if reading.values:
            return text(reading.mean)
        return DIVERGED if reading.diverged else FAILED if reading.failed else MISSING

    def _full(self, value: float) -> str:
        return value_words(self._metric, value).removesuffix(" %")

    def _rounded(self, value: float) -> str:
        if not is_share(self._metric):
            return number(value, 2)
        text = f"{100 * value:.0f}"
        return "<1" if text == "0" and value > 0 else ">99" if text == "100" and value < 1 else text

    def _range(self, reading: Reading) -> str:
        if len(reading.values) < 2:
            return ""
        return f"{self._full(min(reading.values))}–{self._full(max(reading.values))}"

    # The boundary

    def _edge(self) -> list[Column]:
        """Return between which values each row crosses the boundary, about where, and what theory says of that."""
        if not self.tells_boundary:
            return []
        axis = self._chart.grid.axes[self._along]
        told = [self._told(axis, each, others) for each, others in zip(self._found, self._others, strict=True)]
        firsts = [each[0].at if each and each[0].sure else None for each in self._found]
        ratios = [_ratio(at, limit) for at, limit in zip(firsts, self._limits, strict=True)]
        columns = (
            ("boundary", told, ""), ("at", [_text(each) for each in firsts], "bold"),
            ("theory", [_text(each) for each in self._limits], ""), ("ratio", [_text(each, 2) for each in ratios], ""),
        )  # fmt: skip
        turned = self._along == 0 and self._up is not None
        return [Column(name, texts[::-1] if turned else texts, look, right=name != "boundary")
                for name, texts, look in columns]  # fmt: skip

    def _told(self, axis: Axis, found: Sequence[Crossing], others: Place) -> str:
        """Return where a row crosses the boundary; if nowhere, on which side all of it lies."""
        if found:
            parts = [f"{axis.text(each.low)}–{axis.text(each.high)}" for each in found[:_CROSSINGS]]
            return ", ".join([*parts, *([f"{len(found) - _CROSSINGS} more"] if len(found) > _CROSSINGS else [])])
        row = [(*others[: self._along], index, *others[self._along :]) for index in range(len(axis.values))]
        sides = {self._chart.beyond(place, self._metric) for place in row}  # None where that is not known
        return "all above" if sides == {True} else "none above" if sides == {False} else ""


def _width(columns: Sequence[Column]) -> int:
    return sum(each.width + GAP for each in columns if not each.empty) - GAP


def _texts(axis: Axis) -> list[str]:
    return [axis.text(index) for index in range(len(axis.values))]


def _places(axis: Axis | None) -> list[tuple[int, ...]]:
    return [()] if axis is None else [(index,) for index in range(len(axis.values))]


def boundary_axis(chart: Chart) -> int:
    """Return along which axis the boundary is looked for: that of the learning rate if it is on the map, else the
    first one.
    """
    return next((at for at, each in enumerate(chart.grid.axes[:2]) if each.name == "lr"), 0)


def theory(chart: Chart, limit: Limit, others: Place, along: int) -> float | None:
    """Return the learning rate beyond which theory expects half of layer 1 to be dead, of a row that goes along the
    axis of learning rates; None where it goes along another one, or where theory expects nothing.
    """
    if chart.grid.axes[along].name != "lr":
        return None
    found = limit(chart.grid.cell((*others[:along], 0, *others[along:])).settings)
    return found if found is not None and math.isfinite(found) else None


def _ratio(at: float | None, limit: float | None) -> float | None:
    return at / limit if at is not None and limit else None


def _text(value: float | None, digits: int = 3) -> str:
    return "" if value is None else number(value, digits)


def _look(text: str) -> str:
    return _LOOKS.get(text, "")


def _heading(metric: str) -> str:
    return f"{metric_words(metric)}{' %' if is_share(metric) else ''}"


def _verdicts(reading: Reading) -> str:
    """Return the verdicts on the runs of a cell, the most frequent first."""
    words = Counter(each.how if each.failed else each.verdict for each in reading.outcomes)
    many = [f"{times} {word}" if reading.of > 1 else word for word, times in words.most_common()]
    return ", ".join(many)


def counted(chart: Chart) -> dict[str, int]:
    """Return how many runs came to what; finished are those that neither diverged nor failed."""
    found = Counter(_end(each) for each in chart.outcomes.values())
    ends = {"finished": found["finished"], "diverged": found["diverged"], "failed": found["failed"]}
    return {**ends, "missing": len(chart.grid) - sum(found.values())}


def _end(outcome: Outcome) -> str:
    return "failed" if outcome.failed else "diverged" if outcome.diverged else "finished"


def _ends(chart: Chart, paper: Paper) -> Iterator[str]:
    many = counted(chart)
    parts = [f"{count(many['finished'])} finished"]
    parts += [f"{count(many[word])} {word}" for word in ("diverged", "failed") if many[word]]
    parts += [f"{count(many['missing'])} not computed"] if many["missing"] else []
    text = f"{count(len(chart.grid))} runs: {', '.join(parts)}"
    if error := first_error(chart):
        text += f"; the first error: {error}"
    look = "bad" if many["failed"] else "doubtful" if many["missing"] else "good"
    yield from paper.wrapped(text, 0, look)


def first_error(chart: Chart) -> str:
    """Return why the first run failed that did, in the order in which they are computed; empty if none did."""
    outcomes = chart.outcomes
    ends = (outcomes.get((cell.place, cell.seed)) for cell in chart.grid.cells())
    return next((each.error or each.how for each in ends if each is not None and each.failed), "")


# Plain values


def data(chart: Chart, metric: str, limit: Limit) -> dict[str, Any]:
    """Return what came of a sweep as plain values; what is not known is None, numbers may be what JSON has no word
    for.
    """
    grid = chart.grid
    return {
        "axes": [{"name": each.name, "values": [_plain(value) for value in each.values]} for each in grid.axes],
        "seeds": [grid.base.seed + seed for seed in range(grid.seeds)],
        "settings": {
            name: value for name, value in grid.base.as_dict().items() if name not in {each.name for each in grid.axes}
        },
        "metric": metric, "runs": len(grid), **counted(chart),
        "cells": list(_cells(chart, metric)),
        "boundary": list(_rows(chart, metric, limit)),
    }  # fmt: skip


def _cells(chart: Chart, metric: str) -> Iterator[dict[str, Any]]:
    outcomes, grid = chart.outcomes, chart.grid
    for place in places(chart.grid):
        reading = chart.reading(place, metric)
        yield {
            "at": _at(chart, place),
            "mean": reading.mean if reading.values else None,
            "low": min(reading.values, default=None), "high": max(reading.values, default=None),
            "beyond": chart.beyond(place, metric),
            "runs": [
                {"seed": grid.base.seed + seed, "run": each.run, "status": each.how, "verdict": each.verdict,
                 "error": each.error or None, "value": each.values.get(metric)}
                for seed in range(grid.seeds) if (each := outcomes.get((place, seed))) is not None
            ],
        }  # fmt: skip


def _rows(chart: Chart, metric: str, limit: Limit) -> Iterator[dict[str, Any]]:
    along = boundary_axis(chart)
    axis = chart.grid.axes[along]
    for place in places(chart.grid):
        if place[along] == 0:
            others = (*place[:along], *place[along + 1 :])
            expected = theory(chart, limit, others, along)
            at = _at(chart, place)
            del at[axis.name]
            yield {
                "at": at, "along": axis.name, "theory": expected,
                "crossings": [
                    {"low": _plain(axis.values[each.low]), "high": _plain(axis.values[each.high]), "at": each.at,
                     "beyond": "high" if each.beyond else "low", "ratio": _ratio(each.at, expected)}
                    for each in crossings(chart, metric, others, along)
                ],
            }  # fmt: skip


def _at(chart: Chart, place: Place) -> dict[str, Any]:
    return {axis.name: _plain(axis.values[index]) for axis, index in zip(chart.grid.axes, place, strict=True)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
