"""What goes over the wire: only cells that differ from what the terminal shows, in as few bytes as they take.

Textual sends a changed widget row from the widget's left edge on, and every stretch of a style with all of its
colours. Over a slow link both matter: this remembers what was sent and leaves the rest out.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from rich.style import Style

from deadrelu_tui.tui.wire.textual_private import Piece

Cell = tuple[str, str]
"""A character and the codes of its style; the second cell of a wide character is empty."""
NEAR = 5
"""So few unchanged cells between two changed ones are sent again: going to a place takes as many bytes."""


class Sent:
    """The terminal's cells as far as they are known."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Cell]] = {}

    def forget(self) -> None:
        """Know nothing: somebody else may have written to the terminal."""
        self._rows.clear()

    def update(self, pieces: Iterable[Piece], console: Console) -> str:
        """Return what brings pieces of rows to the terminal, and remember them."""
        system, plain = COLOR_SYSTEMS[console.color_system or "truecolor"], bool(os.environ.get("NO_COLOR"))
        written: list[str] = []
        codes = ""
        for y, left, segments, x, stop in pieces:
            cells = _cells(segments, system, plain)[x - left : stop - left]
            row = self._rows.setdefault(y, [])
            if len(row) < x + len(cells):
                row.extend([("", "?")] * (x + len(cells) - len(row)))
            for first, last in _stretches(row[x : x + len(cells)], cells):
                written.append(f"\x1b[{y + 1};{x + first + 1}H")
                for char, style in cells[first:last]:
                    if style != codes:
                        written.append(_turn(codes, style))
                        codes = style
                    written.append(char)
            row[x : x + len(cells)] = cells
        if codes:
            written.append("\x1b[0m")
        return "".join(written)


def _cells(segments: Iterable[Segment], system: ColorSystem, plain: bool) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        codes = _codes(style, system, plain)
        if text.isascii():
            cells += [(char, codes) for char in text]
            continue
        for char in text:
            width = cell_len(char)
            if width == 0 and cells:  # it combines with the one before
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
            elif width:
                cells.append((char, codes))
                cells += [("", codes)] * (width - 1)
    return cells


def _stretches(before: list[Cell], now: list[Cell]) -> Iterator[tuple[int, int]]:
    """Yield the stretches in which two versions of a row differ, those that are near each other as one."""
    changed = [at for at, (old, new) in enumerate(zip(before, now, strict=True)) if old != new]
    first = stop = -1
    for at in changed:
        if first < 0:
            first = at
        elif at - stop > NEAR:
            yield _whole(now, first, stop)
            first = at
        stop = at + 1
    if first >= 0:
        yield _whole(now, first, stop)


def _whole(cells: list[Cell], first: int, stop: int) -> tuple[int, int]:
    """Return the stretch with wide characters at its ends complete."""
    while first > 0 and not cells[first][0]:
        first -= 1
    while stop < len(cells) and not cells[stop][0]:
        stop += 1
    return first, stop


@functools.lru_cache(maxsize=4096)
def _codes(style: Style | None, system: ColorSystem, plain: bool) -> str:
    if style is None:
        return ""
    rendered = style.render("x", color_system=system)
    codes = rendered[2 : rendered.index("m")] if rendered.startswith("\x1b[") else ""
    if not plain:
        return codes
    # Without colours the terminal's own remain; what is bright behind dark text, such as a cursor, is reversed.
    attributes = _parted(codes)[0]
    return ";".join(filter(None, (attributes, "7" if _bright_behind(style) else "")))


def _bright_behind(style: Style) -> bool:
    front, back = (
        sum(each.get_truecolor(foreground=foreground)) if each is not None else default
        for each, foreground, default in ((style.color, True, 3 * 255), (style.bgcolor, False, 0))
    )
    return back > front


@functools.lru_cache(maxsize=4096)
def _turn(before: str, now: str) -> str:
    """Return the sequence that turns one style into another: the colours that change, or all if an attribute does."""
    (old, old_front, old_back), (new, front, back) = _parted(before), _parted(now)
    if old != new:
        return f"\x1b[0;{now}m" if now else "\x1b[0m"
    parts = ([front or "39"] if front != old_front else []) + ([back or "49"] if back != old_back else [])
    return f"\x1b[{';'.join(parts)}m" if parts else ""


def _parted(codes: str) -> tuple[str, str, str]:
    """Return the attributes, the foreground and the background among a style's codes."""
    attributes, front, back = [], "", ""
    numbers = iter(codes.split(";") if codes else ())
    for number in numbers:
        if number in ("38", "48"):
            kind = next(numbers)
            colour = ";".join((number, kind, *(next(numbers) for _ in range(3 if kind == "2" else 1))))
        else:
            colour = number
        value = int(number)
        if value == 38 or 30 <= value <= 39 or 90 <= value <= 97:
            front = colour
        elif value == 48 or 40 <= value <= 49 or 100 <= value <= 107:
            back = colour
        else:
            attributes.append(number)
    return ";".join(attributes), front, back
