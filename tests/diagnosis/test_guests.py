"""The rules on trainings of somebody's own that are only watched: nothing is presumed of network, input and loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import units

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.record.commands import Change, Revive, can_obey_all
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import Event, Start, Step
from deadrelu_tui.watching.telling import defined

NAN = math.nan
NETWORK = Network(
    (Layer("conv1", 8, "relu", "conv1.weight", "conv1.bias"), Layer("fc", 10, "relu", "fc.weight", None, ("conv1",))),
    (Parameter("conv1.weight", (8, 1, 3, 3)), Parameter("conv1.bias", (8,)), Parameter("fc.weight", (10, 8))),
)
CAN = frozenset({"pause", "stop", "revive", "lr"})


def watched(
    dead: Mapping[str, float], since: int = 5, *, steps: int = 60, every: int = 1, update: float = 0.001,
    can: frozenset[str] = CAN, network: Network = NETWORK, bias: float = NAN, events: tuple[Event, ...] = (),
    **facts: Any,
) -> History:  # fmt: skip
    """Return a training in which a share of some layers is dead from a step on, measured now and then."""
    history = History()
    facts = {"guest": True, "probe": "probe"} | facts
    history.add(
        Start("r", 1.7e9, "Net", "cpu", network, all_of(network), 100, facts=facts, settings={"lr": 0.1}, can=can)
    )
    for step in range(steps):
        values, looks = dict[str, float](), {}
        if step % every == 0:
            values = {f"update_ratio/{name}": update for name in network.weights()}
        if step % 4 == 0 or step == since:
            for layer in network.layers:
                firing = np.full(layer.units, 0.5)
                firing[: round(layer.units * dead.get(layer.name, 0.0)) if step >= since else 0] = 0
                told = {"bias": firing * 0 + bias, "pre_mean": firing * 8 - 4, "batch": firing * NAN}
                looks[layer.name] = units(firing, layer.activation, **told)
                values |= defined(layer.name, looks[layer.name])
        history.add(Step(step, step / 10, None, {"lr": 0.1}, values, {}, looks))
        for each in events:
            if each.step == step:
                history.add(each)
    return history


def gravest(history: History) -> Finding:
    found = verdict(history)
    assert found is not None
    return found


def test_a_dead_convolution_is_told_by_its_channels_and_the_update_that_threw_it() -> None:
    found = gravest(watched({"conv1": 0.75}, update=2.0))
    assert telling.found(found) == "conv1: 6 of 8 channels never fire on 100 probe samples, half by step 5"
    assert telling.why(found) == "lr 0.1: update 0 was 2.0×conv1.weight"
    assert found.remedy == (Change({"lr": 0.005}), Revive())
    assert can_obey_all(CAN, found.remedy)


def test_what_cannot_be_asked_for_is_advised_in_words() -> None:
    found = gravest(watched({"conv1": 0.75}, update=2.0, can=frozenset(), input_mean=140.0, input_std=80.0))
    assert found.remedy == ()
    assert found.hints == ("normalise the input, whose mean is 140 and deviation 80.0", "lower lr to 0.005")
    assert "Input mean 140 ± 80.0" in telling.why(found)


def test_a_refused_revival_is_not_advised_again() -> None:
    refused = Event(40, "not_revived", {"layer": "conv1", "why": "it is read twice"})
    assert Revive() not in gravest(watched({"conv1": 0.75}, events=(refused,))).remedy


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"probe": "batch"}, "fc: 9 of 10 units never fire on 100 samples of the first batch, half by step 5"),
        ({"probe": "window", "window": 10_000},
         "fc: 9 of 10 units have been silent for 10\u202f000 samples, half by step 5"),
    ],
)  # fmt: skip
def test_it_is_said_by_what_a_unit_is_judged(facts: dict[str, Any], said: str) -> None:
    assert telling.found(gravest(watched({"fc": 0.9}, **facts))) == said


def test_a_normalisation_is_the_cause_where_there_is_one() -> None:
    found = gravest(watched({"fc": 0.9}, norms=["bn"], norms_of={"fc": ["bn"]}))
    assert telling.why(found).startswith("bn puts their h below 0: −4.0 on average")
    assert found.hints == ("begin with a bias of 0 in bn",)


def test_a_layer_that_is_fed_zeros_only_is_lost_by_no_fault_of_its_own() -> None:
    found = {each.layer: each for each in findings(watched({"conv1": 1.0, "fc": 1.0})) if each.word == "dead"}
    assert found["fc"].cause is not None
    assert found["fc"].cause.kind == "fed_zeros"
    assert gravest(watched({"conv1": 1.0, "fc": 1.0})).layer == "conv1"


def test_what_was_born_dead_is_told_with_its_bias() -> None:
    found = gravest(watched({"conv1": 1.0}, since=0, bias=-9.0))
    assert found.rule == "BornDead"
    assert telling.why(found) == "8 were so before the first update: conv1.weight·x 5.0, b −9"
    assert found.hints[0] == "begin with conv1.bias at 0"


def test_each_parameter_s_own_rate_is_told() -> None:
    found = gravest(watched({"fc": 0.9}, update=2.0, rates={"conv1.weight": 0.02, "fc.weight": 0.1}))
    assert telling.why(found).startswith("lr 0.02: update 0 was 2.0×conv1.weight")


@pytest.mark.parametrize("every", [1, 7, 50])
def test_a_training_that_is_measured_now_and_then_is_judged_by_what_was_measured(every: int) -> None:
    found = gravest(watched({"conv1": 0.75}, since=55, steps=400, every=every, update=0.5))
    assert found.cause is not None
    assert found.cause.facts["update"] == 0.5


def test_without_loss_classes_biases_or_live_settings_there_is_a_verdict_all_the_same() -> None:
    bare = Network((Layer("act", 4, "relu"), Layer("own", 6, "own"), Layer("soft", 3, "gelu")))
    assert gravest(watched({}, network=bare)).word == "healthy"
    lost = findings(watched({"act": 1.0, "own": 1.0}, network=bare))
    assert {each.layer for each in lost if each.word == "dead"} == {"act", "own"}


def test_weights_that_begin_as_zeros_have_not_diverged_and_a_tiny_gradient_has_not_vanished_while_they_move() -> None:
    history = watched({})
    zeros = {"update_ratio/fc.weight": math.inf, "grad_mean_abs/conv1.weight": 1e-9}
    history.add(Step(60, 6.0, None, {"lr": 0.1}, zeros))
    assert gravest(history).word == "healthy"


def test_units_whose_h_nobody_knows_are_no_broken_numbers() -> None:
    lacking = replace(units([0.5, 0.0], "own"), activity=np.full(2, NAN, np.float32))
    assert defined("own", lacking) == {"dead_fraction/own": 0.5, "inactive_fraction/own": 0.5}
