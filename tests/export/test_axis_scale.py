"""Axes: everything finite lies on them, and what is written beside them is short, apart and in order."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.export.scale import SHARES, Scale, apart, fitting, text, wholes
from deadrelu_tui.wording import GROUP, MINUS

float32 = st.floats(width=32)


@settings(deadline=None)
@given(values=st.lists(float32, max_size=30))
def test_whatever_is_finite_lies_on_the_axis(values: list[float]) -> None:
    scale = fitting([np.array(values)])
    places = scale.place([each for each in values if math.isfinite(each)])
    assert np.all((places >= 0) & (places <= 1))


@settings(deadline=None)
@given(values=st.lists(float32, max_size=30), most=st.integers(3, 6))
def test_what_is_written_beside_the_axis_is_short_apart_and_in_order(values: list[float], most: int) -> None:
    ticks = fitting([np.array(values)]).ticks(most)
    assert 1 <= len(ticks) <= 2 * most + 1
    assert all(0 <= each.at <= 1 for each in ticks)
    assert all(two.at - one.at > 0.04 for one, two in pairwise(ticks))
    assert all(len(each.text) <= 10 for each in ticks)


def test_values_near_one_another_lie_evenly() -> None:
    scale = fitting([np.array([0.3, 2.3])])
    assert scale.kind == "even"
    assert [each.text for each in scale.ticks()] == ["0.5", "1", "1.5", "2"]


def test_positive_values_far_apart_lie_by_powers() -> None:
    scale = fitting([np.array([2.3, 3e4])])
    assert scale.kind == "powers"
    assert [each.text for each in scale.ticks(5)] == ["10", "100", f"1{GROUP}000", f"10{GROUP}000"]


def test_values_far_apart_on_both_sides_of_zero_lie_by_powers_around_it() -> None:
    scale = fitting([np.array([-2e6, -3.0, 0.0, 1.0, 2.0, 2.5e8])])
    assert scale.kind == "both sides"
    told = [each.text for each in scale.ticks()]
    assert "0" in told
    assert told[-1] == "1e8"
    assert told[0].startswith(MINUS)


@pytest.mark.parametrize("values", [[], [math.nan], [5.0], [0.0], [math.inf, 2.0]])
def test_one_value_or_none_has_an_axis_too(values: list[float]) -> None:
    scale = fitting([np.array(values)])
    assert scale.low < scale.high
    assert scale.ticks()


def test_shares_have_the_whole_axis() -> None:
    assert [each.text for each in SHARES.ticks(5)] == ["0", "0.2", "0.4", "0.6", "0.8", "1"]


def test_what_is_called_a_share_and_is_a_percentage_has_an_axis_that_fits() -> None:
    assert fitting([np.array([0.1, math.nan])], share=True) is SHARES
    assert fitting([np.array([10.0, 83.5])], share=True).high == 83.5


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.25, "0.25"), (60_000, f"60{GROUP}000"), (2.5e6, "2.5e6"), (-5, f"{MINUS}5"), (-1e-4, f"{MINUS}1e-4"), (0, "0")],
)
def test_a_round_value_is_written_shortly(value: float, told: str) -> None:
    assert text(value) == told


def test_steps_are_whole_numbers() -> None:
    assert [each.text for each in wholes(0.0, 1.0, 8)] == ["0", "1"]
    assert [each.text for each in wholes(12e6, 12e6 + 900, 6)][:2] == [
        f"12{GROUP}000{GROUP}000",
        f"12{GROUP}000{GROUP}500",
    ]


def test_names_are_pushed_apart_and_none_lies_below_the_axis() -> None:
    moved = apart([0.0, 0.0, 0.01, 0.9], 0.1)
    assert moved == sorted(moved)
    assert moved[0] >= 0
    assert all(two - one > 0.099 for one, two in pairwise(moved))
    assert apart([0.3, 0.6], 0.1) == [0.3, 0.6]
    assert apart([], 0.1) == []


def test_an_axis_by_powers_has_few_of_many_powers() -> None:
    assert len(Scale("powers", 1e-30, 1e30).ticks(5)) <= 6
