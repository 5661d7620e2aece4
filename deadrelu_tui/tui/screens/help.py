"""The help: every key as it is declared, and every metric as the vocabulary defines it."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from deadrelu_tui.record.metrics import METRICS
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.tui.wire.ascii import to_ascii

Line = list[tuple[str, Style]]
BOLD, DIM, PLAIN = Style(bold=True), Style(dim=True), Style()
_GAP = 2
_ROOM = 32
"""Columns without which a text stands below its heading, not beside it."""


def wrapped(keys: Sequence[tuple[str, str, str]], width: int) -> Iterator[list[Line]]:
    """Yield the lines of each key, with its name and what it does, then of every metric, wrapped to a width."""
    first, second = (max((len(each[column]) for each in keys), default=0) + _GAP for column in (0, 1))
    for key, name, text in keys:
        yield list(_beside([(key, first, BOLD), (name, second, PLAIN)], [(text, DIM)], width))
    names = max(len(metric.name) for metric in METRICS) + _GAP
    for metric in METRICS:
        texts = [(metric.meaning, PLAIN), (metric.formula, DIM)]
        yield [[], *_beside([(metric.name, names, BOLD)], texts, width)]


def _beside(left: Sequence[tuple[str, int, Style]], texts: Iterable[tuple[str, Style]], width: int) -> Iterator[Line]:
    indent = sum(size for _, size, _ in left)
    head: Line = [(text.ljust(size), style) for text, size, style in left]
    if width - indent < _ROOM:
        yield [(f"{text}  ", style) for text, _, style in left]
        indent, head = _GAP, [(" " * _GAP, PLAIN)]
    for text, style in texts:
        for line in textwrap.wrap(text, max(1, width - indent)) or [""]:
            yield [*head, (line, style)]
            head = [(" " * indent, PLAIN)]


class HelpText(ScrollView):
    """All of the help. Only what is in sight is drawn: laid out as tables it took a quarter of a second."""

    def __init__(self, keys: Sequence[tuple[str, str, str]], ascii_only: bool) -> None:
        super().__init__(classes="help panel")
        self.border_title = "[b]help[/b]  esc closes"
        self.keys, self.ascii_only = keys, ascii_only
        self._lines: list[Line] = []
        self._starts = [0]
        """The line with which each entry begins."""
        self._width = self._top = 0
        """Columns that the lines were wrapped to, and the line that belongs at the top then."""

    def on_resize(self) -> None:
        """Wrap the text to the new width; the entry that stood at the top stays there."""
        self._wrap()
        if self.virtual_size.width != self._width:
            top = self._first
            self.virtual_size = Size(self._width, len(self._lines))
            self.scroll_to(y=top, animate=False, immediate=True)

    @property
    def _first(self) -> int:
        """The line at the top; before the size is told the one that will stand there then."""
        return self.scroll_offset.y if self.virtual_size.width == self._width else self._top

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        if width and width != self._width:
            entry = bisect_right(self._starts, self._first) - 1
            within = self._first - self._starts[entry]
            found = list(wrapped(self.keys, width - 1))  # a column of air before the scrollbar
            self._lines = list(chain.from_iterable(found))
            self._starts = list(accumulate((len(each) for each in found[:-1]), initial=0))
            self._width, self._top = width, self._starts[entry] + min(within, len(found[entry]) - 1)

    def render_line(self, y: int) -> Strip:
        """Return one row of what is in sight. The first are asked for before the size is told."""
        self._wrap()
        at, style = y + self._first, self.rich_style
        parts = self._lines[at] if at < len(self._lines) else []
        letters = to_ascii if self.ascii_only else str
        strip = Strip(Segment(letters(text), style + own) for text, own in parts)
        return strip.adjust_cell_length(self.size.width, style)


class HelpScreen(Dialog[None]):
    """Keys and definitions; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close")]

    def __init__(self, keys: Iterable[tuple[str, str, str]], classes: str) -> None:
        super().__init__(classes=classes)
        self.keys = tuple(keys)
        self.ascii_only = "-ascii" in classes.split()

    def compose(self) -> ComposeResult:
        """Show the text."""
        yield HelpText(self.keys, self.ascii_only)
