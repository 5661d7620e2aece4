"""The training measures and does what design and article say: against NumPy in float64, and step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy_reference import Floats, Network, Step, batches

from deadrelu_tui.dataset import Dataset
from deadrelu_tui.engine.model import Model
from deadrelu_tui.engine.network import initial_parameters
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.engine.train import LOOKAHEAD, LOOKAHEAD_IN_TEST, due, most_ahead, train
from deadrelu_tui.errors import InputError
from deadrelu_tui.history import History
from deadrelu_tui.records import Event, Live, Start, StepRecord
from deadrelu_tui.run import Controls
from deadrelu_tui.settings import RunSettings
from deadrelu_tui.units import Units

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

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
    fired = {layer: each.tobytes() for layer, each in record.fired.items()}
    units = {layer: [each.tobytes() for each in fields_of(units).values()] for layer, units in record.units.items()}
    return record.step, record.epoch, record.live, dict(record.values), fired, units, record.ends_epoch


def fields_of(units: Units) -> dict[str, npt.NDArray[np.float32]]:
    return {each.name: getattr(units, each.name) for each in fields(Units) if each.name != "activation"}


@dataclass
class Side:
    """A record, and what NumPy finds at the same step."""

    record: StepRecord
    values: dict[str, float]
    units: dict[str, dict[str, Floats]]
    step: Step


def side_by_side(settings: RunSettings, dataset: Dataset, items: list[Any] | None = None) -> Iterator[Side]:
    """Yield every step twice: as it was recorded, and as it is in NumPy."""
    network = reference(settings, dataset)
    taken = records(trained(settings, dataset) if items is None else items)
    for record, batch in zip(taken, batches(settings, len(dataset.train_labels)), strict=True):
        network.live = record.live
        step = network.measure(dataset.train_images[batch], dataset.train_labels[batch], settings.batch_size)
        looked, units = network.look(dataset, step)
        network.update(step, settings.batch_size)
        if record.ends_epoch:
            looked, units = network.look(dataset, step)
        yield Side(record, step.values | looked, units, step)


# Against NumPy


@pytest.mark.parametrize("normalise", [False, True], ids=["raw", "normalised"])
@pytest.mark.parametrize("hidden", [(20,), (24, 16), (90, 70)], ids=["one layer", "two layers", "two large weights"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_every_metric_of_an_epoch_agrees_with_numpy(
    tiny: Dataset, activation: str, hidden: tuple[int, ...], normalise: bool
) -> None:
    rate = 0.05 if normalise else 1e-5
    settings = replace(SMALL, activation=activation, hidden=hidden, normalise=normalise, lr=rate, init="he")
    sides = list(side_by_side(settings, tiny))
    assert [bool(side.record.units) for side in sides] == [True, True, True, False, True]
    for side in sides:
        record, expected = side.record, side.values
        for name, value in record.values.items():
            if name.partition("/")[0].endswith(("_fraction", "accuracy")):
                # A pre-activation within rounding of a bound may fall on either side of it.
                assert value == pytest.approx(expected[name], abs=1e-3), (record.step, name)
            else:
                # What was summed may be far greater than its sum.
                size = max(abs(expected[name]), side.step.summed.get(name, 0.0))
                if name.startswith("bias_mean"):
                    size = float(np.abs(side.units[name.partition("/")[2]]["bias"]).mean())
                assert value == pytest.approx(expected[name], rel=1e-4, abs=1e-4 * size), (record.step, name)
        wanted = set(side.step.values)
        if record.units:
            wanted |= set(expected)
        if not record.ends_epoch:
            wanted -= {"loss/test", "accuracy/test"}
        if record.step > 0:
            wanted -= {name for name in expected if name.startswith(("weight_variance", "grad_range"))}
        assert set(record.values) == wanted, record.step


@pytest.mark.parametrize("hidden", [(20,), (24, 16)], ids=["one layer", "two layers"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_every_look_at_the_units_agrees_with_numpy(tiny: Dataset, activation: str, hidden: tuple[int, ...]) -> None:
    settings = replace(SMALL, activation=activation, hidden=hidden, lr=1e-4, init="he")
    for side in side_by_side(settings, tiny):
        assert set(side.record.fired) == {f"h{n}" for n in range(1, len(hidden) + 1)}
        assert set(side.record.units) in (set(), set(side.record.fired))
        for layer, units in side.record.units.items():
            assert units.activation == activation
            for name, found in fields_of(units).items():
                wanted = side.units[layer][name]
                if name in ("firing", "unsaturated", "batch"):
                    images = side.step.images if name == "batch" else 200
                    np.testing.assert_allclose(found, wanted, atol=1.01 / images, err_msg=name)
                else:
                    size = float(np.abs(wanted).max())
                    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * size, err_msg=name)
                assert found.shape == (len(units),) == wanted.shape
                assert found.dtype == np.float32
        for layer, fired in side.record.fired.items():
            # Only a unit with a single image close to the bound may be seen otherwise.
            apart = fired != (side.step.fired[layer] > 0)
            assert fired.dtype == np.bool_
            assert (side.step.fired[layer][apart] <= 1.01 / side.step.images).all()


def test_whether_each_unit_fired_is_told_at_every_step_and_agrees_with_the_share_of_the_silent(tiny: Dataset) -> None:
    taken = records(trained(replace(SMALL, lr=0.03, hidden=(20, 16), epochs=3), tiny))
    for record in taken:
        for layer, fired in record.fired.items():
            assert record.values[f"silent_fraction/{layer}"] == pytest.approx(1 - fired.mean())
            if layer in record.units:
                assert ((record.units[layer].batch > 0) == fired).all()
    assert min(record.fired["h1"].mean() for record in taken) < 0.9


def test_dead_and_silent_units_are_counted_as_they_are(tiny: Dataset) -> None:
    # At this rate half of the units die in three steps, far from any rounding.
    shares = []
    for side in side_by_side(replace(SMALL, lr=0.01, epochs=2), tiny):
        for name in ("dead_fraction/h1", "inactive_fraction/h1", "dormant_fraction/h1", "silent_fraction/h1"):
            if name in side.record.values:
                assert side.record.values[name] == pytest.approx(side.values[name], abs=0.051), side.record.step
        shares.append(side.record.values["silent_fraction/h1"])
    assert max(shares) >= 0.25


def test_saturated_units_are_counted_as_they_are(tiny: Dataset) -> None:
    saturated = []
    for side in side_by_side(replace(SMALL, lr=0.5, activation="sigmoid", hidden=(40,)), tiny):
        if "saturated_fraction/h1" in side.record.values:
            saturated.append(side.record.values["saturated_fraction/h1"])
            assert saturated[-1] == pytest.approx(side.values["saturated_fraction/h1"], abs=0.026), side.record.step
            assert saturated[-1] == side.record.units["h1"].lost.mean(dtype=np.float64)
    assert saturated[0] == 0
    assert max(saturated) > 0.2


def test_the_definitions_of_death_disagree_on_one_and_the_same_network(tiny: Dataset) -> None:
    settings = replace(SMALL, lr=0.001, hidden=(100,), batch_size=16, init="he", seed=0)
    side = next(side for side in side_by_side(settings, tiny) if side.record.step == 2)
    names = ("dead_fraction", "inactive_fraction", "silent_fraction", "dormant_fraction")
    shares = [side.record.values[f"{name}/h1"] for name in names]
    assert shares == pytest.approx([side.values[f"{name}/h1"] for name in names], abs=0.011)
    assert shares == pytest.approx([0.23, 0.34, 0.45, 0.58], abs=0.021)  # of a hundred units


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
    assert isinstance(first, Start)
    mean, deviation = float(tiny.train_images.mean()), float(tiny.train_images.astype(np.float64).std())
    assert first == Start("cpu", "tiny", "0" * 64, 300, 200, 200, mean, first.input_std, 5, 1, 64)
    assert first.input_std == pytest.approx(deviation)


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


def test_more_steps_are_under_way_while_a_test_is_waited_for(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=10, epochs=2, normalise=True, lr=0.05)
    controls = Scripted(settings, {})
    items, under_way = [], []
    for each in train(settings, tiny, controls):
        items.append(each)
        if isinstance(each, StepRecord):
            under_way.append(controls.steps - 1 - each.step)
    assert under_way[:29] == [0, *[LOOKAHEAD] * 28]
    assert under_way[29] == LOOKAHEAD_IN_TEST  # the last of the first thirty: the test comes with it
    assert under_way[30:47] == [*reversed(range(LOOKAHEAD, LOOKAHEAD_IN_TEST)), LOOKAHEAD]
    for side in side_by_side(settings, tiny, items):  # no batch was gathered where another one was still needed
        assert side.record.values["loss"] == pytest.approx(side.values["loss"], rel=1e-3)


def test_the_first_step_is_shown_at_once_even_if_it_ends_an_epoch(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=1_000, epochs=3)
    controls = Scripted(settings, {})
    first = next(each for each in train(settings, tiny, controls) if isinstance(each, StepRecord))
    assert first.ends_epoch
    assert controls.steps == 1


@pytest.mark.parametrize(("batch_size", "most"), [(1, 24), (256, 24), (512, 12), (1_000, 8), (60_000, 8)])
def test_fewer_large_batches_are_under_way(batch_size: int, most: int) -> None:
    assert most_ahead(batch_size) == most


# Reviving the dead


RAW = replace(SMALL, lr=0.01, epochs=4)
"""Of 20 units more than half are dead at step 12."""
DEEP = replace(RAW, hidden=(40, 30), init="he")
"""By step 12 two layers in a row are dead, or nearly so."""
CASES = [replace(RAW, seed=1), replace(RAW, seed=2), *(replace(DEEP, lr=0.03, seed=seed) for seed in range(3)),
         replace(DEEP, hidden=(20, 16), seed=0)]  # fmt: skip


def with_and_without(settings: RunSettings, dataset: Dataset, step: int = 12) -> tuple[list[Any], list[Any]]:
    """Return a run in which the dead are revived at a step, and the same one with a mere look there."""
    # A rate that changes is looked at, and bends nothing before the update of that step.
    revived = trained(settings, dataset, Scripted(settings, {step: Controls.revive}))
    return revived, trained(settings, dataset, Scripted(settings, {step: lambda turned: turned.change(lr=1e-3)}))


def at_step(items: list[Any], step: int) -> StepRecord:
    return next(record for record in records(items) if record.step == step)


@pytest.mark.parametrize("settings", CASES)
def test_reviving_brings_back_all_that_were_dead_and_the_loss_does_not_jump(
    tiny: Dataset, settings: RunSettings
) -> None:
    with_them, without = with_and_without(settings, tiny)
    after, before = at_step(with_them, 12), at_step(without, 12)
    dead = {layer: int(units.lost.sum()) for layer, units in before.units.items()}
    assert dead["h1"] > 10
    told = ", ".join(f"{count} units of {layer}" for layer, count in dead.items() if count)
    assert events(with_them) == [Event(12, f"revive {told}", mark=True)]
    assert with_them[with_them.index(events(with_them)[0]) + 1] is after
    assert not any(units.lost.any() for units in after.units.values())
    assert after.values["loss"] == pytest.approx(before.values["loss"], rel=1e-3)
    for first, second in zip(records(with_them)[:12], records(without)[:12], strict=True):
        assert first.values["loss"] == second.values["loss"]


def test_the_training_does_not_wait_for_a_look(tiny: Dataset) -> None:
    images, settings = 40_000, replace(SMALL, hidden=(100,), device="cpu")
    many = replace(tiny, test_images=np.resize(tiny.test_images, (images, 784)), test_labels=np.zeros(images, np.uint8))
    model, live, batch = Model(settings, many, metrics=True, buffers=4), Live.of(settings), np.arange(64)
    model.step(0, 1, live, batch, look=True).record()  # what is done for the first time plans its memory first
    told = np.full(1, np.nan, np.float32)
    *_, (_, loss, _) = [score for _ in range(4) for score in model.look(live, images).scores]
    loss.copyto(mx.nd.from_numpy(told[:], zero_copy=True))
    model.step(1, 1, live, batch, look=False).record()
    assert np.isnan(told).all()  # the step was read back before the looks that began before it came to their end
    mx.nd.waitall()
    assert told == loss.asnumpy()


@pytest.mark.parametrize("normalise", [False, True], ids=["raw", "normalised"])
@pytest.mark.parametrize("init", ["normal:0.01", "he", "xavier"])
def test_layers_that_are_all_dead_one_behind_the_other_all_come_back(tiny: Dataset, init: str, normalise: bool) -> None:
    # The second and the third layer have few inputs: many a unit of theirs would be born dead.
    settings = replace(SMALL, hidden=(9, 30, 30), init=init, normalise=normalise)
    model, live = Model(settings, tiny, metrics=True, buffers=2), Live.of(settings)
    for bias in model.parameters.arrays[1:6:2]:
        bias[:] = -1e9
    assert not any((tap.asnumpy() > 0).any() for tap in model.look(live, 200).taps)
    assert model.revive(live) == {"h1": 9, "h2": 30, "h3": 30}
    assert all((tap.asnumpy() > 0).any(axis=0).all() for tap in model.look(live, 200).taps)
    assert [bool(each.asnumpy().any()) for each in model.parameters.arrays] == [
        True,
        False,
        True,
        False,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize("settings", CASES[:2])
def test_the_revived_start_with_fresh_weights_and_the_living_are_left_alone(
    tiny: Dataset, settings: RunSettings
) -> None:
    with_them, without = with_and_without(settings, tiny)
    before, after = at_step(without, 12).units["h1"], at_step(with_them, 12).units["h1"]
    lost = before.lost
    assert not after.bias[lost].any()
    # Drawn from N(0, 0.01²), over 784 pixels.
    np.testing.assert_allclose(after.weight_norm[lost], 0.28, rtol=0.15)
    for name in ("firing", "bias", "weight_norm", "pre_mean", "pre_max", "batch"):
        assert (getattr(after, name)[~lost] == getattr(before, name)[~lost]).all(), name


def test_nothing_but_the_weights_around_a_dead_unit_is_changed(tiny: Dataset) -> None:
    settings = replace(SMALL, hidden=(20, 16), init="he")
    model, live = Model(settings, tiny, metrics=True, buffers=2), Live.of(settings)
    first, second = np.isin(np.arange(20), (2, 5, 19)), np.isin(np.arange(16), (1, 7))
    assert model.revive(live) == {"h1": 0, "h2": 0}
    for parameter, lost in ((model.parameters.arrays[1], first), (model.parameters.arrays[3], second)):
        bias = parameter.asnumpy()
        bias[:] = np.where(lost, -1e6, 0.25)
        parameter[:] = bias
    old = [each.asnumpy() for each in model.parameters.arrays]
    assert model.revive(live) == {"h1": 3, "h2": 2}
    w1, b1, w2, b2, w3, b3 = (each.asnumpy() for each in model.parameters.arrays)

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
    assert model.revive(live) == {"h1": 0, "h2": 0}


def test_a_revival_is_looked_at_at_once_and_often_and_stands_in_the_ledger(tiny: Dataset) -> None:
    history = History()
    for item in trained(RAW, tiny, Scripted(RAW, {12: Controls.revive})):
        if isinstance(item, StepRecord):
            history.append(item)
    assert [step for step in history.series("dead_fraction/h1").steps if 9 < step < 18] == [12, 13, 14, 16]
    revivals = history.series("revivals/h1")
    assert revivals.values[revivals.steps == 12] - revivals.values[revivals.steps == 9] > 10
    assert history.at("dead_fraction/h1", 12) == 0


@pytest.mark.parametrize("settings", [RAW, CASES[2]])
def test_a_revival_gives_the_same_bits_when_it_is_repeated(tiny: Dataset, settings: RunSettings) -> None:
    script = {3: Controls.revive, 12: Controls.revive, 13: Controls.revive}
    once, again = (trained(settings, tiny, Scripted(settings, dict(script))) for _ in range(2))
    assert [content(each) for each in records(once)] == [content(each) for each in records(again)]
    assert events(once) == events(again)
    assert [event.step for event in events(once)] == [3, 12, 13]


def test_a_revival_that_is_asked_for_while_paused_happens_at_the_next_step(tiny: Dataset) -> None:
    controls = Scripted(RAW, {12: Controls.pause})
    training: Iterator[Any] = train(RAW, tiny, controls)
    while not isinstance(event := next(training), Event):
        pass
    assert event == Event(12, "pause")
    controls.revive()
    controls.step()
    event, record = next(training), next(training)
    assert event.mark
    assert (event.step, record.step) == (12, 12)
    assert event.text.startswith("revive ")
    assert record.values["dead_fraction/h1"] == 0
    controls.stop()
    assert list(training) == []


def test_asked_for_twice_between_two_steps_the_dead_are_revived_once(tiny: Dataset) -> None:
    def twice(controls: Controls) -> None:
        controls.revive()
        controls.revive()

    found = events(trained(RAW, tiny, Scripted(RAW, {12: twice})))
    assert len(found) == 1
    assert found[0].mark


def test_the_dead_are_judged_by_the_input_as_it_is_now(tiny: Dataset) -> None:
    def both(controls: Controls) -> None:
        controls.change(normalise=True)
        controls.revive()

    items = trained(RAW, tiny, Scripted(RAW, {12: both}))
    switched, revived = events(items)
    assert switched == Event(12, "normalise on", mark=True)
    assert revived.text.startswith("revive ")
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
    tiny: Dataset, settings: RunSettings, text: str
) -> None:
    items = trained(settings, tiny, Scripted(settings, {2: Controls.revive}))
    assert events(items) == [Event(2, text)]
    for first, second in zip(records(items), records(trained(settings, tiny)), strict=True):
        assert first.values["loss"] == second.values["loss"]


def test_of_a_network_of_nan_nobody_is_revived(tiny: Dataset) -> None:
    settings = replace(SMALL, lr=1e30, hidden=(8, 8), epochs=2)
    items = trained(settings, tiny, Scripted(settings, {9: Controls.revive}))
    assert math.isnan(at_step(items, 8).values["pre_mean/h1"])
    assert events(items) == [Event(9, "revive: no unit is dead")]


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


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("hidden", [(8,), (8, 8, 8, 8), (8,) * 8])
def test_weights_that_are_far_too_large_end_in_numbers_not_in_an_error(
    tiny: Dataset, activation: str, hidden: tuple[int, ...]
) -> None:
    settings = replace(SMALL, hidden=hidden, activation=activation, init="normal:999999", lr=1e30)
    taken = records(trained(settings, tiny))
    assert len(taken) == 5
    assert taken[0].values["weight_variance/w1"] == pytest.approx(999999**2, rel=0.1)
    assert all(isinstance(value, float) for record in taken for value in record.values.values())


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_of_what_is_no_number_no_share_is_told(tiny: Dataset, activation: str) -> None:
    steps = records(trained(replace(SMALL, lr=1e30, hidden=(8, 8), activation=activation, epochs=2), tiny))
    last = steps[-1].values
    assert math.isnan(last["pre_mean/h1"])
    assert math.isnan(last["zero_fraction/h1"])
    assert math.isnan(last["dead_fraction/h1"])
    assert math.isnan(last["inactive_fraction/h1"])
    assert math.isnan(last["dormant_fraction/h1"])
    assert np.isnan(steps[-1].units["h1"].firing).all()
    assert not steps[-1].units["h1"].lost.any()
