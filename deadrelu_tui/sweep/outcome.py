"""What came of one run of a sweep."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.network import Layer, Network
from deadrelu_tui.run.source import Status, how_it_ended
from deadrelu_tui.run.summary import Summary

SHORT = {"dead": "dead_fraction", "zeros": "zero_fraction", "silent": "silent_fraction"}
"""Shares of all hidden units, for one of each layer, by the names that people use for them."""
OTHER = {"accuracy": "accuracy/test", "test-loss": "loss/test"}
"""Short names of metrics of the whole network."""
SATURATED = "saturated_fraction"
"""What is the dead share of a layer that cannot fall silent."""
DIVERGED = "diverged"
_LOST = frozenset({Status.FAILED.value, "lost"})


class Outcome(NamedTuple):
    """A run that has ended, in short."""

    run: str
    how: str
    """A word of Status: finished, stopped, failed; or `lost` if whoever computed it was killed, twice."""
    verdict: str = ""
    error: str = ""
    steps: int = 0
    seconds: float = 0.0
    values: Mapping[str, float] = {}
    """What was measured last, by the names of the metrics."""

    @property
    def failed(self) -> bool:
        """Whether it has no values: an error ended it, or whoever computed it was killed."""
        return self.how in _LOST

    @property
    def diverged(self) -> bool:
        """Whether its numbers are none any more: then no share of dead units means anything."""
        return self.verdict == DIVERGED


def outcome(history: History) -> Outcome:
    """Return what a history that has ended tells."""
    start, end, found = history.start, history.end, verdict(history)
    assert start is not None
    assert end is not None
    last = {name: value for name in history.names if (value := history.latest(name)) is not None}
    return Outcome(
        start.run, how_it_ended(end).value, found.word if found is not None else "", end.error or "", history.taken,
        end.at, _values(last, start.network),
    )  # fmt: skip


def recorded(run: Summary, settings: RunSettings) -> Outcome:
    """Return what the short form of a recorded run tells, which was made with some settings."""
    network = promise(settings).network
    return Outcome(run.run, run.how, run.verdict, run.error or "", run.steps, run.seconds, _values(run.last, network))


def _values(last: Mapping[str, float], network: Network) -> dict[str, float]:
    """Return what was measured last, by the short names, too; what is of each layer then counts by its units."""
    values, units = dict(last), sum(each.units for each in network.layers)
    for short, metric in SHORT.items():
        shares = (
            last.get(f"{_of_layer(short, metric, each)}/{each.name}", math.nan) * each.units for each in network.layers
        )
        values[short] = math.fsum(shares) / units
    for short, metric in OTHER.items():
        values[short] = last.get(metric, math.nan)
    return values


def _of_layer(short: str, metric: str, layer: Layer) -> str:
    """Return what of a layer is meant by a short name: sigmoid and tanh never fall silent, they saturate."""
    return SATURATED if short == "dead" and layer.activation in SATURATING else metric


def metric_of(wanted: str, names: tuple[str, ...]) -> str:
    """Return the name of what is to be shown, of what runs tell. Raises InputError for what none of them tells."""
    known = (*SHORT, *OTHER, *names)
    if wanted in known:
        return wanted
    some = ", ".join((*SHORT, *OTHER, "loss"))
    others = f"{names[1]} and any other metric of a run" if len(names) > 1 else "any other metric of a run"
    raise InputError(f"show must be {some}, {others}, not {wanted[:40]!r}")
