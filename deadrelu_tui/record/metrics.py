"""The vocabulary: every metric's name, meaning, formula and unit, in one place.

A run announces which of them it has, and of what, as quantities. History, files and charts follow from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deadrelu_tui.record.network import Network


@dataclass(frozen=True)
class Metric:
    """One row of the vocabulary."""

    name: str
    formula: str
    meaning: str
    when: str = "step"


METRICS = (
    Metric("loss", "mean over the batch of −ln softmax(y)[label]",
           "Mean cross-entropy per image; guessing among ten classes is ln 10 = 2.303."),
    Metric("zero_fraction", "share of (h ≤ 0) over images × units of the batch",
           "Pre-activations that ReLU turns to zero: sparsity, not death. The article's relu_rate."),
    Metric("silent_fraction", "share of units with h ≤ 0 for every image of the batch",
           "Units that fired for no image of this batch."),
    Metric("dead_fraction", "share of units with h ≤ 0 for every image of the probe set",
           "Units that fire for no image of the probe set: death.", "probe"),
    Metric("inactive_fraction", "share of units with h > 0 for less than 1 % of the probe set",
           "Dead by the rule DeadRelu of Amazon SageMaker Debugger.", "probe"),
    Metric("dormant_fraction", "share of units with E|a| ≤ 0.025 · mean of E|a| over the layer",
           "Units that say next to nothing beside their neighbours, over the probe set; a is the activation of h "
           "(Sokar et al. 2023).", "probe"),
    Metric("saturated_fraction",
           "share of units with h outside ±9.4999 (tanh) or −23…16.99999 (sigmoid) for > 99 % of the probe set",
           "Units of tanh or sigmoid stuck where the gradient is below 1e-7 "
           "(SageMaker Debugger's SaturatedActivation).", "probe"),
    Metric("deaths", "units that died so far, those born dead included",
           "Of a layer, or of all of them, by 'never fires' (tanh, sigmoid: saturated); a unit may die twice.",
           "probe"),
    Metric("revivals", "dead units that were found alive again, so far",
           "Of the layer, or of all of them; a revived unit may die again.", "probe"),
    Metric("pre_mean", "mean of h over images × units of the batch",
           "Where the pre-activations lie; far below 0 nothing fires."),
    Metric("grad_sum", "Σ over the parameter of ∂L/∂p, with L the batch-summed loss",
           "Signed sum of a parameter's gradient, as in the article."),
    Metric("grad_norm", "√Σ(∂L/∂p)²", "L2 norm of the same gradient."),
    Metric("update_ratio", "‖Δp‖ / ‖p‖",
           "Size of the step's update against the parameter; healthy is about 1e-3 (cs231n)."),
    Metric("grad_mean_abs", "mean over the parameter of |∂L/∂p|, with L the batch-mean loss",
           "Below 1e-7 the gradient vanishes (SageMaker Debugger's VanishingGradient).", "probe"),
    Metric("bias_mean", "mean over the layer's units of the bias",
           "The part of the pre-activation that the input does not make.", "probe"),
    Metric("weight_variance", "variance of the initial weights",
           "Should be alike in all layers (SageMaker Debugger's PoorWeightInitialization).", "start"),
    Metric("grad_range", "95th − 5th percentile of ∂L/∂p, with L the batch-mean loss, at step 0",
           "A range of nearly nothing means a poor start (PoorWeightInitialization).", "start"),
    Metric("logit_variance", "variance of y over images × classes of the probe set, before the first update",
           "With weights of He et al. (2015) on pixels of 0–1 below 1; far above it the network is sure of what it "
           "does not know.", "start"),
    Metric("accuracy/probe", "share of the probe set classified rightly",
           "As accuracy/test, of fewer images and more often.", "probe"),
    Metric("predicted_fraction", "share of the probe set for which a class has the largest y",
           "What the network takes the images for: one that is dead takes all of them for the same.", "probe"),
    Metric("loss/test", "as loss, over the test set", "At the end of each epoch, and of the run.", "epoch"),
    Metric("accuracy/test", "share of test images classified rightly",
           "At the end of each epoch, and of the run.", "epoch"),
)  # fmt: skip

_WHEN = {metric.name: metric.when for metric in METRICS}


@dataclass(frozen=True)
class Quantity:
    """A metric as one run has it: of which layer or parameter, and how often it is told."""

    name: str
    """Under this name it stands in the records: 'grad_sum/w1'."""
    metric: str
    """Its row in the vocabulary, or its own name where it has none: 'grad_sum'."""
    of: str = ""
    """The layer or parameter that it belongs to, empty for one of the whole network."""
    every_step: bool = True
    """Told at every step; else at looks at the probe set, at epochs' ends, at the start."""


MEANS = ("loss", "zero_fraction")
"""Metrics whose value for an epoch is the mean over its steps; of the others it is the last one."""
WATCHED = ("loss", "pre_mean", "grad_norm")
"""Metrics of which none may cease to be a finite number in a training that is alive (ExplodingTensor)."""


def quantity(metric: str, of: str = "") -> Quantity:
    """Return a metric of the vocabulary as a run has it, of a layer or parameter or of the whole network."""
    return Quantity(f"{metric}/{of}" if of else metric, metric, of, _WHEN.get(metric) == "step")


_VOCABULARY = frozenset(metric.name for metric in METRICS)


def logged(name: str) -> Quantity | None:
    """Return what a training logs by itself under a name; None if what we measure is called so, or may be."""
    metric, slash, _ = name.partition("/")
    if name in _OF_THE_NETWORK or (slash and metric in _OF_PARTS):
        return None
    return Quantity(name, f"logged {name}" if name in _VOCABULARY else name)


def is_logged(each: Quantity) -> bool:
    """Return whether something is measured by the training itself, and not by us."""
    return not each.of and each.metric not in _VOCABULARY


OF_A_LAYER = ("zero_fraction", "silent_fraction", "pre_mean")
OF_A_PARAMETER = ("grad_sum", "grad_norm", "update_ratio")
LOOKED_AT_LAYERS = ("dead_fraction", "inactive_fraction", "dormant_fraction", "saturated_fraction", "bias_mean")
AT_THE_START = ("weight_variance", "grad_range")
_OF_PARTS = frozenset((*OF_A_LAYER, *OF_A_PARAMETER, *LOOKED_AT_LAYERS, *AT_THE_START, "grad_mean_abs",
                       "predicted_fraction", "deaths", "revivals"))  # fmt: skip
_OF_THE_NETWORK = (_VOCABULARY - _OF_PARTS) | {"deaths", "revivals", "watching"}


def all_of(network: Network, classes: Sequence[str] = ()) -> tuple[Quantity, ...]:
    """Return everything that the vocabulary has to say of a network, in the order of the network; where the classes
    have names, also what is predicted.
    """
    layers, parameters = network.names, tuple(each.name for each in network.parameters)
    return (
        quantity("loss"),
        *(quantity(metric, name) for name in layers for metric in OF_A_LAYER),
        *(quantity(metric, name) for name in parameters for metric in OF_A_PARAMETER),
        *(quantity(metric, name) for name in layers for metric in LOOKED_AT_LAYERS),
        *(quantity("grad_mean_abs", name) for name in parameters),
        *(quantity(metric, name) for name in network.weights() for metric in AT_THE_START),
        *(quantity(metric) for metric in ("logit_variance", "loss/test", "accuracy/test")),
        *((quantity("accuracy/probe"),) if classes else ()),
        *(quantity("predicted_fraction", name) for name in classes),
    )
