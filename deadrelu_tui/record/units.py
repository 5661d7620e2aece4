"""What a look at the probe set tells of each unit, and the field's definitions of death, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import CHOSEN, SATURATING, SMOOTH
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.spread import spread

Mask = npt.NDArray[np.bool_]

LEAKY_SLOPE = 0.01
UNSATURATED = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}
"""Inputs between which the gradient is at least 1e-7 (Amazon SageMaker Debugger, SaturatedActivation)."""
INACTIVE_BELOW = 0.01
"""Share of the images (SageMaker Debugger, DeadRelu and SaturatedActivation: threshold_inactivity)."""
TAU = 0.025
"""Of the layer's mean activity (Sokar et al. 2023, The Dormant Neuron Phenomenon)."""


OF_EACH = (
    "firing", "unsaturated", "activity", "pre_mean", "pre_max", "bias", "weight_norm", "gradient", "batch",
)  # fmt: skip
"""What is told of each unit, in the order in which it is kept."""


@dataclass(frozen=True)
class Units:
    """A layer as one look found it: on the probe set, but for `batch`. Arrays have the shape (units,), `spread` alone
    has that of its bins.
    """

    activation: str
    firing: Floats
    """Share of the images with h > 0."""
    unsaturated: Floats
    """Share of the images with h where the gradient is at least 1e-7; 1 for ReLU and leaky ReLU."""
    activity: Floats
    """Mean of |a| with a the activation of h."""
    pre_mean: Floats
    """Mean of h."""
    pre_max: Floats
    """Largest h."""
    bias: Floats
    weight_norm: Floats
    """L2 norm of the incoming weights."""
    gradient: Floats
    """L2 norm of ∂L/∂(incoming weights), with L the batch-summed loss of the step's batch."""
    batch: Floats
    """Share of the step's batch with h > 0."""
    spread: Floats = field(default_factory=lambda: np.empty(0, np.float32))
    """Share of all h, over images and units, in each bin of `record.spread`, (BINS,); none where it is not known."""

    @classmethod
    def measured(
        cls, activation: str, pre: npt.NDArray[Any], weights: npt.NDArray[Any], bias: npt.NDArray[Any],
        gradient: npt.NDArray[Any], batch: npt.NDArray[Any],
    ) -> Units:  # fmt: skip
        """Return a layer's units from h of shape (images, units), weights and their gradient (units, inputs), the
        bias and the share of the batch for which each unit fires (units,). Of a layer with NaN no share is told.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            mean = pre.mean(axis=0, dtype=np.float64)
            known = np.where(np.isnan(mean).any(), np.nan, 1.0).astype(np.float32)
            low, high = UNSATURATED.get(activation, (-np.inf, np.inf))
            inside = _share((pre > low) & (pre < high)) if activation in UNSATURATED else np.ones(len(bias))
            return cls(
                activation,
                firing=(_share(pre > 0) * known).astype(np.float32),
                unsaturated=(inside * known).astype(np.float32),
                activity=np.abs(activated(activation, pre)).mean(axis=0, dtype=np.float64).astype(np.float32),
                pre_mean=mean.astype(np.float32),
                pre_max=pre.max(axis=0).astype(np.float32),
                bias=bias.astype(np.float32),
                weight_norm=_row_norms(weights),
                gradient=_row_norms(gradient),
                batch=batch.astype(np.float32),
                spread=spread(pre) * known,
            )

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.firing)

    @property
    def lost(self) -> Mask:
        """Return which units are dead (never fire) or, of tanh and sigmoid, saturated."""
        return definition_of("saturated_fraction" if self.activation in SATURATING else "dead_fraction").of(self)


def _share(holds: Mask) -> npt.NDArray[np.float64]:
    # A mean of booleans goes through double precision: it takes twice as long as counting them.
    return np.asarray(holds.sum(axis=0, dtype=np.int32) / len(holds))


def activated(activation: str, pre: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a of h, of the same shape; one that is not known is taken for a ReLU."""
    if activation == "tanh":
        return np.asarray(np.tanh(pre))
    if activation == "sigmoid":
        return np.asarray(0.5 * (1 + np.tanh(pre / 2)))
    if activation == "leaky_relu":
        return np.asarray(np.maximum(pre, LEAKY_SLOPE * pre))
    return np.asarray(np.maximum(pre, 0))


def _row_norms(rows: npt.NDArray[Any]) -> Floats:
    # In double precision the square of no float32 overflows.
    norms: Floats = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64)).astype(np.float32)
    return norms


@dataclass(frozen=True)
class Definition:
    """One of the field's definitions of a unit that is of no use."""

    metric: str
    """The metric that counts the units for which it holds."""
    name: str
    short: str
    """The name where there is little room."""
    holds: Callable[[Units], Mask]
    of_saturating: bool | None = False
    """Whether it means something for units that saturate, in place of those that fire; None for both."""
    on_batch: bool = False
    """Judged by the step's batch instead of the probe set."""
    reads: str = "firing"
    """What of the units it is judged by."""
    of_tables: bool = True
    """Whether it means something for the entries of a table, of a thousand of which each is chosen once in a thousand
    times at best.
    """

    def applies(self, activation: str) -> bool:
        """Return whether it means something for an activation, one that nobody here knows included: a tanh that never
        goes above 0 is not dead. Smooth units are at most dormant.
        """
        if activation == CHOSEN and not self.of_tables:
            return False
        if activation in SMOOTH:
            return self.of_saturating is None
        return self.of_saturating is None or self.of_saturating == (activation in SATURATING)

    def of(self, units: Units) -> Mask:
        """Return for which units it holds: for none of those that it does not apply to."""
        return self.holds(units) if self.applies(units.activation) else np.zeros(len(units), np.bool_)

    def share(self, units: Units) -> float:
        """Return the share of units for which it holds; NaN for a layer of NaN, or of which that is not told."""
        known = np.isfinite(units.firing).all() and not np.isnan(getattr(units, self.reads)).any()
        return float(np.mean(self.holds(units))) if known else float("nan")


DEFINITIONS = (
    Definition("dead_fraction", "never fires", "never fires", lambda units: units.firing == 0),
    Definition("inactive_fraction", "fires on < 1 %", "fires < 1 %", lambda units: units.firing < INACTIVE_BELOW,
               of_tables=False),
    Definition("saturated_fraction", "saturated", "saturated",
               lambda units: units.unsaturated < INACTIVE_BELOW, of_saturating=True),
    Definition("dormant_fraction", f"τ-dormant, τ = {TAU}", "τ-dormant",
               lambda units: units.activity <= TAU * units.activity.mean(dtype=np.float64), None,
               reads="activity"),
    Definition("silent_fraction", "zero on this batch", "this batch", lambda units: units.batch == 0, on_batch=True,
               reads="batch"),
)  # fmt: skip
"""In the order of the key that walks through them."""


def definition_of(metric: str) -> Definition:
    """Return a definition by its metric. Raises StopIteration for a metric that has none."""
    return next(each for each in DEFINITIONS if each.metric == metric)


def definitions_for(activation: str) -> tuple[Definition, ...]:
    """Return those that mean something for an activation, in the same order."""
    return tuple(each for each in DEFINITIONS if each.applies(activation))
