"""How a layer's pre-activations spread from look to look, a row for each: what slides left of zero fires no more.

Pure functions: looks in, rows of cells out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.spread import EDGES
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import count, number

HEIGHTS, HEIGHTS_ASCII = " ▁▂▃▄▅▆▇█", " .:-=+*%@"
LABEL = 7
"""Columns for the number of a step and the space behind it."""
_TAIL = 0.002
"""Share of all h that may lie beyond either end of the axis."""

Numbers = npt.NDArray[np.float64]


def chosen(steps: Sequence[int], since: int, rows: int) -> list[int]:
    """Return which of the looks at some steps are shown in so many rows, by index, oldest first: the last one before a
    change, those 0, 1, 2, 4, 8, … steps after it, and the newest; all if they have room. Where there are too many even
    of these the middle is left out.

    So a row stays what it is while the run goes on.
    """
    if not len(steps) or rows < 1:
        return []
    numbers = np.asarray(steps)
    last = len(steps) - 1
    if len(steps) <= rows:
        return list(range(len(steps)))
    found = {last, max(0, int(np.searchsorted(numbers, since)) - 1)}
    reach = 0
    while since + reach <= numbers[last]:
        found.add(int(np.searchsorted(numbers, since + reach)))
        reach = 2 * reach or 1
    order = sorted(found)
    early = rows // 2
    return order if len(order) <= rows else [*order[:early], *order[len(order) - (rows - early) :]]


def joy_rows(looks: Sequence[tuple[int, Floats]], width: int, ascii_only: bool = False) -> list[Row]:
    """Return a row per look, (step, spread of h), and the axis below them; nothing where there is no room or no h.

    The axis is that of asinh(h / s), with s the least median size of h among them: straight around zero, and
    logarithmic far from it. Each row fills its height by itself.
    """
    known = [
        (step, np.asarray(shares, np.float64)) for step, shares in looks if np.isfinite(shares).all() and len(shares)
    ]
    across = width - LABEL - 1
    if not known or across < 12:
        return []
    scale = min(_median(shares) for _, shares in known)
    ends = np.arcsinh(np.array([_ends(shares) for _, shares in known]) / scale)
    low, high = min(float(ends.min()), -0.5), max(float(ends.max()), 0.5)
    left = min(max(3, round(across * -low / (high - low))), across - 3)
    bounds = scale * np.sinh(
        np.concatenate((np.linspace(low, 0, left + 1), np.linspace(0, high, across - left + 1)[1:]))
    )
    glyphs = HEIGHTS_ASCII if ascii_only else HEIGHTS
    rows: list[Row] = []
    for index, (step, shares) in enumerate(known):
        heights = _densities(shares, bounds)
        text = "".join(glyphs[each] for each in _levels(heights))
        newest = index == len(known) - 1
        rows.append([
            (f"{count(step)[: LABEL - 1]:>{LABEL - 1}} ", "strong" if newest else "text"), (text[:left], "dead"),
            ("|" if ascii_only else "│", "axis"), (text[left:], "zeros"),
        ])  # fmt: skip
    return [*rows, _axis(float(bounds[0]), float(bounds[-1]), left, across)]


def _median(shares: Numbers) -> float:
    """Return the median of |h|."""
    sizes, middle = EDGES[len(EDGES) // 2 :], len(shares) // 2
    both = shares[middle:] + shares[:middle][::-1]
    return max(float(np.interp(0.5 * both.sum(), np.concatenate(([0.0], np.cumsum(both))), sizes)), 2.0**-8)


def _ends(shares: Numbers) -> tuple[float, float]:
    """Return between which values nearly all h lie."""
    below = np.concatenate(([0.0], np.cumsum(shares)))
    first = int(np.searchsorted(below, _TAIL * below[-1], side="right")) - 1
    last = int(np.searchsorted(below, (1 - _TAIL) * below[-1]))
    return float(EDGES[max(0, first)]), float(EDGES[min(last, len(EDGES) - 1)])


def _densities(shares: Numbers, bounds: Numbers) -> Numbers:
    """Return the share of h between each two bounds, what lies beyond the outer ones with the outermost."""
    below = np.interp(bounds, EDGES, np.concatenate(([0.0], np.cumsum(shares))))
    below[0], below[-1] = 0.0, shares.sum()
    return np.diff(below)


def _levels(heights: Numbers) -> list[int]:
    """Return heights as eighths of the greatest; what is there at all is at least one."""
    top = float(heights.max())
    if not top > 0:
        return [0] * len(heights)
    eighths = np.rint(8 * heights / top).astype(np.intp)
    return np.where((heights > 1e-6) & (eighths == 0), 1, eighths).tolist()  # type: ignore[no-any-return]


def _axis(low: float, high: float, left: int, across: int) -> Row:
    first = f"{'≤ ' if low <= EDGES[1] else ''}{number(low, 1)}"
    last = f"{'≥ ' if high >= EDGES[-2] else ''}{number(high, 1)}"
    line = [" "] * (LABEL + across + 1)
    line[LABEL : LABEL + len(first)] = first
    line[len(line) - len(last) :] = last
    if LABEL + len(first) < LABEL + left < len(line) - len(last) - 1:
        line[LABEL + left] = "0"
    return [("".join(line), "axis")]
