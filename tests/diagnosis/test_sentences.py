"""Every finding and every cause has its sentence, made from its facts."""

from __future__ import annotations

import math
from typing import Any

import pytest

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Cause, Finding

NAN, INF = math.nan, math.inf
LAYER: dict[str, Any] = {"of": 300, "probe": 2_000}
UNKNOWN: dict[str, Any] = {"of": 0, "probe": 0}


def of_h1(rule: str, word: str, value: float, facts: dict[str, Any], layer: str = "h1") -> Finding:
    """Return what a rule found in a layer or parameter, since step 7."""
    return Finding(rule, word, facts, value=value, step=7, layer=layer)


def silent(share: float, layer: str = "h1") -> dict[str, Any]:
    return {"layer": layer, "share": share, **LAYER}


FOUND: list[tuple[Finding, str]] = [
    (Finding("", "healthy"), "no fault was found"),
    (
        Finding("", "healthy", {"loss": 0.75, "silent": silent(0.0), "zeros": {"h1": 0.5, "h2": 0.25}}),
        "loss averages 0.750; every unit fires for some of 2\u202f000 probe images; h1 50.0 % zeros; h2 25.0 % zeros",
    ),
    (
        Finding("", "healthy", {"silent": silent(1 / 300, "h2")}),
        "1 of 300 units of h2 never fires on 2\u202f000 probe images",
    ),
    (
        Finding("", "healthy", {"silent": {**UNKNOWN, "layer": "h2", "share": 0.05}}),
        "5.0 % of the units of h2 never fire on the probe images",
    ),
    (
        of_h1("ZeroFraction", "sparse", 0.82, {"silent": silent(0.01)}),
        "h1: 82.0 % zeros is sparsity, not death; 3 of 300 units of h1 never fire on 2\u202f000 probe images",
    ),
    (of_h1("ZeroFraction", "sparse", 0.82, {}), "h1: 82.0 % zeros is sparsity, not death"),
    (
        of_h1("DeadRelu", "dead", 0.99, LAYER),
        "h1: 297 of 300 units never fire on 2\u202f000 probe images, half by step 7",
    ),
    (
        of_h1("DeadRelu", "dying", 0.2, LAYER),
        "h1: 60 of 300 units never fire on 2\u202f000 probe images, a tenth by step 7",
    ),
    (
        of_h1("DeadRelu", "dead", 0.99, UNKNOWN),
        "h1: 99.0 % of the units never fire on the probe images, half by step 7",
    ),
    (
        of_h1("DeadRelu", "dead", NAN, LAYER),
        "h1: nan of the units never fire on 2\u202f000 probe images, half by step 7",
    ),
    (
        of_h1("DeadRelu", "", 0.6, LAYER),
        "h1: 180 of 300 units fire for less than 1 % of 2\u202f000 probe images since step 7",
    ),
    (
        of_h1("BornDead", "dead", 1.0, LAYER),
        "h1: 300 of 300 units never fire on 2\u202f000 probe images, half by step 7",
    ),
    (
        of_h1("SaturatedActivation", "saturated", 0.9, LAYER),
        "h1: 270 of 300 units saturate on 99 % of 2\u202f000 probe images, half by step 7",
    ),
    (
        Finding("ExplodingTensor", "diverged", {"metric": "loss"}, value=NAN, step=33),
        "loss is nan since step 33",
    ),
    (
        of_h1("ExplodingTensor", "diverged", -INF, {"metric": "grad_norm"}, "w1"),
        "w1: the norm of the gradient is −inf since step 7",
    ),
    (
        of_h1("ExplodingTensor", "diverged", NAN, {"metric": "pre_mean"}),
        "h1: the mean pre-activation is nan since step 7",
    ),
    (
        Finding("ExplodedLoss", "diverged", {"classes": 10}, value=1e30, step=30),
        "loss is 1e30, over 100 × ln 10 since step 30",
    ),
    (
        Finding("Guessing", "guessing", {"classes": 10}, value=2.3, threshold=math.log(10), step=10),
        "loss is within 1 % of ln 10 = 2.303 since step 10",
    ),
    (
        Finding("Guessing", "guessing", {"classes": 2, "mean": 3.5, "steps": 50}, threshold=math.log(2)),
        "loss averages 3.50 over 50 steps, guessing has ln 2 = 0.693",
    ),
    (
        Finding("Guessing", "guessing", {"classes": 10, "mean": 38.0, "steps": 50, "though": 0.67}, threshold=2.303),
        "loss averages 38.0 over 50 steps, guessing has ln 10 = 2.303, though 67.0 % of the test images are right",
    ),
    (
        Finding("Guessing", "guessing", {"classes": 10, "right": 0.157, "loss": 2.28}, threshold=math.log(10)),
        "15.7 % of the test images are right, by lot 10.0 % would be; loss averages 2.28",
    ),
    (
        Finding("", "early", {"steps": 1, "start": True, "high": False, "classes": 10, "loss": 2.28}),
        "too soon to tell, 1 step since the start; loss averages 2.28",
    ),
    (
        Finding("", "early", {"steps": 30, "start": False, "high": True, "classes": 10, "loss": 38.2}),
        "too soon to tell, 30 steps since the last change; loss averages 38.2, guessing has ln 10 = 2.303",
    ),
    (
        Finding("ExplodedUpdate", "diverged", value=3.4e19, threshold=2.0**24, layer="w2"),
        "w2: the update is 3.4e19×w2, nothing of the weights is left",
    ),
    (
        Finding("VanishingGradient", "vanishing", {"more": 0}, value=1e-9, threshold=1e-7, step=11, layer="w1"),
        "w1: the mean |gradient| is 1e-9, below 1e-7 since step 11",
    ),
    (
        Finding("VanishingGradient", "", {"more": 2}, value=0.0, threshold=1e-7, step=11, layer="w1"),
        "w1 and 2 more: the mean |gradient| is 0, below 1e-7 since step 11",
    ),
    (
        Finding("WeightUpdateRatio", "", value=11.0, threshold=10, step=5, layer="w1"),
        "w1: the update is 11×w1, above 10 since step 5",
    ),
    (
        Finding("WeightUpdateRatio", "", {"more": 1}, value=1e-9, threshold=1e-8, step=0, layer="w1"),
        "w1 and 1 more: the update is 1e-9×w1, below 1e-8 since step 0",
    ),
    (
        Finding("PoorWeightInitialization", "", {"than": "w1"}, value=100.0, layer="w2"),
        "w2: first weights have 100 times the variance of w1",
    ),
    (
        Finding("PoorWeightInitialization", "", {"more": 1}, value=1e-5, layer="w1"),
        "w1 and 1 more: the first gradient ranges over 1e-5 only",
    ),
    (Finding("LossNotDecreasing", "", {"steps": 10}, value=4.5e-4), "loss fell by <0.1 % in 10 steps"),
    (Finding("LossNotDecreasing", "", {"steps": 10}, value=-0.5), "loss rose by 50.0 % in 10 steps"),
    (Finding("LossNotDecreasing", "", {"steps": 10}, value=0.0), "loss is what it was 10 steps ago"),
    (
        Finding("CheckInputImages", "", {"deviation": 90.02}, value=72.94),
        "input averages 72.9, standard deviation 90.0",
    ),
    (
        Finding("Overfit", "", {"test": 1.2, "train": 1.0}, value=0.2),
        "test loss 1.20 is 20.0 % above the epoch's training loss 1.00",
    ),
    (
        Finding("Overfit", "", {"test": 1.2, "train": 1.0, "steps": 50}, value=0.2),
        "test loss 1.20 is 20.0 % above the training loss 1.00 of 50 steps",
    ),
]
INPUT: dict[str, Any] = {"input": 72.94, "changed": False, "lr": 0.1}
UPDATE: dict[str, Any] = {"at": 2, "weight": "w1", "update": 51.4}
TERMS: dict[str, Any] = {"of": "w1", "product": -2.0, "bias": -0.5, "size": False}
LESS: dict[str, Any] = {"first": "h1", "much": 1.0, "last": "h2", "little": 4.7e-4}
USUAL: dict[str, Any] = {"lr": 1e-4, "weight": "w1", "update": 3.5e-5, "feeble": True}
CAUSED: list[tuple[str, dict[str, Any], str]] = [
    ("overshoot", {**INPUT, **UPDATE, **TERMS}, "Input mean 72.9, lr 0.1: update 2 was 51×w1, w1·x −2.0, b −0.5"),
    ("overshoot", {**INPUT, **TERMS, "size": True}, "Input mean 72.9, lr 0.1, |w1·x| −2.0, b −0.5"),
    ("overshoot", {**TERMS, "of": ""}, "w·x −2.0, b −0.5"),
    ("overshoot", {**INPUT, "changed": True}, "Input mean was 72.9, lr 0.1"),
    ("overshoot", UPDATE, "update 2 was 51×w1"),
    ("overshoot", {"lr": 10, **UPDATE, "loss_before": 7.25}, "lr 10: update 2 was 51×w1; the loss before was 7.25"),
    ("overshoot", {"loss_before": 7.25}, "the loss before was 7.25"),
    ("ever_less", LESS, "Mean |a| falls from 1.0 in h1 to 4.7e-4 in h2"),
    ("ever_less", {**LESS, **TERMS}, "Mean |a| falls from 1.0 in h1 to 4.7e-4 in h2, w1·x −2.0, b −0.5"),
    ("fed_zeros", {"by": ("h1",)}, "h1 is dead and feeds it zeros only: its h is its bias"),
    ("fed_zeros", {"by": ("a.2", "a.1")}, "a.2 and a.1 are dead and feed it zeros only: its h is its bias"),
    ("born", {"units": 1}, "1 was so before the first update"),
    ("born", {"units": 3}, "3 were so before the first update"),
    (
        # Ten layers with the output, width 3: 0.579 were found by Monte Carlo, the bound is 1 − (7/8)^9 = 0.699.
        "born", {"units": 3, "layers": 9, "width": 3, "odds": 0.6993},
        "Born so, as 9 layers of 3 are with a probability of at most 69.9 % (Lu et al. 2019)",
    ),
    ("born", {"units": 3, **TERMS, "input": 127.5},
     "3 were so before the first update: w1·x −2.0, b −0.5, the input's mean is 128"),
    ("normalised", {"norm": "2.bn1", "mean": -6.0, "top": -1.25},
     "2.bn1 puts their h below 0: −6.0 on average, −1.2 at most"),
    ("not_chosen", {}, "Others are chosen in their place"),
    ("crowded_out", {}, "Updates are small: others fire in their place"),
    ("overshoot", {"lr": 0.1, "fed": {"layer": "conv1", "share": 0.75}},
     "lr 0.1; conv1, which feeds it, is dead to 75.0 %"),
    ("overshoot", {**INPUT, "deviation": 73.6}, "Input mean 72.9 ± 73.6, lr 0.1"),
    ("lost_layer", {"layer": "h1", "share": 1.0, "state": "dead", "image": True, "sample": True},
     "100 % of h1 is dead: hardly anything of the sample is left"),
    ("few_silent", {"share": 0.0}, "Only 0 % never fire"),
    (
        "lost_layer", {"layer": "h1", "share": 0.9, "state": "dead", "image": False},
        "90.0 % of h1 is dead: hardly any gradient passes",
    ),
    (
        "lost_layer", {"layer": "h1", "share": 1.0, "state": "saturated", "image": True},
        "100 % of h1 is saturated: hardly anything of the image is left",
    ),
    ("usual_update", USUAL, "At lr 0.0001 updates average 3.5e-5×w1, below 1e-3"),
    ("usual_update", {"weight": "w1", "update": 0.5, "feeble": False}, "Updates average 0.50×w1"),
    ("shrinking", {"sizes": {"w2": 0.01, "w1": 1e-9}}, "The gradient shrinks on its way back: w2 0.010, w1 1e-9"),
    (
        "too_sure", {"variance": 6.37e5, "loss": 1307.0},
        "The first weights are too large: the logits began with a variance of 6.37e5, a loss of 1307; weights of He "
        "make that variance less than 1",
    ),
    (
        "too_sure", {"variance": 52_800.0, "loss": 267.0, "input": 72.94},
        "The input is too large for the first weights, with a mean of 72.9: the logits began with a variance of "
        "5.28e4, a loss of 267",
    ),
    (
        "small_weights", {"weight": "w2", "share": 1.5e-6},
        "The first weights are small: w2 had 1.5e-6 of the variance of He's",
    ),
    (
        "bottleneck", {"layer": "h2", "units": 1, "classes": 10},
        "h2 has 1 unit, which is on or off: 2 patterns for 10 classes",
    ),
    (
        "bottleneck", {"layer": "h1", "units": 3, "classes": 1000},
        "h1 has 3 units, each of them on or off: 8 patterns for 1 000 classes",
    ),
    ("little_left", {"loss": 1e-4}, "The loss is 1e-4: little is left to learn"),
    ("means", {"before": 2.0, "now": 3.0}, "2.00 before, 3.00 now"),
]  # fmt: skip


@pytest.mark.parametrize(("finding", "sentence"), FOUND)
def test_a_finding_is_told_by_its_facts(finding: Finding, sentence: str) -> None:
    assert telling.found(finding) == sentence


@pytest.mark.parametrize(("kind", "facts", "sentence"), CAUSED)
def test_a_cause_is_told_by_its_facts(kind: str, facts: dict[str, Any], sentence: str) -> None:
    assert telling.caused(Cause(kind, facts)) == sentence


def test_every_rule_and_every_kind_of_cause_stands_in_these_tables() -> None:
    assert {finding.rule for finding, _ in FOUND} == set(telling._FOUND)
    assert {kind for kind, _, _ in CAUSED} == set(telling._CAUSED)


def test_a_reason_is_what_was_found_and_then_why() -> None:
    alone = Finding("LossNotDecreasing", "", {"steps": 10}, value=-0.5)
    assert telling.reason(alone) == "loss rose by 50.0 % in 10 steps"
    assert telling.why(alone) == ""
    caused = Finding("LossNotDecreasing", "", {"steps": 10}, Cause("means", {"before": 2.0, "now": 3.0}), value=-0.5)
    assert telling.reason(caused) == "loss rose by 50.0 % in 10 steps. 2.00 before, 3.00 now"
