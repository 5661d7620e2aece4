"""What a chart shows of a history."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from conftest import record, start, units
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.tui.plot.chart import MARKS, draw
from deadrelu_tui.tui.plot.charts import LEDGER, chart_specs, more_deaths_than_units, plot_of, title_of
from deadrelu_tui.tui.plot.view import View

DEAD, LOSS, _ = chart_specs(start())[0]


def looked_at(steps: dict[int, float], until: int) -> History:
    """Return a run of which the probe set was looked at at some steps, with the share of dead found there."""
    history = History()
    history.add(start(batches=1_000, epochs=1))
    for step in range(until):
        made = record(step, {"zero_fraction/h1": 0.5} | ({"dead_fraction/h1": steps[step]} if step in steps else {}))
        history.add(replace(made, looks={"h1": units([0.0, 1.0])} if step in steps else {}))
    return history


def drawn(history: History, view: View, role: str = "dead") -> list[tuple[int, float]]:
    plot = plot_of(DEAD, history, view, (), 60, 12, None)
    return [
        (int(step), round(float(value), 3))
        for line in plot.lines if line.role == role for step, value in zip(line.steps, line.values, strict=True)
    ]  # fmt: skip


def test_what_is_measured_now_and_then_holds_from_before_the_window_up_to_the_present() -> None:
    history = looked_at({0: 0.1, 100: 0.4}, until=180)
    close = View(zoom=5, cursor=150)
    first, stop = close.extent(history)
    assert 100 < first < 150 < stop
    assert drawn(history, close) == [(first, 0.4), (min(stop, 179), 0.4)]


def ledger(looks: dict[int, list[float]], until: int) -> History:
    """Return a run whose units were found to fire for these shares of the probe set."""
    history = History()
    history.add(start(batches=1_000, epochs=1, hidden=(len(looks[0]),)))
    for step in range(until):
        looked = {"h1": units(looks[step])} if step in looks else {}
        history.add(replace(record(step, {"dead_fraction/h1": 0.0} if looked else {}), looks=looked))
    return history


def bars(history: History, view: View, columns: int = 60) -> dict[str, list[tuple[int, float]]]:
    plot = plot_of(LEDGER, history, view, (), columns, 12, None)
    assert plot.axis.low <= 0 < plot.axis.high
    return {
        line.role: [(int(step), float(value)) for step, value in zip(line.steps, line.values, strict=True)]
        for line in plot.lines
    }


LIVES = {0: [0.5, 0.5, 0.5], 4: [0.0, 0.0, 0.5], 8: [0.5, 0.0, 0.5], 40: [0.0, 0.0, 0.0]}


def test_the_ledger_has_a_bar_for_what_died_and_one_down_for_what_came_back_since_the_look_before() -> None:
    history = ledger(LIVES, 60)
    assert bars(history, View()) == {
        "dead": [(0, 0), (4, 0), (4, 2), (4, 0), (40, 0), (40, 2), (40, 0), (40, 0)],
        "zeros": [(0, 0), (8, 0), (8, -1), (8, 0), (40, 0)],
    }
    late = bars(ledger(LIVES, 200), View(zoom=4, cursor=40))
    assert [each for each in late["dead"] if each[1]] == [(40, 2)]
    title = [part for part, _ in title_of(LEDGER, history, View(), (), None)]
    assert title == ["ledger", "died 4", "revived 1"]


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=60), st.integers(8, 80))
def test_the_bars_of_a_ledger_sum_up_to_its_totals(lives: list[list[bool]], columns: int) -> None:
    history = ledger({step: [0.5 * each for each in fires] for step, fires in enumerate(lives)}, len(lives))
    found = bars(history, View(), columns)
    for name, role, side in (("deaths", "dead", 1), ("revivals", "zeros", -1)):
        total = history.latest(name)
        assert side * sum(value for _, value in found.get(role, [])) == (total or 0)
        assert all(side * value >= 0 for _, value in found.get(role, []))


def test_a_ledger_with_more_deaths_than_units_says_what_that_means() -> None:
    history = ledger(LIVES, 60)
    assert more_deaths_than_units(history, View()) == "3 units, some died again"
    assert more_deaths_than_units(history, View(cursor=39)) == ""
    assert more_deaths_than_units(ledger({0: [0.0, 0.0]}, 5), View()) == ""


def test_what_is_looked_at_now_and_then_stays_level_until_the_next_look() -> None:
    history = looked_at({0: 0.1, 40: 0.4, 60: 0.4, 100: 0.0}, until=121)
    assert drawn(history, View()) == [(0, 0.1), (40, 0.1), (40, 0.4), (60, 0.4), (100, 0.4), (100, 0.0), (120, 0.0)]


def test_a_share_that_is_no_number_is_not_drawn_as_if_it_held() -> None:
    history = looked_at({0: 0.1, 10: math.nan}, until=60)
    assert drawn(history, View()) == [(0, 0.1)]


def test_the_kind_of_the_axis_stands_beside_the_name() -> None:
    history = looked_at({0: 0.0}, until=20)
    plot = plot_of(LOSS, history, View(), (), 60, 12, None)
    assert [text for text, _ in title_of(LOSS, history, View(), (), plot.axis)][:2] == ["loss", "log"]


@pytest.mark.parametrize(("tests", "points"), [(1, True), (12, True), (13, False), (50, False)])
def test_up_to_twelve_tests_are_points_and_more_are_a_line(tests: int, points: bool) -> None:
    history = History()
    history.add(start(batches=10, epochs=50))
    for step in range(10 * tests):
        values = {"loss": 2.0, **({"loss/test": 2.2} if step % 10 == 9 else {})}
        history.add(record(step, values))
    loss = chart_specs(start())[0][1]
    assert loss.id == "loss"
    plot = plot_of(loss, history, View(), (), 60, 12, None)
    assert [line.scattered for line in plot.lines if line.role == "test"] == [points]
    words = [part for part, role in title_of(loss, history, View(), (), plot.axis) if role == "test"]
    assert words == [f"{'◆ ' if points else ''}test 2.200"]


@pytest.mark.parametrize(("steps", "banded"), [(16 + 4 * 45 - 2, False), (16 + 4 * 45 - 1, True)])
def test_from_four_steps_to_a_column_on_the_mean_is_the_line_and_the_extremes_are_a_band_behind_it(
    steps: int, banded: bool
) -> None:
    history = History()
    history.add(start(batches=steps, epochs=1))
    for step in range(steps):
        history.add(record(step, {"loss": 1.0 + step % 2}))
    plot = plot_of(LOSS, history, View(), (), 60, 12, None)
    assert {line.role for line in plot.lines} >= ({"band", "train"} if banded else {"train"})
    assert ("band" in {line.role for line in plot.lines}) is banded
    if banded:
        band, mean = (next(line for line in plot.lines if line.role == role) for role in ("band", "train"))
        assert (band.values.min(), band.values.max()) == (1.0, 2.0)
        later = mean.values[mean.steps >= 16]
        assert later == pytest.approx(np.full(len(later), 1.5), abs=0.17)
        assert mean.values[mean.steps < 16].tolist() == [1.0, 2.0] * 8  # the first steps, each by itself
        assert [line.role for line in plot.lines][:2] == ["band", "train"]


def test_a_spike_in_a_band_has_one_arrow_with_its_number_in_the_colour_of_the_line() -> None:
    history = History()
    history.add(start(batches=400, epochs=1))
    for step in range(400):
        history.add(record(step, {"loss": 1e6 if step == 200 else 1.0 + step % 2}))
    rows = draw(plot_of(LOSS, history, View(), (), 60, 12, None), 67, 12)
    spans = [(text, role) for text, role in rows[0] if "↑" in text or "1e6" in text]
    assert "".join(text for text, _ in rows[0]).count("1e6") == 1
    assert {role for _, role in spans} == {"train"}


def test_each_of_several_ghosts_has_a_character_and_a_colour_of_its_own_and_one_alone_is_a_dim_line() -> None:
    histories = [looked_at({0: share}, until=60) for share in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)]
    plot = plot_of(DEAD, looked_at({0: 0.0}, until=60), View(), histories, 60, 24, None)
    drawn = [span for row in draw(plot, 67, 24) for span in row]
    for role, mark in MARKS.items():
        assert {char for text, own in drawn if own == role for char in text} == {mark}
    alone = plot_of(DEAD, looked_at({0: 0.0}, until=60), View(), histories[:1], 60, 24, None)
    dots = {char for row in draw(alone, 67, 24) for text, role in row if role == "ghost" for char in text}
    assert dots
    assert all("\u2800" < char <= "\u28ff" for char in dots)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_without_colours_the_lines_of_a_chart_differ_by_their_characters(ascii_only: bool) -> None:
    history = looked_at({0: 0.25}, until=60)
    rows = draw(plot_of(DEAD, history, View(), (), 60, 12, None), 67, 12, ascii_only, coloured=False)
    by_role = {role: {char for row in rows for text, own in row if own == role for char in text} for role in
               ("dead", "zeros")}  # fmt: skip
    assert by_role["dead"] == {"#"}
    assert by_role["zeros"]
    assert not by_role["zeros"] & by_role["dead"]


def test_a_recovery_of_a_long_run_is_drawn_where_it_is() -> None:
    history = History()
    history.add(start(batches=10_000, epochs=1))
    for step in range(5_000):
        loss = 1e6 if step in (2, 3) else 2.303 if step < 4_700 else 0.5
        history.add(record(step, {"loss": loss}))
    plot = plot_of(LOSS, history, View(), (), 60, 12, None)
    assert 10**plot.axis.low <= 0.5001
    assert 10**plot.axis.high < 1e3
    near = plot_of(LOSS, history, View(window="first 16"), (), 60, 12, None)
    assert 10**near.axis.high >= 1e6


@pytest.mark.parametrize(("step", "inside"), [(-1, False), (0, True), (16, True), (17, False)])
def test_a_change_at_either_edge_of_a_chart_has_its_mark(step: int, inside: bool) -> None:
    history = History()
    history.add(start(batches=1_000, epochs=1))
    for each in range(40):
        history.add(record(each))
    for kind in ("revive", "planned"):
        history.add(Event(step, kind, {"layers": {}, "epochs": 5}))
    plot = plot_of(LOSS, history, View(window="first 16"), (), 60, 12, None)
    assert (plot.marks, plot.milestones) == (((step,), (step,)) if inside else ((), ()))
