"""The vocabulary: every metric's name, meaning, formula and unit, in one place.

A metric is a name such as `grad_sum/w1`: the part before the slash is declared here, the part after it is the
layer (h1, h2, …) or the parameter (w1, b1, w2, …) it belongs to. History, files and charts follow from the name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One row of the vocabulary."""

    name: str
    title: str
    unit: str
    formula: str
    meaning: str
    when: str = "step"


METRICS = (
    Metric("loss", "loss", "nats", "mean over the batch of −ln softmax(y)[label]",
           "Mean cross-entropy per image; guessing among ten classes is ln 10 = 2.303."),
    Metric("zero_fraction", "zeros", "", "share of (h ≤ 0) over images × units of the batch",
           "Pre-activations that ReLU turns to zero: sparsity, not death. The article's relu_rate."),
    Metric("silent_fraction", "silent", "", "share of units with h ≤ 0 for every image of the batch",
           "Units that fired for no image of this batch."),
    Metric("dead_fraction", "never fires", "", "share of units with h ≤ 0 for every image of the probe set",
           "Units that fire for no image of the probe set: death.", "probe"),
    Metric("inactive_fraction", "fires on < 1 %", "", "share of units with h > 0 for less than 1 % of the probe set",
           "Dead by the rule DeadRelu of Amazon SageMaker Debugger.", "probe"),
    Metric("dormant_fraction", "τ-dormant", "", "share of units with E|a| ≤ 0.025 · mean of E|a| over the layer",
           "Units that say next to nothing beside their neighbours, over the probe set; a is the activation of h "
           "(Sokar et al. 2023).", "probe"),
    Metric("saturated_fraction", "saturated", "",
           "share of units with h outside ±9.4999 (tanh) or −23…16.99999 (sigmoid) for > 99 % of the probe set",
           "Units of tanh or sigmoid stuck where the gradient is below 1e-7 "
           "(SageMaker Debugger's SaturatedActivation).", "probe"),
    Metric("deaths", "deaths", "units", "units that died so far, those born dead included",
           "Of a layer, or of all of them, by 'never fires' (tanh, sigmoid: saturated); a unit may die twice.",
           "probe"),
    Metric("revivals", "revivals", "units", "dead units that were found alive again, so far",
           "Of the layer, or of all of them; a revived unit may die again.", "probe"),
    Metric("pre_mean", "mean pre-activation", "", "mean of h over images × units of the batch",
           "Where the pre-activations lie; far below 0 nothing fires."),
    Metric("grad_sum", "Σ∂L/∂", "", "Σ over the parameter of ∂L/∂p, with L the batch-summed loss",
           "Signed sum of a parameter's gradient, as in the article."),
    Metric("grad_norm", "‖∂L/∂‖", "", "√Σ(∂L/∂p)²", "L2 norm of the same gradient."),
    Metric("update_ratio", "‖Δ‖/‖‖", "", "‖Δp‖ / ‖p‖",
           "Size of the step's update against the parameter; healthy is about 1e-3 (cs231n)."),
    Metric("grad_mean_abs", "mean |∂L/∂|", "", "mean over the parameter of |∂L/∂p|, with L the batch-mean loss",
           "Below 1e-7 the gradient vanishes (SageMaker Debugger's VanishingGradient).", "probe"),
    Metric("bias_mean", "mean bias", "", "mean over the layer's units of the bias",
           "The part of the pre-activation that the input does not make.", "probe"),
    Metric("weight_variance", "weight variance", "", "variance of the initial weights",
           "Should be alike in all layers (SageMaker Debugger's PoorWeightInitialization).", "start"),
    Metric("grad_range", "gradient range", "", "95th − 5th percentile of ∂L/∂p, with L the batch-mean loss, at step 0",
           "A range of nearly nothing means a poor start (PoorWeightInitialization).", "start"),
    Metric("loss/test", "test loss", "nats", "as loss, over the test set", "At each epoch's end.", "epoch"),
    Metric("accuracy/test", "test accuracy", "", "share of test images classified rightly",
           "At each epoch's end.", "epoch"),
    Metric("seconds", "seconds", "s", "wall time since the first step began, pauses included",
           "At each epoch's end.", "epoch"),
)  # fmt: skip

_BY_NAME = {metric.name: metric for metric in METRICS}
_EXTRA = {metric.name for metric in METRICS if metric.when != "step"}


def metric_of(series: str) -> Metric:
    """Return the metric that a series such as 'grad_sum/w1' belongs to. Raises KeyError for an unknown name."""
    return _BY_NAME.get(series) or _BY_NAME[series.partition("/")[0]]


def is_extra(series: str) -> bool:
    """Return whether a metric is measured at some steps only: at looks at the probe set, epochs' ends, the start."""
    return series in _EXTRA or series.partition("/")[0] in _EXTRA


def layer_names(hidden: int) -> tuple[str, ...]:
    """Return h1, h2, … for so many hidden layers."""
    return tuple(f"h{index}" for index in range(1, hidden + 1))


def parameter_names(hidden: int) -> tuple[str, ...]:
    """Return w1, b1, w2, b2, … for so many hidden layers and the output layer."""
    return tuple(f"{kind}{index}" for index in range(1, hidden + 2) for kind in "wb")
