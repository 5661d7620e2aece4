"""A control for one of a few values, in one line and in whatever characters the locale has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

NONE = -1
"""Nothing is chosen."""
SIGN = 2
"""Cells that the sign of an option takes."""


class Choice(Widget, can_focus=True):
    """One of a few values: all in sight where there is room, else the chosen one. Arrows, space or a click choose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
    ]

    chosen: reactive[int] = reactive(NONE, init=False)
    """Index of the option."""

    @dataclass
    class Changed(Message):
        """Another option was chosen, by a person or by the form."""

        choice: Choice
        by_person: bool

    def __init__(self, labels: Sequence[str], chosen: int, ascii_only: bool) -> None:
        super().__init__(classes="control")
        self.labels, self.ascii_only = tuple(labels), ascii_only
        self.gap = 1 if ascii_only else 2
        self.set_reactive(Choice.chosen, chosen)

    def show(self, index: int) -> None:
        """Choose an option without a person's doing."""
        if index != self.chosen:
            self.chosen = index
            self.post_message(self.Changed(self, by_person=False))

    def _take(self, index: int) -> None:
        self.chosen = index
        self.post_message(self.Changed(self, by_person=True))

    def action_turn(self, way: int) -> None:
        """Go to the next option or to the one before, round and round."""
        now = self.chosen if self.chosen != NONE else min(0, -way)
        self._take((now + way) % len(self.labels))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; where only one option is in sight, the next or the one before."""
        place = event.get_content_offset(self)
        if place is None:
            return
        if not self._all_fit:
            self.action_turn(-1 if place.x < SIGN else 1)
            return
        start = 0
        for index, label in enumerate(self.labels):
            if start <= place.x < start + len(label) + SIGN:
                self._take(index)
            start += len(label) + SIGN + self.gap

    @property
    def _all_fit(self) -> bool:
        cells = sum(len(label) + SIGN for label in self.labels) + self.gap * (len(self.labels) - 1)
        return cells <= self.content_size.width

    def render(self) -> Content:
        """Draw the options; the chosen one stands out by its sign, not by colour alone."""
        strong = "bold reverse" if self.has_focus else "bold $primary"
        if not self._all_fit:
            label = self.labels[self.chosen] if self.chosen != NONE else "own"
            return Content.styled(f"< {label} >" if self.ascii_only else f"‹ {label} ›", strong)
        pieces = []
        for index, label in enumerate(self.labels):
            on = index == self.chosen
            sign = "●" if on else "○"
            text = (f"[{label}]" if on else f" {label} ") if self.ascii_only else f"{sign} {label}"
            pieces.append(Content.styled(text, strong if on else "$foreground 70%"))
        return Content(" " * self.gap).join(pieces)
