"""What is drawn of a grid of runs: maps of one metric over two settings, or its course over one. It knows no sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.export.palette import RAMP
from deadrelu_tui.export.scale import Scale, Tick, fitting

_LETTER = 0.074
"""Inches of a letter beside an axis, on the average; so are all lengths here."""
_LINE = 0.17
_POWERS = range(2, 10)
"""Between two powers of ten there is a small tick for each of these times the first."""


@dataclass(frozen=True)
class Side:
    """A side of a map: what goes along it, its values as texts and, where they are numbers that rise, as such."""

    name: str
    texts: tuple[str, ...]
    values: tuple[float, ...] | None = None
    geometric: bool = False
    """Whether the values are more nearly a geometric series than an arithmetic one."""
    even: bool = False
    """Whether they are a series, all cells as wide as the values are apart."""

    def __len__(self) -> int:
        return len(self.texts)

    def place(self, value: float) -> float:
        """Return where a number lies: 0 in the middle of the first cell, 1 in that of the next; NaN if nowhere.

        Beyond the first and the last value it goes on as it does before them.
        """
        if self.values is None or not math.isfinite(value) or (self.geometric and value <= 0):
            return math.nan
        bend = math.log if self.geometric else float
        known, at = [bend(each) for each in self.values], bend(value)
        if known[0] <= at <= known[-1]:
            return float(np.interp(at, known, range(len(known))))
        first, last, start = (known[0], known[1], 0) if at < known[0] else (known[-2], known[-1], len(known) - 2)
        return start + (at - first) / (last - first)

    def ticks(self, room: float, wide: bool) -> tuple[list[Tick], list[float]]:
        """Return what is written along a side of so many inches, and where there are small ticks between: each value
        where there is room, else round ones of a series, else some of the values. Widths count, or heights.
        """
        longest = max(map(len, self.texts)) * _LETTER + 0.1
        need = longest if wide else _LINE
        many = len(self.texts)
        if room / many >= need:
            return [Tick(at, text) for at, text in enumerate(self.texts)], []
        most = max(2, int(room / max(need, 0.55 if wide else 0.3)))
        if self.even and self.values is not None:
            round_ones = self._round(most)
            if len(round_ones) > 1:
                return round_ones, self._between() if self.geometric else []
        every = math.ceil(many / most)
        return [Tick(at, self.texts[at]) for at in range(0, many, every)], []

    def _round(self, most: int) -> list[Tick]:
        assert self.values is not None
        scale = Scale("powers" if self.geometric else "even", self.values[0], self.values[-1])
        first, last = scale.place([self.values[0], self.values[-1]]).tolist()
        step = (last - first) / (len(self.values) - 1)
        return [Tick((at - first) / step, text) for at, text in scale.ticks(most)]

    def _between(self) -> list[float]:
        assert self.values is not None
        low, high = (math.floor(math.log10(each)) for each in (self.values[0], self.values[-1]))
        if high - low > 12:
            return []
        places = (self.place(part * 10.0**power) for power in range(low, high + 1) for part in _POWERS)
        return [each for each in places if -0.5 <= each <= len(self) - 0.5]


class Spot(NamedTuple):
    """One cell."""

    values: tuple[float, ...] = ()
    """What was measured, of each seed that has told something."""
    diverged: bool = False
    """Whether any seed did."""
    failed: bool = False
    beyond: bool | None = None
    """On which side of the boundary it lies, where that is known."""

    @property
    def mean(self) -> float:
        """The mean over the seeds; NaN if nothing was measured."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan


@dataclass(frozen=True)
class Panel:
    """One map: its rows, the lowest first; where there is one axis only it has one row."""

    title: str
    rows: tuple[tuple[Spot, ...], ...]
    limits: tuple[float | None, ...] = ()
    """What theory says of each row, or of each column: where on the other axis the limit lies."""

    @property
    def spots(self) -> list[Spot]:
        """All cells."""
        return [each for row in self.rows for each in row]


@dataclass(frozen=True)
class Map:
    """Everything that is drawn, in words and numbers."""

    title: str
    about: tuple[str, ...]
    metric: str
    share: bool
    bright_high: bool
    """Whether high values are those of a network that lives."""
    across: Side
    up: Side | None
    panels: tuple[Panel, ...]
    boundary: str = ""
    """What the line says that is drawn between cells on both sides of the boundary."""
    theory: str = ""
    """What the limit says."""
    limited: int = 0
    """On which axis limits lie: 0 across, 1 up."""


class Shades:
    """Which colour a value has: bright where a network lives, dark where it is dead."""

    def __init__(self, shown: Map) -> None:
        means = np.array([each.mean for panel in shown.panels for each in panel.spots])
        self._share, self._bright_high = shown.share, shown.bright_high
        self._scale = fitting([means])
        self._ends = self._scale.place([self._scale.low, self._scale.high]).tolist()

    def height(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where values lie on the bar of colours: 0 below, 1 above."""
        if self._share:
            return np.asarray(np.clip(np.asarray(values, np.float64), 0.0, 1.0))
        low, high = self._ends
        return np.asarray(np.clip((self._scale.place(values) - low) / (high - low), 0.0, 1.0))

    def of(self, heights: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return colours, red, green and blue from 0 to 1, of places on the bar; white for NaN."""
        at = np.asarray(heights, np.float64)
        shares = 1 - at if self._bright_high else at
        places, stops = np.array([each for each, _ in RAMP]), np.array([each for _, each in RAMP]) / 255
        mixed = np.stack([np.interp(shares, places, stops[:, index]) for index in range(3)], axis=-1)
        return np.asarray(np.where(np.isnan(at)[..., None], 1.0, mixed))

    def is_dark(self, value: float) -> bool:
        """Return whether what stands on its colour has to be white."""
        return bool(self.of(self.height(value)) @ np.array([0.299, 0.587, 0.114]) < 0.5)

    def ticks(self) -> list[Tick]:
        """Return what is written beside the bar."""
        if self._share:
            return [Tick(share / 4, f"{25 * share} %") for share in range(5)]
        low, high = self._ends
        return [Tick((at - low) / (high - low), text) for at, text in self._scale.ticks()]


def edges(rows: Sequence[Sequence[Spot]]) -> tuple[list[float], list[float]]:
    """Return the line between cells on both sides of the boundary, along their edges: its points, NaN where it breaks.

    Between a cell and one of which nothing is known there is none.
    """
    xs, ys = list[float](), list[float]()
    for y, row in enumerate(rows):
        for x, spot in enumerate(row):
            right = row[x + 1].beyond if x + 1 < len(row) else None
            above = rows[y + 1][x].beyond if y + 1 < len(rows) else None
            if None not in (spot.beyond, right) and spot.beyond is not right:
                xs += [x + 0.5, x + 0.5, math.nan]
                ys += [y - 0.5, y + 0.5, math.nan]
            if None not in (spot.beyond, above) and spot.beyond is not above:
                xs += [x - 0.5, x + 0.5, math.nan]
                ys += [y + 0.5, y + 0.5, math.nan]
    return xs, ys


def limit_line(panel: Panel, along: Side, other: Side | None) -> tuple[list[float], list[float]]:
    """Return theory's limit as points: where on its axis, and where on the other one.

    Where the other axis has no numbers each of its cells has a piece of its own; else the line goes on through the
    outer halves of the first cell and the last.
    """
    places = [math.nan if each is None else along.place(each) for each in panel.limits]
    if other is None or other.values is None or len(places) < 2:
        at = [each for place in places for each in (place, place, math.nan)]
        return at, [each for index in range(len(places)) for each in (index - 0.5, index + 0.5, math.nan)]
    first, last = 1.5 * places[0] - 0.5 * places[1], 1.5 * places[-1] - 0.5 * places[-2]
    return [first, *places, last], [-0.5, *map(float, range(len(places))), len(places) - 0.5]
