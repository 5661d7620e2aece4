"""The rules on networks and trainings that are none of ours: other activations, rates from 0, no classes, an end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from conftest import record, start, units

from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.record.commands import Change, Restart, Revive
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import End, Start
from deadrelu_tui.tui.remedies import keys_of

SHARE = {"dead_fraction": 0.9, "saturated_fraction": 0.9, "inactive_fraction": 0.9, "zero_fraction": 0.95}
"""Of every layer, whatever its activation."""


def network(*activations: str) -> Network:
    layers = tuple(Layer(f"l{index}", 10, each, f"l{index}.w") for index, each in enumerate(activations))
    return Network(layers, tuple(Parameter(layer.weight, (10, 10)) for layer in layers))


def run(*activations: str, loss: float = 1.0, said: Start | None = None, since: int = 0, **live: Any) -> History:
    """Return a run of sixty steps, nine units in ten of every layer lost, in any way, from one on."""
    made = network(*activations)
    history = History()
    history.add(replace(said or start(), network=made, metrics=all_of(made)))
    found = units([0.0] * 9 + [1.0], unsaturated=[0.0] * 9 + [1.0])
    for step in range(60):
        shares = {f"{name}/{each}": SHARE[name] if step >= since else 0.0 for each in made.names for name in SHARE}
        values = {"loss": loss * 0.999**step} | shares
        values |= {f"update_ratio/{name}": 0.5 for name in made.weights()}
        seen = found if step >= since else units([1.0] * 10)
        looks = {layer.name: replace(seen, activation=layer.activation) for layer in made.layers}
        history.add(replace(record(step, values, live=live), looks=looks))
    return history


def gravest(history: History) -> Finding:
    found = verdict(history)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("activations", "expected"),
    [
        (("gelu", "relu"), [("dead", "l1")]),
        (("relu", "tanh"), [("dead", "l0"), ("saturated", "l1")]),
        (("silu", "leaky_relu", "elu"), []),
        (("tanh", "gelu", "relu"), [("dead", "l2"), ("saturated", "l0")]),
    ],
)
def test_each_layer_is_judged_by_its_own_activation(
    activations: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    found = [(each.word, each.layer) for each in findings(run(*activations)) if each.word in ("dead", "saturated")]
    assert sorted(found) == sorted(expected)
    if not expected:
        assert gravest(run(*activations)).word == "healthy"


def test_an_activation_that_is_set_is_that_of_all_layers() -> None:
    assert {each.layer for each in findings(run("gelu", "tanh", activation="relu")) if each.word == "dead"} == {
        "l0", "l1",
    }  # fmt: skip


def test_a_layer_half_of_which_is_dead_holds_no_gradient_up() -> None:
    history = run("relu")
    values = {"dead_fraction/l0": 0.5, "grad_mean_abs/l0.w": 1e-9}
    history.add(record(60, values, live={}))
    (found,) = (each for each in findings(history) if each.rule == "VanishingGradient")
    assert found.cause is None or found.cause.kind != "lost_layer"


@pytest.mark.parametrize("lr", [0.0, 0.1])
def test_a_rate_that_warms_up_from_0_is_judged_as_any_other(lr: float) -> None:
    history = run("relu", lr=0.0)
    for step in range(60, 80):
        looks = {"l0": units([0.0] * 9 + [1.0])}
        history.add(replace(record(step, {"dead_fraction/l0": 0.9}, live={"lr": lr}), looks=looks))
    found = gravest(history)
    assert (found.word, found.layer) == ("dead", "l0")
    assert all(isinstance(each, (Change, Restart)) for each in found.remedy)


@pytest.mark.parametrize("classes", [None, 0, 1])
def test_among_fewer_than_two_classes_there_is_nothing_to_guess(classes: int | None) -> None:
    history = run("gelu", loss=0.7, said=replace(start(), classes=classes))
    assert gravest(history).word == "healthy"
    assert history.start is not None
    assert history.start.choices is None


def test_what_has_ended_is_told_what_the_next_run_begins_with() -> None:
    live = {"lr": 0.1, "normalise": True}
    history = run("relu", since=3, lr=0.1, normalise=False)
    looks = {"l0": units([0.0] * 9 + [1.0])}
    for step in range(60, 80):
        history.add(replace(record(step, {"dead_fraction/l0": 0.9}, live=live), looks=looks))
    assert gravest(history).remedy == (Revive(),)
    history.add(End(9.0, "finished"))
    assert gravest(history).remedy == (Restart(),)  # nobody can be revived there


def test_a_remedy_that_changes_nothing_is_none() -> None:
    said = start(init="he")
    history = run("relu", said=said, lr=1e-6, normalise=True)
    for each in findings(history):
        for command in each.remedy:
            if isinstance(command, Change):
                assert all(history.live[name] != value for name, value in command.fields.items())
            if isinstance(command, Restart):
                assert all(said.settings[name] != value for name, value in command.settings.items())
    assert all(each.remedy != (Restart(),) for each in findings(history))


def test_what_is_set_already_is_no_key_to_press() -> None:
    remedy = (Change({"normalise": True, "lr": 0.05}), Restart())
    assert keys_of(remedy, {"normalise": False, "lr": 0.1}) == "n, - to lr 0.05, then r"
    assert keys_of(remedy, {"normalise": True, "lr": 0.1}) == "- to lr 0.05, then r"
    assert keys_of(remedy, {"normalise": True, "lr": 0.05}) == "r"
    assert keys_of((Change({"lr": 0.05}),), {"lr": 0.05}) == ""


def test_the_keys_to_a_run_anew_lead_there_from_whatever_is_set_for_the_next_one() -> None:
    judged, remedy = {"normalise": False, "lr": 0.1}, (Change({"normalise": True}), Restart())
    assert keys_of(remedy, judged, judged) == "n, then r"
    assert keys_of(remedy, {"normalise": True, "lr": 0.1}, judged) == "r"
    assert keys_of(remedy, {"normalise": True, "lr": 0.2}, judged) == "- to lr 0.1, then r"
    assert keys_of((Restart({"init": "he"}),), {"normalise": True, "lr": 0.1}, judged) == "n, s: init he, then r"
    assert keys_of((Change({"lr": 0.05}),), {"normalise": True, "lr": 0.1}, judged) == "- to lr 0.05"
