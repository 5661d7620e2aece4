"""The units in a panel: the table of definitions, the map, and the portrait of the unit under the cursor."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType

from deadrelu_tui.record.history import History
from deadrelu_tui.tui.keys import UNIT_KEYS
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.definitions import definition_rows, packed, portrait
from deadrelu_tui.tui.panels.unit_map import At, Grid, legend, map_rows, moved
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.plot.charts import MANY, worst_first
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import count


class UnitPanel(CellPanel):
    """The table of definitions, the map of all hidden units, and the portrait of the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = list(UNIT_KEYS)

    def __init__(self, id: str, ascii_only: bool) -> None:
        super().__init__(id, ascii_only)
        self.at: At = ("", 0)
        self._history: History | None = None
        self._view = View()
        self._counts: dict[str, int] = {}
        """Units of each layer, in the order in which the map has them."""
        self._grid = Grid({}, 0, 1, 1)
        self._map_top = 0

    def show_units(self, history: History, view: View) -> None:
        """Show the units as the last look of a history found them; nothing before the first look."""
        self._history, self._view = history, view
        looked, start = history.looked, history.start
        columns, rows = self.room
        if looked is None or start is None:
            self._counts = {}
            self.show([], [])
            return
        layers = looked.layers
        if len(layers) > MANY or view.wanted:
            layers = {name: layers[name] for name in worst_first(history, view) if name in layers}
        if self.at[0] not in layers or self.at[1] >= len(layers[self.at[0]]):
            self.at = (next(iter(layers)), 0)
        layer = self.at[0]
        definition = view.definition_for(history.activation(layer))
        if not definition.applies(layers[layer].activation):  # changed since the last look
            definition = view.definition_for(layers[layer].activation)
        below = packed(
            portrait(self.at, layers[layer], history.ledgers[layer], start.probe), columns, max(1, rows // 4)
        )
        needed = len(below) + 1
        batch = start.facts.get("batch", 0)
        above = definition_rows(
            layers, definition, start.probe, batch, columns, min(rows - needed - 1, 2 + rows // 4), layer
        )
        counts = self._counts = {name: len(units) for name, units in layers.items()}
        room = max(0, rows - needed - len(above))
        self._grid, self._map_top = Grid.fit(counts, columns, room, layer), len(above)
        cells = map_rows(layers, definition, self._grid, self.at, self.ascii_only)[:room]
        cells += [[(" " * columns, "text")] for _ in range(room - len(cells))]
        rest: list[Row] = [legend(layers, definition, self._grid, columns, self.ascii_only)]
        rest += [[(line, "strong" if index == 0 else "text")] for index, line in enumerate(below)]
        size = batch if definition.on_batch else start.probe
        title = [
            (f"units {' '.join(layers) if len(layers) < 5 else f'of {len(layers)} layers'}", "name"),
            (definition.name + (f" on {count(size)} images" if size else ""), "text"),
            (f"step {count(looked.step)}", "text"),
        ]
        self.show(title, [*above, *cells, *rest][:rows])

    def clear(self) -> None:
        """Show no units, as before the first look."""
        self.show_units(History(), self._view)
        self.drawn = None

    def action_unit(self, by: int) -> None:
        """Move the cursor so many units on."""
        self._go(by)

    def action_unit_row(self, by: int) -> None:
        """Move the cursor so many rows down."""
        if self.at[0] in self._grid.counts:
            self._go(by * self._grid.wide(self.at[0]) * self._grid.pooled)

    def _go(self, by: int) -> None:
        if self._history is not None and self._counts:
            self.at = moved(self.at, self._counts, by)
            self.show_units(self._history, self._view)

    def on_click(self, event: events.Click) -> None:
        """Take the unit that was clicked on."""
        at = self._grid.unit_at(event.y - 1 - self._map_top, event.x - 1 - self._grid.left)
        if at is not None and self._history is not None:
            self.at = at
            self.show_units(self._history, self._view)
