"""One chart on a sheet: faint lines for the steps, plain ones for the epochs, and their names at their ends."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deadrelu_tui.export.curves import Epochs, Places, brief, broken, outline
from deadrelu_tui.export.palette import BLACK, LINES, RED
from deadrelu_tui.export.plain import shown
from deadrelu_tui.export.scale import SHARES, Scale, apart, fitting, wholes
from deadrelu_tui.record.history import History

_COLUMNS = 500
"""Of a line: more than that nobody sees."""
_GREY, _PALE = "#666666", "#dddddd"
_NAMED = len(LINES)
"""So many lines have a name each; of more, those that end highest."""
_DOTS = 40
"""Epochs that have a dot each."""
_HIGHEST = 3
_NOTHING = np.empty(0), np.empty(0)
_CHARACTERS = 11
"""Of a name behind a line."""
_APART = 0.17
"""Inches between two names."""


@dataclass(frozen=True)
class Line:
    """A metric that is drawn, what it is called there, and its colour."""

    metric: str
    name: str
    colour: str
    of_epochs: bool = True
    """Whether it has a value for each epoch, too."""


class Graph:
    """A chart on axes of matplotlib that go from 0 to 1: our own scales say what lies where."""

    def __init__(self, axes: Any, history: History, epochs: Epochs, size: tuple[float, float]) -> None:
        self._axes, self._history, self._epochs = axes, history, epochs
        self._wide, self._high = size

    def draw(self, lines: Sequence[Line], title: str, about: str, *, share: bool = False, zero: bool = False) -> None:
        """Draw the lines under a title and in smaller letters what they are about."""
        axes, history, epochs = self._axes, self._history, self._epochs
        steps = [broken(history, each.metric, outline(history, each.metric, _COLUMNS)) for each in lines]
        told = [epochs.values(history, each.metric) if each.of_epochs else _NOTHING for each in lines]
        scale = fitting([values for _, values in (*steps, *told)], share)
        self._frame(scale)
        if zero and scale.low < 0 < scale.high:
            axes.axhline(float(scale.place(0.0)), color=_GREY, linewidth=0.7, zorder=1)
        ends = []
        for line, (at, values), (closes, of_epochs) in zip(lines, steps, told, strict=True):
            alone = len(closes) == 0
            if alone or len(at) > len(closes):  # else it is told at the ends of epochs only
                dot = "o" if np.isfinite(values).sum() == 1 else ""
                self._plot(epochs.place(at), scale.place(values), line.colour, linewidth=1.3 if alone else 0.8,
                           alpha=1.0 if alone else 0.45, marker=dot, markersize=3, zorder=2)  # fmt: skip
            dot = "o" if len(closes) <= _DOTS else ""
            self._plot(closes, scale.place(of_epochs), line.colour, linewidth=1.5, marker=dot, markersize=3.5)
            shown_last = scale.place(values if alone else of_epochs)
            shown_last = shown_last[np.isfinite(shown_last)]
            ends.append(float(shown_last[-1]) if len(shown_last) else np.nan)
        self._shade(lines)
        self._name(lines, ends)
        ramp = f" · {len(lines)} layers, the first dark, the last bright" if len(lines) > _NAMED else ""
        self._head(title + ramp, about)

    def _plot(self, places: Places, values: Places, colour: str, **how: Any) -> None:
        self._axes.plot(places, values, color=colour, solid_joinstyle="round", **how)

    def _frame(self, scale: Scale) -> None:
        axes = self._axes
        ticks = scale.ticks(5 if self._high > 1.5 else 4)
        texts = (
            [f"{float(each.text) * 100:.0f} %" for each in ticks] if scale is SHARES else [each.text for each in ticks]
        )
        axes.set_ylim(0.0, 1.0)
        axes.set_yticks([each.at for each in ticks], texts)
        first, stop = self._history.first, max(self._history.next, self._history.first + 1)
        low, high = (float(each) for each in self._epochs.place([first - 1, stop - 1]))
        axes.set_xlim(low - 0.01 * (high - low), high + 0.02 * (high - low))
        across = wholes(low, high, 8 if self._wide > 4 else 5)
        axes.set_xticks([each.at for each in across], [each.text for each in across])
        axes.tick_params(labelsize=8, color=_PALE, labelcolor="#333333", length=3)
        axes.grid(axis="y", color=_PALE, linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            axes.spines[side].set_color("#999999")

    def _shade(self, lines: Sequence[Line]) -> None:
        """Shade where one of the metrics was no finite number."""
        history = self._history
        found = sorted(gap for line in lines for gap in history.gaps(line.metric, history.first, history.next))
        merged = list[list[float]]()
        for gap in found:
            low, high = self._epochs.place([gap.first - 1, gap.last]).tolist()
            if merged and low <= merged[-1][1]:
                merged[-1][1] = max(high, merged[-1][1])
            else:
                merged.append([low, high])
        left, right = self._axes.get_xlim()
        for low, high in merged:
            self._axes.axvspan(low, high, color=RED, alpha=0.12, linewidth=0, zorder=0)
            if (high - low) / (right - left) * self._wide > 1:
                self._axes.text((low + high) / 2, 0.5, "not finite", fontsize=8, color=RED, ha="center", va="center")

    def _name(self, lines: Sequence[Line], ends: Sequence[float]) -> None:
        """Write the lines' names behind their ends, none over another."""
        named = sorted((ends[at], at) for at in range(len(lines)) if np.isfinite(ends[at]) and lines[at].name)
        named = named if len(lines) <= _NAMED else named[-_HIGHEST:]
        places = apart([end for end, _ in named], _APART / self._high)
        names = brief([lines[at].name for _, at in named], _CHARACTERS)
        for place, name, (_, at) in zip(places, names, named, strict=True):
            self._axes.text(1.015, place, shown(name), transform=self._axes.transAxes, fontsize=8,
                            color=lines[at].colour, va="center", clip_on=False)  # fmt: skip

    def _head(self, title: str, about: str) -> None:
        lines = textwrap.wrap(about, int(self._wide * 18.5))[:2]
        for index, line in enumerate(reversed(lines)):
            self._write(line, 0.07 + 0.15 * index, 8, _GREY)
        self._write(shown(title), 0.08 + 0.15 * len(lines), 10 if lines else 9, BLACK, "bold" if lines else
                    "normal")  # fmt: skip

    def _write(self, words: str, above: float, size: float, colour: str, weight: str = "normal") -> None:
        self._axes.text(0, 1 + above / self._high, words, transform=self._axes.transAxes, fontsize=size, color=colour,
                        weight=weight, va="bottom")  # fmt: skip

    def mark(self, steps: Sequence[int], numbered: bool) -> None:
        """Draw a line where something was changed, with its number where there is room."""
        low, high = self._axes.get_xlim()
        free = -np.inf
        for number, step in enumerate(steps, 1):
            at = float(self._epochs.place(step - 1))
            self._axes.axvline(at, color=BLACK, linewidth=0.8, linestyle=(0, (3, 2)), zorder=3)
            if numbered and at >= free:
                self._axes.text(at, 0.985, str(number), fontsize=7, ha="center", va="top", zorder=4, clip_on=False,
                                bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": BLACK, "lw": 0.7})  # fmt: skip
                free = at + 0.2 / self._wide * (high - low)

    def below(self, what: str) -> None:
        """Write what goes across."""
        if what:
            self._axes.set_xlabel(what, fontsize=8, color=_GREY, labelpad=2)
