"""What is said of a training that was joined, of which nobody knows what came before."""

from __future__ import annotations

import numpy as np

from deadrelu_tui.diagnosis.finding import Finding
from deadrelu_tui.diagnosis.telling import reason
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import quantity
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import Event, Start, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.record.units import OF_EACH, Units


def joined(dead: int, first: int = 412) -> History:
    """Return the history of a training joined at a step, of which so many of 30 units were dead then."""
    network = Network((Layer("fc1", 30, "relu", "fc1.weight"),), (Parameter("fc1.weight", (30, 20)),))
    history = History()
    metrics = (quantity("loss"), quantity("dead_fraction", "fc1"))
    start = Start("r", 0.0, "Net", "cpu", network, metrics, first=first, probe=32,
                  facts={"guest": True, "probe": "batch", "joined": True})  # fmt: skip
    history.add(start)
    history.add(Event(first, "joined", {"known": True}))
    told = {name: np.full(30, np.nan, np.float32) for name in OF_EACH}
    told["firing"] = np.where(np.arange(30) < dead, 0.0, 0.5).astype(np.float32)
    for step in range(first, first + 60):
        looks = {"fc1": Units("relu", **told)}
        values = {"loss": 1.0, "dead_fraction/fc1": dead / 30}
        history.add(Step(step, 0.1 * (step - first), None, {"lr": 0.1}, values, {}, looks))
    return history


def test_units_that_were_dead_when_it_was_joined_did_not_die_there_nor_were_they_born_so() -> None:
    history = joined(25)
    found = verdict(history)
    assert found is not None
    assert (found.word, found.layer, found.rule) == ("dead", "fc1", "DeadRelu")
    assert reason(found) == (
        "fc1: 25 of 30 units never fire on 32 samples of a training batch, half when it was joined"
    )
    assert not history.ledgers["fc1"].born_dead.any()


def test_the_first_event_says_what_is_not_known() -> None:
    assert told(Event(412, "joined", {"known": True})) == "joined here: what came before is not known"
    assert told(Event(1, "joined", {"known": False})).endswith(", nor how many steps")


def test_a_batch_of_its_own_is_not_called_the_first() -> None:
    facts = {"layer": "fc1", "units": 20, "of": 30, "found": True, "activation": "relu", "by": "batch", "joined": True}
    assert "a training batch" in told(Event(412, "layer_lost", facts))
    assert "the first batch" in told(Event(412, "layer_lost", {**facts, "joined": False}))


def test_of_units_that_are_no_relus_it_is_not_said_that_they_fire() -> None:
    silent = {"layer": "conv", "share": 0.0, "by": "probe", "probe": 32, "of": 8}
    assert reason(Finding("", "healthy", {"silent": silent})) == "every unit fires for some of 32 probe samples"
    others = {**silent, "others": True}
    assert reason(Finding("", "healthy", {"silent": others})) == "every ReLU fires for some of 32 probe samples"


def test_where_channels_were_revived_they_are_called_so() -> None:
    facts = {"layers": {"conv2": 14, "fc": 1}, "called": {"conv2": "channel"}}
    assert told(Event(5, "revive", facts)) == "revive 14 channels of conv2, 1 unit of fc"
