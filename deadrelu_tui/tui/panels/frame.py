"""The frame of a panel: its title above, a hint in its lower right corner, and as many columns as there are within."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.tui.panels.names import entitled
from deadrelu_tui.tui.plot.chart import Row, Span

BORDER, AIR = 2, 1
"""Columns, and rows, that the lines take; and the column between what is within and the right line."""
_LINES, _PLAIN = tuple("╭─╮│╰╯"), tuple("+-+|++")


def room_in(width: int, height: int) -> tuple[int, int]:
    """Return the columns and rows that a frame of some size leaves."""
    return max(0, width - BORDER - AIR), max(0, height - BORDER)


def framed(
    title: Sequence[Span], rows: Sequence[Row], size: tuple[int, int], *, hint: str = "", focus: bool = False,
    ascii_only: bool = False, shorter: Callable[[list[Span]], list[Span]] = list,
) -> list[Row]:  # fmt: skip
    """Return rows of spans within a frame of so many columns and rows: as wide as it, in roles; no rows leave it empty.

    The parts of a title stand two columns apart, or one where that makes room for all. Where that does not do, they
    are said shorter, by `shorter` first; a part that still has no room is left out, for half a number would be another
    number.
    """
    width, height = room_in(*size)
    left, line, right, side, lower_left, lower_right = _PLAIN if ascii_only else _LINES
    border, across = "focus" if focus else "border", max(0, size[0] - BORDER)
    written: Callable[[Sequence[Span]], Row] = _plain if ascii_only else list
    parts = _titled(written(title), across - 2, lambda parts: written(shorter(parts)))
    top: Row = [(f"{left}{line} ", border), *written(parts)]  # what was cut has a mark where it was cut
    top.append((line * (size[0] - sum(cell_len(text) for text, _ in top) - 1) + right, border))
    below = f" {to_ascii(hint) if ascii_only else hint} " if hint and len(hint) + 3 <= across else ""
    bottom: Row = [(lower_left + line * (across - len(below) - 1), border), (below, "text"),
                   (line + lower_right, border)]  # fmt: skip
    inside = [[(to_ascii(text), role) for text, role in row] for row in rows] if ascii_only else rows
    filled = [[*row, (" " * (width - sum(len(text) for text, _ in row)), "text")] for row in inside or [[]] * height]
    return [top, *([(side, border), *row, (" " * AIR + side, border)] for row in filled), bottom]


def _plain(title: Sequence[Span]) -> Row:
    return [(to_ascii(text.replace("≤", "<=")), role) for text, role in title]  # in a title there is room for both


def _titled(parts: list[Span], free: int, shorter: Callable[[list[Span]], list[Span]]) -> Row:
    """Return the parts of a title that have room in so many columns, each with what is between it and the next."""

    def fit(apart: int) -> bool:  # so far apart from each other, and one column from the corner
        return sum(cell_len(text) + apart for text, _ in parts) - apart + 1 <= free

    if parts and not fit(1):
        parts = shorter(parts)
    if parts and not fit(1):
        parts = entitled(parts, free - 1)
    apart = 1 if fit(1) and not fit(2) else 2
    found: Row = []
    for text, role in parts:
        if (wide := cell_len(text)) < free:
            found.append((text + " " * min(apart, free - wide), role))
            free -= cell_len(found[-1][0])
    return found
