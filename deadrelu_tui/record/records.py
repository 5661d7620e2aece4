"""What a training yields: plain, immutable values. Only these cross from the training thread to anyone else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.units import Units
from deadrelu_tui.wording import rate

_WATCHED = ("loss", "pre_mean", "grad_norm")
"""Metrics of which none may cease to be a finite number in a training that is alive (ExplodingTensor)."""


@dataclass(frozen=True)
class Live:
    """The settings that can change between two steps."""

    lr: float
    normalise: bool
    activation: str

    @classmethod
    def of(cls, settings: RunSettings) -> Live:
        """Return the live part of a run's settings."""
        return cls(settings.lr, settings.normalise, settings.activation)

    def changes_from(self, before: Live) -> tuple[str, ...]:
        """Return what differs from an earlier state, one sentence each."""
        pairs = (
            (self.normalise != before.normalise, f"normalise {'on' if self.normalise else 'off'}"),
            (self.lr != before.lr, f"lr {rate(before.lr)} → {rate(self.lr)}"),
            (self.activation != before.activation, f"activation {before.activation} → {self.activation}"),
        )
        return tuple(text for changed, text in pairs if changed)


@dataclass(frozen=True)
class Start:
    """The first thing a training yields: what it found and what it is about to do."""

    device: str
    source: str
    """The data's folder, or 'embedded'."""
    sha256: str
    train: int
    test: int
    probe: int
    """Images of the probe set."""
    input_mean: float
    """Mean of the raw training pixels, 0–255."""
    input_std: float
    """Their standard deviation."""
    batches: int
    """Steps in an epoch, the short last batch included."""
    epochs: int
    batch: int
    """Images of a batch, but for the short last one of an epoch."""

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole run."""
        return self.batches * self.epochs


@dataclass(frozen=True)
class StepRecord:
    """One step and every metric of it (design §3), as floats by name.

    The metrics of the batch belong to the weights that the step found. Those of the probe set and of the test
    set stand in the record only when they were measured: at the steps of the probe schedule also with the
    weights that the step found, at the end of an epoch with those that its last step left.
    """

    step: int
    epoch: int
    """From 1."""
    live: Live
    values: Mapping[str, float]
    fired: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Per layer ('h1'): whether each unit fired for an image of the batch, shape (units,)."""
    units: Mapping[str, Units] = field(default_factory=dict)
    """Per layer what a look at the probe set told of its units; empty at the steps without a look."""
    ends_epoch: bool = False

    @property
    def broken(self) -> str | None:
        """Return the name of a loss, pre-activation or gradient that is no finite number, None if all are."""
        if all(map(math.isfinite, self.values.values())):
            return None
        for name, value in self.values.items():
            if not math.isfinite(value) and name.partition("/")[0] in _WATCHED and not name.endswith("/test"):
                return name
        return None


@dataclass(frozen=True)
class Event:
    """Something done to a run (start, lr 0.1 → 0.01, pause) or found in it, in force from that step on."""

    step: int
    text: str
    mark: bool = False
    """Something was changed here: it leaves a mark on every chart."""
    routine: bool = False
    """It comes again and again, as the end of an epoch does: of many in a row some may be left out."""
