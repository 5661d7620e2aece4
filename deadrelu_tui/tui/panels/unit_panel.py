"""The units in a panel: the table of definitions, the map, and the portrait of the unit under the cursor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from textual import events
from textual.binding import BindingType

from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.history import History
from deadrelu_tui.record.units import Definition, Units
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.tui.keys import UNIT_KEYS
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.definitions import SILENT, definition_rows, packed, portrait
from deadrelu_tui.tui.panels.joy import chosen, joy_rows
from deadrelu_tui.tui.panels.picture import picture_rows
from deadrelu_tui.tui.panels.unit_map import At, Grid, legend, map_rows, moved
from deadrelu_tui.tui.panels.weights import Weights
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.plot.charts import worst_first
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import count

GAP = 2
"""Columns between the map and what stands beside it."""
BESIDE, BESIDE_ROWS = 64, 6
"""Columns and rows from which on anything stands beside the map."""
PICTURE, SPREAD = 16, 8
"""Rows that the weights take, and that a spread needs."""


def beside(columns: int, rows: int) -> int:
    """Return how many of the columns are for what stands beside the map; 0 where there is no room for it."""
    return min(72, max(30, 2 * columns // 5)) if columns >= BESIDE and rows >= BESIDE_ROWS else 0


class UnitPanel(CellPanel):
    """The table of definitions, the map of all hidden units, and the portrait of the one under the cursor; beside them,
    with room for it, how h of its layer has spread, and its incoming weights.
    """

    BINDINGS: ClassVar[list[BindingType]] = list(UNIT_KEYS)

    def __init__(self, id: str, ascii_only: bool) -> None:
        super().__init__(id, ascii_only)
        self.at: At = ("", 0)
        self._shown: tuple[History, View, Source] | None = None
        self._weights = Weights(self._came)
        self._reading = False
        """Whether somebody has moved the cursor among the units, and the panel still has the focus."""
        self._counts: dict[str, int] = {}
        """Units of each layer, in the order in which the map has them."""
        self._grid = Grid({}, 0, 1, 1)
        self._map_top = 0

    def show_units(self, history: History, view: View, source: Source) -> None:
        """Show the units as the last look of a history found them; nothing before the first look."""
        self._shown = history, view, source
        looked, start = history.looked, history.start
        if looked is None or start is None:
            self._counts = {}
            self.show([], [])
            return
        layers = {name: looked.layers[name] for name in worst_first(history, view) if name in looked.layers}
        if self.at[0] not in layers or self.at[1] >= len(layers[self.at[0]]):
            self.at = (next(iter(layers)), 0)
        definition = view.definition_for(history.activation(self.at[0]))
        if not definition.applies(layers[self.at[0]].activation):  # changed since the last look
            definition = view.definition_for(layers[self.at[0]].activation)
        columns, rows = self.room
        about = {**probed.judged_by(start), **probed.units_of(history.network, self.at[0])}
        pieces = portrait(self.at, layers[self.at[0]], history.ledgers[self.at[0]], start.probe, about)
        below = packed(pieces, columns, max(1, rows // 8))
        free = rows - len(below) - 1  # the legend is below the map, too
        side = beside(columns, free) if len(layers[self.at[0]].spread) else 0  # not everybody tells it
        narrow = columns - side - (GAP if side else 0)
        batch = start.facts.get("batch", 0)

        known = view.among([units.activation for units in layers.values()])
        followed = next((each for each in known if each.metric == definition.metric), definition)

        def table(width: int) -> list[Row]:
            most = min(free - 1, 2 + rows // 4)
            return definition_rows(layers, followed, start.probe, batch, width, most, self.at[0], known)

        within = table(narrow)
        above = [] if within else table(columns)  # across both where it has no room beside the pictures
        self._map_top = len(above) + len(within)
        height = free - len(above)
        shown = [*within, *self._map(layers, definition, narrow, height - len(within))]
        if side:
            pictures = self._pictures(history, source, side, height)
            pictures += [[]] * (len(shown) - len(pictures))
            both = zip(shown, pictures, strict=False)
            shown = [[*_filled(one, narrow), (" " * GAP, "text"), *two] for one, two in both]
        told = legend(layers, followed, self._grid, columns, self.ascii_only)
        shown = [*above, *shown, told, *([(line, "text" if at else "strong")] for at, line in enumerate(below))]
        size = batch if definition.on_batch else start.probe
        title = [
            (f"units {' '.join(layers) if len(layers) < 5 else f'of {len(layers)} layers'}", "name"),
            (_judged(definition, size, about), "text"),
            (f"step {count(looked.step)}", "text"),
        ]
        self.show(title, [_filled(row, columns) for row in shown[:rows]])

    def _map(self, layers: Mapping[str, Units], definition: Definition, columns: int, rows: int) -> list[Row]:
        """Return so many rows of the map."""
        counts = self._counts = {name: len(units) for name, units in layers.items()}
        self._grid = Grid.fit(counts, columns, max(0, rows), self.at[0])
        cells = map_rows(layers, definition, self._grid, self.at, self.ascii_only)[: max(0, rows)]
        return [*cells, *([] for _ in range(rows - len(cells)))]

    def _pictures(self, history: History, source: Source, columns: int, rows: int) -> list[Row]:
        """Return what stands beside the map: how the layer's h spread, and the weights of the unit under the cursor;
        without room for both the weights while the unit is chosen.
        """
        both = rows >= PICTURE + SPREAD
        # What is not shown is not asked for: the training would have to copy its parameters.
        weights = self._weights_picture(history, source, columns) if both or (self._reading and rows > PICTURE) else []
        if weights and not both:
            return weights
        layer = history.network.layer(self.at[0])
        if both and layer is not None and layer.inputs and source.start.facts.get("shape"):
            told = f"{layer.name} is fed by units, not by pixels:", "its weights are no picture"
            weights = [[(line[:columns], "text")] for line in told]
        spread = self._spread(history, columns, rows - (len(weights) + 1 if weights else 0))
        return [*spread, *([[]] if weights and spread else []), *weights]

    def _spread(self, history: History, columns: int, rows: int) -> list[Row]:
        layer, since = self.at[0], max((event.step for event in history.marks), default=history.first)
        at = chosen(history.look_steps.tolist(), since, rows - 2)
        looks = [history.look_at(index) for index in at]
        told = [(look.step, look.layers[layer].spread) for look in looks if layer in look.layers]
        found = joy_rows(told, columns, self.ascii_only)
        names = (f"h of {layer}, step by step, log both ways", f"h of {layer}, log both ways", f"h of {layer}")
        name = next((each for each in names if len(each) <= columns), names[-1][:columns])
        return [[(name, "strong")], *found] if found else []

    def _weights_picture(self, history: History, source: Source, columns: int) -> list[Row]:
        layer, start = history.network.layer(self.at[0]), source.start
        shape = tuple(start.facts.get("shape", ()))
        weight = history.network.parameter(layer.weight) if layer is not None and not layer.inputs else None
        if weight is None or len(shape) != 2 or weight.inputs != math.prod(shape) or shape[1] > columns:
            return []
        weights = self._weights.of(source, weight.name)
        if weights is None or self.at[1] >= len(weights):
            return []
        plain = self.ascii_only or not self.coloured
        now = "now" if source.status is Status.RUNNING else f"after step {count(source.history.last or 0)}"
        return [
            [(f"weights of unit {self.at[1]} {now}", "strong")],
            *picture_rows(np.asarray(weights[self.at[1]]), (int(shape[0]), int(shape[1])), plain),
        ]

    def clear(self) -> None:
        """Show no units, as before the first look."""
        self._counts, self._shown, self.drawn = {}, None, None
        self.show([], [])

    def action_unit(self, by: int) -> None:
        """Move the cursor so many units on."""
        self._go(by)

    def action_unit_row(self, by: int) -> None:
        """Move the cursor so many rows down."""
        if self.at[0] in self._grid.counts:
            self._go(by * self._grid.wide(self.at[0]) * self._grid.pooled)

    def _go(self, by: int) -> None:
        if self._counts:
            self._take(moved(self.at, self._counts, by))

    def on_click(self, event: events.Click) -> None:
        """Take the unit that was clicked on."""
        at = self._grid.unit_at(event.y - 1 - self._map_top, event.x - 1 - self._grid.left)
        if at is not None:
            self._take(at)

    def _take(self, at: At) -> None:
        if self._shown is not None:
            self.at, self._reading = at, True
            self.show_units(*self._shown)

    def watch_has_focus(self, has_focus: bool) -> None:
        """Show the weights of a unit no more that is read no more."""
        super().watch_has_focus(has_focus)
        if self._reading and not has_focus:
            self._reading = False
            if self._shown is not None:
                self.show_units(*self._shown)

    def _came(self) -> None:
        self.drawn = None
        self.post_message(self.Stale(self))


def _judged(definition: Definition, size: int, about: Mapping[str, Any]) -> str:
    """Return a definition of death with what it is judged by."""
    if definition.short == SILENT:  # which says it itself
        return definition.name
    if about.get("by") == CHOSEN:
        return definition.name
    if "by" in about:
        return f"{definition.name} on {probed.probe({**about, 'probe': size})}"
    return definition.name + (f" on {count(size)} images" if size else "")


def _filled(row: Row, columns: int) -> Row:
    return [*row, (" " * (columns - sum(len(text) for text, _ in row)), "text")]
