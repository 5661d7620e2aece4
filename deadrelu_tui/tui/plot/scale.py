"""Axes: from values to a scale, calm limits and rounded ticks. Plain numbers; knows neither widget nor plotext.

A position on an axis is a transformed value: the value itself (linear), log10 of it (log), or sign(v)·log10(1+|v|)
(symlog), which tolerates zero and negatives.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.wording import MINUS, number

Positions = npt.NDArray[np.float64]
Values = npt.NDArray[np.floating[Any]]
LABEL_WIDTH = 6
_HUGE, _TINY = 1e300, 1e-290
"""Beyond these the arithmetic of an axis over- or underflows; a float32 never comes near them."""
SYMLOG_FROM = 10.0
"""Values that stay within ±10 are easier to read on a linear axis."""


@dataclass(frozen=True)
class Axis:
    """A vertical axis: its scale, its limits as positions, and its ticks as (position, label)."""

    kind: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def positions(self, values: Values) -> Positions:
        """Return where values lie on the axis; what has no place on it (NaN, log of ≤ 0) is NaN."""
        return transform(self.kind, values)


def transform(kind: str, values: Values) -> Positions:
    """Return the positions of values on a scale of that kind, shape as given."""
    wide = np.asarray(values, np.float64)
    if kind == "linear":
        return wide
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "log":
            return np.where(wide > 0, np.log10(np.where(wide > 0, wide, 1.0)), np.nan)
        signed: Positions = np.sign(wide) * np.log10(1.0 + np.abs(wide))
        return signed


def within_fences(kind: str, values: Values) -> Values:
    """Return the values of a line, in the order of their steps, with a few that are so far out that all others would
    share a row or two drawn in to the fence.

    The fences are the outer ones of Tukey (1977), three times the range between the quartiles away from these; that
    range counts at least as much as is worth a look: a flat line is to look flat. Few values stay as they are. So do
    the newest ones, and all on a side on which there are many: that is no spike, but where the line has gone.
    """
    positions = transform(kind, values)
    there = np.isfinite(positions)
    known = positions[there]
    if len(known) < _FEW:
        return values
    at = np.arange(len(known))
    low, middle, high = np.interp(np.array([0.25, 0.5, 0.75]) * at[-1], at, np.sort(known))
    reach = 3 * max(float(high - low), _LEAST.get(kind, 0.1 * abs(float(middle))))
    newest, drawn_in = known[-max(1, len(known) // _NEWEST) :], np.asarray(values, np.float64).copy()
    with np.errstate(invalid="ignore"):
        for fence, beyond in ((low - reach, np.less), (high + reach, np.greater)):
            farthest = newest[np.argmax(np.abs(newest - middle))]
            edge = farthest if beyond(farthest, fence) else fence
            out = there & beyond(positions, edge)
            if out.sum() * _MANY <= len(known):
                drawn_in[out] = _value(kind, float(edge))
    return drawn_in


def _value(kind: str, position: float) -> float:
    """Return what has a position on a scale of that kind."""
    if kind == "linear":
        return position
    return 10.0**position if kind == "log" else math.copysign(10.0 ** abs(position) - 1.0, position)


_FEW, _MANY, _NEWEST = 32, 8, 10
"""Values of which none is far out; the part of them that is too large for a spike; the part that is the newest."""
_LEAST = {"log": 0.1, "symlog": 1.0}
"""What of an axis is shown at least, as a range between quartiles: of a logarithm in decades."""


def fit(kind: str, values: Values, rows: int, before: Axis | None = None) -> Axis:
    """Return an axis for the finite ones of some values.

    The limits move in steps: the axis before is kept while all values lie within it and fill at least a third of
    it. `symlog` becomes linear while no value leaves ±SYMLOG_FROM.
    """
    wide = np.asarray(values, np.float64)
    finite = np.clip(wide[np.isfinite(wide)], -_HUGE, _HUGE)
    finite[np.abs(finite) < _TINY] = 0.0
    if kind == "symlog" and (not len(finite) or float(np.abs(finite).max()) <= SYMLOG_FROM):
        kind = "linear"
    positions = transform(kind, finite)
    positions = positions[np.isfinite(positions)]
    low, high = (float(positions.min()), float(positions.max())) if len(positions) else (0.0, 1.0)
    if before is not None and before.kind == kind:
        inside = before.low <= low and high <= before.high
        if inside and (high - low) >= (before.high - before.low) / 3:
            return before
    make = {"linear": _linear, "log": _log, "symlog": _symlog}[kind]
    return make(low, high, max(2, rows // 3))


def share_axis(rows: int) -> Axis:
    """Return the axis of shares, 0 to 100 %."""
    gaps = rows - 3  # between the rows of the first and the last tick
    steps = 4 if gaps % 4 == 0 or gaps >= 12 else 2
    return Axis("linear", 0.0, 1.0, tuple((i / steps, f"{100 * i // steps} %") for i in range(steps + 1)))


def step_ticks(first: int, stop: int, columns: int) -> list[tuple[float, str]]:
    """Return rounded ticks for a horizontal axis of steps, about one every 14 columns; two where two have room, as one
    says where but not how far.
    """
    span = stop - first
    step = max(1, int(_nice(span / max(2, columns // 14))))
    apart = len(f"{stop:,}") + 2
    while step > 1 and stop // step == (first - 1) // step + 1:
        finer = int(_nice(step / 2.5))
        if columns * finer < apart * span:
            break
        step = finer
    start = -(-first // step) * step
    return [(float(tick), step_label(tick)) for tick in range(start, stop + 1, step)]


def step_label(step: int) -> str:
    """Return a step as it stands at an axis: 12 000."""
    return f"{step:,}".replace(",", " ")


def _nice(span: float) -> float:
    """Return the smallest 1, 2 or 5 times a power of ten that is at least the span."""
    if not (span > 0 and math.isfinite(span)):
        return 1.0
    power = 10.0 ** math.floor(math.log10(span))
    return next((digit * power for digit in (1, 2, 5, 10) if digit * power >= span * (1 - 1e-9)), 10 * power)


def _linear(low: float, high: float, count: int) -> Axis:
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):  # a constant, or nearly: give it room
        room = abs(high) / 2 or 1.0
        low, high = low - room, high + room
    step = _nice((high - low) / count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if not (math.isfinite(step) and step > 0 and last - first < 100):  # beyond what doubles can divide
        return Axis("linear", low, high, ((low, number(low, 2)), (high, number(high, 2))))
    values = [index * step for index in range(first, last + 1)]
    ticks = tuple(zip(values, _labels(values, step), strict=True))
    # Where a label has no room for its digits, the tick goes: −1e10 is not −1.2e10.
    true = tuple(tick for tick in ticks if abs(float(tick[1].replace(MINUS, "-")) - tick[0]) <= step / 4)
    return Axis("linear", first * step, last * step, true if len(true) > 1 else (ticks[0], ticks[-1]))


def _labels(values: list[float], step: float) -> list[str]:
    """Return ticks that can be told from each other and fit LABEL_WIDTH, all of one form."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    plain = [f"{value:.{decimals}f}".replace("-", MINUS) for value in values]
    if max(map(len, plain)) > LABEL_WIDTH:
        plain = [_scientific(value, 1) for value in values]
        if max(map(len, plain)) > LABEL_WIDTH:
            plain = [_scientific(value, 0) for value in values]
    return ["0" if abs(value) < step / 2 else text for value, text in zip(values, plain, strict=True)]


def _scientific(value: float, decimals: int) -> str:
    mantissa, _, power = f"{value:.{decimals}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(power)}".replace("-", MINUS, 1 if value < 0 else 0)


def _log(low: float, high: float, count: int) -> Axis:
    if high - low < 1:  # less than a decade: limits at 1, 2, 5
        marks = sorted(power + math.log10(digit) for power in range(math.floor(low) - 1, math.ceil(high) + 2)
                       for digit in (1, 2, 5))  # fmt: skip
        first = max(mark for mark in marks if mark <= low + 1e-9)
        last = min(mark for mark in marks if mark >= high - 1e-9)
        if last - first < 1e-9:
            last = min(mark for mark in marks if mark > first + 1e-9)
        inside = [mark for mark in marks if first - 1e-9 <= mark <= last + 1e-9]
        if (len(inside) < 3 or high - low < (last - first) / 2) and -30 < low < high < 30:  # too close for 1, 2, 5
            fine = _linear(10**low, 10**high, count)
            if fine.low > 0:
                ticks = tuple((math.log10(value), label) for value, label in fine.ticks)
                return Axis("log", math.log10(fine.low), math.log10(fine.high), ticks)
        return Axis("log", first, last, tuple((mark, number(10.0**mark, 1)) for mark in inside))
    first_decade, last_decade = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    every = max(1, math.ceil((last_decade - first_decade) / count))
    decades = range(-(-first_decade // every) * every, last_decade + 1, every)
    return Axis("log", first_decade, last_decade, tuple((float(d), _power(d)) for d in decades))


def _symlog(low: float, high: float, count: int) -> Axis:
    top = math.ceil(max(high, 0.0) - 1e-9)
    bottom = math.ceil(max(-low, 0.0) - 1e-9)
    every = max(1, math.ceil((top + bottom) / count))
    ticks = [(0.0, "0")]
    for decade in range(every, max(top, bottom) + 1, every):
        position = math.log10(1.0 + 10.0**decade) if decade < 300 else float(decade)
        if decade <= top:
            ticks.append((position, _power(decade)))
        if decade <= bottom:
            ticks.append((-position, MINUS + _power(decade)))
    for sign, far in ((1, top), (-1, bottom)):
        if 0 < far < every:  # a side that falls short of the first tick has one at its end
            ticks.append((sign * math.log10(1.0 + 10.0**far), (MINUS if sign < 0 else "") + _power(far)))
    edge = 0.05  # a tick at 10^d lies a little above position d
    return Axis("symlog", -bottom - edge if bottom else 0.0, top + edge if top else 0.0, tuple(sorted(ticks)))


def _power(decade: int) -> str:
    return {-2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "100", 3: "1000"}.get(decade, f"1e{decade}")
