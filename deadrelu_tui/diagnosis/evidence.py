"""What the rules read of a History: short stretches, since when something holds, what was set at a step.

A verdict is asked for several times a second, on runs of a million steps: nothing here walks a column of every
step unless a rule has already fired, and then it walks backwards, only as far as the rule holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Floats, Series
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Live, StepRecord
from deadrelu_tui.record.units import Units
from deadrelu_tui.wording import percent

_CHUNK = 65_536
"""Values: few enough to stay in a cache, many enough for NumPy to be quick."""


class Evidence:
    """A history with its last step, as one verdict sees it."""

    def __init__(self, history: History, last: StepRecord) -> None:
        self.history, self.last, self.live = history, last, last.live
        self.steps = last.step + 1
        self._names = history.names

    @property
    def probe(self) -> int:
        """Images of the probe set; 0 if the start is not known."""
        return self.history.start.probe if self.history.start else 0

    def of(self, metric: str) -> Iterator[tuple[str, str, float]]:
        """Yield name, layer or parameter, and last measured value of each series of a metric, in order."""
        for name in self._names:
            kind, _, part = name.partition("/")
            latest = self.history.latest(name) if kind == metric and part else None
            if latest is not None:
                yield name, part, latest

    def window(self, name: str, first: int, stop: int) -> Series:
        """Return what was measured at the steps first … stop−1, NaN left out; costs what the stretch is long."""
        first = max(0, first)
        if stop <= first:
            return Series(np.empty(0, np.int64), np.empty(0, np.float32))
        return self.history.outline(name, first, stop, stop - first)

    def tail(self, name: str, count: int) -> Floats:
        """Return the last so many values of a metric of every step, NaN left out."""
        return self.window(name, self.steps - count, self.steps).values

    def since(self, name: str, above: float = -math.inf, below: float = math.inf, floor: int = 0) -> int:
        """Return the first step from which all values lie between the bounds to this day; at least `floor`."""
        low, high = np.float32(above), np.float32(below)

        def inside(values: Floats) -> npt.NDArray[np.bool_]:
            return np.asarray((values > low) & (values < high))

        # Minimum and maximum take a fifth of the time of comparing; a NaN makes both a NaN.
        return max(floor, self._unbroken(name, inside, lambda values: bool(values.min() > low and values.max() < high)))

    def broken_since(self, name: str) -> int:
        """Return the first step from which no value is a finite number."""
        return self._unbroken(
            name, lambda values: ~np.isfinite(values), lambda values: not bool(np.isfinite(values).any())
        )

    def _unbroken(
        self, name: str, sick: Callable[[Floats], npt.NDArray[np.bool_]], all_sick: Callable[[Floats], bool]
    ) -> int:
        """Return the first step of the stretch of sick values that reaches to the end; the last step without one."""
        steps, values = self.history.series(name)
        if not len(steps):
            return 0
        first = 0
        for low in range(len(values) - _CHUNK, -_CHUNK, -_CHUNK):
            chunk = values[max(0, low) : low + _CHUNK]
            if not all_sick(chunk):
                first = max(0, low) + int(np.flatnonzero(~sick(chunk))[-1]) + 1
                break
        return int(steps[min(first, len(steps) - 1)])

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the hidden layers: h1, h2, …"""
        return tuple(name.partition("/")[2] for name in self._names if name.startswith("pre_mean/"))

    def value(self, name: str, step: int) -> float:
        """Return a metric of every step at a step; NaN also where it was not measured."""
        values = self.window(name, step, step + 1).values
        return float(values[0]) if len(values) else math.nan

    def first_broken(self, broken: str) -> tuple[str, int]:
        """Return which series first ceased to be a finite number, and at which step, given one that is none now.

        Of series that broke at one step, the cause comes before the effect: the layers in order, loss, gradients.
        """
        name, step = broken, self.broken_since(broken)
        order = [name for kind in ("pre_mean/", "loss", "grad_norm/") for name in self._names if _is(name, kind)]
        for other in order:
            if not math.isfinite(self.value(other, step - 1)) and self._broken_from(other) < step:
                name, step = other, self._broken_from(other)
        for other in order:
            if not math.isfinite(self.value(other, step)) and self._broken_from(other) <= step:
                return other, step
        return name, step

    def _broken_from(self, name: str) -> int:
        """Return the first step from which no value is a finite number; beyond the end if the last one is."""
        latest = self.history.latest(name)
        return self.steps if latest is None or math.isfinite(latest) else self.broken_since(name)

    def lost_layer(self) -> str:
        """Return which layer lets no gradient pass, and why: the first of which all is lost, else over half.

        Empty if there is none.
        """
        relu = self.live.activation == "relu"
        shares = list(self.of("dead_fraction" if relu else "saturated_fraction"))
        if relu or self.live.activation in SATURATING:
            for least in (1.0, 0.5):
                for _, layer, share in shares:
                    if share >= least:
                        return f"{percent(share)} of {layer} is {'dead' if relu else 'saturated'}"
        return ""

    def units(self, layer: str) -> Units | None:
        """Return a layer's units as the last look found them; None without a look."""
        return self.history.looked.layers.get(layer) if self.history.looked else None

    def count(self, layer: str) -> int:
        """Return how many units a layer has; 0 if no look has told."""
        units = self.units(layer)
        return len(units) if units is not None else 0

    def live_at(self, step: int) -> Live:
        """Return what was set when a step was taken."""
        return next((live for since, live in reversed(self.history.lives) if since <= step), self.live)

    def changed_at(self, what: str) -> int:
        """Return the step of the last change of a live setting ('activation'); 0 if there was none."""
        lives = self.history.lives
        changed = [step for (_, old), (step, new) in pairwise(lives) if getattr(old, what) != getattr(new, what)]
        return changed[-1] if changed else 0

    def revived_at_last_look(self, name: str) -> bool:
        """Return whether the newest measurement of a metric was made as units were revived."""
        steps = self.history.series(name).steps
        return len(steps) > 0 and any(
            mark.step == steps[-1] and mark.text.startswith("revive ") for mark in self.history.marks
        )

    def input(self, live: Live) -> tuple[float, float]:
        """Return mean and standard deviation of the pixels as they are fed; NaN if the start is not known."""
        start = self.history.start
        if start is None:
            return math.nan, math.nan
        scale = 255 if live.normalise else 1
        return start.input_mean / scale, start.input_std / scale

    def largest_update(self, first: int, stop: int, layers: int) -> tuple[int, str, float] | None:
        """Return step, weight and ratio of the largest update of w1 … w<layers> in a stretch of steps."""
        best: tuple[int, str, float] | None = None
        for index in range(1, layers + 1):
            steps, values = self.window(f"update_ratio/w{index}", first, stop)
            finite = np.isfinite(values)
            if finite.any():
                at = int(np.argmax(np.where(finite, values, -np.inf)))
                if best is None or values[at] > best[2]:
                    best = int(steps[at]), f"w{index}", float(values[at])
        return best


def _is(name: str, kind: str) -> bool:
    return name == kind or (kind.endswith("/") and name.startswith(kind))
