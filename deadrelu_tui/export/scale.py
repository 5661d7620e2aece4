"""Where values lie on an axis, and which of them are written beside it: evenly, by powers of ten, or by powers of ten
on both sides of zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.wording import MINUS, count, rate

Values = npt.NDArray[np.float64]
WIDE = 50
"""By so much the largest value exceeds the ordinary one where powers of ten tell more."""
_ROOM = 0.04
"""Of the axis, on either side of the values."""
_DEEPEST = 14
"""Powers of ten below the largest value that are told apart on both sides of zero."""


class Tick(NamedTuple):
    """A value that is written beside the axis, and where: 0 at its low end, 1 at its high one."""

    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """An axis from low to high, evenly divided in what `bent` makes of the values."""

    kind: str
    """'even', 'powers' or 'both sides'."""
    low: float
    high: float
    bend: float = 1.0
    """On both sides of zero: the size below which it is nearly even."""

    def _bent(self, values: npt.ArrayLike) -> Values:
        given = np.asarray(values, np.float64)
        if self.kind == "powers":
            return np.asarray(np.log10(given))
        return np.asarray(np.arcsinh(given / self.bend)) if self.kind == "both sides" else given

    def place(self, values: npt.ArrayLike) -> Values:
        """Return where values lie: 0 at the low end, 1 at the high one."""
        low, high = self._bent([self.low, self.high]).tolist()
        room = _ROOM * (high - low)
        with np.errstate(all="ignore"):
            return np.asarray((self._bent(values) - low + room) / (high - low + 2 * room))

    def ticks(self, most: int = 6) -> list[Tick]:
        """Return at most so many round values, or one or two more, from low to high."""
        if self.kind == "both sides":
            found = self._apart(1 / most)
        else:
            found = list((_powers if self.kind == "powers" else _even)(self.low, self.high, most))
        return [Tick(at, text(each)) for at, each in zip(self.place(found).tolist(), found, strict=True)]

    def _apart(self, least: float) -> list[float]:
        """Return zero and powers of ten on both sides of it that lie so far apart, the largest before the others."""
        top, low = (math.floor(math.log10(each)) for each in (max(-self.low, self.high), self.bend))
        wanted = [0.0, *(side * 10.0**power for power in range(top, low - 1, -1) for side in (1, -1))]
        found = list[float]()
        for value in wanted:
            at = self.place([value, *found])
            if self.low <= value <= self.high and (not found or np.abs(at[1:] - at[0]).min() >= least):
                found.append(value)
        return sorted(found)


SHARES = Scale("even", 0.0, 1.0)
"""Of shares of 1, whatever they are."""


def fitting(values: Iterable[npt.NDArray[Any]], share: bool = False) -> Scale:
    """Return the axis on which values can be told apart, those that are not finite left out; for shares all of 0 to 1,
    unless what is called one is more, as a percentage.
    """
    parts = [np.asarray(each, np.float64) for each in values]
    every = np.concatenate(parts) if parts else np.empty(0)
    every = every[np.isfinite(every)]
    if share and np.all((every >= 0) & (every <= 1)):
        return SHARES
    if not len(every):
        return Scale("even", 0.0, 1.0)
    low, high = float(every.min()), float(every.max())
    if low == high:
        size = abs(low) * 0.1 or 1.0
        return Scale("even", low - size, high + size)
    sizes = np.abs(every[every != 0])
    largest, ordinary = float(sizes.max()), float(np.median(sizes))
    if low > 0:
        return Scale("powers", low, high) if high / low > WIDE else Scale("even", low, high)
    if largest / ordinary <= WIDE:
        return Scale("even", low, high)
    small = max(float(np.quantile(sizes, 0.1)), largest * 10.0**-_DEEPEST)
    return Scale("both sides", low, high, 10.0 ** math.floor(math.log10(small)))


def text(value: float) -> str:
    """Return a round value as it is written beside an axis: 0.25, 60 000, 2.5e6, −5."""
    size = abs(value)
    if size == int(size) and size < 1e5:
        written = count(int(size))
    elif 1e-3 <= size < 1e5:
        written = rate(size)
    else:
        mantissa, _, power = f"{size:.3e}".partition("e")
        written = f"{float(mantissa):g}e{int(power)}"
    return f"{MINUS}{written}" if value < 0 else written


def _even(low: float, high: float, most: int) -> list[float]:
    found = list[float]()
    for parts in (most, 1.4 * most, 2 * most):  # of a step that is too wide two values may be left, or one
        step = _nice((high - low) / parts)
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        # The tenth digit is the rounding of 3 × 0.1.
        found = [float(f"{number * step:.10g}") for number in range(first, last + 1)]
        if len(found) > 2:
            break
    return found


def _powers(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    for parts in ((1, 2, 5), (1, 3), (1,)):
        found = [part * 10.0**power for power in range(first, last + 1) for part in parts]
        found = [each for each in found if low <= each <= high]
        if len(found) <= most:
            return found
    return found[:: math.ceil(len(found) / most)]


def wholes(low: float, high: float, most: int) -> list[Tick]:
    """Return whole numbers evenly apart, such as steps, each at itself: about so many, and fewer of long ones."""
    step = max(1.0, _nice((high - low) / (most if high < 1e5 else max(2, most * 2 // 3))))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [Tick(number * step, count(round(number * step))) for number in range(first, last + 1)]


def _nice(least: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is at least so much."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(part * power for part in (1, 2, 5, 10) if part * power >= least * (1 - 1e-9))


def apart(places: Sequence[float], least: float) -> list[float]:
    """Return ascending places on an axis, moved until each is so far from the next and none lies below it."""
    moved = list(places)
    for _ in range(50):
        for at in range(len(moved) - 1):
            if (lack := least - (moved[at + 1] - moved[at])) > 1e-9:
                moved[at] -= lack / 2
                moved[at + 1] += lack / 2
    lift = max(0.0, 0.02 - min(moved, default=1.0))
    return [each + lift for each in moved]
