"""The layers of a network that has many, as a list: the worst first, each with its course."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from textual import events
from textual.binding import BindingType
from textual.message import Message

from deadrelu_tui.diagnosis.thresholds import LAYER_DYING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import quantity
from deadrelu_tui.tui.keys import LAYER_KEYS
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.names import fitted
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.plot.charts import worst_first
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import count, percent

NUMBER = 8
"""Columns of a share; a column of units is as wide as its largest number."""
COURSE = 8
"""Columns that the course of a layer needs to be of use."""
_WORDS = {"dead_fraction": "dead", "inactive_fraction": "< 1 %", "saturated_fraction": "stuck",
          "dormant_fraction": "dormant", "silent_fraction": "silent"}  # fmt: skip
"""The definitions of death as a heading has room for them."""
_BARS = "▁▂▃▄▅▆▇█"


class LayerPanel(CellPanel):
    """The layers with what share of each is lost and zero; the chosen one is what charts and units are of."""

    BINDINGS: ClassVar[list[BindingType]] = list(LAYER_KEYS)

    @dataclass
    class Chosen(Message):
        """Another layer was chosen."""

        layer: str

    def __init__(self, id: str, ascii_only: bool) -> None:
        super().__init__(id, ascii_only)
        self.at = ""
        """The layer that was chosen; empty as long as that is the worst one."""
        self._shown: tuple[History, View] | None = None
        self._order: list[str] = []
        self._top = 0

    def show_layers(self, history: History, view: View) -> None:
        """Show as many layers as there is room for, the chosen one among them."""
        self._shown = history, view
        self._order = worst_first(history, view)
        if self.at not in self._order:
            self.at = ""
        columns, rows = self.room
        fit, chosen = max(1, rows - 1), self.at or next(iter(self._order), "")
        at = self._order.index(chosen) if chosen in self._order else 0
        self._top = max(0, min(self._top, at, len(self._order) - fit))
        self._top = max(self._top, at - fit + 1)
        told = self._order[self._top : self._top + fit]
        below = len(self._order) - self._top - len(told)
        found = [(f"{count(self._top)} above" if self._top else ""), (f"{count(below)} below: j" if below else "")]
        self.hint = self.more or ", ".join(filter(None, found))
        table = layer_rows(history, view, told, chosen, columns)
        self.show([("layers", "name"), (f"{count(len(self._order))}, the worst first", "text")], table[:rows])

    def action_layer(self, by: int) -> None:
        """Choose the layer so many further on."""
        if self._order:
            now = self._order.index(self.at) if self.at in self._order else 0
            self._choose(self._order[min(max(0, now + by), len(self._order) - 1)])

    def on_click(self, event: events.Click) -> None:
        """Choose the layer that was clicked on."""
        row = self._top + event.y - 2
        if event.y > 1 and row < len(self._order):
            self._choose(self._order[row])

    def on_mouse_scroll_up(self) -> None:
        """Choose the layer above."""
        self.action_layer(-1)

    def on_mouse_scroll_down(self) -> None:
        """Choose the layer below."""
        self.action_layer(1)

    def _choose(self, layer: str) -> None:
        self.at = layer
        if self._shown is not None:
            self.show_layers(*self._shown)
        self.post_message(self.Chosen(layer))


def layer_rows(history: History, view: View, layers: list[str], chosen: str, width: int) -> list[Row]:
    """Return a heading and a row for each layer: name, units, what is lost and zero of it, and the course of that."""
    known = {name: layer for name in layers if (layer := history.network.layer(name)) is not None}
    units = max([len("units"), *(len(count(each.units)) for each in known.values())]) + 1
    longest = max(map(len, known), default=0)
    course = width - longest - units - 2 * NUMBER - 3
    course = course if course >= COURSE else 0
    left = max(1, width - 2 - units - 2 * NUMBER - (course + 1 if course else 0))
    activations = history.activations
    words = {_WORDS.get(view.definition_for(activations.get(name, "")).metric, "lost") for name in layers}
    word = words.pop() if len(words) == 1 else "lost"
    head = f"  {'layer':<{left}}{'units':>{units}}{word:>{NUMBER}}{'zeros':>{NUMBER}}"
    rows: list[Row] = [[(head[:width].ljust(width), "text")]]
    for name, layer in known.items():
        metric = quantity(view.definition_for(activations.get(name, layer.activation)).metric, name).name
        lost, zeros = history.latest(metric), history.latest(quantity("zero_fraction", name).name)
        role = "dead" if lost is not None and lost > LAYER_DYING else "strong" if name == chosen else "text"
        row: Row = [
            ("▸ " if name == chosen else "  ", "chosen"),
            (f"{fitted(name, left)}{count(layer.units):>{units}}", "chosen" if name == chosen else "strong"),
            (f"{_share(lost):>{NUMBER}}", role),
            (f"{_share(zeros):>{NUMBER}}", "text"),
        ]
        if course:
            row.append((" " + _course(history, metric, course), role))
        rows.append(row)
    return rows


def _share(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else percent(value)


def _course(history: History, metric: str, columns: int) -> str:
    """Return how a share went, from the first step to the newest, a column for each part of the run."""
    steps, values = history.series(metric)
    if not len(steps):
        return " " * columns
    places = np.linspace(history.first, max(history.first, history.next - 1), columns)
    at = np.searchsorted(steps, places, side="right") - 1
    told = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    return "".join(" " if np.isnan(each) else _BARS[min(7, int(8 * max(0.0, float(each))))] for each in told)
