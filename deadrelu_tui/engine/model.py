"""What the training asks of an engine: a network in its hands, one step after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.batches import Batches
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.records import Event, Live, Look, Start, Step
from deadrelu_tui.wording import count

FLOAT_MIN, FLOAT_MAX = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


class Pending(Protocol):
    """A step that was begun; its numbers may still be on their way."""

    events: tuple[Event, ...]
    """What has happened just before it."""

    @property
    def tested(self) -> bool:
        """Whether it ends an epoch, with a test."""

    def record(self, clock: Callable[[], float]) -> Step:
        """Wait for the numbers and return them, with the time by a clock."""


class Model(Protocol):
    """A network with its parameters, its data and its own draws. All of it lives in one thread."""

    start: Start
    """What was promised, with what was found."""
    batches: Batches

    def ahead(self, oldest: Pending) -> int:
        """Return how many steps may be under way before the oldest is to be read back; 0 where each is done at once."""

    def step(
        self, number: int, epoch: int, live: Live, batch: npt.NDArray[np.int64], look: bool, test: bool
    ) -> Pending:
        """Take one step: batch, forward, loss, backward, diagnose, update. With a look it looks at the probe set with
        the weights that the step found; with a test at all of the test set with those that it left.
        """

    def look(self, number: int, live: Live, test: bool = False) -> Look:
        """Look at the probe set with the weights that the last step left, whose number and settings are given; with a
        test at all of the test set.
        """

    def parameters_now(self) -> list[Floats]:
        """Return copies of w1, b1, w2, b2, … as the last step left them."""

    def revive(self, live: Live) -> list[int]:
        """Revive the dead ReLUs (`revival`); return how many there were in each layer."""


Engine = Callable[[RunSettings, Start, Dataset, bool], Model]
"""Given settings, what was promised, the images, and whether metrics are wanted, makes a model in this thread."""


def found(promised: Start, dataset: Dataset, batches: Batches, settings: RunSettings, **known: Any) -> Start:
    """Return what was promised with what the data are; `known` names the device and other facts of the engine."""
    mean, deviation = dataset.moments
    facts: Mapping[str, Any] = {
        "source": dataset.source, "train": len(dataset.train_labels), "test": len(dataset.test_labels),
        "sha256": dataset.sha256, "input_mean": mean, "input_std": deviation, "batch": batches.size,
    }  # fmt: skip
    device, steps = known.pop("device"), settings.steps
    if steps is None and settings.epochs is not None:
        steps = batches.count * settings.epochs
    return replace(
        promised,
        title=f"Fashion-MNIST {count(len(dataset.train_labels))}"
        + (" embedded" if dataset.source == "embedded" else ""),
        device=device,
        probe=len(dataset.probe_images),
        facts={**promised.facts, **facts, **known},
        steps=steps,
        steps_per_epoch=batches.count,
    )


def spread(init: str, inputs: int, units: int) -> tuple[bool, float]:
    """Return how the first weights of a layer are drawn: whether within a bound, evenly, and that bound; else normally,
    and their standard deviation.

    `normal:s` is N(0, s²); `he` is N(0, 2/inputs) (He et al. 2015); `xavier` is uniform within
    ±√(6/(inputs+units)) (Glorot and Bengio 2010).
    """
    if init == "xavier":
        return True, math.sqrt(6 / (inputs + units))
    return False, math.sqrt(2 / inputs) if init == "he" else float(init.removeprefix("normal:"))


def rate_of(lr: float, batch_size: int) -> float:
    """Return by what a step multiplies the batch-summed gradients, within what a float32 can hold.

    One that is smaller changes nothing anyway.
    """
    rate = lr / batch_size
    return min(rate, FLOAT_MAX) if rate >= FLOAT_MIN else 0.0
