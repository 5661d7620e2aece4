"""What the charts show of a run: windows, zoom and cursor."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import record, start
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.units import DEFINITIONS
from deadrelu_tui.tui.plot.view import WINDOWS, View


def history(steps: int, batches: int = 235, epochs: int = 5) -> History:
    made = History()
    made.add(start(batches=batches, epochs=epochs))
    for step in range(steps):
        made.add(record(step))
    return made


def test_all_steps_have_an_extent_that_doubles_up_to_the_length_of_the_run() -> None:
    view = View()
    extents = [view.extent(history(steps)) for steps in (0, 64, 65, 600, 1_100)]
    assert extents == [(0, 64), (0, 64), (0, 128), (0, 1024), (0, 1175)]


def test_the_epoch_window_is_that_of_the_newest_step_or_of_the_cursor() -> None:
    view = View(window="epoch")
    assert view.extent(history(300)) == (235, 470)
    assert replace(view, cursor=10).extent(history(300)) == (0, 235)
    assert view.extent(history(300, batches=0, epochs=1)) == View().extent(history(300, batches=0, epochs=1))


def test_epochs_are_counted_from_where_one_ended_and_else_from_the_first_step() -> None:
    made = History()
    made.add(replace(start(batches=100, epochs=5), first=1))
    for step in range(1, 31):
        made.add(record(step))
    view = View(window="epoch")
    assert view.extent(made) == (1, 101)
    made.add(Event(30, "epoch", {"epoch": 7}))
    made.add(record(31))
    assert view.extent(made) == (31, 131)
    assert replace(view, cursor=30).extent(made) == (1, 101)


def test_the_last_200_move_in_hops_so_that_the_line_stands_still_in_between() -> None:
    view = View(window="last 200")
    assert {view.extent(history(steps)) for steps in (951, 970, 1_000)} == {(800, 1_000)}
    assert view.extent(history(10)) == (0, 200)


@given(st.integers(1, 400), st.integers(0, 12), st.none() | st.integers(0, 399), st.sampled_from(WINDOWS))
def test_whatever_the_zoom_the_cursor_or_the_newest_step_is_in_view(
    steps: int, zoom: int, cursor: int | None, window: str
) -> None:
    at = steps - 1 if cursor is None else min(cursor, steps - 1)
    view = View(window, zoom, None if cursor is None else at)
    first, stop = view.extent(history(steps))
    assert 0 <= first <= at < stop
    if zoom:
        wide = replace(view, zoom=0).extent(history(steps))
        assert stop - first <= max(wide[1] - wide[0], 16)
        assert stop - first >= min(wide[1] - wide[0], 16)


def test_zooming_halves_what_is_shown_until_a_few_steps_and_comes_back() -> None:
    made, view = history(600), View(cursor=300)
    widths = []
    for _ in range(10):
        first, stop = view.extent(made)
        widths.append(stop - first)
        view = view.zoomed(made, 1)
    assert widths == [1024, 512, 256, 128, 64, 32, 16, 16, 16, 16]
    for _ in range(6):
        view = view.zoomed(made, -1)
    assert view.extent(made) == (0, 1024)
    assert view.zoomed(made, -1) == view


def test_a_zoomed_view_stands_still_while_the_cursor_walks_through_its_middle() -> None:
    made = history(600)
    seen = {View(zoom=3, cursor=cursor).extent(made) for cursor in range(256, 320)}
    assert len(seen) == 1


def test_the_cursor_appears_at_the_newest_step_and_stays_within_the_run() -> None:
    made, view = history(50), View()
    view = view.moved(made, -1)
    assert view.cursor == 49
    assert view.moved(made, -1).cursor == 48
    assert view.moved(made, 1).cursor == 49
    assert view.moved(made, -1_000).cursor == 0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh"])
def test_the_definitions_are_walked_through_in_order_and_only_those_that_apply(activation: str) -> None:
    walked = [View(dead=index).definition_for(activation) for index in range(8)]
    apply = [each for each in DEFINITIONS if each.applies(activation)]
    assert walked[: len(apply)] == apply
    assert walked[len(apply)] == apply[0]
