"""Dead units brought back in a user's network: verified on the probe, or taken back with the reason.

As for PyTorch: fresh incoming weights, outgoing ones zero, so that the network says what it said before (ReDo, Sokar et
al. 2023). Of a layer whose output is read in a way that cannot be followed nothing is left changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.errors import in_a_line
from deadrelu_tui.watching import reviving
from deadrelu_tui.watching.by_gluon.graph import Evaluation
from deadrelu_tui.watching.by_gluon.looking import Looker, array
from deadrelu_tui.watching.by_gluon.remembering import Memory, NotKnownError
from deadrelu_tui.watching.by_gluon.theirs import mx
from deadrelu_tui.watching.by_gluon.tracing import Place
from deadrelu_tui.watching.reviving import MOVED, Refused

if TYPE_CHECKING:
    from deadrelu_tui.watching.by_gluon.sight import GluonSight

_random = np.random.default_rng()
"""Ours: the training's own draws are left alone."""
Array = npt.NDArray[Any]


def revive(sight: GluonSight, wanted: str | None) -> tuple[dict[str, int], dict[str, str]]:
    """Revive the dead units of a layer, or of all; return how many of each came back, and why none did."""
    return reviving.revive(sight.known.places, wanted, lambda place: _Layer(sight, place).revive())


class _Layer:
    """One layer while its units are revived."""

    def __init__(self, sight: GluonSight, place: Place) -> None:
        self._known, self._place = sight.known, place
        self._looker: Looker | None = sight.looker
        self._memory = Memory(sight.trainers)
        self._kept: dict[int, tuple[Any, Array]] = {}
        """Parameters that are changed, by their identity, each with what it was."""

    def revive(self) -> int:
        """Revive the layer's dead units; return how many fire now. Raises Refused with nothing changed."""
        looker = self._looker
        if looker is None:
            raise Refused("there is no probe on which that could be verified")
        if not self._known.heads:
            raise Refused("what the network says depends on random numbers: nothing could be verified")
        dead = self._dead(looker)
        if not len(dead):
            return 0
        before = looker.said()
        if not all(np.isfinite(each).all() for each in before):
            raise Refused("what the network says is no number: nothing could be verified")
        weight = self._incoming()
        outgoing = list(self._outgoing(dead))
        try:
            self._draw(weight, dead)
            for each, where in outgoing:
                self._put(each, where, 0.0)
            self._normalise(looker, dead)
            still = self._dead(looker)
            again = np.intersect1d(still, dead)
            if len(again):  # with the other sign they are as likely
                self._put(weight, (again,), -self._values(weight)[again])
                self._normalise(looker, again)
                still = self._dead(looker)
            moved = _moved(before, looker.said())
            if not moved <= MOVED:
                raise Refused(
                    f"what the network says on the probe would move by {moved:.1%}: others read its units, too"
                )
            for each, where in outgoing:
                self._memory.forget(each, where)
            self._memory.forget(weight, (dead,))
        except (Refused, NotKnownError) as reason:
            self._roll_back()
            raise Refused(str(reason)) from reason
        except Exception as error:
            self._roll_back()
            raise Refused(in_a_line(error)) from error
        return len(dead) - len(np.intersect1d(still, dead))

    def _dead(self, looker: Looker) -> Array:
        """Return which units fire for no place of the probe."""
        return np.flatnonzero(looker.counted()[self._place.name].fired == 0)

    def _incoming(self) -> Any:
        makers = self._place.tag.makers
        if len(makers) != 1:
            raise Refused("it is not known which weights alone make its units")
        weight = self._known.parameter(makers[0].variable)
        if makers[0].second or weight.shape[0] != self._place.units:
            raise Refused(f"{self._named(weight)} has no row for each unit")
        return weight

    def _outgoing(self, dead: Array) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """Yield each weight that reads the layer, and where it reads its dead units."""
        if not self._place.readers:
            raise Refused("no weight reads its units")
        for reader in self._place.readers:
            weight = self._known.parameter(reader.variable)
            along = 0 if reader.second else 1
            repeats, rest = divmod(weight.shape[along], self._place.units)
            if rest or not repeats:
                raise Refused(f"{self._named(weight)} does not read its units one by one")
            read = (dead[:, None] * repeats + np.arange(repeats)).reshape(-1)
            yield weight, (read,) if along == 0 else (slice(None), read)

    def _draw(self, weight: Any, dead: Array) -> None:
        """Draw weights at the scale of the living units', or He's (2015) where nobody lives; biases are zero."""
        values = self._values(weight)
        rows = values.reshape(len(values), -1)
        lives = np.delete(rows, dead, 0)
        scale = (2 / rows.shape[1]) ** 0.5
        if lives.size and np.isfinite(lives).all():
            scale = float(np.sqrt(np.square(lives, dtype=np.float64).mean())) or scale
        self._put(weight, (dead,), _random.standard_normal((len(dead), *values.shape[1:])) * scale)
        for variable in self._place.tag.biases:
            bias = self._known.parameter(variable)
            if tuple(bias.shape) == (self._place.units,):
                self._put(bias, (dead,), 0.0)
                self._memory.forget(bias, (dead,))

    def _normalise(self, looker: Looker, dead: Array) -> None:
        """Have what normalises the units treat the dead ones as it treats units that were just drawn."""
        graph = self._known.graph
        for index in self._place.tag.norms:
            node = graph.nodes[index]
            told = [graph.parameters.get(graph.nodes[each[0]].name) for each in node.inputs[1:]]
            own = [each if each is not None and tuple(each.shape) == (self._place.units,) else None for each in told]
            gamma, beta, mean, variance = (*own, None, None, None, None)[:4]
            if gamma is not None and node.attrs.get("fix_gamma", "False") == "False":
                lives = np.delete(self._values(gamma), dead)
                self._put(gamma, (dead,), np.median(lives) if len(lives) else 1.0)
                self._memory.forget(gamma, (dead,))
            if beta is not None:
                self._put(beta, (dead,), 0.0)
                self._memory.forget(beta, (dead,))
            if mean is not None and variance is not None:
                fed = [array(each) for each in looker.values(Evaluation(graph, [node.inputs[0]]))]
                axis = int(node.attrs.get("axis", "1")) % fed[0].ndim
                rows = np.concatenate([np.moveaxis(each, axis, -1).reshape(-1, self._place.units) for each in fed])
                self._put(mean, (dead,), rows.mean(0, dtype=np.float64)[dead])
                self._put(variance, (dead,), rows.var(0, dtype=np.float64)[dead])

    def _named(self, parameter: Any) -> str:
        return next((name for name, each in self._known.everything.items() if each is parameter), str(parameter.name))

    def _values(self, parameter: Any) -> Array:
        return array(parameter.list_data()[0])

    def _put(self, parameter: Any, where: tuple[Any, ...], values: Any) -> None:
        """Change some values of a parameter, on every device."""
        was = self._values(parameter)
        if parameter.list_data()[0].dtype != np.float32:
            raise Refused(f"{self._named(parameter)} is not in single precision")
        self._kept.setdefault(id(parameter), (parameter, was.copy()))
        now = was.copy()
        now[where] = values
        put(parameter, now)

    def _roll_back(self) -> None:
        for parameter, was in self._kept.values():
            put(parameter, was)
        self._memory.roll_back()


def put(parameter: Any, values: Array) -> None:
    """Give a parameter other values, on every device."""
    with mx.autograd.pause():
        for each in parameter.list_data():
            each[:] = values


def _moved(before: Sequence[Array], now: Sequence[Array]) -> float:
    """Return by which share of its largest value what a network says has changed."""
    worst = 0.0
    for one, other in zip(before, now, strict=True):
        if one.shape != other.shape:
            return float("inf")
        size = float(np.abs(one).max(initial=0))
        change = float(np.abs(one - other).max(initial=0))
        if not np.isfinite(change):
            return float("inf")
        worst = max(worst, change / size if size else change)
    return worst
