"""The events in a panel, newest last."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.telling import told
from deadrelu_tui.tui.keys import EVENT_KEYS
from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.event_list import condensed, event_rows
from deadrelu_tui.tui.plot.chart import Row


def _goes_on(row: Row) -> bool:
    """Return whether a row of events belongs to the one before it."""
    return not row[0][0].strip("↳ ")


class EventPanel(CellPanel):
    """What was done and what happened, with the step. Follows the newest unless scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = list(EVENT_KEYS)

    @dataclass
    class Find(Message):
        """Somebody wants to look for a text among the events."""

        wanted: str
        """What was looked for before."""

    def __init__(self, id: str, ascii_only: bool) -> None:
        super().__init__(id, ascii_only)
        self._history: History | None = None
        self._events: tuple[Event, ...] = ()
        self._told: list[Event] = []
        self._above = 0
        """Rows that the view is scrolled up from the end."""
        self.wanted = ""
        """What an event that is shown holds."""

    def show_events(self, history: History) -> None:
        """Show as many rows of events as there is room for."""
        self._history = history
        if self._events is not history.events:
            self._events = history.events
            held = [each for each in history.events if self.wanted.lower() in told(each).lower()]
            self._told = held if self.wanted else condensed(history.events)
        columns, rows = self.room
        lines = event_rows(history, self._told, columns, rows + self._above + 1)
        self._above = max(0, min(self._above, len(lines) - rows))
        stop = len(lines) - self._above
        first = max(0, stop - rows)
        while first and first < stop and _goes_on(lines[first]):  # begin with the beginning of an event
            first += 1
        seen = lines[first:stop] + [[(" " * columns, "text")] for _ in range(rows - (stop - first))]
        self.hint = " ".join(arrow for arrow, hidden in (("↑ more", first), ("↓ more", self._above)) if hidden)
        self.show([("events", "name"), *([(f"/{self.wanted}", "strong")] if self.wanted else [])], seen)

    def forget(self) -> None:
        """Follow the newest again, for a new run."""
        self._above, self.wanted, self.drawn = 0, "", None

    def action_scroll(self, rows: int) -> None:
        """Scroll so many rows up."""
        self._above = max(0, self._above + rows)
        if self._history is not None:
            self.show_events(self._history)

    def find(self, text: str) -> None:
        """Show the events alone that hold a text, newest last; all of them if it is empty."""
        self.wanted, self._events, self._above = text, (), 0
        if self._history is not None:
            self.show_events(self._history)

    def action_find_event(self) -> None:
        """Ask for a text to be looked for."""
        self.post_message(self.Find(self.wanted))

    def action_page(self, pages: int) -> None:
        """Scroll so many pages up."""
        self.action_scroll(pages * max(1, self.room[1] - 1))

    def on_mouse_scroll_up(self) -> None:
        """Scroll up."""
        self.action_scroll(3)

    def on_mouse_scroll_down(self) -> None:
        """Scroll down."""
        self.action_scroll(-3)
