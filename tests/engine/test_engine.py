"""The training measures and does what design and article say: against NumPy in float64, and step by step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy_reference import batches
from trainings import SMALL, Trains, asking, content, fields_of, records, reference, side_by_side, trained

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.train import due, train
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Change, Revive
from deadrelu_tui.record.network import mlp
from deadrelu_tui.record.records import Start
from deadrelu_tui.run.gate import Controls

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

# Against NumPy


def clear_of_bounds(engine: Trains, settings: RunSettings, dataset: Dataset) -> RunSettings:
    """Return the settings with a seed with which no pre-activation comes so close to 0 that rounding decides its sign:
    an image more or less in a gradient is no rounding any more.
    """
    while True:
        network, nearest = reference(engine, settings), math.inf
        for batch in batches(settings, len(dataset.train_labels)):
            images, labels = dataset.train_images[batch], dataset.train_labels[batch]
            scale = 1 if settings.normalise else 255 * settings.input_scale
            nearest = min(nearest, *(float(np.abs(pre).min()) / scale for pre in network.forward(images)[1][:-1]))
            network.step(images, labels, settings.batch_size)
        if nearest > 1e-6:
            return settings
        settings = replace(settings, seed=settings.seed + 1)


@pytest.mark.parametrize("scale", [1, None, 0.03], ids=["raw", "normalised", "scaled"])
@pytest.mark.parametrize("hidden", [(20,), (24, 16), (90, 70)], ids=["one layer", "two layers", "two large weights"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_every_metric_of_an_epoch_agrees_with_numpy(
    engine: Trains, tiny: Dataset, activation: str, hidden: tuple[int, ...], scale: float | None
) -> None:
    settings = replace(SMALL, activation=activation, hidden=hidden, init="he", normalise=scale is None)
    settings = replace(settings, input_scale=scale or 1, lr=0.05 if scale is None else 1e-5 / scale)
    if activation in ("relu", "leaky_relu"):
        settings = clear_of_bounds(engine, settings, tiny)
    sides = list(side_by_side(engine, settings, tiny))
    assert [bool(side.record.looks) for side in sides] == [True, True, True, False, True]
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
        if record.looks:
            wanted |= set(expected)
        if not record.ends_epoch:
            wanted -= {"loss/test", "accuracy/test"}
        if record.step > 0:
            wanted -= {name for name in expected if name.startswith(("weight_variance", "grad_range", "logit_var"))}
        assert set(record.values) == wanted, record.step


@pytest.mark.parametrize("hidden", [(20,), (24, 16)], ids=["one layer", "two layers"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_every_look_at_the_units_agrees_with_numpy(
    engine: Trains, tiny: Dataset, activation: str, hidden: tuple[int, ...]
) -> None:
    settings = replace(SMALL, activation=activation, hidden=hidden, lr=1e-5, init="he")
    for side in side_by_side(engine, settings, tiny):
        assert set(side.record.fired) == {f"h{n}" for n in range(1, len(hidden) + 1)}
        assert set(side.record.looks) in (set(), set(side.record.fired))
        for layer, units in side.record.looks.items():
            assert units.activation == activation
            for name, found in fields_of(units).items():
                wanted = side.units[layer][name]
                if name == "spread":  # a few lie so close to a bound that they are seen on its other side
                    np.testing.assert_allclose(found, wanted, atol=3 / (200 * len(units)), err_msg=name)
                elif name in ("firing", "unsaturated", "batch"):
                    images = side.step.images if name == "batch" else 200
                    np.testing.assert_allclose(found, wanted, atol=1.01 / images, err_msg=name)
                else:
                    size = float(np.abs(wanted).max())
                    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4 * size, err_msg=name)
                assert found.shape == wanted.shape
                assert found.dtype == np.float32
        for layer, fired in side.record.fired.items():
            # Only a unit with a single image close to the bound may be seen otherwise.
            apart = fired != (side.step.fired[layer] > 0)
            assert fired.dtype == np.bool_
            assert (side.step.fired[layer][apart] <= 1.01 / side.step.images).all()


def test_whether_each_unit_fired_is_told_at_every_step_and_agrees_with_the_share_of_the_silent(
    engine: Trains, tiny: Dataset
) -> None:
    taken = records(trained(engine, replace(SMALL, lr=0.03, hidden=(20, 16), epochs=3), tiny))
    for record in taken:
        for layer, fired in record.fired.items():
            assert record.values[f"silent_fraction/{layer}"] == pytest.approx(1 - fired.mean())
            if layer in record.looks:
                assert ((record.looks[layer].batch > 0) == fired).all()
    assert min(record.fired["h1"].mean() for record in taken) < 0.9


def test_dead_and_silent_units_are_counted_as_they_are(engine: Trains, tiny: Dataset) -> None:
    # At this rate half of the units die in three steps, far from any rounding.
    shares = []
    for side in side_by_side(engine, replace(SMALL, lr=0.01, epochs=2), tiny):
        for name in ("dead_fraction/h1", "inactive_fraction/h1", "dormant_fraction/h1", "silent_fraction/h1"):
            if name in side.record.values:
                assert side.record.values[name] == pytest.approx(side.values[name], abs=0.051), side.record.step
        shares.append(side.record.values["silent_fraction/h1"])
    assert max(shares) >= 0.25


def test_saturated_units_are_counted_as_they_are(engine: Trains, tiny: Dataset) -> None:
    saturated = []
    for side in side_by_side(engine, replace(SMALL, lr=0.5, activation="sigmoid", hidden=(40,)), tiny):
        if "saturated_fraction/h1" in side.record.values:
            saturated.append(side.record.values["saturated_fraction/h1"])
            assert saturated[-1] == pytest.approx(side.values["saturated_fraction/h1"], abs=0.026), side.record.step
            assert saturated[-1] == side.record.looks["h1"].lost.mean(dtype=np.float64)
    assert saturated[0] == 0
    assert max(saturated) > 0.2


def test_the_definitions_of_death_disagree_on_one_and_the_same_network(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, lr=0.001, hidden=(100,), batch_size=16, init="he", seed=0)
    side = next(side for side in side_by_side(engine, settings, tiny) if side.record.step == 2)
    names = ("dead_fraction", "inactive_fraction", "silent_fraction", "dormant_fraction")
    shares = [side.record.values[f"{name}/h1"] for name in names]
    assert shares == pytest.approx([side.values[f"{name}/h1"] for name in names], abs=0.011)
    assert shares == pytest.approx([0.24, 0.35, 0.44, 0.57], abs=0.031)  # of a hundred units


def test_the_short_last_batch_is_divided_by_the_full_batch_size(engine: Trains, tiny: Dataset) -> None:
    # One batch of 300 would be the whole set: with 256 the second one has 44 images.
    settings = replace(SMALL, batch_size=256, epochs=2, normalise=True, lr=0.5)
    taken = records(trained(engine, settings, tiny))
    assert [record.ends_epoch for record in taken] == [False, True, False, True]
    network, other = reference(engine, settings), reference(engine, settings)
    for index, batch in enumerate(batches(settings, 300)):
        images, labels = tiny.train_images[batch], tiny.train_labels[batch]
        expected = network.step(images, labels, 256).values["loss"]
        by_own_size = other.step(images, labels, len(batch)).values["loss"]
        assert taken[index].values["loss"] == pytest.approx(expected, rel=1e-5)
        if index >= 2:
            assert abs(by_own_size - expected) > 1e-3 * expected


def test_a_batch_size_above_the_set_makes_one_step_of_all_images(engine: Trains, tiny: Dataset) -> None:
    items = trained(engine, replace(SMALL, batch_size=1_000, epochs=2), tiny)
    assert (items[0].steps_per_epoch, items[0].steps) == (1, 2)
    assert [record.ends_epoch for record in records(items)] == [True, True]


def test_the_biases_start_at_zero_and_have_no_size_to_compare_an_update_with(engine: Trains, tiny: Dataset) -> None:
    first, second = records(trained(engine, SMALL, tiny))[:2]
    assert first.values["update_ratio/b1"] == math.inf
    assert 0 < second.values["update_ratio/b1"] < math.inf


@pytest.mark.parametrize(
    ("init", "deviation"),
    [("normal:0.01", 0.01), ("he", math.sqrt(2 / 784)), ("xavier", math.sqrt(2 / (784 + 300)))],
)
def test_the_first_weights_have_the_deviation_of_their_name(engine: Trains, init: str, deviation: float) -> None:
    w1, b1, w2, b2 = engine.drawn(RunSettings(init=init))
    assert (w1.shape, b1.shape, w2.shape, b2.shape) == ((300, 784), (300,), (10, 300), (10,))
    assert {each.dtype for each in (w1, b1, w2, b2)} == {np.dtype(np.float32)}
    assert float(w1.std()) == pytest.approx(deviation, rel=0.01)
    assert float(w1.mean()) == pytest.approx(0, abs=deviation / 100)
    assert not b1.any()
    assert not b2.any()


def test_the_start_says_what_was_found(engine: Trains, tiny: Dataset) -> None:
    first = trained(engine, SMALL, tiny)[0]
    assert isinstance(first, Start)
    mean, deviation = float(tiny.train_images.mean()), float(tiny.train_images.astype(np.float64).std())
    assert (first.device, first.probe, first.classes) == ("cpu", 200, 10)
    assert (first.steps, first.steps_per_epoch, first.first) == (5, 5, 0)
    assert first.network == mlp(784, (20,), 10, "relu")
    assert first.settings == SMALL.as_dict()
    assert first.facts == {
        "divisor": 255, "shape": (28, 28), "source": "tiny", "sha256": "0" * 64, "train": 300, "test": 200, "batch": 64,
        "input_mean": pytest.approx(mean), "input_std": pytest.approx(deviation), "engine": engine.name,
    }  # fmt: skip


def test_the_start_keeps_what_was_promised_and_adds_what_was_found(engine: Trains, tiny: Dataset) -> None:
    promised = promise(SMALL)
    first = next(train(engine.make, SMALL, tiny, Controls(SMALL.live), promised=promised))
    assert isinstance(first, Start)
    for name in ("run", "at", "network", "metrics", "settings", "can"):
        assert getattr(first, name) == getattr(promised, name), name


def test_all_that_is_recorded_was_announced(engine: Trains, tiny: Dataset) -> None:
    items = trained(engine, replace(SMALL, activation="tanh", hidden=(20, 16)), tiny)
    announced = {each.name: each for each in items[0].metrics}
    taken = records(items)
    told = set().union(*(record.values for record in taken))
    assert told <= set(announced)
    for name in told:
        assert announced[name].every_step == all(name in record.values for record in taken), name


def test_a_scale_of_the_input_is_training_on_pixels_of_that_scale(engine: Trains, tiny: Dataset) -> None:
    # Numbers that a byte can hold, so that the very same ones are fed.
    halves = {name: getattr(tiny, name) // 2 for name in ("train_images", "test_images")}
    twice = replace(tiny, **{name: 2 * each for name, each in halves.items()})
    scaled = replace(SMALL, input_scale=2, epochs=2)
    script = {3: asking(Change({"lr": 0.02}), Revive())}
    taken = (
        trained(engine, settings, images, script)
        for settings, images in ((scaled, replace(tiny, **halves)), (replace(SMALL, epochs=2), twice))
    )
    for one, other in zip(*map(records, taken), strict=True):
        assert content(one) == content(other)


def test_whether_the_input_is_normalised_can_be_turned_and_turned_back_to_its_scale(
    engine: Trains, tiny: Dataset
) -> None:
    scaled = replace(SMALL, input_scale=0.1, normalise=True)
    whole = records(trained(engine, replace(SMALL, normalise=True), tiny))
    turned = records(trained(engine, scaled, tiny, {2: asking(Change({"normalise": False}))}))
    assert [content(each) for each in turned[:2]] == [content(each) for each in whole[:2]]
    for side in side_by_side(engine, scaled, tiny, turned):
        assert side.record.values["loss"] == pytest.approx(side.values["loss"], rel=1e-4)
    assert [each.live["normalise"] for each in turned] == [True, True, False, False, False]


def test_without_metrics_only_the_loss_is_recorded_and_it_is_the_same(engine: Trains, tiny: Dataset) -> None:
    bare = records(list(train(engine.make, SMALL, tiny, Controls(SMALL.live), metrics=False)))
    for bare_record, record in zip(bare, records(trained(engine, SMALL, tiny)), strict=True):
        assert set(bare_record.values) - {"loss/test", "accuracy/test"} <= {"loss"} | set(record.values)
        assert bare_record.values["loss"] == pytest.approx(record.values["loss"], rel=1e-6)


def test_the_probe_is_looked_at_often_at_first_then_every_100_steps() -> None:
    assert [n for n in range(300) if due(n)] == [0, 1, 2, 4, 8, 16, 32, 64, 100, 200]


# Seeds


def test_the_same_seed_gives_the_same_bits(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=3)
    once, again = (records(trained(engine, settings, tiny)) for _ in range(2))
    assert len(once) == 15
    for first, second in zip(once, again, strict=True):
        assert content(first) == content(second)


def test_another_seed_gives_other_weights_and_another_order(engine: Trains, tiny: Dataset) -> None:
    other = replace(SMALL, seed=8)
    assert next(batches(SMALL, 300)).tolist() != next(batches(other, 300)).tolist()
    first, second = (records(trained(engine, each, tiny))[0].values for each in (SMALL, other))
    assert first["loss"] != second["loss"]
    assert first["pre_mean/h1"] != second["pre_mean/h1"]


# What cannot be


def test_a_gpu_that_is_not_there_is_told_with_what_is(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, device="gpu:7")
    with pytest.raises(InputError, match=r"^device gpu:7 .*Allowed here: auto, cpu") as error:
        next(train(engine.make, settings, tiny, Controls(settings.live)))
    assert str(error.value).isprintable()


def test_a_rate_that_is_far_too_large_ends_in_numbers_not_in_an_error(engine: Trains, tiny: Dataset) -> None:
    taken = records(trained(engine, replace(SMALL, lr=1e10, epochs=2), tiny))
    assert len(taken) == 10
    assert not math.isfinite(taken[-1].values["loss"])
    assert all(isinstance(value, float) for record in taken for value in record.values.values())


# What cannot be computed


@pytest.mark.parametrize("lr", [1e300, 1e-300, 1e38])
def test_a_rate_beyond_float32_is_a_lesson_and_no_error(engine: Trains, tiny: Dataset, lr: float) -> None:
    steps = records(trained(engine, replace(SMALL, lr=lr), tiny))
    assert len(steps) == 5


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("hidden", [(8,), (8, 8, 8, 8), (8,) * 8])
def test_weights_that_are_far_too_large_end_in_numbers_not_in_an_error(
    engine: Trains, tiny: Dataset, activation: str, hidden: tuple[int, ...]
) -> None:
    settings = replace(SMALL, hidden=hidden, activation=activation, init="normal:999999", lr=1e30)
    taken = records(trained(engine, settings, tiny))
    assert len(taken) == 5
    assert taken[0].values["weight_variance/w1"] == pytest.approx(999999**2, rel=0.1)
    assert all(isinstance(value, float) for record in taken for value in record.values.values())


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_of_what_is_no_number_no_share_is_told(engine: Trains, tiny: Dataset, activation: str) -> None:
    steps = records(trained(engine, replace(SMALL, lr=1e30, hidden=(8, 8), activation=activation, epochs=2), tiny))
    last = steps[-1].values
    assert math.isnan(last["pre_mean/h1"])
    assert math.isnan(last["zero_fraction/h1"])
    assert math.isnan(last["dead_fraction/h1"])
    assert math.isnan(last["inactive_fraction/h1"])
    assert math.isnan(last["dormant_fraction/h1"])
    assert np.isnan(steps[-1].looks["h1"].firing).all()
    assert not steps[-1].looks["h1"].lost.any()
