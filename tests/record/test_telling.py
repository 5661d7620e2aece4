"""Every kind of event has its sentence, made from its facts; a kind that is not known here is told all the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record import telling
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.telling import described, setting_text, told

NAN, INF = math.nan, math.inf


def lost(units: list[int], of: int = 300, **facts: Any) -> dict[str, Any]:
    """Return the facts of units that were lost at step 4."""
    return {"layer": "h1", "units": units, "of": of, "first": 4, "last": 4, "born": False, "activation": "relu"} | facts


def back(units: list[int], of: int = 300, activation: str = "relu") -> dict[str, Any]:
    return {"layer": "h2", "units": units, "of": of, "activation": activation}


def gone(units: int, of: int, activation: str = "relu") -> dict[str, Any]:
    return {"layer": "h1", "units": units, "of": of, "activation": activation}


SENTENCES: list[tuple[str, dict[str, Any], str]] = [
    ("start", {"settings": RunSettings().as_dict()}, "start: raw input 0–255, lr 0.1, relu, 300 hidden, seed 0"),
    ("start", {"settings": {"lr": 1e-5}}, "start: lr 1e-5"),
    ("start", {"settings": {}}, "start"),
    ("unrecorded", {"fault": "No space left on device"},
     "not recorded: No space left on device; kept in memory meanwhile"),
    ("recorded", {}, "recorded again"),
    ("unwritten", {"steps": 635, "of": 1643, "fault": "the disk is full"},
     "635 of 1\u202f643 steps are not recorded: the disk is full"),
    ("recorded", {"first": 1000, "last": 2000}, "recorded again, but for steps 1\u202f000–2\u202f000"),
    ("start", {}, "start"),
    ("change", {"setting": "lr", "before": 0.1, "now": 0.01}, "lr 0.1 → 0.01"),
    ("change", {"setting": "lr", "before": 0.1, "now": 1e-5}, "lr 0.1 → 1e-5"),
    ("change", {"setting": "normalise", "before": False, "now": True}, "normalise on"),
    ("change", {"setting": "normalise", "before": True, "now": False}, "normalise off"),
    ("change", {"setting": "activation", "before": "relu", "now": "leaky_relu"}, "activation relu → leaky_relu"),
    ("change", {"setting": "clip", "before": None, "now": 5}, "clip None → 5"),
    ("engine", {"engine": "numpy", "lack": "MXNet cannot be loaded"}, "NumPy trains: MXNet cannot be loaded"),
    ("engine", {"engine": "torch", "lack": "MXNet cannot be loaded"}, "PyTorch trains: MXNet cannot be loaded"),
    ("passed_over", {"fault": "~/b lacks a file"}, "passed over: ~/b lacks a file"),
    ("pause", {}, "pause"),
    ("trials", {"steps": 60, "rows": [{"accuracy": 0.1}, {"accuracy": 0.75}]},
     "tried 2 remedies for 60 steps each: 75.0 % accuracy at best"),
    ("untried", {"error": "OSError: no process"}, "no remedy could be tried: OSError: no process"),
    ("resume", {}, "resume"),
    ("stop", {}, "stop"),
    ("train_on", {"epochs": 1, "steps": 235}, "train on: 1 more epoch"),
    ("train_on", {"epochs": 2, "steps": 470}, "train on: 2 more epochs"),
    ("train_on", {"epochs": 10_000, "steps": 1}, "train on: 10\u202f000 more epochs"),
    ("revive", {"layers": {"h1": 1}}, "revive 1 unit of h1"),
    ("revive", {"layers": {"h1": 3}}, "revive 3 units of h1"),
    ("revive", {"layers": {"h1": 1_234, "b/2.act": 1}}, "revive 1\u202f234 units of h1, 1 unit of b/2.act"),
    ("nobody_revived", {"activation": "relu"}, "revive: no unit is dead"),
    ("nobody_revived", {"activation": "leaky_relu"}, "revive: leaky_relu has no dead units to revive, only relu has"),
    ("nobody_revived", {"activation": "tanh"}, "revive: tanh has no dead units to revive, only relu has"),
    ("units_lost", lost([7]), "unit 7 of h1 fell silent"),
    ("units_lost", lost([7, 8]), "units 7, 8 of h1 fell silent"),
    ("units_lost", lost([7, 8, 9]), "units 7, 8, 9 of h1 fell silent"),
    ("units_lost", lost([5, 7, 8, 9]), "4 units of h1 fell silent"),
    ("units_lost", lost(list(range(1_234)), 2_000), "1\u202f234 units of h1 fell silent"),
    ("units_lost", lost([0, 1], 2), "all 2 units of h1 fell silent"),
    ("units_lost", lost([0], 1), "unit 0 of h1 fell silent"),
    ("units_lost", lost([7, 8], last=9), "units 7, 8 of h1 fell silent in steps 4–9"),
    ("units_lost", lost([7], layer="b/2.act"), "unit 7 of b/2.act fell silent"),
    ("units_lost", lost([7], activation="leaky_relu"), "unit 7 of h1 fell silent"),
    ("units_lost", lost([7], activation="tanh"), "unit 7 of h1 saturated"),
    ("units_lost", lost([7, 8], activation="sigmoid", last=9), "units 7, 8 of h1 saturated in steps 4–9"),
    ("units_lost", lost([7], born=True), "unit 7 of h1 was born dead"),
    ("units_lost", lost([7], born=True, activation="gelu"), "unit 7 of h1 was born silent"),
    ("units_lost", lost([7, 8], born=True), "units 7, 8 of h1 were born dead"),
    ("units_lost", lost([0, 1], 2, born=True, activation="tanh"), "all 2 units of h1 were born saturated"),
    ("units_lost", lost([7], born=True, activation="sigmoid"), "unit 7 of h1 was born saturated"),
    ("units_lost", lost([7], found=True), "unit 7 of h1 was dead when first looked at"),
    (
        "units_lost", lost([0, 1], 2, found=True, activation="tanh"),
        "all 2 units of h1 were saturated when first looked at",
    ),
    ("units_lost", lost([7, 8], found=True, born=True), "units 7, 8 of h1 were born dead"),
    ("units_back", back([7]), "unit 7 of h2 fires again"),
    ("units_back", back([7, 8]), "units 7, 8 of h2 fire again"),
    ("units_back", back([0, 1, 2], 3), "all 3 units of h2 fire again"),
    ("units_back", back([1, 2, 3, 4]), "4 units of h2 fire again"),
    ("units_back", back([7], activation="leaky_relu"), "unit 7 of h2 fires again"),
    ("units_back", back([7], activation="tanh"), "unit 7 of h2 left saturation"),
    ("units_back", back([7, 8], activation="sigmoid"), "units 7, 8 of h2 left saturation"),
    ("layer_lost", gone(160, 300), "h1 died: 160 of 300 units fire for no probe image"),
    ("layer_lost", gone(6_000, 10_000), "h1 died: 6\u202f000 of 10\u202f000 units fire for no probe image"),
    (
        "layer_lost", {**gone(160, 300), "found": True, "born": False},
        "h1 was dead when first looked at: 160 of 300 units fire for no probe image",
    ),
    (
        "layer_lost", {**gone(160, 300), "found": True, "born": True},
        "h1 was born dead: 160 of 300 units fire for no probe image",
    ),
    (
        "layer_lost", {**gone(5, 8, "tanh"), "found": True},
        "h1 was saturated when first looked at: 5 of 8 units are so on 99 % of the probe images",
    ),
    ("layer_lost", gone(5, 8, "tanh"), "h1 saturated: 5 of 8 units are so on 99 % of the probe images"),
    ("diverged", {"metric": "loss", "value": NAN}, "loss is nan: the run diverged"),
    ("diverged", {"metric": "grad_norm/w1", "value": -INF}, "grad_norm/w1 is −inf: the run diverged"),
    ("epoch", {"epoch": 3, "accuracy/test": 0.842, "loss/test": 0.44},
     "epoch 3: test accuracy 84.2 %, loss 0.440"),
    ("epoch", {"epoch": 3, "accuracy/test": 1.0}, "epoch 3: test accuracy 100 %"),
    ("epoch", {"epoch": 3, "loss/test": NAN}, "epoch 3: loss nan"),
    ("epoch", {"epoch": 3}, "epoch 3"),
    ("planned", {"epochs": 5}, "5 epochs, as many as the article's; this run goes on"),
    ("left_out", {"events": 4}, "4 more epochs"),
    ("left_out", {"events": 4_000}, "4\u202f000 more epochs"),
    # Told by another version of us: a kind that is not known, a kind that has other facts.
    ("grown_wings", {"layer": "h1", "wings": 2}, "grown wings layer h1 wings 2"),
    ("grown_wings", {}, "grown wings"),
    ("change", {"setting": "lr", "to": 0.5}, "change setting lr to 0.5"),
    ("revive", {"layers": 3}, "revive layers 3"),
    ("units_lost", {"units": 3}, "units lost units 3"),
    ("diverged", {"metric": "loss", "value": None}, "diverged metric loss value None"),
    ("start", {"settings": 5}, "start settings 5"),
    ("start", {"settings": {"hidden": 300}}, "start settings {'hidden': 300}"),
]  # fmt: skip
GUEST = {"by": "probe"}
OF_A_GUEST: list[tuple[str, dict[str, Any], str]] = [
    ("layer_lost", gone(200, 300) | GUEST, "h1 died: 200 of 300 units fire for no probe sample"),
    ("layer_lost", gone(9, 16) | {"by": "batch", "unit": "channel"},
     "h1 died: 9 of 16 channels fire for no sample of the first batch"),
    ("layer_lost", gone(9, 16) | {"by": "window", "window": 10_000},
     "h1 died: 9 of 16 units were silent for 10\u202f000 samples"),
    ("layer_lost", gone(9, 16, "tanh") | GUEST, "h1 saturated: 9 of 16 units are so on 99 % of the probe samples"),
    ("units_lost", lost([1]) | {"unit": "channel"}, "channel 1 of h1 fell silent"),
    ("units_lost", lost([1, 2, 3]) | {"many": 5_000, "of": 9_000}, "5\u202f000 units of h1 fell silent"),
    ("units_lost", lost([1, 2, 3]) | {"many": 9_000, "of": 9_000}, "all 9\u202f000 units of h1 fell silent"),
    ("units_back", back([1]) | {"unit": "channel"}, "channel 1 of h2 fires again"),
    ("nobody_revived", {}, "revive: no unit is dead"),
    ("unwatched", {"fault": "a step could not be measured", "error": "RuntimeError"},
     "no longer watched, the training goes on: a step could not be measured (RuntimeError)"),
    ("unwatched", {"fault": "out of memory", "error": ""}, "no longer watched, the training goes on: out of memory"),
    ("not_revived", {"layer": "conv2", "why": "what it says is read twice"},
     "conv2 was not revived: what it says is read twice"),
    ("joined", {"known": True}, "joined here: what came before is not known"),
    ("joined", {"known": False}, "joined here: what came before is not known, nor how many steps"),
    ("left", {}, "left here: the training went on"),
    ("unreachable", {"fault": "no folder for sockets"},
     "nobody can attach, the training is recorded all the same: no folder for sockets"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "facts", "sentence"), SENTENCES, ids=lambda value: str(value)[:24])
def test_an_event_is_told_as_a_sentence(kind: str, facts: dict[str, Any], sentence: str) -> None:
    assert told(Event(4, kind, facts)) == sentence


def test_every_kind_of_event_stands_in_the_table() -> None:
    assert {kind for kind, _, _ in (*SENTENCES, *OF_A_GUEST)} == set(telling._SENTENCES) | {"grown_wings"}


def test_what_was_done_to_a_training_leaves_a_mark_and_what_comes_again_and_again_is_routine() -> None:
    kinds = {kind for kind, _, _ in (*SENTENCES, *OF_A_GUEST)}
    assert {kind for kind in kinds if Event(0, kind).mark} == {"change", "revive"}
    assert {kind for kind in kinds if Event(0, kind).routine} == {"epoch"}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (RunSettings(), "raw input 0–255, lr 0.1, relu, 300 hidden, seed 0"),
        (
            RunSettings(lr=1e-5, normalise=True, activation="tanh", hidden=(30, 20), seed=4),
            "input 0–1, lr 1e-5, tanh, 30–20 hidden, seed 4",
        ),
    ],
)
def test_a_run_is_described_by_what_tells_it_from_others(settings: RunSettings, text: str) -> None:
    assert described(settings.as_dict()) == text


def test_of_a_run_that_says_less_less_is_told() -> None:
    assert described({"lr": 0.5, "optimiser": "adam"}) == "lr 0.5"
    assert described({"seed": 0, "normalise": False}) == "raw input 0–255, seed 0"
    assert described({}) == ""


@pytest.mark.parametrize(
    ("value", "text"), [(True, "on"), (False, "off"), (0.1, "0.1"), (1e-5, "1e-5"), (500, "500"), ("tanh", "tanh")]
)
def test_what_is_set_is_said_as_one_would_say_it(value: Any, text: str) -> None:
    assert setting_text("x", value) == text


@pytest.mark.parametrize(("kind", "facts", "sentence"), OF_A_GUEST)
def test_what_is_told_of_somebodys_own_network_speaks_of_its_samples_and_channels(
    kind: str, facts: dict[str, Any], sentence: str
) -> None:
    assert told(Event(4, kind, facts)) == sentence
