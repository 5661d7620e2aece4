"""Which panels a size has room for, as a pure function of the size, the panel in focus and the panels there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

SIZES = {"wide": (120, 36), "middle": (60, 18), "small": (40, 12), "mini": (20, 5), "tiny": (0, 0)}
"""Columns and rows from which on a layout is used: all rows of panels; a page at a time; numbers with the lines above
and the keys; numbers alone; one sentence.
"""
PANEL_WIDTH, PANEL_HEIGHT = 28, 8
"""Columns and rows that a panel needs to be of use."""
THREE_BELOW, THREE_ROWS = 190, 44
"""Columns from which on units, ledger and events stand beside each other; rows from which on all rows of panels do."""
LAYERS = "layers"
"""The list of layers, which takes the columns of two panels."""
LINES = 6
"""Rows taken by the lines above the panels and by the keys."""


@dataclass
class Layout:
    """What is shown: the size's class, the panels, and for some a hint of how many more there are."""

    size: str
    panels: set[str] = field(default_factory=set)
    hints: dict[str, str] = field(default_factory=dict)


def size_class(width: int, height: int) -> str:
    """Return the first of SIZES that there is room for."""
    return next(name for name, (columns, rows) in SIZES.items() if width >= columns and height >= rows)


def layout(
    rows: Mapping[str, Sequence[str]], focused: str, width: int, height: int, alone: bool, taken: int = 0
) -> Layout:
    """Return what to show of rows of panels, named by row; what is focused is always among it, and the loss if it has
    room. Where there is no room for all three rows, that of the gradients gives way unless it is in focus. Some rows of
    the terminal may be taken by what is said below the panels.
    """
    size, height = size_class(width, height), height - taken
    found = Layout(size)
    if size not in ("wide", "middle"):
        return found
    if alone:
        found.panels = {focused}
        return found
    if size == "middle":
        pages = list(_pages(rows, max(1, (height - LINES) // PANEL_HEIGHT)))
        number = next((number for number, page in enumerate(pages) if focused in page), 0)
        found.panels = set(pages[number])
        end = next((name for name in reversed(pages[number]) if name not in ("loss", "events")), focused)
        found.hints[end] = f"page {number + 1}/{len(pages)} · tab"
        return found
    in_focus = next((row for row, panels in rows.items() if focused in panels), "")
    left_out = "" if height >= THREE_ROWS else "bottom" if in_focus == "gradients" else "gradients"
    for row, panels in rows.items():
        if row == left_out:
            continue
        if row == "bottom":
            found.panels |= _bottom(panels, focused, width)
            continue
        listed = [name for name in panels if name == LAYERS]
        charts = [name for name in panels if name not in listed]
        shown = [*listed, *_some(charts, focused, max(1, width // PANEL_WIDTH - 2 * len(listed)))]
        found.panels |= set(shown)
        rest = len(panels) - len(shown)
        told = [f"{rest} more: tab"] if rest else []
        told += [f"{left_out}: tab"] if left_out == "gradients" else []
        if told:
            last = [name for name in shown if name not in ("loss", LAYERS)] or shown
            found.hints[last[-1]] = ", ".join(told)
    return found


def _pages(rows: Mapping[str, Sequence[str]], room: int) -> Iterator[Sequence[str]]:
    """Yield the pages of so many panels: charts, then gradients, twice as many of them, the units, what is left."""
    for row, panels in rows.items():
        if row == "bottom":
            yield ["units"]
            yield [name for name in panels if name != "units"]
        else:
            seen = list[Sequence[str]]()
            if LAYERS in panels:  # the list, and beside it the loss
                yield [LAYERS, *(name for name in panels if name == "loss")][:room]
            charts = [name for name in panels if name != LAYERS]
            for name in charts:
                page = _some(charts, name, room * (1 if row == "top" else 2))
                if page not in seen:
                    seen.append(page)
            yield from seen


def _some(panels: Sequence[str], focused: str, room: int) -> list[str]:
    """Return as many panels as have room: a page of them with the focused one, and the loss beside it if it can."""
    pinned = [name for name in panels if name == "loss"]
    others = [name for name in panels if name not in pinned]
    if room < 2 and pinned and others:
        return [focused] if focused in panels else pinned
    room = max(1, room - len(pinned))
    first = (others.index(focused) if focused in others else 0) // room * room
    page = others[first : first + room] + pinned
    return [name for name in panels if name in page]


def _bottom(panels: Sequence[str], focused: str, width: int) -> set[str]:
    """Return units, ledger and events where they have room; else two of them."""
    if width >= THREE_BELOW:
        return set(panels)
    return set(panels) - ({"events"} if focused == "ledger" else {"ledger"})
