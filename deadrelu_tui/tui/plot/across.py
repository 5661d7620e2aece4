"""The horizontal axis: from steps to places 0–1, its ticks, and how many columns each part of it has.

What kills units is over after a few steps. So the first steps of a chart may keep a part of it for themselves, however
long the run becomes: up to there the axis is linear, and from there on again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.tui.plot.scale import step_label, step_ticks

BEGINNING, PART = 16, 0.25
"""The first steps, and the part of the chart that they keep."""


@dataclass(frozen=True)
class Across:
    """Steps from one edge of a chart to the other."""

    first: int
    stop: int
    apart: bool = False
    """Whether the first steps keep their part."""

    @property
    def bend(self) -> int | None:
        """The step up to which the first steps have their part; None where all steps are equally wide."""
        bend = self.first + BEGINNING
        return bend if self.apart and PART * (self.stop - self.first) > BEGINNING else None

    def places(self, steps: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return where steps lie, 0–1 between the edges."""
        given = np.asarray(steps, np.float64)
        if self.bend is None:
            return np.asarray((given - self.first) / max(1, self.stop - self.first), np.float64)
        return np.asarray(np.interp(given, *self._corners, left=-1.0, right=2.0), np.float64)

    def step_at(self, place: float) -> int:
        """Return the step nearest to a place."""
        corners = ((self.first, self.stop), (0.0, 1.0)) if self.bend is None else self._corners
        return round(float(np.interp(place, corners[1], corners[0])))

    @property
    def _corners(self) -> tuple[Any, Any]:
        return (self.first, self.bend, self.stop), (0.0, PART, 1.0)

    def stretches(self, columns: int) -> Iterator[tuple[int, int, int]]:
        """Yield (first, stop, columns) of the parts of equally wide steps, of so many columns in all."""
        if self.bend is None:
            yield self.first, self.stop + 1, columns
        else:
            left = max(1, round(PART * columns))
            yield from ((self.first, self.bend, left), (self.bend, self.stop + 1, max(1, columns - left)))

    def ticks(self, columns: int) -> list[tuple[float, str]]:
        """Return places and labels of rounded ticks, far enough from each other for their labels."""
        if self.bend is None:
            found = step_ticks(self.first, self.stop, columns)
            return [(float(self.places(at)), label) for at, label in found]
        left = round(PART * columns)
        half = self.bend - BEGINNING / 2  # up to there a label leaves room for that of the bend
        early = [each for each in step_ticks(self.first, self.bend, left) if each[0] <= half]
        early.append((float(self.bend), step_label(self.bend)))
        edge = PART * columns + len(early[-1][1])
        late = [
            (at, label) for at, label in step_ticks(self.bend, self.stop, columns - left)
            if float(self.places(at)) * columns - len(label) / 2 > edge
        ]  # fmt: skip
        return [(float(self.places(at)), label) for at, label in (*early, *late)]
