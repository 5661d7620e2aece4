"""Where a row of a sweep crosses the line that matters."""

from __future__ import annotations

from typing import Any

import pytest
from made_up_charts import DIVERGED, FAILED, axis, filled, grid, outcome, phases

from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.boundary import Crossing, crossings, halfway, is_even, is_geometric, numbers
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.outcome import Outcome


def row(*outcomes: Outcome | None, of: Axis | None = None) -> Chart:
    """Return a chart of one axis, with what came of each of its values."""
    along = of or axis("lr", f"log:1:{10 ** (len(outcomes) - 1)}:{len(outcomes)}")
    return filled(grid(along), lambda cell: outcomes[cell.place[0]])


ALIVE, DEAD = outcome(0.2), outcome(0.8)


def test_the_line_lies_halfway_between_the_last_that_lives_and_the_first_that_does_not() -> None:
    (found,) = crossings(row(ALIVE, ALIVE, DEAD), "dead", ())
    assert found[:2] == (1, 2)
    assert found.at == pytest.approx(10 * 10**0.5)
    assert found.beyond is True


def test_between_values_that_are_evenly_apart_halfway_is_their_mean() -> None:
    (found,) = crossings(row(ALIVE, DEAD, DEAD, of=axis("batch_size", "lin:100:300:3")), "dead", ())
    assert found.at == 150


def test_between_values_that_are_no_numbers_nothing_lies_halfway() -> None:
    chart = row(ALIVE, DEAD, of=axis("activation", "tanh,relu"))
    assert crossings(chart, "dead", ()) == (Crossing(0, 1, None, True, True),)


def test_between_neighbours_a_crossing_is_sure_and_across_what_is_not_known_it_is_not() -> None:
    assert [each.sure for each in crossings(row(ALIVE, ALIVE, DEAD), "dead", ())] == [True]
    for between in (None, FAILED):
        found = crossings(row(ALIVE, between, DEAD), "dead", ())
        assert [(each.low, each.high, each.sure) for each in found] == [(0, 2, False)]


def test_a_row_that_crosses_it_and_comes_back_has_both_crossings() -> None:
    found = crossings(row(ALIVE, DEAD, ALIVE), "dead", ())
    assert [(each.low, each.high, each.beyond) for each in found] == [(0, 1, True), (1, 2, False)]


def test_a_row_on_one_side_has_none() -> None:
    assert crossings(row(ALIVE, ALIVE), "dead", ()) == ()
    assert crossings(row(DEAD, DEAD), "dead", ()) == ()


def test_what_is_not_known_lies_between_what_is() -> None:
    (found,) = crossings(row(ALIVE, None, FAILED, DEAD), "dead", ())
    assert (found.low, found.high) == (0, 3)
    assert found.at == pytest.approx(1000**0.5)


def test_what_diverged_lies_beyond() -> None:
    (found,) = crossings(row(ALIVE, ALIVE, DIVERGED), "dead", ())
    assert (found.low, found.high) == (1, 2)


def test_what_is_no_share_has_no_line() -> None:
    assert crossings(row(ALIVE, DEAD), "loss", ()) == ()


def test_a_row_may_go_along_any_axis() -> None:
    chart = phases()
    (across,) = crossings(chart, "dead", (1,))  # a batch of 1000: the limit is 0.01, which is not beyond itself
    assert (across.low, across.high) == (2, 3)
    (up,) = crossings(chart, "dead", (3,), along=1)  # 10 / 0.0316 is 316
    assert (up.low, up.high) == (0, 1)
    assert up.at == pytest.approx(100_000**0.5)


@pytest.mark.parametrize(
    ("values", "geometric", "even"),
    [
        ((1.0, 10.0, 100.0), True, True),
        ((1.0, 2.0, 3.0), False, True),
        ((0.0, 1.0, 10.0), False, False),
        ((0.001, 0.003, 0.01), True, False),
        ((1.0, 10.0), True, True),
        ((1.0, 2.0), False, True),
        ((1e-4, 0.00316228, 0.1), True, True),
    ],
)
def test_a_series_is_told_from_what_is_none(values: tuple[float, ...], geometric: bool, even: bool) -> None:
    assert is_geometric(values) is geometric
    assert is_even(values) is even


@pytest.mark.parametrize(("name", "values"), [("normalise", (True, False)), ("epochs", (1, None)), ("lr", (2.0, 1.0))])
def test_only_numbers_that_rise_are_numbers(name: str, values: tuple[Any, ...]) -> None:
    assert numbers(Axis(name, values)) is None


def test_halfway_between_numbers_of_any_size_is_a_number() -> None:
    assert halfway((1e-200, 1e-190), 0, 1) == pytest.approx(1e-195)
    assert halfway((1e200, 1e210), 0, 1) == pytest.approx(1e205)
