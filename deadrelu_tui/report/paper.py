"""What text is printed on, and tables that fit it."""

from __future__ import annotations

import os
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from deadrelu_tui.ascii import is_plain, to_ascii
from deadrelu_tui.wording import printable

GAP = 2
"""Columns between two of a table."""
_LOOKS = {"bold": "1", "dim": "2", "good": "32", "doubtful": "33", "bad": "31", "now": "36"}
_NARROWEST = 20


@dataclass(frozen=True)
class Cell:
    """A text with a look: empty, or one of bold, dim, good, doubtful, bad, now."""

    text: str
    look: str = ""


@dataclass(frozen=True)
class Paper:
    """How wide and how high it is, None where that has no end, and what can be put on it."""

    width: int | None = None
    height: int | None = None
    ascii: bool = False
    colours: bool = False

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str]) -> Paper:
        """Return what a stream is: a terminal of some size and colours, or anything else."""
        plain = is_plain(stream)
        if not stream.isatty():
            return cls(ascii=plain)
        try:
            width, height = os.get_terminal_size(stream.fileno())
        except OSError:
            width, height = 0, 0
        colours = not environment.get("NO_COLOR") and environment.get("TERM", "dumb") not in ("dumb", "unknown")
        return cls(width or 80, height or 24, plain, colours)

    def put(self, text: str, look: str = "", width: int = 0, right: bool = False) -> str:
        """Return a text as it is printed, cut or filled to a width if there is one."""
        text = to_ascii(text) if self.ascii else text
        if width:
            text = cut(text, width, "~" if self.ascii else "…")
            fill = " " * (width - room(text))
            text = fill + text if right else text + fill
        return f"\x1b[{_LOOKS[look]}m{text}\x1b[0m" if look and self.colours and text.strip() else text

    def wrapped(self, text: str, indent: int, look: str = "") -> Iterator[str]:
        """Yield a text as lines that leave so many columns free before them."""
        width = max(_NARROWEST, (self.width or 100) - indent)
        for line in textwrap.wrap(printable(text), width, break_on_hyphens=False) or [""]:
            yield " " * indent + self.put(line, look)


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    heading: str
    cells: Sequence[Cell]
    right: bool = False
    least: int = 0
    """To so many columns it may be cut; 0 if it may not."""

    @property
    def full(self) -> int:
        """The width in which nothing of it is cut."""
        return max(len(self.heading), *(room(each.text) for each in self.cells)) if self.cells else len(self.heading)


def table(columns: Sequence[Column], paper: Paper, spared: Sequence[str] = ()) -> Iterator[str]:
    """Yield a table, the headings first. Where it is too wide, columns are cut that may be, and before that those left
    out that can be spared, in their order by heading.
    """
    shown = [each for each in columns if each.heading == columns[0].heading or any(cell.text for cell in each.cells)]
    full = {each.heading: each.full for each in shown}
    for name in spared:
        if paper.width is None or _least(shown, full) <= paper.width:
            break
        shown = [each for each in shown if each.heading != name]
    widths = _widths(shown, full, paper.width)
    heads = [Cell(each.heading, "dim") for each in shown]
    for row in (heads, *zip(*(each.cells for each in shown), strict=True)):
        cells = zip(row, shown, widths, strict=True)
        yield (" " * GAP).join(paper.put(it.text, it.look, size, at.right) for it, at, size in cells).rstrip()


def _least(columns: Sequence[Column], full: Mapping[str, int]) -> int:
    return sum(min(each.least or full[each.heading], full[each.heading]) + GAP for each in columns) - GAP


def _widths(columns: Sequence[Column], full: Mapping[str, int], width: int | None) -> list[int]:
    """Return how wide each column is: what is too much is taken from those that may be cut, from the last one first."""
    widths = [full[each.heading] for each in columns]
    over = 0 if width is None else sum(widths) + GAP * (len(widths) - 1) - width
    for index, each in reversed(list(enumerate(columns))):
        if over > 0 and each.least:
            less = min(over, max(0, widths[index] - each.least))
            widths[index] -= less
            over -= less
    return widths


def room(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def cut(text: str, width: int, mark: str = "…") -> str:
    """Return a text that is no wider than so; what is missing is marked."""
    if room(text) <= width:
        return text
    while room(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + mark
