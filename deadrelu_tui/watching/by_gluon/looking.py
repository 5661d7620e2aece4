"""A look at the units: what goes into each activation, computed on the probe, and counted in NumPy.

MXNet 1.9.1 sums on a CPU a value at a time: twenty times as slow as to copy the values out and count them here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import OWN, SATURATING
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.spread import spread
from deadrelu_tui.record.units import UNSATURATED, Units
from deadrelu_tui.watching.by_gluon.graph import Entry, Evaluation, Graph
from deadrelu_tui.watching.by_gluon.passing import Args, Probe, arrays, device_of
from deadrelu_tui.watching.by_gluon.sketch import Sketch

SPREAD_OVER = 200_000
"""Values of h of which the spread is told, at most: of the first samples of the probe."""
AT_ONCE = 64_000_000
"""Values that a look has in memory, if the probe can be passed through in parts."""
Array = npt.NDArray[Any]


@dataclass
class Counts:
    """What a layer's units did, all calls together. A place is a sample, or one of its positions."""

    activation: str
    places: int = 0
    fired: Any = 0
    inside: Any = 0
    size: Any = 0.0
    total: Any = 0.0
    highest: Any = -np.inf
    known: bool = True
    """Whether what is activated was seen, and not only what came of it."""
    spreads: list[Floats] = field(default_factory=list)

    def take(self, pre: Array | None, out: Array | None, along: int) -> None:
        """Count one call, of what is activated and of what came of it, of which one is enough for a ReLU."""
        seen = pre if pre is not None else out
        assert seen is not None
        others = tuple(each for each in range(seen.ndim) if each != along)
        self.places += seen.size // max(seen.shape[along], 1)
        self.size = self.size + _summed(np.maximum(seen, 0) if out is None else np.abs(out), others)
        if pre is None:
            self.known = False
            fires = seen != 0 if self.activation == OWN else seen > 0
            self.fired = self.fired + fires.sum(others, dtype=np.int64)
            # What is no number is no 0 either: it is told as such by the mean.
            self.total = self.total + np.where(np.isnan(self.size), np.nan, 0.0)
            return
        self.fired = self.fired + (pre > 0).sum(others, dtype=np.int64)
        self.total = self.total + _summed(pre, others)
        self.highest = np.maximum(self.highest, pre.max(others, initial=-np.inf))
        if self.activation in SATURATING:
            low, high = UNSATURATED[self.activation]
            self.inside = self.inside + ((pre > low) & (pre < high)).sum(others, dtype=np.int64)
        if not self.spreads and pre.size:
            each = max(1, pre.size // max(pre.shape[0], 1))
            self.spreads.append(spread(pre[: max(1, SPREAD_OVER // each)]))

    def units(self, weight: Array | None, bias: Array | None, gradient: Array | None) -> Units:
        """Return what a look tells of each unit; weight and gradient have a row for each."""
        count = len(self.fired)
        lacking = np.full(count, np.nan, np.float32)
        mean = self.total / self.places
        broken = np.nan if np.isnan(mean).any() else 1.0
        inside = self.inside / self.places if self.activation in SATURATING and self.known else np.ones(count)
        return Units(
            self.activation,
            firing=(self.fired / self.places * broken).astype(np.float32),
            unsaturated=(inside * broken).astype(np.float32),
            activity=(self.size / self.places).astype(np.float32),
            pre_mean=mean.astype(np.float32) if self.known else lacking,
            pre_max=self.highest.astype(np.float32) if self.known else lacking,
            bias=bias.astype(np.float32) if bias is not None and bias.size == count else lacking,
            weight_norm=lacking if weight is None else _norms(weight),
            gradient=lacking if gradient is None else _norms(gradient),
            batch=lacking,
            spread=self.spreads[0] * np.float32(broken) if self.spreads else np.empty(0, np.float32),
        )


def _summed(values: Array, others: tuple[int, ...]) -> Array:
    # In double precision: a mean of millions in float32 is not right to the last digit.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values.sum(others, dtype=np.float64))


def _norms(rows: Array) -> Floats:
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)).astype(np.float32)
    return norms


def rows_of(weight: Array, units: int, second: bool) -> Array | None:
    """Return a weight as a row for each unit, (units, inputs); None where it has none."""
    if weight.ndim < 2:
        return None
    if weight.shape[1 if second else 0] != units:
        second = not second
    if weight.shape[1 if second else 0] != units:
        return None
    return (np.swapaxes(weight, 0, 1) if second else weight).reshape(units, -1)


def array(values: Any) -> Array:
    """Return an array of MXNet's as one of NumPy's, in single precision at least; waits until it is computed."""
    found = np.asarray(values.asnumpy())
    return found if found.dtype in (np.float32, np.float64) else found.astype(np.float32)


class Looker:
    """Computes on the probe what is wanted of a network, again and again."""

    def __init__(self, net: Any, known: Sketch, probe: Probe) -> None:
        self._net, self._known, self._probe = net, known, probe
        self._entries: list[Entry] = []
        for place in known.places.values():
            for call in place.calls:
                self._entries += [each for each in (call.pre, None if call.same else call.out) if each is not None]
        self._look = Evaluation(known.graph, self._entries)
        self._said: Evaluation | None = None

    def counted(self) -> dict[str, Counts]:
        """Return what the units of each layer do on the probe."""
        counts = {name: Counts(place.activation) for name, place in self._known.places.items()}
        device = device_of(self._net)
        for fed in self._parts():
            values = iter(self._look(fed, device))
            for name, place in self._known.places.items():
                for call in place.calls:
                    pre = array(next(values)) if call.pre is not None else None
                    out = None if call.same and pre is not None else array(next(values))
                    counts[name].take(pre, out, call.along)
        return counts

    def said(self) -> list[Array]:
        """Return what the network gives for the probe."""
        if self._said is None:
            self._said = Evaluation(self._known.graph, self._known.heads)
        return [array(each) for each in self.values(self._said)]

    def values(self, evaluation: Evaluation) -> Iterator[Any]:
        """Yield what an evaluation gives for the probe, one call of the network after the other."""
        device = device_of(self._net)
        for args in self._probe():
            yield from evaluation(list(arrays(args)), device)

    def _parts(self) -> Iterator[Sequence[Any]]:
        """Yield what the network is fed, in parts if it is much, and if each sample goes its own way."""
        for args in self._probe():
            fed = list(arrays(args))
            samples = _samples(fed)
            size = _values(self._known.graph, self._entries, fed)
            most = max(1, samples * AT_ONCE // max(size, 1)) if samples else 0
            if size <= AT_ONCE or not samples or not _apart(self._known.graph, self._entries, fed, most):
                yield fed
                continue
            for start in range(0, samples, most):
                yield [each[start : start + most] for each in fed]


def _samples(fed: Sequence[Args]) -> int:
    """Return how many samples there are in what the network is fed; 0 if that is not told by the shapes."""
    lengths = {each.shape[0] if each.shape else 0 for each in fed}  # type: ignore[attr-defined]
    return lengths.pop() if len(lengths) == 1 else 0


def _values(graph: Graph, entries: Sequence[Entry], fed: Sequence[Any]) -> int:
    shapes = graph.shapes(fed)
    return sum(int(np.prod(shapes.get(each, (0,)), dtype=np.int64)) for each in entries)


def _apart(graph: Graph, entries: Sequence[Entry], fed: Sequence[Any], samples: int) -> bool:
    """Return whether of fewer samples comes accordingly less."""
    whole, length = graph.shapes(fed), _samples(fed)
    try:
        part = graph.shapes([each[:samples] for each in fed])
    except Exception:  # a number of samples that is written down in the network
        return False
    return all(
        part[each][1:] == whole[each][1:] and part[each][0] * length == whole[each][0] * samples
        for each in entries if each in whole
    )  # fmt: skip
