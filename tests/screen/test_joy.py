"""How h has spread, a row per look: what is shown, and that no row says more or less than its histogram."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.spread import BINS, spread
from deadrelu_tui.tui.panels.joy import HEIGHTS, LABEL, chosen, joy_rows
from deadrelu_tui.tui.plot.chart import Row


def flat(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def sides(row: Row) -> tuple[str, str]:
    """Return what stands left of zero and right of it."""
    (left,) = (text for text, role in row if role == "dead")
    (right,) = (text for text, role in row if role == "zeros")
    return left, right


def normal(mean: float, deviation: float) -> npt.NDArray[np.float32]:
    return spread(np.random.default_rng(1).normal(mean, deviation, 20_000).astype(np.float32))


DOUBLING = [0, 1, 2, 4, 8, 16, 32, 64, 100, 200, 300, 400]


@pytest.mark.parametrize(("steps", "since", "rows", "shown"), [
    (DOUBLING[:4], 0, 9, [0, 1, 2, 4]),
    (DOUBLING, 0, 12, DOUBLING),
    (DOUBLING, 0, 11, [0, 1, 2, 4, 8, 16, 32, 64, 200, 300, 400]),  # the first looks at 0 + 2^k or after it
    (DOUBLING, 0, 5, [0, 1, 200, 300, 400]),
    (DOUBLING, 0, 1, [400]),
    ([0, 1, 2, 4, 9, 10, 11, 12, 14, 18], 10, 9, [9, 10, 11, 12, 14, 18]),  # the one before a change is the first
    ([7], 10, 3, [7]),
    ([], 0, 3, []),
    (DOUBLING, 0, 0, []),
])  # fmt: skip
def test_the_looks_that_are_shown_double_from_the_last_change_on(
    steps: list[int], since: int, rows: int, shown: list[int]
) -> None:
    assert [steps[at] for at in chosen(steps, since, rows)] == shown


@given(st.lists(st.integers(0, 5_000), min_size=1, unique=True), st.integers(0, 5_000), st.integers(1, 30))
def test_the_newest_look_is_always_shown_and_none_twice(steps: list[int], since: int, rows: int) -> None:
    steps.sort()
    found = chosen(steps, since, rows)
    assert found == sorted(set(found))
    assert len(found) <= rows
    assert found[-1] == len(steps) - 1


def test_what_lies_left_of_zero_is_drawn_left_of_it() -> None:
    rows = joy_rows([(0, normal(0, 1)), (1, normal(-9, 1)), (2, normal(9, 1))], 60)
    (_, even), (left, nothing), (none, right) = (sides(row) for row in rows[:3])
    assert even.strip()
    assert (nothing.strip(), none.strip()) == ("", "")
    assert "█" in left
    assert "█" in right


def test_a_single_value_that_fires_leaves_a_trace() -> None:
    values = np.full(500_000, -3.0, np.float32)
    values[0] = 2.0
    assert sides(joy_rows([(0, spread(values))], 60)[0])[1].strip() != ""


@given(st.floats(-1e6, 1e6, width=32), st.floats(2**-6, 1e6, width=32), st.integers(20, 100))
def test_every_row_is_as_wide_as_there_is_room_and_stands_under_the_same_zero(
    mean: float, deviation: float, width: int
) -> None:
    rows = joy_rows([(0, normal(0, 1)), (12_345_678, normal(mean, deviation))], width)
    assert {len(text) for text in flat(rows)} == {width}
    assert len({text.index("│") for text in flat(rows)[:2]}) == 1


def test_the_axis_is_named_at_both_ends_and_at_zero() -> None:
    *_, axis = flat(joy_rows([(0, normal(0, 1)), (1, normal(-1e5, 1e4))], 60))
    low, zero, high = axis.split()
    assert (low, zero, high) == ("−1e5", "0", "3")
    assert axis.index("0", LABEL + 4) == flat(joy_rows([(0, normal(0, 1)), (1, normal(-1e5, 1e4))], 60))[0].index("│")


def test_what_lies_beyond_all_bins_is_told_as_beyond_the_ends_of_the_axis() -> None:
    *_, axis = flat(joy_rows([(0, spread(np.array([-1e12, -1.0, 1.0, 1e12], np.float32)))], 60))
    assert axis.split() == ["≤", "−2e7", "0", "≥", "2e7"]


@pytest.mark.parametrize("shares", [np.full(BINS, np.nan), np.empty(0)], ids=["of NaN", "not known"])
def test_a_look_that_tells_nothing_has_no_row(shares: npt.NDArray[np.float64]) -> None:
    assert joy_rows([(0, shares.astype(np.float32))], 60) == []
    assert len(joy_rows([(0, normal(0, 1)), (1, shares.astype(np.float32))], 60)) == 1 + 1


def test_a_layer_of_zeros_alone_is_drawn_at_the_left_of_zero() -> None:
    left, right = sides(joy_rows([(0, spread(np.zeros(9, np.float32)))], 40)[0])
    assert HEIGHTS[-1] in left
    assert right.strip() == ""


def test_without_utf8_it_is_ascii() -> None:
    assert all(text.replace("−", "-").isascii() for text in flat(joy_rows([(0, normal(0, 1))], 60, ascii_only=True)))
