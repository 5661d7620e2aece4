"""The axis of steps: where a step lies, where the ticks are, and that the first steps keep their part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.tui.plot.across import BEGINNING, PART, Across
from deadrelu_tui.tui.plot.scale import step_ticks

axes = st.builds(lambda first, span, apart: Across(first, first + span, apart), st.integers(0, 10**6),
                 st.integers(1, 10**7), st.booleans())  # fmt: skip


@given(axis=axes)
def test_from_one_edge_to_the_other_steps_lie_in_their_order(axis: Across) -> None:
    steps = np.unique(np.linspace(axis.first, axis.stop, 200).astype(np.int64))
    places = axis.places(steps)
    assert places[0] == 0
    assert places[-1] == pytest.approx(1)
    assert (np.diff(places) > 0).all()
    assert [axis.step_at(float(place)) for place in places] == steps.tolist()


@pytest.mark.parametrize("span", [BEGINNING / PART + 1, 1_175, 10**6])
def test_the_first_steps_keep_a_quarter_however_many_there_are(span: float) -> None:
    axis = Across(100, 100 + int(span), apart=True)
    assert axis.bend == 116
    assert axis.places([100, 108, 116]).tolist() == pytest.approx([0, 0.125, 0.25])
    half = 116 + (axis.stop - 116) / 2
    assert axis.places([half, axis.stop]).tolist() == pytest.approx([0.625, 1])
    assert (axis.places([99, axis.stop + 1]) < 0).tolist() == [True, False]
    assert (axis.places([99, axis.stop + 1]) > 1).tolist() == [False, True]


@pytest.mark.parametrize("axis", [Across(0, 64, apart=True), Across(0, 1_000), Across(7, 7)])
def test_where_they_have_a_quarter_anyway_or_are_to_have_none_all_steps_are_equally_wide(axis: Across) -> None:
    assert axis.bend is None
    width = max(1, axis.stop - axis.first)
    steps = np.arange(axis.first, axis.stop + 1, max(1, width // 10))
    assert axis.places(steps) == pytest.approx((steps - axis.first) / width)
    assert axis.ticks(70) == [(float(axis.places(at)), label) for at, label in step_ticks(axis.first, axis.stop, 70)]
    assert list(axis.stretches(70)) == [(axis.first, axis.stop + 1, 70)]


@given(axis=axes, columns=st.integers(8, 300))
def test_the_stretches_hold_every_step_once_and_share_the_columns(axis: Across, columns: int) -> None:
    stretches = list(axis.stretches(columns))
    assert (stretches[0][0], stretches[-1][1]) == (axis.first, axis.stop + 1)
    assert all(before[1] == after[0] for before, after in pairwise(stretches))
    assert sum(each[2] for each in stretches) == columns
    if len(stretches) == 2:
        assert stretches[0][2] == round(PART * columns)


@given(axis=axes, columns=st.integers(20, 300))
def test_the_labels_of_ticks_do_not_meet_and_stand_at_their_steps(axis: Across, columns: int) -> None:
    ticks = axis.ticks(columns)
    assert ticks or axis.bend is None
    for place, label in ticks:
        step = int(label.replace(" ", ""))
        assert axis.first <= step <= axis.stop
        assert place == pytest.approx(float(axis.places(step)))
    if axis.bend is not None and columns >= 60:
        assert axis.bend in [int(label.replace(" ", "")) for _, label in ticks]
        for (left, text), (right, _) in pairwise(ticks):
            assert (right - left) * columns >= min(2, len(text))


def test_the_ticks_of_a_bent_axis_are_its_ends_of_the_first_steps_and_rounded_ones_behind_them() -> None:
    axis = Across(0, 1_175, apart=True)
    assert [label for _, label in axis.ticks(70)] == ["0", "16", "500", "1 000"]
    assert [label for _, label in axis.ticks(280)][:3] == ["0", "5", "16"]
    assert [label for _, label in Across(100, 2_100, apart=True).ticks(70)][:2] == ["100", "116"]


def test_a_chart_without_room_still_has_a_column_for_each_part() -> None:
    assert [columns for _, _, columns in Across(0, 1_000, apart=True).stretches(1)] == [1, 1]
