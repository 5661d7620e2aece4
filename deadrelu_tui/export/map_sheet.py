"""The sheet on which maps of a grid of runs are drawn with matplotlib: a title, the maps, their colours and signs."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from deadrelu_tui.export.palette import BLACK, BLUE, RED
from deadrelu_tui.export.phases import Map, Panel, Shades, Side, Spot, edges, limit_line
from deadrelu_tui.export.plain import shown as printed
from deadrelu_tui.export.scale import SHARES, Scale, fitting

_WIDTH, _LEAST = 11.0, 6.6
"""Inches; so are all lengths here."""
_EDGE, _LABEL, _LETTER = 0.3, 0.3, 0.074
"""Beside everything, of the name of what goes up, and of a letter beside an axis."""
_BAR, _BESIDE, _RIGHT = 0.17, 0.3, 0.95
"""The bar of colours: its width, what lies before it, and what its numbers take."""
_BELOW, _ABOVE, _BETWEEN = 0.52, 0.3, 0.3
"""What is written below the maps and above each, and what lies between two of them."""
_UNDER = 0.2
"""Below a map that has another one below it; one that has none has the room for what goes across."""
_WIDEST, _HIGHEST = 1.3, 0.62
"""Of a cell."""
_LOWEST, _TALLEST = 1.5, 6.0
"""Of a map."""
_COURSE, _STRIP = 2.7, 0.4
"""Of the course over one axis, and of its cells below."""
_ACROSS = 4
_SIGN = 0.13
"""Of a cell in which a sign can be read."""
_SEAM = 0.9
"""Points of a cell's own colour around it, so that no browser draws a seam between two of them."""
_SMALL, _GREY, _PALE = 8.5, "#555555", "#dddddd"
_NO_VALUE = {"facecolor": "#ececec", "edgecolor": "#9a9a9a", "hatch": "xxxx", "linewidth": 0}
"""How cells look of which nothing is left: all of their runs diverged."""
_FAILED = {"facecolor": "#f7dccb", "edgecolor": "#e3a98a", "linewidth": 0}
"""And those whose runs failed."""
_LINE = {"color": BLACK, "linewidth": 2.2, "solid_capstyle": "projecting", "solid_joinstyle": "miter"}
_THEORY = {"color": RED, "linewidth": 2.0, "linestyle": (0, (4, 2)), "dash_capstyle": "butt"}


class MapSheet:
    """A figure of matplotlib, filled from top to bottom."""

    def __init__(self, figure: Any, shown: Map) -> None:
        self._figure, self._shown, self._shades = figure, shown, Shades(shown)
        up = shown.up
        self._left = _EDGE + _LABEL + _LETTER * (max(map(len, up.texts)) if up is not None else 5)
        room = _WIDTH - self._left - _BESIDE - _BAR - _RIGHT
        many, cells = len(shown.panels), len(shown.across)
        beside = max(1, min(many, _ACROSS, int(room / max(2.2, 0.16 * cells))))
        self._rows = -(-many // beside)
        self._beside = -(-many // self._rows)
        self._wide = min((room - (self._beside - 1) * _BETWEEN) / self._beside, _WIDEST * cells)
        least = _LEAST - self._left - _EDGE - 0.1 if up is None else 3.3 if many == 1 else 2.0
        self._wide = max(self._wide, least)
        self._high = _COURSE + _STRIP
        if up is not None:
            cell = min(self._wide / cells, _HIGHEST)
            self._high = min(max(cell * len(up), _LOWEST), _TALLEST if many == 1 else 3.2)
        self._across = self._beside * self._wide + (self._beside - 1) * _BETWEEN
        right = _BESIDE + _BAR + _RIGHT if up is not None else _EDGE + 0.1
        self._width = max(_LEAST, self._left + self._across + right)

    def draw(self) -> None:
        """Draw everything."""
        shown, titled = self._shown, any(each.title for each in self._shown.panels)
        lines = [line for each in shown.about for line in textwrap.wrap(printed(each), int(self._width * 12.6))]
        head = 0.62 + 0.19 * len(lines) + (0.05 if titled else 0)
        above = _ABOVE if titled else 0.0
        maps = self._rows * (above + self._high) + (self._rows - 1) * _UNDER + _BELOW
        signs = list(self._signs())
        rows = self._laid([label for _, label in signs])
        self._height = head + maps + 0.22 * len(rows) + 0.25
        self._figure.set_size_inches(self._width, self._height)
        self._write(printed(shown.title), 0.3, 12.5, weight="bold")
        for index, line in enumerate(lines):
            self._write(line, 0.57 + 0.19 * index, 9, colour="#333333")
        for index, panel in enumerate(shown.panels):
            row, column = divmod(index, self._beside)
            top = head + row * (above + self._high + _UNDER) + above
            lowest = index + self._beside >= len(shown.panels)
            self._panel(panel, self._left + column * (self._wide + _BETWEEN), top, column == 0, lowest)
        self._bar(head + above)
        self._legend(signs, rows, head + maps + 0.1)

    def _axes(self, left: float, top: float, wide: float, high: float) -> Any:
        box = (left / self._width, 1 - (top + high) / self._height, wide / self._width, high / self._height)
        return self._figure.add_axes(box)

    def _write(self, text: str, below: float, size: float, colour: str = BLACK, weight: str = "normal") -> None:
        place = _EDGE / self._width, 1 - below / self._height
        self._figure.text(*place, text, fontsize=size, color=colour, weight=weight, va="center")

    # Maps

    def _panel(self, panel: Panel, left: float, top: float, first: bool, lowest: bool) -> None:
        across, up = self._shown.across, self._shown.up
        if up is None:
            self._course(panel, self._axes(left, top, self._wide, _COURSE))
            axes = self._axes(left, top + _COURSE + 0.08, self._wide, _STRIP - 0.08)
            size = self._wide / len(across), _STRIP - 0.08
        else:
            axes = self._axes(left, top, self._wide, self._high)
            size = self._wide / len(across), self._high / len(up)
        self._cells(axes, panel, size)
        self._lines(axes, panel, size)
        axes.set_xlim(-0.5, len(across) - 0.5)
        axes.set_ylim(-0.5, len(panel.rows) - 0.5)
        _mark(axes.xaxis, across, self._wide, wide=True, named=lowest)
        if up is None:
            axes.set_yticks([])
        else:
            _mark(axes.yaxis, up, self._high, wide=False, named=first)
        if lowest:
            axes.set_xlabel(across.name, fontsize=9, color=_GREY, labelpad=3)
        if first and up is not None:
            axes.set_ylabel(up.name, fontsize=9, color=_GREY, labelpad=4)
        if panel.title:
            most = int(self._wide / 0.085)
            axes.set_title(textwrap.shorten(printed(panel.title), most, placeholder=" …"), fontsize=9.5, loc="left",
                           pad=5)  # fmt: skip
        _frame(axes)

    def _cells(self, axes: Any, panel: Panel, size: tuple[float, float]) -> None:
        """Draw the cells, and what is to be said of those whose runs have not all come to a value."""
        means = np.array([[each.mean for each in row] for row in panel.rows])
        colours = self._shades.of(self._shades.height(means))
        apart = {"edgecolors": "white", "linewidth": 0.7} if min(size) > 0.2 else {"edgecolors": "face",
                                                                                  "linewidth": _SEAM}  # fmt: skip
        places = np.arange(means.shape[1] + 1) - 0.5, np.arange(means.shape[0] + 1) - 0.5
        axes.pcolormesh(*places, colours, **apart)
        for y, row in enumerate(panel.rows):
            _fill(axes, row, y - 0.5, y + 0.5)
        if min(size) < _SIGN:
            return
        points = min(size) * 72
        for y, row in enumerate(panel.rows):
            for x, spot in enumerate(row):
                ink = "white" if spot.values and self._shades.is_dark(spot.mean) else BLACK
                if spot.diverged and spot.values:
                    axes.plot([x], [y], **_cross(ink, min(7.0, points * 0.4)))
                if spot.failed and not _is_lost(spot):
                    axes.text(x + (0.25 if spot.diverged else 0), y, "!", fontsize=min(11.0, points * 0.6), va="center",
                              ha="center", weight="bold", color=ink if spot.values else RED)  # fmt: skip

    def _lines(self, axes: Any, panel: Panel, size: tuple[float, float]) -> None:
        """Draw the boundary, and what theory says, each on a white ground so that it is seen on all colours."""
        xs, ys = edges(panel.rows)
        if xs:
            wide = min(2.2, max(0.9, min(size) * 18))
            axes.plot(xs, ys, **{**_LINE, "color": "white", "linewidth": 1.8 * wide}, zorder=4)
            axes.plot(xs, ys, **{**_LINE, "linewidth": wide}, zorder=5)
        if panel.limits:
            shown = self._shown
            sides = (shown.across, shown.up) if shown.limited == 0 else (shown.up, shown.across)
            assert sides[0] is not None
            line = limit_line(panel, *sides)
            line = line if shown.limited == 0 else line[::-1]
            axes.plot(*line, color="white", linewidth=3.6, alpha=0.85, zorder=6)
            axes.plot(*line, **_THEORY, zorder=7)

    def _course(self, panel: Panel, axes: Any) -> None:
        """Draw the mean over one axis, and how far apart the seeds are."""
        shown, row = self._shown, panel.rows[0]
        scale = fitting([np.array([each for spot in row for each in spot.values])], shown.share)
        means = scale.place([each.mean for each in row])
        lows = scale.place([min(each.values, default=math.nan) for each in row])
        highs = scale.place([max(each.values, default=math.nan) for each in row])
        _fill(axes, row, 0.0, 1.0)
        at = np.arange(len(row))
        if shown.across.values is not None:
            axes.fill_between(at, lows, highs, color=BLUE, alpha=0.18, linewidth=0)
            axes.plot(at, means, color=BLUE, linewidth=1.6)
        else:
            axes.vlines(at, lows, highs, color=BLUE, alpha=0.35, linewidth=4)
        axes.plot(at, means, color=BLUE, linestyle="", marker="o", markersize=4)
        for x, spot in enumerate(row):
            if len(spot.values) > 1:
                axes.plot([x] * len(spot.values), scale.place(spot.values), color=BLUE, linestyle="", marker="o",
                          markersize=2, alpha=0.5)  # fmt: skip
        xs, _ = edges(panel.rows)
        for edge in dict.fromkeys(each for each in xs if not math.isnan(each)):
            axes.axvline(edge, color=BLACK, linewidth=1.6, zorder=2.5)
        for limit in panel.limits:
            place = math.nan if limit is None else shown.across.place(limit)
            if -0.5 <= place <= len(row) - 0.5:
                axes.axvline(place, **_THEORY)
        axes.set_xlim(-0.5, len(row) - 0.5)
        axes.set_ylim(0.0, 1.0)
        axes.set_xticks([])
        ticks = scale.ticks(5)
        axes.set_yticks([each.at for each in ticks], _texts(ticks, scale))
        axes.grid(axis="y", color=_PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_ylabel(printed(shown.metric), fontsize=9, color=_GREY, labelpad=4)
        _frame(axes)

    # Colours and signs

    def _bar(self, top: float) -> None:
        """Draw which colour stands for which value."""
        high = self._high * self._rows + (self._rows - 1) * (_UNDER + _ABOVE)
        high = min(high, 4.2)
        if self._shown.up is None:
            return  # the course above has the numbers
        axes = self._axes(self._left + self._across + _BESIDE, top, _BAR, high)
        steps = np.linspace(0.0, 1.0, 257)
        axes.pcolormesh([0, 1], steps, self._shades.of((steps[:-1] + steps[1:]) / 2)[:, None, :], edgecolors="face",
                        linewidth=_SEAM)  # fmt: skip
        ticks = self._shades.ticks()
        axes.set_xticks([])
        axes.yaxis.tick_right()
        axes.yaxis.set_label_position("right")
        axes.set_yticks([each.at for each in ticks], [each.text for each in ticks])
        axes.set_ylim(0.0, 1.0)
        axes.tick_params(labelsize=_SMALL, color="#999999", labelcolor="#333333", length=3)
        axes.set_ylabel(printed(self._shown.metric), fontsize=9, color=_GREY, labelpad=5)
        _frame(axes)

    def _signs(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield what is to be explained, of what was drawn: how it looks, and what it says."""
        spots = [spot for panel in self._shown.panels for spot in panel.spots]
        if self._shown.boundary and any(edges(each.rows)[0] for each in self._shown.panels):
            yield _LINE, self._shown.boundary
        if any(each is not None for panel in self._shown.panels for each in panel.limits):
            yield _THEORY, self._shown.theory
        if any(each.diverged and not each.values for each in spots):
            yield _NO_VALUE, "diverged"
        if any(each.diverged and each.values for each in spots):
            yield _cross(BLACK, 6.0), "some seeds diverged"
        if any(_has_failed(each) for each in spots):
            yield {**_FAILED, "text": "!", "color": RED}, "failed"
        if any(each.failed and each.values for each in spots):
            yield {"text": "!", "color": BLACK}, "some seeds failed"
        if any(_is_blank(each) for each in spots):
            yield {"facecolor": "white", "edgecolor": "#999999", "linewidth": 0.8}, "not computed"

    def _laid(self, labels: Sequence[str]) -> list[list[int]]:
        """Return which of the signs stand in which row, as many in each as there is room for."""
        rows, used = list[list[int]](), math.inf
        for index, label in enumerate(labels):
            need = 0.62 + 0.072 * len(label)
            if used + need > self._width - self._left - _EDGE:
                rows.append([])
                used = 0.0
            rows[-1].append(index)
            used += need
        return rows

    def _legend(self, signs: Sequence[tuple[dict[str, Any], str]], rows: Sequence[Sequence[int]], top: float) -> None:
        for row in rows:
            left = self._left
            axes = self._axes(left, top, self._width - left, 0.22)
            axes.set_axis_off()
            axes.set_xlim(0.0, self._width - left)
            axes.set_ylim(-0.11, 0.11)
            at = 0.0
            for index in row:
                look, label = signs[index]
                _sign(axes, at, look)
                axes.text(at + 0.38, 0, printed(label), fontsize=_SMALL, color="#333333", va="center")
                at += 0.62 + 0.072 * len(label)
            top += 0.22


def _is_lost(spot: Spot) -> bool:
    """Return whether nothing is left of a cell because its runs diverged."""
    return spot.diverged and not spot.values


def _has_failed(spot: Spot) -> bool:
    """Return whether nothing is known of a cell because its runs failed."""
    return spot.failed and not spot.diverged and not spot.values


def _fill(axes: Any, row: Sequence[Spot], low: float, high: float) -> None:
    """Draw those cells of a row that have no value though their runs have ended, from some height to another."""
    for which, look in ((_is_lost, _NO_VALUE), (_has_failed, _FAILED)):
        flags = [which(each) for each in row]
        for so, cells in groupby(range(len(row)), key=flags.__getitem__):
            if so:
                found = list(cells)
                left, right = found[0] - 0.5, found[-1] + 0.5
                axes.fill([left, right, right, left], [low, low, high, high], **look)


def _is_blank(spot: Spot) -> bool:
    return not (spot.values or spot.diverged or spot.failed)


def _sign(axes: Any, at: float, look: dict[str, Any]) -> None:
    box = {name: each for name, each in look.items() if name not in ("text", "color")}
    if "facecolor" in look:
        axes.fill([at, at + 0.3, at + 0.3, at], [-0.07, -0.07, 0.07, 0.07], **box)
    if "text" in look:
        axes.text(at + 0.15, 0, look["text"], fontsize=9, weight="bold", color=look["color"], ha="center", va="center")
    elif "facecolor" in look:
        return
    elif "marker" in look:
        axes.plot([at + 0.15], [0], **look)
    else:
        axes.plot([at, at + 0.3], [0, 0], **look)


def _cross(colour: str, size: float) -> dict[str, Any]:
    return {"marker": "x", "markersize": size, "markeredgewidth": 1.3, "color": colour, "linestyle": ""}


def _texts(ticks: Sequence[Any], scale: Scale) -> list[str]:
    return [f"{100 * float(each.text):.0f} %" if scale is SHARES else each.text for each in ticks]


def _mark(axis: Any, side: Side, room: float, *, wide: bool, named: bool) -> None:
    """Write along a side what goes along it."""
    ticks, between = side.ticks(room, wide)
    axis.set_ticks([each.at for each in ticks], [printed(each.text) if named else "" for each in ticks])
    axis.set_ticks(between, minor=True)


def _frame(axes: Any) -> None:
    axes.tick_params(labelsize=_SMALL, color="#999999", labelcolor="#333333", length=3.5)
    axes.tick_params(which="minor", color="#bbbbbb", length=2)
    for side in axes.spines.values():
        side.set_color("#999999")
        side.set_linewidth(0.8)
