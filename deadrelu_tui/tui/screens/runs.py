"""The runs of this session and all that were recorded, to draw some behind the run in hand as its ghosts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from deadrelu_tui.builtin import presets
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.telling import described
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.tui.panels.banner import VERDICT_STYLE
from deadrelu_tui.tui.panels.lines import MUTED, STATUS_STYLE, ascii_only
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.tui.screens.questions import NameQuestion
from deadrelu_tui.wording import count, moment, percent

BORDER = 5
"""Columns that border, padding and scroll bar take."""
BROAD = 73
"""Columns from which a run's numbers fit in one line."""
WIDEST = 104
_BY_WIDTH, _BY_HEIGHT = [(0, "-slim"), (BROAD + BORDER, "-broad")], [(0, "-flat"), (9, "-high")]
"""Classes by the size of the terminal, for the style sheet."""
_HEADINGS = ("no", "started", "experiment", "verdict", "test", "status", "steps")
_WIDTHS = (3, 8, 10, 11, 6, 8, 0)
"""Cells of the columns; the last takes what it needs."""
_GAP = "  "
_ALONE = (
    "There is no earlier run yet. Close this and press r to start another: "
    "this one can then be drawn behind it as its ghost."
)


@dataclass(frozen=True)
class RunRow:
    """What the list tells of a run."""

    run: str
    """The id."""
    number: int | None
    """From 1, in the order in which the runs of this session were started; None for any other."""
    started: str
    """Time of day, or the day."""
    experiment: str
    """Name of the article's experiment, 'own' for any other."""
    description: str
    status: Status
    done: int
    steps: int | None
    """Of the whole run; None before it has looked at the images."""
    verdict: str
    """Its word, empty before the first step."""
    accuracy: float | None
    """On the test images, as last measured."""
    ghost: str = ""
    """The character of this run's lines behind those of the one in hand; empty if it is not drawn there."""


def row_of(number: int, run: Source, ghost: str = "") -> RunRow:
    """Return what the list tells of a run."""
    history, settings = run.history.frozen(), run.start.settings
    found = verdict(history)
    return RunRow(
        run.start.run,
        number,
        moment(run.start.at),
        presets.named(settings)[1] or "own",
        described(settings) or run.start.title,
        run.status,
        history.taken,
        history.steps_planned,
        found.word if found else "",
        history.latest("accuracy/test"),
        ghost,
    )


def rows_of(summaries: Sequence[Summary], shown: Collection[str], marks: Mapping[str, str]) -> list[RunRow]:
    """Return what the list tells of recorded runs, but for those that are shown already."""
    today = moment(time.time(), "%Y-%m-%d")
    return [
        RunRow(
            each.run,
            None,
            moment(each.began) if moment(each.began, "%Y-%m-%d") == today else moment(each.began, "%d %b"),
            presets.named(each.settings)[1] or "own",
            described(each.settings) or each.title,
            Status(each.status),
            each.steps,
            each.planned,
            each.verdict,
            each.accuracy,
            marks.get(each.run, ""),
        )
        for each in summaries
        if each.run not in shown
    ]


def card(row: RunRow, in_hand: bool, pointer: str, width: int) -> Content:
    """Return a run as its numbers in columns and its settings below; where it is narrow, as lines that wrap."""
    glyph, style = VERDICT_STYLE.get(row.verdict, ("–", MUTED))
    steps = count(row.done) + (f"/{count(row.steps)}" if row.steps is not None else "")
    place = ("in hand" if in_hand else f"ghost {row.ghost}" if row.ghost else "", "bold $accent")
    cells = [
        ("" if row.number is None else str(row.number), "bold"),
        (row.started, ""),
        (row.experiment, "bold"),
        (f"{glyph} {row.verdict}".rstrip(), f"bold {style}"),
        ("–" if row.accuracy is None else percent(row.accuracy), ""),
        (row.status.value, STATUS_STYLE[row.status]),
        (steps, MUTED),
    ]
    lines: list[Content] = []
    if width >= BROAD:
        padded = [Content.styled(text.ljust(size), look) for (text, look), size in zip(cells, _WIDTHS, strict=True)]
        under = Content.styled(place[0].ljust(_WIDTHS[1]), place[1])
        indent = " " * (_WIDTHS[0] + len(_GAP))
        lines = [Content(_GAP).join(padded), Content.assemble(indent, under, _GAP, (row.description, MUTED))]
    else:
        for pieces in ([*cells[:3], place], cells[3:6], [(f"{steps} steps: {row.description}", MUTED)]):
            text = Content(_GAP).join(Content.styled(*piece) for piece in pieces if piece[0])
            lines.extend(text.wrap(max(8, width - 2)))
    head = Content.styled(f"{pointer} ", "bold $accent")
    return Content("\n").join((head if index == 0 else Content("  ")) + line for index, line in enumerate(lines))


MOVES = {"j": "cursor_down", "k": "cursor_up", "g": "first", "G": "last"}
"""Keys that move the pointer, beside the arrows."""


class RunsScreen(Dialog[RunRow | None]):
    """The runs as they are given, newest first; the first is in hand, any other may be its ghost. More of them come as
    soon as they are read.
    """

    CSS_PATH = "dialogs.tcss"
    HORIZONTAL_BREAKPOINTS = _BY_WIDTH
    VERTICAL_BREAKPOINTS = _BY_HEIGHT
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,o", "dismiss(None)", "close"),
        *(Binding(key, f"move('{how}')") for key, how in MOVES.items()),
        Binding("slash", "find", "find"),
    ]

    def __init__(
        self, rows: Sequence[RunRow], classes: str, more: Callable[[], Sequence[RunRow]] | None = None
    ) -> None:
        super().__init__(classes=classes)
        self.rows, self.ascii_only = tuple(rows), "-ascii" in classes.split()
        self._more = more

    def compose(self) -> ComposeResult:
        """Lay out headings, runs and keys."""
        with Vertical(classes="window runs") as window:
            window.border_title = "runs"
            headings = [name.ljust(size) for name, size in zip(_HEADINGS, _WIDTHS, strict=True)]
            yield Static("  " + _GAP.join(headings), classes="headings", markup=False)
            yield OptionList(*(Option("", disabled=index == 0) for index in range(len(self.rows))), markup=False)
            alone = Static(_ALONE, classes="alone", markup=False)
            alone.display = len(self.rows) < 2 and self._more is None
            yield alone
            window.border_subtitle = self._keys()

    def action_move(self, how: str) -> None:
        """Move the pointer as the arrows do, or to an end."""
        getattr(self.query_one(OptionList), f"action_{how}")()

    def action_find(self) -> None:
        """Ask for a text, and point at the next run that holds it."""

        def take(text: str | None) -> None:
            runs = self.query_one(OptionList)
            if not text or runs.highlighted is None:
                return
            after = [*range(runs.highlighted + 1, len(self.rows)), *range(1, runs.highlighted + 1)]
            held = (index for index in after if text.lower() in card(self.rows[index], False, "", BROAD).plain.lower())
            found = next(held, None)
            if found is None:
                self.notify(f"No earlier run holds {text}.")
            else:
                runs.highlighted = found

        letters = "-ascii" if self.ascii_only else "-unicode"
        self.app.push_screen(NameQuestion("", "low-lr", letters, "The next run that holds:"), take)

    def _keys(self) -> str:
        close = "[@click=screen.dismiss(None)][b]esc[/b] close[/]"
        if len(self.rows) < 2:
            return close
        ghost = any(row.ghost for row in self.rows)
        return f"[b]enter[/b] ghost{' on/off' if ghost else ''}  {close}"

    def on_mount(self) -> None:
        """Point at the ghost, or else at the newest of the earlier runs."""
        runs = self.query_one(OptionList)
        runs.focus()
        if len(self.rows) > 1:
            runs.highlighted = next((index for index, row in enumerate(self.rows) if index and row.ghost), 1)
        if self._more is not None:
            threading.Thread(target=self._read, args=(self._more,), name="runs", daemon=True).start()

    def _read(self, more: Callable[[], Sequence[RunRow]]) -> None:
        """Read what else there is, in a thread: it takes a while if many runs are new."""
        try:
            rows = more()
        except InputError:  # the folder cannot be read: there is nothing to show
            rows = ()
        with suppress(Exception):  # nobody may be there any more to be told
            self.app.call_from_thread(self.add, rows)

    def add(self, rows: Sequence[RunRow]) -> None:
        """Show more runs below those that are there."""
        if not self.is_attached:
            return
        self.rows = (*self.rows, *rows)
        runs = self.query_one(OptionList)
        runs.add_options(Option("") for _ in rows)
        self.query_one(".alone").display = len(self.rows) < 2
        self.query_one(".window").border_subtitle = self._keys()
        if runs.highlighted is None and len(self.rows) > 1:
            runs.highlighted = 1
        self._fill()

    def on_resize(self) -> None:
        """Lay the runs out for the new size."""
        runs = self.query_one(OptionList)
        around = 0 if self.app.size.height < 9 else 3  # border and headings
        runs.styles.max_height = max(1, self.app.size.height - around)
        self._fill()
        self.call_after_refresh(runs.scroll_to_highlight)

    def on_option_list_option_highlighted(self) -> None:
        """Move the pointer."""
        self._fill()

    def _fill(self) -> None:
        runs = self.query_one(OptionList)
        width = min(self.app.size.width, WIDEST) - BORDER
        for index, row in enumerate(self.rows):
            pointer = " " if index != runs.highlighted else ">" if self.ascii_only else "▸"
            text = card(row, index == 0, pointer, width)
            if self.ascii_only:
                text = ascii_only(text)
            if runs.get_option_at_index(index).prompt != text:
                runs.replace_option_prompt_at_index(index, text)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose a run."""
        self.dismiss(self.rows[event.option_index])
