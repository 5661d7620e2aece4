"""Which classes a network predicts, as bars and in a sentence: why a dead one is right exactly one time in ten."""

from __future__ import annotations

import math

from deadrelu_tui.record.history import History
from deadrelu_tui.tui.panels.joy import HEIGHTS, HEIGHTS_ASCII
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import percent

NARROWEST = 4
"""Columns that a class needs for a bar with a name."""


def class_rows(history: History, view: View, width: int, rows: int, ascii_only: bool = False) -> list[Row]:
    """Return what share of the probe set is taken for which class, now or at the cursor, in so many rows at most: a
    sentence, and above it a bar for each class, with its name. Nothing before the first look.
    """
    shares = list[tuple[str, float]]()
    for each in history.of("predicted_fraction"):
        value = history.latest(each.name) if view.cursor is None else history.at(each.name, view.cursor)
        if value is not None and math.isfinite(value):
            shares.append((each.of, value))
    if not shares or rows < 1:
        return []
    most = max(value for _, value in shares)
    role = "dead" if most > HALF and len(shares) > 2 else "train"
    told: Row = [(_sentence(shares, width), "strong" if role == "train" else role)]
    across = min(8, width // len(shares))
    if rows < 3 or across < NARROWEST:
        return [told]
    glyphs = HEIGHTS_ASCII if ascii_only else HEIGHTS
    bars = "".join(glyphs[_eighths(value / most)] * (across - 1) + " " for _, value in shares)
    names = "".join(f"{name[: across - 1]:<{across}}" for name, _ in shares)
    return [[(bars, role)], [(names, "text")], told]


HALF = 0.5
"""Above this share one class is predicted for most of the images."""


def _eighths(part: float) -> int:
    return 0 if part == 0 else max(1, round(8 * part))


def _sentence(shares: list[tuple[str, float]], width: int) -> str:
    """Return the classes that are predicted most, with their shares, and how many are never; as many as fit."""
    ordered = sorted(shares, key=lambda each: -each[1])
    text, left = f"predicts {ordered[0][0]} {percent(ordered[0][1])}", [each for each in ordered[1:] if each[1] > 0]
    never = sum(value == 0 for _, value in shares)
    ways = (f", {never} class{'es' if never > 1 else ''} never", f", {never} never", "") if never else ("",)
    last = next((way for way in ways if len(text) + len(way) <= width), "")
    while left and len(text) + len(more := f", {left[0][0]} {percent(left[0][1])}") + len(last or " …") <= width:
        text, left = text + more, left[1:]
    return (text + (last or (" …" if left else "")))[:width]
