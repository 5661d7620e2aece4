"""The panels: charts, units, events. They are given values and show them; none of them knows a Run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.tui.cells import FRAME_ROLES, CellPanel, Row
from deadrelu_tui.tui.event_list import EVENT_ROLES, condensed, event_rows
from deadrelu_tui.tui.keys import EVENT_KEYS, UNIT_KEYS
from deadrelu_tui.tui.meter import meter_rows, packed, portrait
from deadrelu_tui.tui.plot.chart import ROLES, Plot, Span, draw
from deadrelu_tui.tui.plot.charts import ChartSpec, activation_of
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.tui.unit_map import UNIT_ROLES, At, Grid, legend, map_rows, moved
from deadrelu_tui.wording import count

ROLE_CLASSES = {f"role--{role}" for role in (*FRAME_ROLES, *ROLES, *UNIT_ROLES, *EVENT_ROLES)}
"""The component classes of a screen that holds panels: one for each role of their cells."""


class ChartPanel(CellPanel):
    """A chart of one spec."""

    def __init__(self, spec: ChartSpec, ascii_only: bool = False) -> None:
        super().__init__(spec.id, ascii_only)
        self.spec = spec
        self.plot: Plot | None = None
        self.rows = 0
        """Rows that the plot was made for."""
        self.more = ""
        """What the frame says of charts that have no room."""
        self.add_class("chart")

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return 'h1' for 'dead ReLU h1'."""
        return [(title[0][0].split()[-1], title[0][1]), *title[1:]]

    def show_plot(self, title: Sequence[Span], plot: Plot) -> None:
        """Draw a plot at the panel's size."""
        self.plot, self.rows = plot, self.room[1]
        self.show(title, draw(plot, *self.room, self.ascii_only))


class UnitPanel(CellPanel):
    """The dead meter, the map of all hidden units, and the portrait of the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = list(UNIT_KEYS)

    def __init__(self, id: str, ascii_only: bool = False) -> None:
        super().__init__(id, ascii_only)
        self.at: At = ("h1", 0)
        self._history: History | None = None
        self._view = View()
        self._grid = Grid({}, 0, 1, 1)
        self._map_top = 0

    def show_units(self, history: History, view: View) -> None:
        """Show the units as the last look of a history found them; nothing before the first look."""
        self._history, self._view = history, view
        looked, start = history.looked, history.start
        columns, rows = self.room
        if looked is None or start is None:
            self.show([], [])
            return
        layers = looked.layers
        if self.at[0] not in layers or self.at[1] >= len(layers[self.at[0]]):
            self.at = (next(iter(layers)), 0)
        layer = self.at[0]
        definition = view.definition_for(activation_of(history))
        if layers[layer].activation not in definition.activations:  # changed since the last look
            definition = view.definition_for(layers[layer].activation)
        below = packed(portrait(self.at, layers[layer], history.ledger(layer), start.probe), columns, max(1, rows // 4))
        needed = len(below) + 1
        batch = min(start.train, -(-start.train // start.batches))
        above = meter_rows(
            layers, definition, start.probe, batch, columns, min(rows - needed - 1, 2 + rows // 4), layer
        )
        counts = {name: len(units) for name, units in layers.items()}
        room = max(0, rows - needed - len(above))
        self._grid, self._map_top = Grid.fit(counts, columns, room, layer), len(above)
        cells = map_rows(layers, definition, self._grid, self.at, self.ascii_only)[:room]
        cells += [[(" " * columns, "text")] for _ in range(room - len(cells))]
        rest: list[Row] = [legend(layers, definition, self._grid, columns, self.ascii_only)]
        rest += [[(line, "strong" if index == 0 else "text")] for index, line in enumerate(below)]
        title = [
            (f"units {' '.join(layers) if len(layers) < 5 else f'h1–h{len(layers)}'}", "name"),
            (f"{definition.name} on {count(start.batch if definition.on_batch else start.probe)} images", "text"),
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
        if self._history is not None and self._history.looked is not None:
            counts = {name: len(units) for name, units in self._history.looked.layers.items()}
            self.at = moved(self.at, counts, by)
            self.show_units(self._history, self._view)

    def on_click(self, event: events.Click) -> None:
        """Take the unit that was clicked on."""
        left = max((len(name) for name in self._grid.counts), default=0) + 2
        at = self._grid.unit_at(event.y - 1 - self._map_top, event.x - 1 - left)
        if at is not None and self._history is not None:
            self.at = at
            self.show_units(self._history, self._view)


def _goes_on(row: Row) -> bool:
    """Return whether a row of events belongs to the one before it."""
    return not row[0][0].strip("↳ ")


class EventPanel(CellPanel):
    """What was done and what happened, with the step. Follows the newest unless scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = list(EVENT_KEYS)

    def __init__(self, id: str, ascii_only: bool = False) -> None:
        super().__init__(id, ascii_only)
        self._history: History | None = None
        self._events: tuple[Event, ...] = ()
        self._told: list[Event] = []
        self._above = 0
        """Rows that the view is scrolled up from the end."""

    def show_events(self, history: History) -> None:
        """Show as many rows of events as there is room for."""
        self._history = history
        if self._events is not history.events:
            self._events, self._told = history.events, condensed(history.events)
        columns, rows = self.room
        lines = event_rows(history, self._told, columns, rows + self._above + 1)
        self._above = max(0, min(self._above, len(lines) - rows))
        stop = len(lines) - self._above
        first = max(0, stop - rows)
        while first and first < stop and _goes_on(lines[first]):  # begin with the beginning of an event
            first += 1
        seen = lines[first:stop] + [[(" " * columns, "text")] for _ in range(rows - (stop - first))]
        self.note = " ".join(arrow for arrow, hidden in (("↑ more", first), ("↓ more", self._above)) if hidden)
        self.show([("events", "name")], seen)

    def forget(self) -> None:
        """Follow the newest again, for a new run."""
        self._above, self.drawn = 0, None

    def action_scroll(self, rows: int) -> None:
        """Scroll so many rows up."""
        self._above = max(0, self._above + rows)
        if self._history is not None:
            self.show_events(self._history)

    def action_page(self, pages: int) -> None:
        """Scroll so many pages up."""
        self.action_scroll(pages * max(1, self.room[1] - 1))

    def on_mouse_scroll_up(self) -> None:
        """Scroll up."""
        self.action_scroll(3)

    def on_mouse_scroll_down(self) -> None:
        """Scroll down."""
        self.action_scroll(-3)
