"""Widgets that are given values and show them. None of them knows a Run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import RichLog

from deadrelu_tui.history import Firing
from deadrelu_tui.metrics import gone
from deadrelu_tui.records import Event
from deadrelu_tui.settings import SATURATING
from deadrelu_tui.tui.ascii import to_ascii
from deadrelu_tui.tui.chart import ROLES, Plot, Span, draw
from deadrelu_tui.tui.charts import WORDS, ChartSpec
from deadrelu_tui.tui.unit_map import UNIT_ROLES, unit_rows
from deadrelu_tui.wording import count

Row = list[Span]
FRAME_ROLES = ("frame", "name", "text")


class CellPanel(Widget, can_focus=True):
    """A framed panel of coloured cells that sends only those to the terminal that have changed.

    It draws its frame itself, because a change of Textual's own border title repaints the whole widget.
    """

    @dataclass
    class Stale(Message):
        """The panel has a new size, and must be drawn again."""

        panel: CellPanel

    FRAME = 2
    """Columns, and rows, that the frame takes."""

    def __init__(self, id: str, ascii_only: bool = False) -> None:
        super().__init__(id=id, classes="panel cells")
        self.ascii_only = ascii_only
        self.note = ""
        """A word for the lower right corner of the frame."""
        self.drawn: object = None
        """What the panel shows, in its owner's terms; None if it must be drawn again."""
        self._rows: list[Row] = []
        self._strips: list[Strip] = []

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows inside the frame, and one column of air."""
        return max(0, self.size.width - self.FRAME - 1), max(0, self.size.height - self.FRAME)

    @property
    def title(self) -> str:
        """What stands in the upper line of the frame."""
        return "".join(text for text, _ in self._rows[0]).strip("╭─╮+- ") if self._rows else ""

    def show(self, title: Sequence[Span], rows: list[Row]) -> None:
        """Show a title of (text, role) parts and rows of spans as wide as the room."""
        before, now = self._rows, self._framed(title, rows)
        self._rows = now
        if len(before) != len(now) or len(self._strips) != len(now):
            self._restyle()
            return
        dirty = []
        for y, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                self._strips[y] = self._strip(new)
                dirty.append(_difference(old, new, y))
        if dirty:
            self.refresh(*dirty)

    def on_resize(self) -> None:
        """Ask to be drawn at the new size; until anything is known show the frame alone."""
        self.drawn = None
        if not self._rows:
            columns, rows = self.room
            self.show([], [[(" " * columns, "text")] for _ in range(rows)])
        self.post_message(self.Stale(self))

    def render_line(self, y: int) -> Strip:
        """Return one row of cells."""
        if y < len(self._strips):
            return self._strips[y].adjust_cell_length(self.size.width, self.rich_style)
        return Strip.blank(self.size.width, self.rich_style)

    def notify_style_update(self) -> None:
        """Take the colours of a theme, or of a focus, that has just changed."""
        super().notify_style_update()
        self._restyle()

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return a title that is too long in fewer words."""
        return title

    def _framed(self, title: Sequence[Span], rows: list[Row]) -> list[Row]:
        left, line, right, side, lower_left, lower_right = "+-+|++" if self.ascii_only else "╭─╮│╰╯"
        across = max(0, self.size.width - self.FRAME)
        parts = list(title)
        if self.ascii_only:
            parts = [(to_ascii(text.replace("≤", "<=")), role) for text, role in parts]
        if sum(len(text) + 2 for text, _ in parts) > across - 2:
            parts = self.shorter(parts)
        top: Row = [(left + line + " ", "frame")]
        free = across - 3
        for text, role in parts:
            if len(text) <= free:  # a part that has no room is left out: half a number would be another number
                top.append((text + " " * min(2, free - len(text)), role))
                free -= len(top[-1][0])
        top.append((line * (free + 1) + right, "frame"))
        note = f" {self.note} " if self.note else ""
        bottom = (lower_left + line * max(0, across - len(note) - 1) + note + line + lower_right)[-self.size.width :]
        columns = self.room[0]
        inside = [[*row, (" " * (columns - sum(len(text) for text, _ in row)), "text")] for row in rows]
        return [top, *([(side, "frame"), *row, (" " + side, "frame")] for row in inside), [(bottom, "frame")]]

    def _restyle(self) -> None:
        self._strips = [self._strip(row) for row in self._rows]
        self.refresh()

    def _strip(self, row: Row) -> Strip:
        return Strip(Segment(text, self.get_component_rich_style(f"role--{role}")) for text, role in row)


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

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in (*FRAME_ROLES, *ROLES)}

    def __init__(self, spec: ChartSpec, ascii_only: bool = False) -> None:
        super().__init__(spec.id, ascii_only)
        self.spec = spec
        self.plot: Plot | None = None
        self.add_class("chart")

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return 'h1' for 'dead ReLU h1'."""
        return [(title[0][0].split()[-1], title[0][1]), *title[1:]]

    def show_plot(self, title: Sequence[Span], plot: Plot) -> None:
        """Draw a plot at the panel's size."""
        self.plot = plot
        self.show(title, draw(plot, *self.room, self.ascii_only))


class UnitPanel(CellPanel):
    """The map of all hidden units."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"role--{role}" for role in (*FRAME_ROLES, *UNIT_ROLES)}

    def show_units(self, firing: Firing, probe: int, activation: str) -> None:
        """Show for each layer's units the share of so many probe images for which they fire, or are unsaturated."""
        what = "unsaturated" if activation in SATURATING else "firing rate"
        title = [
            (f"units {' '.join(firing.layers)}", "name"),
            (f"{what} on {count(probe)} probe images", "text"),
            (f"step {count(firing.step)}", "text"),
        ]
        lost = {name: gone(rates, activation) for name, rates in firing.layers.items()}
        self.show(title, unit_rows(firing.layers, lost, *self.room, self.ascii_only, WORDS[activation][2]))

    def clear(self) -> None:
        """Show no units, as before the first look."""
        columns, rows = self.room
        self.show([], [[(" " * columns, "text")] for _ in range(rows)])
        self.drawn = None


class EventPanel(RichLog):
    """What was done and what happened, with the step."""

    def __init__(self, ascii_only: bool = False) -> None:
        super().__init__(id="events", classes="panel", wrap=True, min_width=10)
        self.ascii_only = ascii_only
        self.border_title = "[b]events[/b]"
        self._shown = 0

    def show_events(self, events: Iterable[Event]) -> None:
        """Add the events that are new; all of them again if another run's are given."""
        events = tuple(events)
        if len(events) < self._shown:
            self.clear()
            self._shown = 0
        for event in events[self._shown :]:
            at, text = f"step {count(event.step):>6}  ", event.text
            if self.ascii_only:
                at, text = to_ascii(at), to_ascii(text)
            line = Text(at, style="dim")
            line.append(text, style="not dim bold" if event.mark else "not dim")
            self.write(line)
        self._shown = len(events)

    def forget(self) -> None:
        """Empty the panel for a new run."""
        self.clear()
        self._shown = 0
