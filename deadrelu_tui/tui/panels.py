"""Widgets that are given values and show them. None of them knows a Run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import RichLog

from deadrelu_tui.records import Event
from deadrelu_tui.tui.chart import ROLES, Plot, Span, draw
from deadrelu_tui.tui.charts import ChartSpec
from deadrelu_tui.tui.unit_map import UNIT_ROLES, unit_rows
from deadrelu_tui.wording import count

Row = list[Span]


class CellPanel(Widget, can_focus=True):
    """A bordered panel of coloured cells that sends only those to the terminal that have changed."""

    def __init__(self, id: str, ascii_only: bool = False) -> None:
        super().__init__(id=id, classes="panel")
        self.ascii_only = ascii_only
        self._rows: list[Row] = []
        self._strips: list[Strip] = []

    def show(self, rows: list[Row]) -> None:
        """Show these rows of spans."""
        before = self._rows
        self._rows = rows
        if len(before) != len(rows) or len(self._strips) != len(rows):
            self._strips = [self._strip(row) for row in rows]
            self.refresh()
            return
        dirty = []
        for y, (old, new) in enumerate(zip(before, rows, strict=True)):
            if old != new:
                self._strips[y] = self._strip(new)
                dirty.append(_difference(old, new, y))
        if dirty:
            self.refresh(*dirty)

    def show_title(self, parts: Sequence[tuple[str, str]]) -> None:
        """Show a title of (text, role) parts in the border."""
        if sum(len(text) + 2 for text, _ in parts) > self.size.width:  # narrow: 'h1' for 'dead ReLU h1'
            parts = [(parts[0][0].split()[-1], parts[0][1]), *parts[1:]]
        title = Text("  ".join(text for text, _ in parts))
        at = 0
        for text, role in parts:
            title.stylize(self._style(role) if role else Style(bold=True), at, at + len(text))
            at += len(text) + 2
        if self.border_title != title.markup:
            self.border_title = title.markup

    def render_line(self, y: int) -> Strip:
        """Return one row of cells."""
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(self.size.width, self.rich_style)
        return Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """Take the colours of a theme that has just changed."""
        super().notify_style_update()
        self._strips = [self._strip(row) for row in self._rows]

    def _strip(self, row: Row) -> Strip:
        return Strip(Segment(text, self._style(role)) for text, role in row)

    def _style(self, role: str) -> Style:
        return self.get_component_rich_style(f"role--{role}")


def _difference(old: Row, new: Row, y: int) -> Region:
    """Return the stretch of a row in which two versions of it differ."""
    before, after = (tuple((char, role) for text, role in row for char in text) for row in (old, new))
    width = max(len(before), len(after))
    if len(before) != len(after):
        return Region(0, y, width, 1)
    changed = [x for x in range(width) if before[x] != after[x]]
    return Region(changed[0], y, changed[-1] - changed[0] + 1, 1)


class ChartPanel(CellPanel):
    """A chart of one spec."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in ROLES}

    def __init__(self, spec: ChartSpec, ascii_only: bool = False) -> None:
        super().__init__(spec.id, ascii_only)
        self.spec = spec
        self.plot: Plot | None = None
        self.add_class("chart")

    def show_plot(self, plot: Plot) -> None:
        """Draw a plot at the panel's size."""
        self.plot = plot
        self.show(draw(plot, self.size.width, self.size.height, self.ascii_only))


class UnitPanel(CellPanel):
    """The map of all hidden units."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in UNIT_ROLES}

    def show_units(self, layers: dict[str, npt.NDArray[np.float32]], probe: int, step: int, saturating: bool) -> None:
        """Show for each layer's units the share of so many probe images for which they fire, or are unsaturated."""
        units = sum(len(rates) for rates in layers.values())
        what = "unsaturated" if saturating else "firing rate"
        self.show_title([(f"units {' '.join(layers)}", ""), (f"{what} on {count(probe)} probe images", "text"),
                         (f"{count(units)} units, step {count(step)}", "text")])  # fmt: skip
        word = "saturated" if saturating else "dead"
        self.show(unit_rows(layers, self.size.width, self.size.height, self.ascii_only, word))


class EventPanel(RichLog):
    """What was done and what happened, with the step."""

    def __init__(self) -> None:
        super().__init__(id="events", classes="panel", wrap=True, min_width=10)
        self.border_title = "[b]events[/b]"
        self._shown = 0

    def show_events(self, events: Iterable[Event]) -> None:
        """Add the events that are new; all of them again if another run's are given."""
        events = tuple(events)
        if len(events) < self._shown:
            self.clear()
            self._shown = 0
        for event in events[self._shown :]:
            line = Text(f"step {count(event.step):>6}  ", style="dim")
            line.append(event.text, style="not dim bold" if event.mark else "not dim")
            self.write(line)
        self._shown = len(events)

    def forget(self) -> None:
        """Empty the panel for a new run."""
        self.clear()
        self._shown = 0
