"""A training of so many steps is the beginning of a longer one, and tested where it ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_reference import batches
from trainings import SMALL, Scripted, Trains, asking, content, events, played, records, reference, trained

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.train import train
from deadrelu_tui.engine.trials import sample
from deadrelu_tui.record.commands import Change, TrainOn
from deadrelu_tui.record.records import End, Look, Start
from deadrelu_tui.run.gate import Controls

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

TESTED = {"loss/test", "accuracy/test"}


def of(items: list[Any], kind: type) -> list[Any]:
    return [each for each in items if isinstance(each, kind)]


@pytest.mark.parametrize("steps", [1, 3, 5, 7, 10, 12])
def test_its_steps_are_bit_for_bit_those_of_a_longer_run_by_epochs(engine: Trains, tiny: Dataset, steps: int) -> None:
    script = {2: asking(Change({"lr": 0.01, "normalise": True}))}
    items = trained(engine, replace(SMALL, steps=steps), tiny, script)
    longer = records(trained(engine, replace(SMALL, epochs=3), tiny, script))
    assert [content(each) for each in records(items)] == [content(each) for each in longer[:steps]]
    assert [each.ends_epoch for each in records(items)] == [step % 5 == 4 for step in range(steps)]
    start: Start = items[0]
    assert (start.steps, start.steps_per_epoch) == (steps, 5)
    assert "train_on" not in start.can


@pytest.mark.parametrize("steps", [3, 7])
def test_after_its_last_step_it_is_tested_and_looked_at_with_the_weights_which_that_left(
    engine: Trains, tiny: Dataset, steps: int
) -> None:
    settings = replace(SMALL, steps=steps, init="he")
    last = trained(engine, settings, tiny)[-1]
    assert isinstance(last, Look)
    assert last.step == steps - 1
    network, taken = reference(engine, settings), None
    for _, batch in zip(range(steps), batches(replace(settings, epochs=2), 300), strict=False):
        taken = network.step(tiny.train_images[batch], tiny.train_labels[batch], settings.batch_size)
    assert taken is not None
    expected, units = network.look(tiny, taken)
    assert set(last.values) >= TESTED | {"dead_fraction/h1", "accuracy/probe"}
    for name in (*TESTED, "dead_fraction/h1"):
        assert last.values[name] == pytest.approx(expected[name], rel=1e-4, abs=1e-3), name
    np.testing.assert_allclose(last.looks["h1"].bias, units["h1"]["bias"], rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("steps", [5, 10])
def test_where_it_ends_with_an_epoch_it_is_tested_once(engine: Trains, tiny: Dataset, steps: int) -> None:
    items = trained(engine, replace(SMALL, steps=steps), tiny)
    assert of(items, Look) == []
    assert set(records(items)[-1].values) >= TESTED


def test_without_metrics_it_is_tested_all_the_same(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, steps=3)
    *_, last = train(engine.make, settings, tiny, Controls(settings.live), metrics=False)
    assert isinstance(last, Look)
    assert (set(last.values), last.looks) == (TESTED, {})


@pytest.mark.parametrize("epochs", [None, 1, 9])
def test_epochs_are_no_limit_to_it_nor_planned_for_it(engine: Trains, tiny: Dataset, epochs: int | None) -> None:
    items = trained(engine, replace(SMALL, steps=27, epochs=epochs), tiny)
    assert len(records(items)) == 27
    assert events(items) == []
    assert records(items)[-1].epoch == 6


def test_it_ends_once_and_cannot_be_trained_on(engine: Trains, tiny: Dataset) -> None:
    controls = Scripted(replace(SMALL, steps=3), {}, stays=True)
    items = []
    for item in played(engine, replace(SMALL, steps=3), tiny, controls):
        items.append(item)
        if isinstance(item, End):
            controls.send(TrainOn(5))
    assert [each.how for each in of(items, End)] == ["finished"]
    assert len(records(items)) == 3
    assert [type(each) for each in items[-2:]] == [Look, End]


@pytest.mark.parametrize(("steps", "taken"), [(3, 10), (50, 50), (10_000, 60)])
def test_a_trial_has_no_more_steps_than_the_run_where_these_are_not_too_few(
    tiny: Dataset, steps: int, taken: int
) -> None:
    given = sample(RunSettings(steps=steps, epochs=1), tiny)
    assert (given.steps, given.settings.steps) == (taken, None)
