"""The training measures and does what design and article say: against NumPy in float64, and step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_reference import Network, batches

from deadrelu_tui.data import Dataset
from deadrelu_tui.engine.network import initial_parameters
from deadrelu_tui.engine.train import LOOKAHEAD, due, train
from deadrelu_tui.errors import InputError
from deadrelu_tui.records import Event, Live, Start, StepRecord
from deadrelu_tui.run import Controls
from deadrelu_tui.settings import RunSettings

SMALL = RunSettings(lr=0.001, hidden=(20,), batch_size=64, epochs=1, seed=7)
"""300 images make four batches of 64 and a short one of 44."""


class Scripted(Controls):
    """Controls that are turned just before given steps."""

    def __init__(self, settings: RunSettings, script: dict[int, Callable[[Controls], None]]) -> None:
        super().__init__(Live.of(settings))
        self.script, self.steps = dict(script), 0

    def proceed(self, wait: bool = True) -> bool | None:
        if self.steps in self.script:
            self.script.pop(self.steps)(self)
        go = super().proceed(wait)
        self.steps += go is not None
        return go


def trained(settings: RunSettings, dataset: Dataset, controls: Controls | None = None) -> list[Any]:
    return list(train(settings, dataset, controls or Controls(Live.of(settings))))


def records(items: list[Any]) -> list[StepRecord]:
    return [each for each in items if isinstance(each, StepRecord)]


def events(items: list[Any]) -> list[Event]:
    return [each for each in items if isinstance(each, Event)]


def reference(settings: RunSettings, dataset: Dataset) -> Network:
    drawn = initial_parameters(settings, 784, 10)
    return Network(settings, [each.asnumpy().T if each.ndim == 2 else each.asnumpy() for each in drawn])


def content(record: StepRecord) -> tuple[Any, ...]:
    firing = {name: rates.tobytes() for name, rates in record.firing.items()}
    return record.step, record.epoch, record.live, dict(record.values), firing, record.ends_epoch


# Against NumPy


@pytest.mark.parametrize("normalise", [False, True], ids=["raw", "normalised"])
@pytest.mark.parametrize("hidden", [(20,), (24, 16)], ids=["one layer", "two layers"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_every_metric_of_an_epoch_agrees_with_numpy(
    tiny: Dataset, activation: str, hidden: tuple[int, ...], normalise: bool
) -> None:
    rate = 0.05 if normalise else 1e-5
    settings = replace(SMALL, activation=activation, hidden=hidden, normalise=normalise, lr=rate, init="he")
    network = reference(settings, tiny)
    taken = records(trained(settings, tiny))
    assert len(taken) == 5
    for record, batch in zip(taken, batches(settings, 300), strict=True):
        looked, firing = network.look(tiny)
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], batch_size=64)
        if record.ends_epoch:
            looked, firing = network.look(tiny)
        everything = expected.values | looked
        for name, value in record.values.items():
            wanted = everything[name]
            if name.startswith(("zero_", "silent_", "dead_", "saturated_", "accuracy")):
                # A pre-activation within rounding of a bound may fall on either side of it.
                assert value == pytest.approx(wanted, abs=1e-3), (record.step, name)
            else:
                size = max(abs(wanted), expected.summed.get(name, 0.0))
                assert value == pytest.approx(wanted, rel=1e-4, abs=1e-4 * size), (record.step, name)
        assert set(expected.values) <= set(record.values)
        for layer, rates in record.firing.items():
            np.testing.assert_allclose(rates, firing[layer], atol=1.01 / 200)
        if record.ends_epoch or record.step in (0, 1, 2, 4):
            assert {f"dead_fraction/h{n}" for n in range(1, len(hidden) + 1)} <= set(record.values)
            assert set(record.firing) == {f"h{n}" for n in range(1, len(hidden) + 1)}
    assert {"loss/test", "accuracy/test"} <= set(taken[-1].values)


def test_dead_and_silent_units_are_counted_as_they_are(tiny: Dataset) -> None:
    # At this rate half of the units die in three steps, far from any rounding.
    settings = replace(SMALL, lr=0.01, epochs=2)
    network = reference(settings, tiny)
    shares = []
    for record, batch in zip(records(trained(settings, tiny)), batches(settings, 300), strict=True):
        before = network.look(tiny)[0]
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], 64).values
        looked = network.look(tiny)[0] if record.ends_epoch else before
        for name in ("dead_fraction/h1", "silent_fraction/h1"):
            if name in record.values:
                assert record.values[name] == pytest.approx((expected | looked)[name], abs=0.051), record.step
        shares.append(record.values["silent_fraction/h1"])
    assert max(shares) >= 0.25


def test_saturated_units_are_counted_as_they_are(tiny: Dataset) -> None:
    settings = replace(SMALL, lr=0.5, activation="sigmoid", hidden=(40,))
    network = reference(settings, tiny)
    saturated = []
    for record, batch in zip(records(trained(settings, tiny)), batches(settings, 300), strict=True):
        looked = network.look(tiny)[0]
        network.step(tiny.train_images[batch], tiny.train_labels[batch], 64)
        if record.ends_epoch:
            looked = network.look(tiny)[0]
        if "saturated_fraction/h1" in record.values:
            saturated.append(record.values["saturated_fraction/h1"])
            assert saturated[-1] == pytest.approx(looked["saturated_fraction/h1"], abs=0.026), record.step
    assert saturated[0] == 0
    assert max(saturated) > 0.2


def test_the_short_last_batch_is_divided_by_the_full_batch_size(tiny: Dataset) -> None:
    # One batch of 300 would be the whole set: with 256 the second one has 44 images.
    settings = replace(SMALL, batch_size=256, epochs=2, normalise=True, lr=0.5)
    taken = records(trained(settings, tiny))
    assert [record.ends_epoch for record in taken] == [False, True, False, True]
    network, other = reference(settings, tiny), reference(settings, tiny)
    for index, batch in enumerate(batches(settings, 300)):
        images, labels = tiny.train_images[batch], tiny.train_labels[batch]
        expected = network.step(images, labels, 256).values["loss"]
        by_own_size = other.step(images, labels, len(batch)).values["loss"]
        assert taken[index].values["loss"] == pytest.approx(expected, rel=1e-5)
        if index >= 2:
            assert abs(by_own_size - expected) > 1e-3 * expected


def test_a_batch_size_above_the_set_makes_one_step_of_all_images(tiny: Dataset) -> None:
    items = trained(replace(SMALL, batch_size=1_000, epochs=2), tiny)
    assert (items[0].batches, items[0].steps) == (1, 2)
    assert [record.ends_epoch for record in records(items)] == [True, True]


def test_the_biases_start_at_zero_and_have_no_size_to_compare_an_update_with(tiny: Dataset) -> None:
    first, second = records(trained(SMALL, tiny))[:2]
    assert first.values["update_ratio/b1"] == math.inf
    assert 0 < second.values["update_ratio/b1"] < math.inf


@pytest.mark.parametrize(
    ("init", "deviation"),
    [("normal:0.01", 0.01), ("he", math.sqrt(2 / 784)), ("xavier", math.sqrt(2 / (784 + 300)))],
)
def test_the_first_weights_have_the_deviation_of_their_name(init: str, deviation: float) -> None:
    w1, b1, w2, b2 = initial_parameters(RunSettings(init=init), 784, 10)
    assert (w1.shape, b1.shape, w2.shape, b2.shape) == ((300, 784), (300,), (10, 300), (10,))
    assert float(w1.asnumpy().std()) == pytest.approx(deviation, rel=0.01)
    assert float(w1.asnumpy().mean()) == pytest.approx(0, abs=deviation / 100)
    assert not b1.asnumpy().any()
    assert not b2.asnumpy().any()


def test_the_start_says_what_was_found(tiny: Dataset) -> None:
    first = trained(SMALL, tiny)[0]
    mean = float(tiny.train_images.mean())
    assert first == Start("cpu", "tiny", "0" * 64, 300, 200, 200, mean, 5, 1)


def test_without_metrics_only_the_loss_is_recorded_and_it_is_the_same(tiny: Dataset) -> None:
    bare = records(list(train(SMALL, tiny, Controls(Live.of(SMALL)), metrics=False)))
    for bare_record, record in zip(bare, records(trained(SMALL, tiny)), strict=True):
        assert set(bare_record.values) - {"loss/test", "accuracy/test"} <= {"loss"} | set(record.values)
        assert bare_record.values["loss"] == pytest.approx(record.values["loss"], rel=1e-6)


def test_the_probe_is_looked_at_often_at_first_then_every_100_steps() -> None:
    assert [n for n in range(300) if due(n)] == [0, 1, 2, 4, 8, 16, 32, 64, 100, 200]


# Seeds


def test_the_same_seed_gives_the_same_bits(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=3)
    once, again = (records(trained(settings, tiny)) for _ in range(2))
    assert len(once) == 15
    for first, second in zip(once, again, strict=True):
        assert content(first) == content(second)


def test_another_seed_gives_other_weights_and_another_order(tiny: Dataset) -> None:
    other = replace(SMALL, seed=8)
    assert next(batches(SMALL, 300)).tolist() != next(batches(other, 300)).tolist()
    first, second = (records(trained(each, tiny))[0].values for each in (SMALL, other))
    assert first["loss"] != second["loss"]
    assert first["pre_mean/h1"] != second["pre_mean/h1"]


# Changes while it runs


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr": 0.05}, "lr 0.001 → 0.05"),
        ({"normalise": True}, "normalise on"),
        ({"activation": "tanh"}, "activation relu → tanh"),
    ],
)
def test_a_change_takes_effect_at_its_step_and_leaves_a_mark_there(
    tiny: Dataset, change: dict[str, Any], text: str
) -> None:
    settings = replace(SMALL, epochs=2)
    items = trained(settings, tiny, Scripted(settings, {3: lambda controls: controls.change(**change)}))
    assert events(items) == [Event(3, text, mark=True)]
    before, *_, after = records(items)
    assert before.live == Live.of(settings)
    assert after.live == replace(Live.of(settings), **change)
    assert [record.step for record in records(items) if record.live == after.live] == list(range(3, 10))

    position = items.index(events(items)[0])
    assert items[position - 1].step == 2
    assert items[position + 1].step == 3
    assert "dead_fraction/h1" in items[position + 1].values  # a change is looked at at once

    network = reference(settings, tiny)
    for record, batch in zip(records(items), batches(settings, 300), strict=True):
        network.live = record.live
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], 64).values
        for name in ("loss", "grad_norm/w1", "update_ratio/w2", "pre_mean/h1"):
            assert record.values[name] == pytest.approx(expected[name], rel=2e-3), (record.step, name)


def test_several_changes_at_one_step_leave_a_mark_each(tiny: Dataset) -> None:
    def turn(controls: Controls) -> None:
        controls.change(lr=0.01)
        controls.change(normalise=True)

    assert events(trained(SMALL, tiny, Scripted(SMALL, {2: turn}))) == [
        Event(2, "normalise on", mark=True),
        Event(2, "lr 0.001 → 0.01", mark=True),
    ]


def test_a_change_that_is_taken_back_between_two_steps_leaves_no_mark(tiny: Dataset) -> None:
    def turn(controls: Controls) -> None:
        controls.change(lr=0.5)
        controls.change(lr=SMALL.lr)

    assert events(trained(SMALL, tiny, Scripted(SMALL, {2: turn}))) == []


def test_a_pause_first_reads_back_all_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(4)]
    assert taken[-1].step == 2
    controls.pause()
    while not isinstance(taken[-1], Event):
        taken.append(next(training))
    done = taken[-1].step
    assert taken[-1] == Event(done, "pause")
    assert done > 3
    assert [record.step for record in records(taken)] == list(range(done))


def test_a_permit_gives_exactly_one_record(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    controls.pause()
    training: Iterator[Any] = train(settings, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    for step in range(3):
        controls.step()
        assert next(training).step == step
        assert controls.proceed(wait=False) is None
    controls.stop()
    assert list(training) == []


def test_two_permits_at_once_are_no_resume(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    controls.step()
    controls.step()
    assert [next(training).step, next(training).step] == [0, 1]
    controls.resume()
    rest = list(training)
    assert rest[0] == Event(2, "resume")
    assert [record.step for record in records(rest)] == [2, 3, 4]


def test_a_change_made_while_paused_is_in_force_from_the_next_step(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.change(lr=0.5)
    controls.resume()
    rest = list(training)
    assert rest[:2] == [Event(0, "resume"), Event(0, "lr 0.001 → 0.5", mark=True)]
    assert all(record.live.lr == 0.5 for record in records(rest))


def test_a_stop_ends_the_training_with_every_step_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Scripted(settings, {17: Controls.stop})
    items = trained(settings, tiny, controls)
    assert [record.step for record in records(items)] == list(range(17))
    assert events(items) == []
    assert controls.steps == 18
    assert LOOKAHEAD < 17


def test_a_stop_between_two_records_leaves_no_pause_behind(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(3)]
    controls.stop()
    taken += training
    assert events(taken) == []
    assert [record.step for record in records(taken)] == list(range(len(taken) - 1))


def test_a_stop_ends_a_pause(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.stop()
    assert list(training) == []


# What cannot be


def test_a_gpu_that_is_not_there_is_told_with_what_is(tiny: Dataset) -> None:
    settings = replace(SMALL, device="gpu:7")
    with pytest.raises(InputError, match=r"^device gpu:7 is not there: .*Allowed here: auto, cpu") as error:
        next(train(settings, tiny, Controls(Live.of(settings))))
    assert str(error.value).isprintable()


def test_a_rate_that_is_far_too_large_ends_in_numbers_not_in_an_error(tiny: Dataset) -> None:
    taken = records(trained(replace(SMALL, lr=1e10, epochs=2), tiny))
    assert len(taken) == 10
    assert not math.isfinite(taken[-1].values["loss"])
    assert all(isinstance(value, float) for record in taken for value in record.values.values())


# What cannot be computed


@pytest.mark.parametrize("lr", [1e300, 1e-300, 1e38])
def test_a_rate_beyond_float32_is_a_lesson_and_no_error(tiny: Dataset, lr: float) -> None:
    steps = records(trained(replace(SMALL, lr=lr), tiny))
    assert len(steps) == 5


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_of_what_is_no_number_no_share_is_told(tiny: Dataset, activation: str) -> None:
    steps = records(trained(replace(SMALL, lr=1e30, hidden=(8, 8), activation=activation, epochs=2), tiny))
    last = steps[-1].values
    assert math.isnan(last["pre_mean/h1"])
    assert math.isnan(last["zero_fraction/h1"])
    assert math.isnan(last["dead_fraction/h1"])
    assert np.isnan(steps[-1].firing["h1"]).all()
