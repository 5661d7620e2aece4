"""What text is printed on, and tables that fit it."""

from __future__ import annotations

import os
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from deadrelu_tui.ascii import is_plain, to_ascii
from deadrelu_tui.wording import printable

GAP = 2
"""Columns between two of a table."""
_LOOKS = {"bold": "1", "dim": "2", "good": "32", "doubtful": "33", "bad": "31", "now": "36"}
_NARROWEST = 20
_ODD = re.compile("[^\x00-\u02ff\u2010-\u22ff\u2500-\u25ff✔✖]")
"""What may take no column, or two: anything but Latin, punctuation, arrows, boxes and our own signs."""


class Cell(NamedTuple):
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

    def put(self, text: str, look: str = "") -> str:
        """Return a text as it is printed, with its look where there are colours."""
        if self.ascii:
            text = to_ascii(text)
        return f"\x1b[{_LOOKS[look]}m{text}\x1b[0m" if look and self.colours and text else text

    def wrapped(self, text: str, indent: int, look: str = "") -> Iterator[str]:
        """Yield a text as lines that leave so many columns free before them."""
        width = max(_NARROWEST, (self.width or 100) - indent)
        for line in textwrap.wrap(printable(text), width, break_on_hyphens=False) or [""]:
            yield " " * indent + self.put(line, look)


class Column:
    """One column of a table, measured: thousands of cells at once."""

    def __init__(
        self, heading: str, texts: Sequence[str], look: str | Sequence[str] = "", right: bool = False, least: int = 0
    ) -> None:
        """Take the texts, a look for all of them or one for each, on which side they stand, and to how many columns
        they may be cut; 0 if they may not.
        """
        self.heading, self.right, self.empty = heading, right, not any(texts)
        self.texts = [heading, *texts]
        self.looks = ["dim", *([look] * len(texts) if isinstance(look, str) else look)]
        self._plain = not _ODD.search("\n".join(self.texts))
        self.width = max(map(len if self._plain else room, self.texts))
        self.least = min(least or self.width, self.width)

    def printed(self, paper: Paper) -> list[str]:
        """Return its cells as they are printed, each as wide as the column."""
        if self._plain:
            fill = str.rjust if self.right else str.ljust
            filled = [fill(cut(text, self.width), self.width) for text in self.texts]
        else:
            filled = [self._filled(cut(text, self.width)) for text in self.texts]
        if not (paper.colours or paper.ascii):
            return filled
        bare = [text.strip() for text in filled]  # no colour beyond what is read
        cells = zip(filled, bare, self.looks, strict=True)
        return [text.replace(it, paper.put(it, look), 1) if it else text for text, it, look in cells]

    def _filled(self, text: str) -> str:
        space = " " * (self.width - room(text))
        return space + text if self.right else text + space


def _width(column: Column) -> int:
    return column.width


def table(columns: Sequence[Column], paper: Paper, spared: Sequence[str] = ()) -> Iterator[str]:
    """Yield a table, the headings first, without the columns that are empty. Where it is too wide, columns are cut that
    may be; if that is not enough, those are left out that can be spared, in the order of their headings.
    """
    laid = [each for each in columns if not each.empty]
    for name in spared:
        if paper.width is None or sum(each.least + GAP for each in laid) - GAP <= paper.width:
            break
        laid = [each for each in laid if each.heading != name]
    over = 0 if paper.width is None else sum(each.width + GAP for each in laid) - GAP - paper.width
    while over > 0 and (longest := max((each for each in laid if each.width > each.least), key=_width, default=None)):
        longest.width -= 1
        over -= 1
    for row in zip(*(each.printed(paper) for each in laid), strict=True):
        yield (" " * GAP).join(row).rstrip()


def room(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if not _ODD.search(text):
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.combining(each) > 0 for each in text)


def cut(text: str, width: int) -> str:
    """Return a text that is no wider than so; what is missing is marked."""
    if 2 * len(text) <= width or room(text) <= width:
        return text
    while room(text) > width - 1:
        text = text[:-1]
    return text.rstrip() + "…"
