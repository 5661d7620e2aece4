"""What of a run is drawn: its metrics over the steps, and an epoch's value for each epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.export.recorded import start_of
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Series
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import MEANS, Quantity
from deadrelu_tui.record.records import Record, Step

LOST = ("dead_fraction", "saturated_fraction")
"""Metrics that count units which are lost, each by what its activation does."""
Places = npt.NDArray[np.float64]


class Span(NamedTuple):
    """The steps first … last of an epoch, as far as they are recorded."""

    epoch: int
    first: int
    last: int


@dataclass(frozen=True)
class Epochs:
    """The epochs of a run, in their order."""

    spans: tuple[Span, ...]
    full: int | None = None
    """The number of the last step of the newest epoch, where it is known beforehand."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Epochs:
        """Return the epochs of a run; none of a run that has none."""
        spans = list[Span]()
        ended = False
        for step in records:
            if isinstance(step, Step) and step.epoch is not None:
                if spans and spans[-1].epoch == step.epoch:
                    spans[-1] = spans[-1]._replace(last=step.step)
                else:
                    spans.append(Span(step.epoch, step.step, step.step))
                ended = step.ends_epoch
        start = start_of(records)
        length = start.steps_per_epoch if start is not None else None
        full = spans[-1].first + length - 1 if spans and length and not ended else None
        rising = all(one.epoch < two.epoch for one, two in pairwise(spans))
        return cls(tuple(spans) if rising else (), full)

    def place(self, steps: npt.ArrayLike) -> Places:
        """Return where steps lie: at 2 where the second epoch ends, at 1.5 in its middle; the steps without epochs."""
        taken = np.asarray(steps, np.float64)
        if not self.spans:
            return taken
        ends = [each.last for each in self.spans]
        if self.full is not None:
            ends[-1] = max(ends[-1], self.full)
        before = [self.spans[0].first - 1, *ends]
        return np.asarray(np.interp(taken, before, [self.spans[0].epoch - 1, *(each.epoch for each in self.spans)]))

    def values(self, history: History, name: str) -> tuple[Places, Places]:
        """Return where epochs end and what a metric was for each: loss and zeros on average, else as last measured."""
        steps, values = history.series(name)
        places, found = list[float](), list[float]()
        for span in self.spans:
            low, high = np.searchsorted(steps, (span.first, span.last + 1))
            averaged = history.quantity(name).metric in MEANS
            if not high or (averaged and low == high):
                continue
            with np.errstate(all="ignore"):
                mean = float(np.mean(values[low:high], dtype=np.float64)) if averaged else float(values[high - 1])
            places.append(float(self.place(span.last)))
            found.append(mean)
        return np.array(places), np.array(found)


def drawn(history: History, metric: str) -> list[Quantity]:
    """Return the quantities of a metric that were measured and mean something, in the network's order.

    What saturates is not said to be dead, and the other way round.
    """
    measured = [each for each in history.of(metric) if len(history.series(each.name).steps)]
    if metric not in LOST:
        return measured
    own = history.activations
    return [each for each in measured if (own.get(each.of) in SATURATING) == (metric == "saturated_fraction")]


def outline(history: History, name: str, columns: int) -> Series:
    """Return a metric over all steps, thinned to what so many columns can show."""
    return history.outline(name, history.first, history.next, columns)


def broken(history: History, name: str, series: Series) -> tuple[npt.NDArray[np.int64], Places]:
    """Return an outline with NaN wherever the metric was no finite number, so that no line is drawn across."""
    known = np.isfinite(series.values)
    steps, values = series.steps[known], series.values[known].astype(np.float64)
    holes = np.array([gap.first for gap in history.gaps(name, history.first, history.next)], np.int64)
    at = np.searchsorted(steps, holes)
    return np.insert(steps, at, holes), np.insert(values, at, np.nan)


def early(history: History, name: str, columns: int) -> Series:
    """Return the same for an axis of powers of ten, on which the first steps have as much room as all the others."""
    first, stop = history.first, history.next
    bounds = [first, *(first + 8**power for power in range(2, 22) if first + 8**power < stop), stop]
    pieces = [history.outline(name, low, high, max(32, columns // len(bounds))) for low, high in pairwise(bounds)]
    return Series(np.concatenate([each.steps for each in pieces]), np.concatenate([each.values for each in pieces]))


def shorter(name: str, most: int) -> str:
    """Return a name of at most so many characters, without its middle."""
    if len(name) <= most:
        return name
    tail = (most - 1) * 2 // 3
    return f"{name[: most - 1 - tail]}…{name[len(name) - tail :]}"


def brief(names: Sequence[str], most: int) -> list[str]:
    """Return names of at most so many characters, without what all of them begin and end with if one is longer."""
    if all(len(each) <= most for each in names):
        return list(names)
    parts = [each.split(".") for each in names]
    shortest = min(map(len, parts)) - 1 if len(parts) > 1 else 0
    begin = next((at for at in range(shortest) if len({each[at] for each in parts}) > 1), shortest)
    end = next((at for at in range(shortest - begin) if len({each[-1 - at] for each in parts}) > 1), shortest - begin)
    cores = [".".join(each[begin : len(each) - end]) for each in parts]
    return [shorter(f"{'…' if begin else ''}{each}{'…' if end else ''}", most) for each in cores]
