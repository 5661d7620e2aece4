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
from deadrelu_tui.tui.plot.across import Across
from deadrelu_tui.tui.plot.view import WINDOWS, View


def history(steps: int, batches: int = 235, epochs: int = 5) -> History:
    made = History()
    made.add(start(batches=batches, epochs=epochs))
    for step in range(steps):
        made.add(record(step))
    return made


def test_all_steps_have_an_extent_that_doubles_up_to_the_length_of_the_run() -> None:
    view = View()
    extents = [view.extent(history(steps)) for steps in (0, 16, 17, 65, 600, 1_100)]
    assert extents == [(0, 16), (0, 16), (0, 32), (0, 128), (0, 1024), (0, 1175)]


def test_the_first_steps_have_a_window_of_their_own_and_there_the_cursor_appears_in_sight() -> None:
    view, made = View(window="first 16"), history(600)
    assert view.extent(made) == view.extent(history(0)) == (0, 16)
    assert view.moved(made, -1).cursor == 16
    assert view.moved(history(5), -1).cursor == 4
    assert replace(view, cursor=16).extent(made) == (0, 16)
    first, stop = replace(view, cursor=300).extent(made)
    assert first <= 300 <= stop == first + 16
    assert View().moved(made, -1).cursor == 599
    later = History()
    later.add(replace(start(batches=100, epochs=5), first=50))
    assert view.extent(later) == (50, 66)


@pytest.mark.parametrize(
    ("view", "apart"),
    [(View(), True), (View(zoom=1), False), (View(apart=False), False), (View(window="epoch"), False),
     (View(window="last 200"), False), (View(window="first 16"), False)],
)  # fmt: skip
def test_only_where_all_steps_are_shown_the_first_keep_their_part(view: View, apart: bool) -> None:
    made = history(600)
    assert view.across(made) == Across(*view.extent(made), apart)
    assert (view.across(made).bend is not None) is apart
    assert view.across(history(64)).bend is None


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


@given(st.integers(1, 400), st.integers(0, 12), st.none() | st.integers(0, 399),
       st.sampled_from([each for each in WINDOWS if each != "first 16"]))  # fmt: skip
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
