"""The thresholds that more than one rule goes by. Every one names its source."""

from collections.abc import Sequence

LAYER_DEAD = 0.5
"""Share of a layer's units from which it counts as dead, or saturated (SageMaker Debugger, DeadRelu and
SaturatedActivation: threshold_layer)."""
LAYER_DYING = 0.1
"""Ours."""
LEARNED_LITTLE = 2 / 9
"""Ours: share of the way from guessing to all right up to which a network has learned next to nothing; of ten classes
30 % right, of two 61 %. Accuracy is corrected for chance as in Cohen's kappa (1960)."""
ROOMY = 3
"""Ours: times the number of classes; units of a layer that is no bottleneck."""


def little_right(accuracy: float, classes: int) -> bool:
    """Return whether an accuracy, as a share, is hardly better than that of guessing among so many classes."""
    lot = 1 / classes
    return accuracy <= lot + LEARNED_LITTLE * (1 - lot)


def is_bottleneck(units: int, classes: int) -> bool:
    """Return whether a layer's units, each on or off, have fewer patterns than there are classes (ours)."""
    return (1 << units) < classes


def without_bottlenecks(hidden: Sequence[int], classes: int) -> tuple[int, ...]:
    """Return the units of layers of which those that are bottlenecks have been given room (ours)."""
    return tuple(ROOMY * classes if is_bottleneck(units, classes) else units for units in hidden)
