"""The rules that find what deserves a note, whatever the state of the network: one function for each."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from deadrelu_tui.diagnosis import causes, remedies
from deadrelu_tui.diagnosis.evidence import Evidence
from deadrelu_tui.diagnosis.finding import Cause, Finding

UPDATE_ABOVE, UPDATE_BELOW = 10, 1e-8
"""‖Δ‖/‖w‖ of weights (SageMaker Debugger, WeightUpdateRatio)."""
VARIANCES, GRADIENT_RANGE = 10, 0.001
"""Largest over smallest variance, 5–95 percentile range (SageMaker Debugger, PoorWeightInitialization)."""
LARGE_INPUT = 0.2
"""Absolute mean of the input (SageMaker Debugger, CheckInputImages)."""
OVERFIT = 0.1
"""(Validation − training) / training loss (SageMaker Debugger, Overfit)."""
DECREASE, DECREASE_STEPS = 0.001, 10
"""SageMaker Debugger, LossNotDecreasing."""


def update_ratio(evidence: Evidence) -> Iterator[Finding]:
    """Find updates out of proportion to the weights (SageMaker Debugger, WeightUpdateRatio); biases start at zero."""
    ratios = list(evidence.of_weights("update_ratio"))
    if large := [each for each in ratios if each[2] > UPDATE_ABOVE and not (evidence.guest and math.isinf(each[2]))]:
        name, part, value = max(large, key=lambda each: each[2])
        step = evidence.since(name, above=UPDATE_ABOVE)
        yield Finding(
            "WeightUpdateRatio", "", {}, causes.overshoot(causes.scale(evidence, evidence.steps)),
            remedies.lower_rate(evidence), value, UPDATE_ABOVE, step, part,
        )  # fmt: skip
    if small := [each for each in ratios if each[2] < UPDATE_BELOW]:
        name, part, value = small[0]
        step, lost = evidence.since(name, below=UPDATE_BELOW), causes.lost_layer(evidence)
        yield Finding(
            "WeightUpdateRatio", "", {"more": len(small) - 1}, lost, () if lost else remedies.higher_rate(evidence),
            value, UPDATE_BELOW, step, part,
        )  # fmt: skip


def poor_initialisation(evidence: Evidence) -> Iterator[Finding]:
    """Find first weights of unlike variance, or a first gradient of hardly any range (PoorWeightInitialization).

    Of a training that was joined later nobody saw the first ones.
    """
    if evidence.history.first:
        return
    variances = [(value, part) for part, value in _first_variances(evidence) if math.isfinite(value)]
    if variances:
        (low, lowest), (high, highest) = min(variances), max(variances)
        ratio = high / low if low > 0 else math.inf if high > 0 else 1.0
        if ratio > VARIANCES:
            yield Finding(
                "PoorWeightInitialization", "", {"than": lowest}, None, (), ratio, VARIANCES, 0, highest,
            )  # fmt: skip
    narrow = [(part, value) for _, part, value in evidence.of("grad_range") if value < GRADIENT_RANGE]
    if narrow:
        part, value = narrow[0]
        yield Finding(
            "PoorWeightInitialization", "", {"more": len(narrow) - 1}, None, (), value, GRADIENT_RANGE, 0, part,
        )  # fmt: skip


def _first_variances(evidence: Evidence) -> Iterator[tuple[str, float]]:
    """Yield each weight with the variance that it began with; in a network of somebody's own those that make units,
    times their inputs: embeddings and what is normalised may be of any variance, and layers of any width.
    """
    told = {part: value for _, part, value in evidence.of("weight_variance")}
    if not evidence.guest:
        yield from told.items()
        return
    for layer in evidence.network.layers:
        weight = evidence.network.parameter(layer.weight)
        if weight is not None and weight.name in told and not evidence.norms(layer.name):
            yield weight.name, told[weight.name] * weight.inputs


def loss_not_decreasing(evidence: Evidence) -> Iterator[Finding]:
    """Find a mean loss of the last steps that is no lower than that of the steps before (LossNotDecreasing)."""
    values = evidence.tail("loss", 2 * DECREASE_STEPS).astype(np.float64)
    if len(values) < 2 * DECREASE_STEPS or not np.isfinite(values).all():
        return
    before, after = float(values[:DECREASE_STEPS].mean()), float(values[DECREASE_STEPS:].mean())
    fall = (before - after) / before if before > 0 else 0.0
    if fall < DECREASE:
        step = int(evidence.history.tail("loss", DECREASE_STEPS).steps[0])
        yield Finding(
            "LossNotDecreasing", "", {"steps": DECREASE_STEPS}, Cause("means", {"before": before, "now": after}), (),
            fall, DECREASE, step,
        )  # fmt: skip


def input_images(evidence: Evidence) -> Iterator[Finding]:
    """Find pixels that are not centred (SageMaker Debugger, CheckInputImages)."""
    mean, deviation = evidence.input(evidence.live)
    if abs(mean) > LARGE_INPUT and math.isfinite(mean):
        yield Finding(
            "CheckInputImages", "", {"deviation": deviation}, None, remedies.normalise(evidence),
            mean, LARGE_INPUT, evidence.history.changed_at("normalise"),
        )  # fmt: skip


def overfit(evidence: Evidence) -> Iterator[Finding]:
    """Find a test loss above the training loss of the same epoch, or of as many steps before a test within one
    (SageMaker Debugger, Overfit).
    """
    start = evidence.history.start
    steps, tests = evidence.history.series("loss/test")
    if start is None or start.steps_per_epoch is None or not len(steps):
        return
    stop = int(steps[-1]) + 1
    train = evidence.history.window("loss", stop - start.steps_per_epoch, stop).values.astype(np.float64)
    if not len(train) or not np.isfinite(train).all() or train.mean() <= 0:
        return
    gap = (float(tests[-1]) - float(train.mean())) / float(train.mean())
    if gap > OVERFIT and math.isfinite(gap):
        facts = {"test": float(tests[-1]), "train": float(train.mean())}
        if (stop - start.first) % start.steps_per_epoch:
            facts["steps"] = len(train)
        yield Finding("Overfit", "", facts, None, (), gap, OVERFIT, stop - 1)
