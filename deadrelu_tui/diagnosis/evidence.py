"""What the rules read of a History: short stretches, since when something holds, what was set at a step.

A verdict is asked for several times a second, on runs of a million steps: nothing here walks a column of every
step unless a rule has already fired, and then it walks backwards, only as far as the rule holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.diagnosis.thresholds import LAYER_DEAD
from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import DYING, SATURATING
from deadrelu_tui.record.columns import Floats, Series
from deadrelu_tui.record.history import History
from deadrelu_tui.record.looks import Looked
from deadrelu_tui.record.records import Live
from deadrelu_tui.record.units import Units

GUESSING_BAND = 0.01
"""Ours: share of ln C by which a loss may miss it and still be that of guessing."""
RECENT = 50
"""Steps over which loss and zeros are averaged."""
FRESH = 10
"""Ours: steps after the start or a change before which nothing but death and divergence is told."""
MOVES = 1e-6
"""Ours: updates against the weights from which on these do not stand still."""
FALL_STEPS = 200
"""Ours: steps over which it is judged how fast a loss falls."""
FALLEN = 0.1
"""Ours: share by which a loss has to fall until an accuracy that was measured before says nothing any more."""
_CHUNK = 65_536
"""Values: few enough to stay in a cache, many enough for NumPy to be quick."""


class Evidence:
    """A history that stands still, with its last step, as one verdict sees it."""

    def __init__(self, history: History, last: int) -> None:
        self.history, self.live, self.network = history, history.live, history.network
        self.steps = last + 1
        """The number that the next step would have."""

    @cached_property
    def changed(self) -> int:
        """The step of the last intervention, else the first one: no window of a rule reaches back behind it."""
        marks = (each.step for each in reversed(self.history.marks) if each.step < self.steps)
        return next(marks, self.history.first)

    @property
    def settled(self) -> int:
        """How many steps were taken since then, as they are numbered."""
        return self.steps - self.changed

    @property
    def fresh(self) -> bool:
        """Whether so few steps were taken since then that only the plain can be told; an epoch of fewer, from the
        start to a test, is all that there is.
        """
        start = self.history.start
        epoch = (start.steps_per_epoch if start is not None else None) or 0
        return self.settled < FRESH and not (
            self.tested and self.changed == self.history.first and self.settled >= epoch
        )

    @property
    def tried_rate(self) -> tuple[float, float]:
        """The learning rate before and after it was changed last, if the network guessed then, too; NaN otherwise."""
        changes = (each for each in reversed(self.history.marks) if each.facts.get("setting") == "lr")
        last = next(changes, None)
        if last is None or not self.guesses(self.history.window("loss", last.step - RECENT, last.step).values):
            return math.nan, math.nan
        return float(last.facts["before"]), float(last.facts["now"])

    @cached_property
    def tested(self) -> bool:
        """Whether the test set was measured since then."""
        steps = self.history.series("accuracy/test").steps
        return len(steps) > 0 and int(steps[-1]) >= self.changed

    @cached_property
    def looked(self) -> Looked | None:
        """The last look at the probe set; None before the first."""
        return self.history.looked

    @cached_property
    def activations(self) -> Mapping[str, str]:
        """The activation of each layer."""
        return self.history.activations

    def of_layers(self, metric: str, activations: Collection[str]) -> Iterator[tuple[str, str, float]]:
        """Yield what `of` does, of the layers with one of some activations alone."""
        return (each for each in self.of(metric) if self.activations.get(each[1]) in activations)

    @property
    def lr(self) -> float:
        """The learning rate that is set; NaN if it is not known."""
        return float(self.live.get("lr", math.nan))

    @cached_property
    def guest(self) -> bool:
        """Whether this is a training of somebody's own, of whose network nothing is presumed."""
        start = self.history.start
        return start is not None and bool(start.facts.get("guest"))

    def about(self, layer: str) -> dict[str, Any]:
        """Return how many units a layer has, what they are called, and by what they are judged; 0 for what is not
        known.
        """
        units = probed.units_of(self.network, layer)
        return {"of": self.count(layer), "probe": self.probe, **probed.judged_by(self.history.start), **units}

    def norms(self, layer: str) -> tuple[str, ...]:
        """Return the modules that normalise what goes into a layer."""
        told = self.history.start.facts.get("norms_of", {}) if self.history.start else {}
        return tuple(told.get(layer, ()))

    def lr_of(self, parameter: str, live: Live) -> float:
        """Return the learning rate of a parameter, which may have another one than the first has; NaN if not known."""
        lr, start = float(live.get("lr", math.nan)), self.history.start
        rates = start.facts.get("rates", {}) if start else {}
        begun = start.settings.get("lr") if start else None
        return lr * rates[parameter] / begun if parameter in rates and begun else lr

    @property
    def saturates(self) -> bool:
        """Whether some layer is of tanh or sigmoid."""
        return any(each in SATURATING for each in self.activations.values())

    @property
    def normalised(self) -> bool:
        """Whether the input is as small as it can be made here: true where there is nothing to turn."""
        return self.normalised_by(self.live)

    def normalised_by(self, live: Live) -> bool:
        """Return whether it is so by what is set: an input that is multiplied by as little is no larger."""
        told = self.history.start is not None and "divisor" in self.history.start.facts
        return bool(live.get("normalise", True)) or (told and self.scale(live) <= 1)

    @property
    def probe(self) -> int:
        """Images of the probe set; 0 if the start is not known."""
        return self.history.start.probe if self.history.start else 0

    @property
    def classes(self) -> int | None:
        """The number of classes to choose among; None for a network that does not."""
        return self.history.start.choices if self.history.start else None

    def dead(self, layer: str) -> float | None:
        """Return the share of a layer's units that never fire, as last measured; None if it was not."""
        return next((share for _, of, share in self.of("dead_fraction") if of == layer), None)

    @property
    def born_dead(self) -> Mapping[str, float]:
        """The share of each layer's units that was dead before the first update; of those that were looked at then."""
        ledgers = self.history.ledgers
        return {layer: float(each.born_dead.mean()) for layer, each in ledgers.items() if len(each.lost)}

    def of(self, metric: str) -> Iterator[tuple[str, str, float]]:
        """Yield name, layer or parameter, and last measured value of each series of a metric, in order."""
        for each in self.history.of(metric):
            latest = self.history.latest(each.name)
            if latest is not None:
                yield each.name, each.of, latest

    def of_weights(self, metric: str) -> Iterator[tuple[str, str, float]]:
        """Yield the same of the weights alone: biases start at zero."""
        return (each for each in self.of(metric) if self.network.is_weight(each[1]))

    def tail(self, name: str, count: int) -> Floats:
        """Return the last so many values since the last intervention, NaN left out: of what is told at every step those
        of so many steps.
        """
        return self.stretch(name, count).values

    def stretch(self, name: str, count: int) -> Series:
        """Return the same with their steps."""
        steps, values = self.history.newest(name, count)
        low = int(np.searchsorted(steps, self.changed))
        return Series(steps[low:], values[low:])

    def guesses(self, losses: Floats) -> bool:
        """Return whether losses are no better than those of guessing, in their mean and in their median: one explosion
        would make of a mean what it never was.
        """
        if self.classes is None or not len(losses):
            return False
        with np.errstate(all="ignore"):
            middle = min(float(np.mean(losses, dtype=np.float64)), float(np.median(losses)))
        return middle >= (1 - GUESSING_BAND) * math.log(self.classes)

    def reaches(self, level: float) -> bool:
        """Return whether the loss falls so fast that it will be below a level within as many steps again as it was
        watched for.
        """
        values = self.tail("loss", FALL_STEPS).astype(np.float64)
        quarter = len(values) // 4
        if not quarter:
            return False
        before, now = float(np.median(values[:quarter])), float(np.median(values[-quarter:]))
        if not 0 < now < before < math.inf:
            return False
        per_step = math.log(before / now) / (len(values) - quarter)
        return math.log(now / level) / per_step <= len(values)

    @cached_property
    def accuracy(self) -> float | None:
        """The accuracy on the test set since the last intervention; None if there is none, or the loss has fallen
        clearly since it was measured.
        """
        if not self.tested:
            return None
        steps = self.history.series("accuracy/test").steps
        then = self.history.window("loss", max(self.changed, int(steps[-1]) + 1 - RECENT), int(steps[-1]) + 1).values
        now = self.tail("loss", RECENT)
        fallen = len(then) and len(now) and float(now.mean()) < (1 - FALLEN) * float(then.mean())
        return None if fallen else self.history.latest("accuracy/test")

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

    def value(self, name: str, step: int) -> float:
        """Return a metric of every step at a step; NaN also where it was not measured."""
        values = self.history.window(name, step, step + 1).values
        return float(values[0]) if len(values) else math.nan

    def first_broken(self, broken: str) -> tuple[str, int]:
        """Return which series first ceased to be a finite number, and at which step, given one that is none now.

        Of series that broke at one step, the cause comes before the effect: the layers in order, loss, gradients.
        """
        name, step = broken, self.broken_since(broken)
        order = [each.name for kind in ("pre_mean", "loss", "grad_norm") for each in self.history.of(kind)]
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

    def lost_layer(self) -> tuple[str, float, str] | None:
        """Return which layer lets no gradient pass, what share of it is lost, and in which way: the first of which all
        is lost, else over half; None if there is none.
        """
        dead = [(layer, share, "dead") for _, layer, share in self.of_layers("dead_fraction", DYING)]
        stuck = [(layer, share, "saturated") for _, layer, share in self.of_layers("saturated_fraction", SATURATING)]
        order = list(self.activations)
        shares = sorted(dead + stuck, key=lambda each: order.index(each[0]))
        whole = (each for each in shares if each[1] == 1)
        return next(whole, None) or next((each for each in shares if each[1] > LAYER_DEAD), None)

    def units(self, layer: str) -> Units | None:
        """Return a layer's units as the last look found them; None without a look."""
        return self.looked.layers.get(layer) if self.looked is not None else None

    def count(self, layer: str) -> int:
        """Return how many units a layer has; 0 if no look has told."""
        units = self.units(layer)
        return len(units) if units is not None else 0

    def live_at(self, step: int) -> Live:
        """Return what was set when a step was taken."""
        return self.history.live_at(step)

    def scale(self, live: Live) -> float:
        """Return how many times as large as normalised input the input is."""
        divisor = self.history.start.facts.get("divisor", 1) if self.history.start else 1
        return 1.0 if live.get("normalise", True) else float(divisor) * self._input_scale

    @property
    def _input_scale(self) -> float:
        """By what the input is multiplied where it is not normalised; what runs of older versions were fed was not."""
        return float(self.history.start.settings.get("input_scale", 1)) if self.history.start else 1.0

    def moves(self, parameter: str) -> bool:
        """Return whether the last update that was measured changed a parameter: the gradient alone says little where
        nobody knows how the loss is scaled, nor what the optimizer makes of it.
        """
        update = self.history.latest(f"update_ratio/{parameter}")
        return update is not None and update > MOVES

    def revived_at_last_look(self, name: str) -> bool:
        """Return whether the newest measurement of a metric was made as units were revived."""
        steps = self.history.series(name).steps
        return len(steps) > 0 and any(mark.step == steps[-1] and mark.kind == "revive" for mark in self.history.marks)

    def input(self, live: Live) -> tuple[float, float]:
        """Return mean and standard deviation of the input as it is fed; NaN if they are not known."""
        facts = self.history.start.facts if self.history.start else {}
        scale = facts.get("divisor", 1)
        if not live.get("normalise"):
            scale = 1 / self._input_scale if "normalise" in live else 1
        return facts.get("input_mean", math.nan) / scale, facts.get("input_std", math.nan) / scale

    def largest_update(self, first: int, stop: int, weights: Sequence[str]) -> tuple[int, str, float] | None:
        """Return step, weight and ratio of the largest update of some weights in a stretch of steps."""
        best: tuple[int, str, float] | None = None
        for each in self.history.of("update_ratio"):
            if each.of not in weights:
                continue
            steps, values = self.history.window(each.name, first, stop)
            if not len(steps) and self.guest:  # it is not measured at every step
                steps, values = self.history.newest(each.name, 1, stop)
            finite = np.isfinite(values)
            if finite.any():
                at = int(np.argmax(np.where(finite, values, -np.inf)))
                if best is None or values[at] > best[2]:
                    best = int(steps[at]), each.of, float(values[at])
        return best
