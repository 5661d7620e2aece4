from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.plot.scale import LABEL_WIDTH, Values, fit, share_axis, step_ticks, transform, within_fences

anything = st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=40).map(np.array)
kinds = st.sampled_from(["linear", "log", "symlog"])


@given(kinds, anything, st.integers(1, 60))
def test_any_values_give_an_axis_with_room_and_ticks_that_fit(kind: str, values: Values, rows: int) -> None:
    axis = fit(kind, values, rows)
    assert math.isfinite(axis.low)
    assert math.isfinite(axis.high)
    assert axis.low < axis.high
    assert axis.ticks
    assert all(len(label) <= LABEL_WIDTH for _, label in axis.ticks)


@given(kinds, anything)
def test_every_value_that_has_a_place_lies_within_the_limits(kind: str, values: Values) -> None:
    axis = fit(kind, values, 12)
    positions = transform(axis.kind, values[np.isfinite(values)])
    positions = positions[np.isfinite(positions)]
    room = 1e-6 * max(1.0, abs(axis.low), abs(axis.high))
    assert np.all((positions >= axis.low - room) & (positions <= axis.high + room))


def test_limits_stay_while_the_values_stay_within_and_fill_a_third() -> None:
    before = fit("linear", np.array([0.0, 10.0]), 12)
    assert fit("linear", np.array([1.0, 6.0]), 12, before) is before
    assert fit("linear", np.array([1.0, 11.0]), 12, before) is not before
    assert fit("linear", np.array([1.0, 1.5]), 12, before) is not before


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.0, 1.0], ["0.0", "0.5", "1.0"]),
        ([-4e-5, 4e-5], ["−4e-5", "−2e-5", "0", "2e-5", "4e-5"]),
        ([0.0, 40_000.0], ["0", "10000", "20000", "30000", "40000"]),
    ],
)
def test_ticks_are_rounded_and_of_one_form(values: list[float], labels: list[str]) -> None:
    shown = [label for _, label in fit("linear", np.array(values), 12).ticks]
    assert [label.replace("0.0", "0") for label in shown] == [label.replace("0.0", "0") for label in labels]


def test_a_signed_sum_within_ten_is_shown_linearly_and_beyond_on_a_symmetric_log() -> None:
    assert fit("symlog", np.array([-9.0, 3.0]), 12).kind == "linear"
    assert fit("symlog", np.array([-1e9, 3.0]), 12).kind == "symlog"


def test_a_log_axis_ticks_its_decades_with_their_values() -> None:
    axis = fit("log", np.array([2.3, 4e5]), 12)
    assert (axis.low, axis.high) == (0, 6)
    assert [(at, label) for at, label in axis.ticks] == [(0.0, "1"), (2.0, "100"), (4.0, "1e4"), (6.0, "1e6")]


def test_shares_run_from_0_to_100_percent() -> None:
    assert [label for _, label in share_axis(15).ticks] == ["0 %", "25 %", "50 %", "75 %", "100 %"]


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.integers(10, 200))
def test_step_ticks_are_whole_lie_on_the_axis_and_are_few(first: int, span: int, columns: int) -> None:
    ticks = step_ticks(first, first + span, columns)
    assert all(first <= at <= first + span for at, _ in ticks)
    assert len(ticks) <= max(2, columns // 14) + 2
    if columns >= 5 * (len(f"{first + span:,}") + 2) and span > 1:
        assert len(ticks) >= 2


def test_two_ticks_say_how_far_where_one_would_only_say_where() -> None:
    assert [at for at, _ in step_ticks(12_000, 16_384, 24)] == [12_000, 14_000, 16_000]
    assert [at for at, _ in step_ticks(0, 420, 24)] == [0, 200, 400]
    assert [at for at, _ in step_ticks(12_000, 16_384, 10)] == [15_000]
    assert [at for at, _ in step_ticks(101, 299, 30)] == [150, 200, 250]  # a hundred just before the first counts not


@given(kinds, anything, st.integers(4, 60))
def test_ticks_rise_lie_within_the_limits_and_can_be_told_from_each_other(kind: str, values: Values, rows: int) -> None:
    axis = fit(kind, values, rows)
    places = [at for at, _ in axis.ticks]
    assert places == sorted(places)
    assert all(axis.low - 1e-9 <= at <= axis.high + 1e-9 for at in places)
    labels = [label for _, label in axis.ticks]
    assert len(set(labels)) == len(labels) or len(labels) == 2  # 1.0000001 and 1.0000002 have no room


@given(st.floats(0.1, 1e3), st.floats(1.05, 9.0), st.integers(9, 60))
def test_a_log_axis_of_less_than_a_decade_has_three_ticks_and_is_filled_by_a_quarter(
    low: float, times: float, rows: int
) -> None:
    axis = fit("log", np.array([low, low * times]), rows)
    assert len(axis.ticks) >= 3
    assert math.log10(times) >= (axis.high - axis.low) / 4


def test_each_side_of_a_symmetric_log_axis_has_a_tick() -> None:
    for low, high in ((-3e8, 2e9), (-5.0, 4e5), (-1e30, 20.0)):
        signs = {np.sign(at) for at, _ in fit("symlog", np.array([low, high]), 8).ticks}
        assert signs == {-1.0, 0.0, 1.0}


# Far out


def test_few_values_stay_as_they_are() -> None:
    values = np.array([1.0] * 30 + [1e6])
    assert within_fences("linear", values) is values


@pytest.mark.parametrize(("kind", "least"), [("log", 0.1), ("symlog", 1.0), ("linear", 0.3)])
@pytest.mark.parametrize("way", [-1, 1])
def test_the_fence_is_three_times_what_is_worth_a_look_away_from_a_constant(kind: str, least: float, way: int) -> None:
    at = float(transform(kind, np.array([3.0]))[0])
    for beyond, kept in ((2.99, True), (3.01, False)):
        far = at + way * beyond * least
        value = {"linear": far, "log": 10**far, "symlog": math.copysign(10 ** abs(far) - 1, far)}[kind]
        given = np.array([3.0] * 30 + [value] + [3.0] * 30)
        found = within_fences(kind, given)
        assert np.delete(found, 30).tolist() == [3.0] * 60
        assert transform(kind, found)[30] == pytest.approx(far if kept else at + way * 3 * least)
        assert given[30] == value


def test_the_fence_is_three_times_the_range_between_the_quartiles_away_from_these() -> None:
    even = np.linspace(0.0, 100.0, 101)  # quartiles near 25 and 75
    for value, fence in ((224, 224), (1e9, 227.25), (-124, -124), (-1e9, -127.25)):
        assert within_fences("linear", np.append(value, even))[0] == pytest.approx(fence)


def test_what_is_no_number_stays_what_it_is() -> None:
    found = within_fences("log", np.array([math.nan, math.inf, -math.inf, 0.0, -5.0, 1e9] + [1.0] * 60))
    assert found[:6].tolist() == pytest.approx([math.nan, math.inf, -math.inf, 0.0, -5.0, 10**0.3], nan_ok=True)


@given(kinds, anything)
def test_between_the_fences_nothing_moves_and_the_order_stays(kind: str, values: Values) -> None:
    found = within_fences(kind, values)
    assert found.shape == values.shape
    moved = np.flatnonzero((found != values) & ~np.isnan(values))
    assert 4 * len(moved) <= np.isfinite(transform(kind, values)).sum()
    places = np.isfinite(transform(kind, values))
    order = np.argsort(values[places], kind="stable")
    assert np.all(np.diff(found[places][order]) >= -1e-9 * np.abs(found[places][order][1:]))


@pytest.mark.parametrize(("many", "drawn_in"), [(1, True), (9, True), (10, False), (20, False)])
def test_of_many_far_out_none_is_a_spike(many: int, drawn_in: bool) -> None:
    values = np.array([1e6] * many + [2.0] * (72 - many))  # an eighth of 72 are nine
    assert bool(within_fences("log", values)[0] < 1e6) is drawn_in


@pytest.mark.parametrize(("newest", "far"), [(1, 0.3), (5, 0.3), (5, 1e4)])
def test_where_a_line_has_gone_lately_it_is_drawn_as_it_is(newest: int, far: float) -> None:
    values = np.array([2.0, 1e6, *[2.0] * 60, *[far] * newest])
    found = within_fences("log", values)
    assert found[-newest:].tolist() == [far] * newest
    assert found[1] == pytest.approx(max(far, 2.0 * 10**0.3))
