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
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.record.metrics import METRICS
from deadrelu_tui.tui.screens.dialog import SCROLLS, Dialog
from deadrelu_tui.tui.screens.questions import NameQuestion

Line = list[tuple[str, Style]]
BOLD, DIM, PLAIN, HEADING = Style(bold=True), Style(dim=True), Style(), Style(bold=True, underline=True)
_GAP = 2
_ROOM = 32
"""Columns without which a text stands below its heading, not beside it."""


Group = tuple[str, Sequence[tuple[str, str, str]]]
"""A heading, and below it (key, name, explanation) of each of its keys."""
MEASURED, SHOWN = "what is measured", "what is shown"
TERMS = (
    (
        "map of units",
        "A cell for each unit, or for several where there is no room: the brighter, the more probe images it "
        "fires for. ✖: all units of the cell are dead, by the definition that d chooses.",
    ),
    (
        "h, step by step",
        "How the pre-activations h of a layer spread over all its units and all probe images, a row for each look. "
        "The axis is that of asinh: straight around zero, logarithmic far from it on both sides. A bar is the share "
        "of h in its column; what lies left of zero does not fire.",
    ),
    (
        "weights of unit",
        "The incoming weights of the unit under the cursor, as the picture that they are multiplied with: positive "
        "ones in the colour of what fires, negative ones in that of what does not. Of a run that trains they are "
        "those of now, not of the step that is read. The strongest colour stands for all beyond the number beside "
        "it.",
    ),
    ("predicts", "What share of the probe set is taken for which class, at the last look."),
    (
        "band",
        "Where a column of a chart stands for four steps or more: from the least to the greatest value, grey, and the "
        "mean as the line.",
    ),
)
"""Names and explanations of what is no number."""


def wrapped(groups: Sequence[Group], width: int, wanted: str = "") -> Iterator[list[Line]]:
    """Yield the lines of each heading, each key with its name and what it does, and of every metric, wrapped to a
    width; where a text is wanted those alone that hold it.
    """
    held, wanted = [key for _, keys in groups for key in keys], wanted.lower()
    first, second = (max((len(each[column]) for each in held), default=0) + _GAP for column in (0, 1))
    for heading, keys in groups:
        found = [each for each in keys if wanted in " ".join((heading, *each)).lower()]
        if found:
            yield [[], [(heading, HEADING)]]
        for key, name, text in found:
            yield list(_beside([(key, first, BOLD), (name, second, PLAIN)], [(text, DIM)], width))
    names = max(len(metric.name) for metric in METRICS) + _GAP
    measured = [
        each for each in METRICS if wanted in " ".join((MEASURED, each.name, each.meaning, each.formula)).lower()
    ]
    shown = [each for each in TERMS if wanted in " ".join((SHOWN, *each)).lower()]
    if shown:
        yield [[], [(SHOWN, HEADING)]]
    for name, text in shown:
        yield list(_beside([(name, names, BOLD)], [(text, PLAIN)], width))
    if measured:
        yield [[], [(MEASURED, HEADING)]]
    for metric in measured:
        texts = [(metric.meaning, PLAIN), (metric.formula, DIM)]
        yield list(_beside([(metric.name, names, BOLD)], texts, width))


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

    def __init__(self, groups: Sequence[Group], ascii_only: bool) -> None:
        super().__init__(classes="help panel")
        self.border_title = "[b]help[/b]  / finds  esc closes"
        self.groups, self.ascii_only, self.wanted = groups, ascii_only, ""
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

    def find(self, text: str) -> None:
        """Show what holds a text; everything again if it is empty."""
        self.wanted = text
        found = Content.assemble(("help", "bold"), f"  /{text}  esc shows all" if text else "  / finds  esc closes")
        self.border_title = found.markup
        self._width, self._starts, self._lines = 0, [0], []
        self.scroll_to(y=0, animate=False, immediate=True)
        self._wrap()
        self.virtual_size = Size(self._width, len(self._lines))
        self.refresh()

    @property
    def _first(self) -> int:
        """The line at the top; before the size is told the one that will stand there then."""
        return self.scroll_offset.y if self.virtual_size.width == self._width else self._top

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        if width and width != self._width:
            entry = bisect_right(self._starts, self._first) - 1
            within = self._first - self._starts[entry]
            found = list(wrapped(self.groups, width - 1, self.wanted))  # a column of air before the scrollbar
            found = found or [[[(f"Nothing here holds {self.wanted}.", PLAIN)]]]
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
    """Keys and definitions; any of its keys closes it, but those that scroll and find."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "dismiss", "close"),
        Binding("escape", "back", "close"),
        Binding("slash", "find", "find"),
        *(Binding(key, f"scroll('{how}')") for key, how in SCROLLS.items()),
    ]

    def __init__(self, groups: Iterable[Group], classes: str) -> None:
        super().__init__(classes=classes)
        self.groups = tuple(groups)
        self.ascii_only = "-ascii" in classes.split()

    def compose(self) -> ComposeResult:
        """Show the text."""
        yield HelpText(self.groups, self.ascii_only)

    def action_scroll(self, how: str) -> None:
        """Scroll as the arrows do, or to an end."""
        getattr(self.query_one(HelpText), f"scroll_{how}")(animate=False)

    def action_back(self) -> None:
        """Show everything again, or close."""
        text = self.query_one(HelpText)
        if text.wanted:
            text.find("")
        else:
            self.dismiss()

    def action_find(self) -> None:
        """Ask what to look for."""
        text = self.query_one(HelpText)

        def take(wanted: str | None) -> None:
            if wanted is not None:
                text.find(wanted)

        asked = NameQuestion(text.wanted, "ghost", self.classes_of, "Keys and definitions that hold:")
        self.app.push_screen(asked, take)

    @property
    def classes_of(self) -> str:
        """The class that tells which characters may be used."""
        return "-ascii" if self.ascii_only else "-unicode"
