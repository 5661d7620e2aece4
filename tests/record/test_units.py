"""What a look tells of each unit, and each definition of death against a slow reading of it."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import start, units
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.record.activations import ACTIVATIONS
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import METRICS, Quantity, quantity
from deadrelu_tui.record.spread import BINS
from deadrelu_tui.record.units import DEFINITIONS, Definition, Units, definition_of, definitions_for

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

SATURATES = {"tanh": (-9.4999, 9.4999), "sigmoid": (-23.0, 16.99999)}
BY_METRIC = {each.metric: each for each in DEFINITIONS}


def measured(activation: str, pre: npt.NDArray[Any], **given: npt.NDArray[Any]) -> Units:
    count = pre.shape[1]
    plain = {"weights": np.ones((count, 3)), "bias": np.zeros(count), "gradient": np.ones((count, 3))}
    everything = plain | {"batch": (pre > 0).mean(axis=0)} | given
    return Units.measured(
        activation, pre.astype(np.float32), **{n: a.astype(np.float32) for n, a in everything.items()}
    )


# What a look measures


ordinary = st.sampled_from([0.0, -1.0, 1.0, 0.5, -23.5, 17.5, 9.4, 9.6, -9.6, 1e30, -1e30]) | st.floats(
    -40, 40, width=32
)
activations = st.sampled_from(ACTIVATIONS)


@st.composite
def pre_activations(draw: st.DrawFn) -> npt.NDArray[np.float32]:
    """Return h of a few images and units."""
    images, count = draw(st.integers(1, 12)), draw(st.integers(1, 5))
    rows = st.lists(ordinary, min_size=count, max_size=count)
    return np.array(draw(st.lists(rows, min_size=images, max_size=images)), np.float32)


def activate(activation: str, h: float) -> float:
    if activation == "relu":
        return max(h, 0.0)
    if activation == "leaky_relu":
        return h if h > 0 else 0.01 * h
    if activation == "tanh":
        return math.tanh(h)
    return 1 / (1 + math.exp(-h)) if h > -700 else 0.0


@settings(max_examples=100, deadline=None)
@given(activation=activations, pre=pre_activations())
def test_a_look_is_what_a_slow_reading_finds(activation: str, pre: npt.NDArray[np.float32]) -> None:
    found = measured(activation, pre)
    low, high = (float(np.float32(bound)) for bound in SATURATES.get(activation, (-math.inf, math.inf)))
    assert len(found) == pre.shape[1]
    for unit, column in enumerate(pre.T.tolist()):
        images = len(column)
        assert found.firing[unit] == np.float32(sum(h > 0 for h in column) / images)
        assert found.unsaturated[unit] == np.float32(sum(low < h < high for h in column) / images)
        assert found.activity[unit] == pytest.approx(
            sum(abs(activate(activation, h)) for h in column) / images, rel=1e-5, abs=1e-6
        )
        size = max(map(abs, column))
        assert found.pre_mean[unit] == pytest.approx(sum(column) / images, rel=1e-5, abs=1e-5 * size + 1e-40)
        assert found.pre_max[unit] == max(column)


def test_a_norm_is_taken_over_what_comes_into_each_unit() -> None:
    found = measured("relu", np.ones((1, 2)), weights=np.array([[3, 4], [0, 0]]), gradient=np.array([[0, 0], [5, 12]]))
    assert found.weight_norm.tolist() == [5.0, 0.0]
    assert found.gradient.tolist() == [0.0, 13.0]


def test_a_norm_does_not_overflow_where_its_squares_would() -> None:
    found = measured("relu", np.ones((1, 1)), weights=np.array([[3e30, 4e30]]), gradient=np.array([[3e-30, 4e-30]]))
    assert found.weight_norm.tolist() == pytest.approx([5e30])
    assert found.gradient.tolist() == pytest.approx([5e-30])


def test_bias_and_the_batch_are_taken_as_they_are() -> None:
    found = measured("relu", np.ones((1, 2)), bias=np.array([-2, 0.5]), batch=np.array([0, 0.25]))
    assert found.bias.tolist() == [-2.0, 0.5]
    assert found.batch.tolist() == [0.0, 0.25]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_of_a_layer_with_a_nan_no_share_is_told_and_no_unit_is_lost(activation: str) -> None:
    found = measured(activation, np.array([[-1, math.nan], [-1, -1]]))
    assert np.isnan(found.firing).all()
    assert np.isnan(found.unsaturated).all()
    assert not found.lost.any()
    assert all(math.isnan(each.share(found)) for each in DEFINITIONS)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_what_no_float_can_hold_warns_nobody(activation: str) -> None:
    huge = np.array([[3e38, -3e38, math.inf, -math.inf, math.inf], [3e38, -3e38, math.inf, -math.inf, -math.inf]])
    found = measured(activation, huge, weights=np.full((5, 3), 3e38), gradient=np.full((5, 3), math.inf))
    for each in DEFINITIONS:
        assert math.isnan(each.share(found))  # inf and −inf have no mean
    assert measured(activation, huge[:, :2]).pre_max.tolist() == [np.float32(3e38), np.float32(-3e38)]


def test_every_array_is_float32_with_a_number_for_each_unit() -> None:
    found = measured("tanh", np.ones((7, 4)))
    for each in fields(Units):
        if each.name != "activation":
            values, size = getattr(found, each.name), BINS if each.name == "spread" else 4
            assert (values.shape, values.dtype) == ((size,), np.float32), each.name


# The definitions


shares = st.sampled_from([0.0, 0.0005, 0.005, 0.0099, 0.01, 0.02, 0.5, 1.0]) | st.floats(0, 1, width=32)
activities = st.sampled_from([0.0, 1e-6, 0.02, 0.025, 1.0, 100.0]) | st.floats(2**-20, 2**20, width=32)


def slowly(definition: Definition, found: Units, unit: int) -> bool:
    """Return whether a definition holds for a unit, as field.md words it."""
    if definition.metric == "dead_fraction":
        return float(found.firing[unit]) <= 0
    if definition.metric == "inactive_fraction":
        return bool(found.firing[unit] < np.float32(0.01))
    if definition.metric == "saturated_fraction":
        return bool(found.unsaturated[unit] < np.float32(0.01))
    if definition.metric == "silent_fraction":
        return float(found.batch[unit]) <= 0
    assert definition.metric == "dormant_fraction"
    mean = sum(found.activity.tolist()) / len(found)
    return bool(found.activity[unit] <= 0.025 * mean)


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.tuples(shares, shares, shares, activities), min_size=1, max_size=12),
    activation=activations,
)
def test_each_definition_holds_for_the_units_that_a_slow_reading_finds(
    rows: list[tuple[float, float, float, float]], activation: str
) -> None:
    firing, unsaturated, batch, activity = zip(*rows, strict=True)
    found = units(firing, activation, unsaturated=unsaturated, batch=batch, activity=activity)
    mean = sum(found.activity.tolist()) / len(found)
    for definition in DEFINITIONS:
        holds = definition.holds(found)
        assert holds.shape == (len(found),)
        assert holds.dtype == np.bool_
        for unit in range(len(found)):
            on_the_bound = definition.metric == "dormant_fraction" and mean > 0 and (
                abs(float(found.activity[unit]) / (0.025 * mean) - 1) < 1e-6
            )  # fmt: skip
            if not on_the_bound:
                assert holds[unit] == slowly(definition, found, unit), (definition.metric, unit)
        assert definition.share(found) == pytest.approx(holds.tolist().count(True) / len(found))


def test_a_unit_that_fires_for_exactly_one_percent_is_not_inactive() -> None:
    pre = np.full((200, 3), -1.0)
    pre[:1, 0], pre[:2, 1], pre[:3, 2] = 1, 1, 1
    assert BY_METRIC["inactive_fraction"].holds(measured("relu", pre)).tolist() == [True, False, False]
    assert BY_METRIC["dead_fraction"].share(measured("relu", pre)) == 0


def test_a_pre_activation_of_zero_does_not_fire() -> None:
    assert measured("relu", np.zeros((5, 2))).lost.all()


def test_where_all_units_say_nothing_all_are_dormant_and_where_all_say_the_same_none() -> None:
    dormant = BY_METRIC["dormant_fraction"]
    assert dormant.share(units([0, 0, 0])) == 1
    assert dormant.share(units([0.1, 0.1, 0.1])) == 0
    # A unit that fires, though next to nothing comes of it, is dormant and not dead.
    assert dormant.holds(units([1, 1], activity=[0.01, 1])).tolist() == [True, False]
    assert BY_METRIC["dead_fraction"].share(units([1, 1], activity=[0.01, 1])) == 0


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_units_are_lost_by_never_firing_or_where_they_saturate_by_that(activation: str) -> None:
    found = units([0, 0, 0.5, 0.5], activation, unsaturated=[0.5, 0, 0.5, 0.009])
    saturates = activation in ("tanh", "sigmoid")
    assert found.lost.tolist() == ([False, True, False, True] if saturates else [True, True, False, False])


def test_a_tanh_that_never_goes_above_zero_is_not_called_dead() -> None:
    for activation in ("relu", "leaky_relu"):
        assert [each.metric for each in definitions_for(activation)] == [
            "dead_fraction", "inactive_fraction", "dormant_fraction", "silent_fraction",
        ]  # fmt: skip
    for activation in ("tanh", "sigmoid"):
        assert [each.metric for each in definitions_for(activation)] == ["saturated_fraction", "dormant_fraction"]


def test_every_definition_is_found_by_its_metric() -> None:
    for definition in DEFINITIONS:
        assert definition_of(definition.metric) is definition
        assert definition.on_batch == quantity(definition.metric, "h1").every_step
    assert [each.metric for each in DEFINITIONS if each.on_batch] == ["silent_fraction"]
    assert len({each.name for each in DEFINITIONS}) == len(DEFINITIONS)
    with pytest.raises(StopIteration):
        definition_of("zero_fraction")


# The vocabulary


def told_of() -> History:
    """Return the history of a run that has announced what it measures."""
    history = History()
    history.add(start(hidden=(300, 100)))
    return history


def test_what_is_not_measured_at_every_step_is_an_extra() -> None:
    every_step = {"loss", "zero_fraction", "silent_fraction", "pre_mean", "grad_sum", "grad_norm", "update_ratio"}
    assert {each.name for each in METRICS if quantity(each.name).every_step} == every_step
    history = told_of()
    for name in ("dead_fraction/h1", "deaths/h2", "grad_mean_abs/w1", "weight_variance/w1", "loss/test", "seconds"):
        assert not history.quantity(name).every_step, name
    for name in ("loss", "zero_fraction/h1", "grad_norm/w1"):
        assert history.quantity(name).every_step, name


def test_a_series_is_described_by_its_metric() -> None:
    history = told_of()
    assert history.quantity("dormant_fraction/h2") == Quantity(
        "dormant_fraction/h2", "dormant_fraction", "h2", every_step=False
    )
    assert history.quantity("loss/test").metric == "loss/test"
    assert history.quantity("loss") == Quantity("loss", "loss", "", every_step=True)


def test_a_series_that_was_not_announced_is_described_by_nothing_but_its_name() -> None:
    assert told_of().quantity("happiness/h1") == Quantity("happiness/h1", "happiness/h1", every_step=False)


def test_a_definition_has_a_name_in_full_and_one_for_a_narrow_column() -> None:
    assert [(each.metric, each.name, each.short) for each in DEFINITIONS] == [
        ("dead_fraction", "never fires", "never fires"),
        ("inactive_fraction", "fires on < 1 %", "fires < 1 %"),
        ("saturated_fraction", "saturated", "saturated"),
        ("dormant_fraction", "τ-dormant, τ = 0.025", "τ-dormant"),
        ("silent_fraction", "zero on this batch", "this batch"),
    ]


def test_the_activations_are_walked_through_by_their_names() -> None:
    assert ACTIVATIONS == ("relu", "leaky_relu", "sigmoid", "tanh")


def test_the_definitions_are_called_as_the_readme_calls_them_in_the_order_of_their_key() -> None:
    assert [(each.metric, each.name) for each in DEFINITIONS] == [
        ("dead_fraction", "never fires"), ("inactive_fraction", "fires on < 1 %"), ("saturated_fraction", "saturated"),
        ("dormant_fraction", "τ-dormant, τ = 0.025"), ("silent_fraction", "zero on this batch"),
    ]  # fmt: skip
