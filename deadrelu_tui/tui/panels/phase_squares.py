"""What each cell of the map of a sweep shows: where on the ramp from alive to dead it stands, and what besides."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from deadrelu_tui.sweep.chart import Reading, is_share
from deadrelu_tui.wording import number

STEPS = 24
"""Steps of the ramp."""
NOTHING, VOID = "none", "void"
"""What a cell stands on that has no number yet, or will have none."""
FAINT = "?"
"""What ends the ground of a cell that has no number yet, and the colour of the nearest one."""
PENDING, RUNNING, DIVERGED, FAILED, LACKING = "pending", "running", "diverged", "failed", "no number"
SIGNS = {PENDING: ("·", "."), RUNNING: ("▸", ">"), DIVERGED: ("×", "x"), FAILED: ("!", "!"), LACKING: ("–", "-")}
"""What stands for a cell without a number, in Unicode and in ASCII."""
LOGARITHMIC = 30.0
"""How many times the least number the greatest is from which on the ramp goes by their logarithms."""


class Scale(NamedTuple):
    """Which number is which place on the ramp: from 0, alive, to 1, dead."""

    low: float
    high: float
    share: bool
    good: bool = False
    """More of it is better."""

    @property
    def logarithmic(self) -> bool:
        """Whether it goes by logarithms."""
        return not self.share and 0 < self.low * LOGARITHMIC < self.high

    def level(self, value: float) -> float:
        """Return the place of a number."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low))
        place = min(max(0.0, (value - low) / (high - low)), 1.0) if high > low else 0.5
        return 1 - place if self.good else place

    def text(self, value: float) -> str:
        """Return a number as a cell has it: of a share the percent, 100 only if it is all."""
        if not self.share:
            return number(value, 2)
        return "100" if value == 1 else str(min(99, round(100 * value)))

    @property
    def ends(self) -> tuple[str, str]:
        """The numbers at the ends of the ramp."""
        low, high = (self.text(self.low), self.text(self.high)) if self.high >= self.low else ("–", "–")
        return (high, low) if self.good else (low, high)


def scale_of(metric: str, values: Iterable[float]) -> Scale:
    """Return the scale of a metric of which such values were measured."""
    good = metric == "accuracy" or metric.startswith("accuracy/")
    if is_share(metric):
        return Scale(0.0, 1.0, True, good)
    finite = [each for each in values if math.isfinite(each)]
    return Scale(min(finite, default=math.inf), max(finite, default=-math.inf), False, good)


class Square(NamedTuple):
    """What a cell of the map shows."""

    level: float | None = None
    """On the ramp; None without a number."""
    text: str = ""
    sign: str = ""
    """What else there is: a word of SIGNS."""
    beyond: bool | None = None
    near: float | None = None
    """Of one without a number yet, where on the ramp the nearest one is that has it."""


def square_of(reading: Reading, metric: str, scale: Scale) -> Square:
    """Return what is shown of a reading."""
    sign = next(
        (
            word
            for word, there in (
                (FAILED, reading.failed), (DIVERGED, reading.diverged), (RUNNING, reading.running),
                (LACKING, len(reading.outcomes)), (PENDING, True),
            )
            if there
        )
    )  # fmt: skip
    if reading.values:
        mean = reading.mean
        more = "" if sign == LACKING else sign
        return Square(scale.level(mean), scale.text(mean), more, reading.beyond(metric))
    if reading.running and not reading.diverged:
        sign = RUNNING
    return Square(sign=sign, beyond=reading.beyond(metric))


def guessed(seen: Sequence[Sequence[Square]]) -> list[list[Square]]:
    """Return squares of which those without a number yet know the nearest one that has it: so a map is whole early."""
    found = [list(row) for row in seen]
    ring = [(x, y) for y, row in enumerate(found) for x, square in enumerate(row) if square.level is not None]
    left = sum(square.sign in (PENDING, RUNNING) and square.level is None for row in found for square in row)
    while ring and left:
        following = list[tuple[int, int]]()
        for x, y in ring:
            known = found[y][x]
            for across, down in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
                if not (0 <= down < len(found) and 0 <= across < len(found[down])):
                    continue
                other = found[down][across]
                if other.level is None and other.near is None and other.sign in (PENDING, RUNNING):
                    near = known.level if known.level is not None else known.near
                    found[down][across] = Square(sign=other.sign, beyond=other.beyond, near=near)
                    following.append((across, down))
                    left -= 1
        ring = following
    return found
