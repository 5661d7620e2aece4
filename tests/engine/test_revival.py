"""Reviving the dead brings them all back, with fresh weights, and leaves the living alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy_reference import Network
from trainings import (
    SMALL,
    Scripted,
    Trains,
    asking,
    at_step,
    changed,
    content,
    events,
    played,
    recorded,
    records,
    trained,
)

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.model import Model
from deadrelu_tui.record.commands import Change, Pause, Revive, Stop, Take
from deadrelu_tui.record.records import Event, Look
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.gate import Controls

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


RAW = replace(SMALL, lr=0.01, epochs=4)
"""Of 20 units more than half are dead at step 12."""
DEEP = replace(RAW, hidden=(40, 30), init="he")
"""By step 12 two layers in a row are dead, or nearly so."""
CASES = [replace(RAW, seed=1), replace(RAW, seed=2), *(replace(DEEP, lr=0.03, seed=seed) for seed in range(3)),
         replace(DEEP, hidden=(20, 16), seed=0)]  # fmt: skip


def with_and_without(
    engine: Trains, settings: RunSettings, dataset: Dataset, step: int = 12
) -> tuple[list[Any], list[Any]]:
    """Return a run in which the dead are revived at a step, and the same one with a mere look there."""
    # A rate that changes is looked at, and bends nothing before the update of that step.
    revived = trained(engine, settings, dataset, {step: asking(Revive())})
    return revived, trained(engine, settings, dataset, {step: asking(Change({"lr": 1e-3}))})


def firing(model: Model, dataset: Dataset) -> Callable[[], list[npt.NDArray[np.bool_]]]:
    """Return what tells per layer which units fire for some image of the probe set, reckoned in double precision."""

    def found() -> list[npt.NDArray[np.bool_]]:
        settings = RunSettings.of(model.start.settings)
        network = Network(settings, [each.T if each.ndim == 2 else each for each in model.parameters_now()])
        return [(pre > 0).any(axis=0) for pre in network.forward(dataset.probe_images)[1][:-1]]

    return found


@pytest.mark.parametrize("settings", CASES)
def test_reviving_brings_back_all_that_were_dead_and_the_loss_does_not_jump(
    engine: Trains, tiny: Dataset, settings: RunSettings
) -> None:
    with_them, without = with_and_without(engine, settings, tiny)
    after, before = at_step(with_them, 12), at_step(without, 12)
    dead = {layer: int(units.lost.sum()) for layer, units in before.looks.items()}
    assert dead["h1"] > 10
    dead = {layer: count for layer, count in dead.items() if count}
    assert events(with_them) == [Event(12, "revive", {"layers": dead})]
    assert events(with_them)[0].mark
    assert told(events(with_them)[0]) == "revive " + ", ".join(
        f"{count} unit{'s' if count > 1 else ''} of {layer}" for layer, count in dead.items()
    )
    assert with_them[with_them.index(events(with_them)[0]) + 1] is after
    assert not any(units.lost.any() for units in after.looks.values())
    assert after.values["loss"] == pytest.approx(before.values["loss"], rel=1e-3)
    for first, second in zip(records(with_them)[:12], records(without)[:12], strict=True):
        assert first.values["loss"] == second.values["loss"]


@pytest.mark.parametrize("normalise", [False, True], ids=["raw", "normalised"])
@pytest.mark.parametrize("init", ["normal:0.01", "he", "xavier"])
def test_layers_that_are_all_dead_one_behind_the_other_all_come_back(
    engine: Trains, tiny: Dataset, init: str, normalise: bool
) -> None:
    # The second and the third layer have few inputs: many a unit of theirs would be born dead.
    settings = replace(SMALL, hidden=(9, 30, 30), init=init, normalise=normalise)
    model, live = engine.make(settings, promise(settings), tiny, True), settings.live
    for index in (1, 3, 5):
        engine.set(model, index, -1e9)
    fires = firing(model, tiny)
    assert not any(each.any() for each in fires())
    assert model.revive(live) == [9, 30, 30]
    assert all(each.all() for each in fires())
    assert [bool(each.any()) for each in model.parameters_now()] == [
        True, False, True, False, True, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("settings", CASES[:2])
def test_the_revived_start_with_fresh_weights_and_the_living_are_left_alone(
    engine: Trains, tiny: Dataset, settings: RunSettings
) -> None:
    with_them, without = with_and_without(engine, settings, tiny)
    before, after = at_step(without, 12).looks["h1"], at_step(with_them, 12).looks["h1"]
    lost = before.lost
    assert not after.bias[lost].any()
    # Drawn from N(0, 0.01²), over 784 pixels.
    np.testing.assert_allclose(after.weight_norm[lost], 0.28, rtol=0.15)
    for name in ("firing", "bias", "weight_norm", "pre_mean", "pre_max", "batch"):
        assert (getattr(after, name)[~lost] == getattr(before, name)[~lost]).all(), name


def test_nothing_but_the_weights_around_a_dead_unit_is_changed(engine: Trains, tiny: Dataset) -> None:
    # By their first weights all units fire for somebody, with this seed of every engine.
    settings = replace(SMALL, hidden=(20, 16), init="he", seed=11)
    model, live = engine.make(settings, promise(settings), tiny, True), settings.live
    first, second = np.isin(np.arange(20), (2, 5, 19)), np.isin(np.arange(16), (1, 7))
    assert model.revive(live) == [0, 0]
    engine.set(model, 1, np.where(first, -1e6, 0.25).astype(np.float32))
    engine.set(model, 3, np.where(second, -1e6, 0.25).astype(np.float32))
    old = model.parameters_now()
    assert model.revive(live) == [3, 2]
    w1, b1, w2, b2, w3, b3 = model.parameters_now()

    assert (w1[~first] == old[0][~first]).all()
    assert (w1[first] != old[0][first]).all()
    np.testing.assert_allclose(w1[first].std(axis=1), math.sqrt(2 / 784), rtol=0.15)
    assert b1.tolist() == np.where(first, 0, 0.25).tolist()
    assert not w2[~second][:, first].any()
    assert (w2[~second][:, ~first] == old[2][~second][:, ~first]).all()
    assert (w2[second] != old[2][second]).all()
    assert w2[second].all()  # what is fresh listens to what is revived, too
    assert b2.tolist() == np.where(second, 0, 0.25).tolist()
    assert not w3[:, second].any()
    assert (w3[:, ~second] == old[4][:, ~second]).all()
    assert (b3 == old[5]).all()
    assert model.revive(live) == [0, 0]


def test_a_revival_is_looked_at_at_once_and_often_and_stands_in_the_ledger(engine: Trains, tiny: Dataset) -> None:
    history = recorded(engine, RAW, tiny, {12: asking(Revive())})
    assert [step for step in history.series("dead_fraction/h1").steps if 9 < step < 18] == [11, 12, 13, 14, 16]
    revivals = history.series("revivals/h1")
    assert revivals.values[revivals.steps == 12] - revivals.values[revivals.steps == 9] > 10
    assert history.at("dead_fraction/h1", 12) == 0


@pytest.mark.parametrize("settings", [RAW, CASES[2]])
def test_a_revival_gives_the_same_bits_when_it_is_repeated(
    engine: Trains, tiny: Dataset, settings: RunSettings
) -> None:
    script = {step: asking(Revive()) for step in (3, 12, 13)}
    once, again = (trained(engine, settings, tiny, script) for _ in range(2))
    assert [content(each) for each in records(once)] == [content(each) for each in records(again)]
    assert events(once) == events(again)
    assert [event.step for event in events(once)] == [3, 12, 13]


def test_a_revival_that_is_asked_for_while_paused_happens_at_the_next_step(engine: Trains, tiny: Dataset) -> None:
    controls = Scripted(RAW, {12: asking(Pause())})
    training: Iterator[Any] = played(engine, RAW, tiny, controls)
    while not isinstance(event := next(training), Event):
        pass
    assert event == Event(12, "pause")
    controls.send(Revive())
    controls.send(Take())
    look, event, record = next(training), next(training), next(training)
    assert (type(look), look.step) == (Look, 11)
    assert event.mark
    assert (event.step, record.step) == (12, 12)
    assert event.kind == "revive"
    assert record.values["dead_fraction/h1"] == 0
    controls.send(Stop())
    assert list(training) == []


def test_asked_for_twice_between_two_steps_the_dead_are_revived_once(engine: Trains, tiny: Dataset) -> None:
    def twice(controls: Controls) -> None:
        controls.send(Revive())
        controls.send(Revive())

    found = events(trained(engine, RAW, tiny, {12: twice}))
    assert len(found) == 1
    assert found[0].mark


def test_the_dead_are_judged_by_the_input_as_it_is_now(engine: Trains, tiny: Dataset) -> None:
    def both(controls: Controls) -> None:
        controls.send(Change({"normalise": True}))
        controls.send(Revive())

    items = trained(engine, RAW, tiny, {12: both})
    switched, revived = events(items)
    assert switched == changed(12, "normalise", False, True)
    assert revived.kind == "revive"
    assert at_step(items, 12).values["dead_fraction/h1"] == 0


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (replace(SMALL, normalise=True), "revive: no unit is dead"),
        (replace(SMALL, activation="tanh"), "revive: tanh has no dead units to revive, only relu has"),
        (replace(SMALL, activation="leaky_relu"), "revive: leaky_relu has no dead units to revive, only relu has"),
    ],
)
def test_where_there_is_nobody_to_revive_it_is_said_and_nothing_is_changed(
    engine: Trains, tiny: Dataset, settings: RunSettings, text: str
) -> None:
    items = trained(engine, settings, tiny, {2: asking(Revive())})
    assert events(items) == [Event(2, "nobody_revived", {"activation": settings.activation})]
    assert not events(items)[0].mark
    assert told(events(items)[0]) == text
    for first, second in zip(records(items), records(trained(engine, settings, tiny)), strict=True):
        assert first.values["loss"] == second.values["loss"]


def test_of_a_network_of_nan_nobody_is_revived(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, lr=1e30, hidden=(8, 8), epochs=2)
    items = trained(engine, settings, tiny, {9: asking(Revive())})
    assert math.isnan(at_step(items, 8).values["pre_mean/h1"])
    assert events(items) == [Event(9, "nobody_revived", {"activation": "relu"})]
