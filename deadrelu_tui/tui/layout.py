"""Which panels a size has room for, as a pure function of the size, the panel in focus and the panels there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SIZES = {"wide": (120, 36), "middle": (60, 18), "small": (40, 12), "mini": (20, 5), "tiny": (0, 0)}
"""Columns and rows from which on a layout is used: all rows of panels; a page at a time; numbers with the lines above
and the keys; numbers alone; one sentence.
"""
PANEL_WIDTH, PANEL_HEIGHT = 28, 8
"""Columns and rows that a panel needs to be of use."""
THREE_BELOW = 150
"""Columns from which on units, ledger and events stand beside each other."""
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


def layout(rows: Mapping[str, Sequence[str]], focused: str, width: int, height: int, alone: bool) -> Layout:
    """Return what to show of rows of panels, named by row; what is focused is always among it, and the loss if it has
    room.
    """
    page = next((row for row, panels in rows.items() if focused in panels), next(iter(rows)))
    size = size_class(width, height)
    found = Layout(size)
    if size not in ("wide", "middle"):
        return found
    if alone:
        found.panels = {focused}
        return found
    across, down = width // PANEL_WIDTH, max(1, (height - LINES) // PANEL_HEIGHT)
    for row, panels in rows.items():
        if size == "middle" and row != page:
            continue
        if row == "bottom":
            found.panels |= _bottom(panels, focused, width, size)
            continue
        room = across if size == "wide" else down * (1 if row == "top" else 2)
        shown = _some(panels, focused, max(1, room))
        found.panels |= set(shown)
        rest = len(panels) - len(shown)
        if rest:
            last = [name for name in shown if name != "loss"] or shown
            found.hints[last[-1]] = f"{rest} more: tab"
    return found


def _some(panels: Sequence[str], focused: str, room: int) -> list[str]:
    """Return as many panels as have room: a page of them with the focused one, and the loss beside it if it can."""
    pinned = [name for name in panels if name == "loss"]
    others = [name for name in panels if name not in pinned]
    if room < 2 and pinned and others:
        return [focused] if focused in panels else pinned
    room = max(1, room - len(pinned))
    first = (others.index(focused) if focused in others else 0) // room * room
    return others[first : first + room] + pinned


def _bottom(panels: Sequence[str], focused: str, width: int, size: str) -> set[str]:
    """Return units, ledger and events where they have room; else two of them, or the units by themselves."""
    if size == "wide" and width >= THREE_BELOW:
        return set(panels)
    if size == "middle":
        return {"units"} if focused == "units" else set(panels) - {"units"}
    return set(panels) - ({"events"} if focused == "ledger" else {"ledger"})
