"""Recorded runs as lists of records, with what is found in them on the way, as a run's file has them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from conftest import record, start, units
from made_up import odd_stream, stream
from trainings import Script, Trains, trained

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.happenings import happenings
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import Quantity, quantity
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import End, Event, Look, Record, Start, Step

NUMPY = Trains("numpy")
SUBNORMAL = 5e-324


def kept(records: Iterable[Record], how: str = "finished") -> list[Record]:
    """Return what a run leaves behind: its records, the events found on the way, and its end."""
    history, told, at = History(), list[Record](), 0.0
    for each in records:
        told.append(each)
        entries = history.add(each)
        if isinstance(each, (Step, Look)):
            for event in happenings(history, each, entries):
                history.add(event)
                told.append(event)
        at = each.at if isinstance(each, Step) else at
    return [*told, End(at, how)]


def real(dataset: Dataset, script: Script | None = None, **settings: object) -> list[Record]:
    """Return what a short training leaves behind."""
    wanted = {"lr": 0.1, "hidden": (20,), "batch_size": 64, "epochs": 2, "seed": 7, **settings}
    return kept(trained(NUMPY, RunSettings(**wanted), dataset, script))  # type: ignore[arg-type]


def awkward() -> list[Record]:
    """Return a run that has everything that is seldom: gaps, what comes later or is no number, odd names, no end."""
    odd = 'a "b",\n<w> & $x_1$ \udc80 _é 词'
    layer = Layer(odd, 3, "relu", "weight|1", None)
    network = Network((layer,), (Parameter("weight|1", (3, 2)),))
    metrics = (Quantity("loss", "loss"), Quantity(f"zero_fraction/{odd}", "zero_fraction", odd))
    said = Start("run </script>", 1_700_000_000.5, "<b>title</b> & co", "cpu", network, metrics, first=3,
                 settings={"lr": 0.1, "name": odd, "loss": None}, can=frozenset({"lr"}))  # fmt: skip
    looks = {odd: units([0.0, 0.5, math.nan])}
    return [
        said,
        Step(3, 0.25, None, {"lr": 0.1, "loss": True, "mixed": 1}, {"loss": -0.0}),
        Event(4, "something_new", {"who": odd}),
        Step(7, 0.5, None, {"lr": SUBNORMAL, "loss": False, "mixed": "<i>"}, {"loss": math.nan, odd: 0.1}, {}, looks),
        Look(7, {"dead_fraction/x": 1 / 3, odd: 4.0}, looks),
        Step(8, 1 / 3, None, {"lr": math.inf, "loss": True, "mixed": [1, None]}, {"loss": -math.inf, "step": 2.0**70}),
        Step(9, 2.5, None, {}, {}, {odd: np.array([True, False, True])}),
        Event(400, "pause"),
    ]


def made_up() -> list[Record]:
    """Return the first steps of a run of sixty layers whose numbers have gaps."""
    return kept(itertools.islice(stream(), 26))


def odd() -> list[Record]:
    return kept(odd_stream())


def begun_only() -> list[Record]:
    return [start()]


def plain_run(steps: int = 12, batches: int = 4) -> list[Record]:
    """Return a run whose loss alone is told, by epochs of a few steps."""
    said = start(batches=batches)
    return [said, *(record(step, {"loss": 2.0 / (step + 1)}, batches=batches) for step in range(steps))]


def renamed(records: list[Record], run: str) -> list[Record]:
    return [replace(each, run=run) if isinstance(each, Start) else each for each in records]


def growing() -> list[Record]:
    """Return a run that logs an accuracy, and counts a table, from a later step on."""
    said = start(hidden=(4,))
    first = replace(said, facts={**said.facts, "guest": True})
    network = replace(said.network, layers=(*said.network.layers, Layer("codes", 3, "chosen")))
    own = (Quantity("accuracy", "accuracy"), Quantity("status", "status"), quantity("silent_fraction", "codes"))
    then = replace(first, network=network, metrics=(*first.metrics, *own))
    looks = {"h1": units([0.5] * 4), "codes": units([0.0, 0.5, 0.5], "chosen")}
    late = {"loss": 1.0, "status": 3.0, "silent_fraction/codes": 1 / 3}
    return kept([
        first,
        *(replace(record(step, {"loss": 1.0}), live={}) for step in range(3)),
        then,
        *(replace(record(step, {**late, "accuracy": step / 10}), live={}, looks=looks) for step in range(3, 6)),
    ])  # fmt: skip
