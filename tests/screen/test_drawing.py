"""What is drawn, at the edges: what still has room, what lies just inside, what is last and what is first."""

from __future__ import annotations

import re
from concurrent.futures import Executor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import record, start, units
from fakes import canned, dying
from test_screen import WIDE, executor, screen
from textual.events import MouseScrollDown, MouseScrollUp

from deadrelu_tui.builtin.promise import CAN
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.finding import Cause, Finding
from deadrelu_tui.diagnosis.verdict import BAD, WORDS
from deadrelu_tui.record.commands import Change, Restart, Speed
from deadrelu_tui.record.history import History
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import End, Event
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.panels import banner
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_list import condensed, event_rows
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.lines import progress, settings_line
from deadrelu_tui.tui.panels.names import entitled, named_in, shortened
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.plot.chart import Line, Plot, draw
from deadrelu_tui.tui.plot.charts import chart_specs, words_for, worst_first
from deadrelu_tui.tui.plot.scale import LABEL_WIDTH, fit, step_ticks
from deadrelu_tui.tui.plot.view import View

__all__ = ["executor"]

LIVE = RunSettings().live


def taken(steps: int, **more: Any) -> History:
    history = History()
    history.add(start(batches=10_000, epochs=1, **more))
    for step in range(steps):
        history.add(record(step))
    return history


# Where a chart lies, and how much of it there is


def test_the_last_200_stay_until_the_cursor_leaves_them() -> None:
    history, view = taken(1_000), View(window="last 200")
    assert view.extent(history) == replace(view, cursor=999).extent(history) == (800, 1_000)
    assert replace(view, cursor=800).extent(history) == (800, 1_000)
    assert replace(view, cursor=799).extent(history) != (800, 1_000)


def test_a_chart_has_room_for_an_axis_and_six_columns_in_three_rows_or_is_left_blank() -> None:
    plot = Plot((Line(np.arange(5), np.arange(5.0), "train"),), fit("linear", np.arange(5.0), 12), 0, 5)
    for width, height in ((LABEL_WIDTH + 6, 3), (LABEL_WIDTH + 6, 10), (60, 3)):
        assert "".join(text for row in draw(plot, width, height) for text, _ in row).strip()
    for width, height in ((LABEL_WIDTH + 5, 10), (60, 2), (0, 3), (3, 1)):
        rows = draw(plot, width, height)
        assert [sum(len(text) for text, _ in row) for row in rows] == [width] * height
        assert not "".join(text for row in rows for text, _ in row).strip()


@pytest.mark.parametrize(("rule", "row"), [(0.0, -1), (4.0, 0), (4.01, None), (-0.01, None)])
def test_a_rule_is_drawn_from_the_lowest_to_the_highest_value_of_the_axis(rule: float, row: int | None) -> None:
    axis = fit("linear", np.array([0.0, 4.0]), 12)
    assert (axis.low, axis.high) == (0, 4)
    rows = draw(Plot((), axis, 0, 10, rules=(rule,)), 40, 12)[:-2]  # without the axis of the steps
    found = [index for index, spans in enumerate(rows) if any(role == "rule" for _, role in spans)]
    assert found == ([] if row is None else [range(len(rows))[row]])


@pytest.mark.parametrize("first", [0, 100, 50_000])
def test_a_line_reaches_from_the_left_edge_to_the_right_wherever_its_steps_begin(first: int) -> None:
    steps = np.arange(first, first + 101)
    line = Line(steps, np.linspace(0, 1, 101), "train")
    rows = draw(Plot((line,), fit("linear", np.array([0.0, 1.0]), 12), first, first + 100), LABEL_WIDTH + 40, 14)
    columns = set()
    for row in rows:
        at = 0
        for text, role in row:
            columns |= set(range(at, at + len(text))) if role == "train" else set()
            at += len(text)
    assert columns == set(range(LABEL_WIDTH + 40)) - set(range(min(columns)))
    assert max(columns) - min(columns) >= 38


@pytest.mark.parametrize(
    ("first", "stop", "columns", "steps"),
    [(0, 100, 70, [0, 20, 40, 60, 80, 100]), (0, 45, 70, [0, 10, 20, 30, 40]), (0, 46, 70, [0, 10, 20, 30, 40]),
     (0, 99, 70, [0, 20, 40, 60, 80]), (20, 40, 70, [20, 25, 30, 35, 40]), (0, 5, 70, [0, 1, 2, 3, 4, 5])],
)  # fmt: skip
def test_ticks_of_steps_stand_at_round_steps_from_the_first_to_the_last(
    first: int, stop: int, columns: int, steps: list[int]
) -> None:
    assert [int(at) for at, _ in step_ticks(first, stop, columns)] == steps


# Which charts there are


def network(layers: int) -> Network:
    made = tuple(Layer(f"l{index}", 4, "relu", f"w{index}") for index in range(layers))
    return Network(made, tuple(Parameter(each.weight, (4, 4)) for each in made))


@pytest.mark.parametrize(("layers", "charts", "gradients"), [(8, 8, 8), (9, 8, 4)])
def test_up_to_eight_layers_each_parameter_has_a_chart(layers: int, charts: int, gradients: int) -> None:
    dead, shown = chart_specs(replace(start(), network=network(layers)))
    assert (len(dead) - 2, len(shown)) == (charts, gradients)  # one is of the loss, one of the accuracy


@pytest.mark.parametrize(
    ("activation", "words"),
    [("relu", ("dead ReLU", "zeros")), ("leaky_relu", ("leaky ReLU", "h ≤ 0")), ("tanh", ("tanh", "h ≤ 0")),
     ("sigmoid", ("sigmoid", "h ≤ 0")), ("gelu", ("gelu", "h ≤ 0"))],
)  # fmt: skip
def test_only_of_relu_it_is_said_that_it_zeros_and_kills(activation: str, words: tuple[str, str]) -> None:
    assert words_for(activation) == words


def test_a_layer_that_was_not_measured_is_no_worse_than_one_that_is_healthy() -> None:
    history = History()
    history.add(replace(start(), network=network(4)))
    shares = {"dead_fraction/l1": 0.5, "dead_fraction/l2": float("nan"), "dead_fraction/l3": 0.0}
    history.add(record(0, shares))
    assert worst_first(history, View()) == ["l1", "l0", "l2", "l3"]


# Names and titles


def test_a_name_is_shortened_as_soon_as_it_has_one_column_too_few() -> None:
    assert [shortened("encoder", columns) for columns in (7, 6, 2, 1)] == ["encoder", "…coder", "…r", "…"]
    assert [named_in(["x" * 9], width) for width in (30, 27, 26, 2)] == [9, 9, 8, 1]


def test_a_title_keeps_the_kind_of_its_axis_apart_from_its_values() -> None:
    parts = [("Σ∂L/∂encoder.weight", "name"), ("symlog", "axis"), ("never fires 95.8 %", "dead")]
    assert entitled(parts, 39) == parts  # 19 of the name, 19 of the value, and a column between
    assert entitled(parts, 38) == [parts[0], parts[1], ("95.8 %", "dead")]
    assert entitled(parts, 26) == [("Σ∂L/∂encoder.weight", "name"), ("symlog", "axis"), ("95.8 %", "dead")]
    assert entitled(parts, 25) == [("Σ∂L/∂…weight", "name"), *entitled(parts, 26)[1:]]


# The banner

DEAD = Finding(
    "DeadRelu", "dead", {"of": 300, "probe": 2_000}, Cause("overshoot", {"input": 72.9, "lr": 0.1}),
    (Change({"normalise": True}), Restart()), 0.97, 0.5, 2, "h1",
)  # fmt: skip


def run_of(*records: Any, can: frozenset[str] = CAN) -> Any:
    history = History()
    for each in (start(), *records):
        history.add(each)
    return SimpleNamespace(history=history, live=LIVE, can=can)


def told(run: Any, found: Finding | None, width: int) -> str:
    return banner.banner(run, run.history, found, width).plain


def test_the_banner_never_cuts_a_key_and_says_as_much_as_has_room() -> None:
    keys, hint = " → try n, then r", "  enter: why"
    whole = told(run_of(), DEAD, 400)
    assert whole.endswith(keys + hint)
    for width in range(20, len(whole) + 3):
        text = told(run_of(), DEAD, width)
        assert len(text) <= width
        assert text.startswith("✖ DEAD")
        said = text.removesuffix(hint)
        assert said.endswith((keys, " → n, then r")), width
        assert (text != said) is (len(said) + len(hint) <= width), width
        between = re.sub(r" → (try )?n, then r$", "", said.removeprefix("✖ DEAD")).strip()
        assert not between or len(between) >= 20, width  # less than a few words is nothing to read
    assert told(run_of(), DEAD, 8) == "✖ DEAD"


@pytest.mark.parametrize("word", WORDS)
def test_the_banner_marks_what_is_lost_what_is_ill_and_what_is_well(word: str) -> None:
    mark = told(run_of(), replace(DEAD, word=word), 200).partition(f" {word.upper()}  ")[0]
    lost, undecided = ("dead", "diverged"), ("early",)
    assert mark == ("✖" if word in lost else "▲" if word in BAD else "…" if word in undecided else "✔")


def test_a_run_that_failed_is_told_with_the_key_that_starts_again_if_there_is_one() -> None:
    end = End(1.0, "failed", "no memory\nat all")
    assert told(run_of(end), None, 80) == "✖ FAILED  no memory at all → r starts again"
    assert told(run_of(end, can=frozenset()), None, 80) == "✖ FAILED  no memory at all"
    assert told(run_of(), None, 80) == "no verdict before the first step"
    left = replace(DEAD, remedy=(), tried=0.3)
    assert told(run_of(), left, 400).endswith(" → no change did better when tried  enter: why")


# The events


def epochs(count: int) -> list[Event]:
    return [Event(10 * number, "epoch", {"epoch": number}) for number in range(1, count + 1)]


@pytest.mark.parametrize(("count", "told"), [(5, 5), (6, 6), (7, 4), (50, 4)])
def test_of_more_than_six_epochs_in_a_row_three_are_told_and_how_many_are_not(count: int, told: int) -> None:
    found = condensed(epochs(count))
    assert len(found) == told
    assert sum(each.facts.get("events", 1) for each in found) == count


def test_an_event_stands_beside_its_step_while_it_has_twelve_columns_and_else_below_it() -> None:
    history = taken(20)
    history.add(Event(5, "change", {"setting": "normalise", "before": False, "now": True}))
    head = "step   5  "
    beside, below = (
        ["".join(text for text, _ in row).rstrip() for row in event_rows(history, history.events[1:], width, 100)]
        for width in (len(head) + 12, len(head) + 11)
    )
    assert beside[0] == head + "normalise on"
    assert below[:2] == ["step   5", "normalise on"]
    assert not any("↳" in line for line in below)  # where it stands below anyway, no arrow leads to it
    assert any("↳" in line for line in beside)


async def test_the_events_are_scrolled_by_rows_by_pages_and_by_three_with_the_wheel(executor: Executor) -> None:
    async with screen(executor, canned(dying), (120, 36), RunSettings(epochs=4, hidden=(30, 20, 10))) as seen:
        await seen.ended()
        await seen.until(lambda: "epoch 4" in seen.cells("events"))
        assert seen.app.monitor is not None
        panel = seen.app.monitor.query_one(EventPanel)
        seen.app.monitor.go_to(panel)

        def rows() -> list[str]:
            return [line for line in seen.cells("events").splitlines()[1:-1] if line.strip("│ ")]

        newest, page = rows(), panel.room[1] - 1
        assert panel.hint == "↑ more"
        await seen.pilot.press("up")
        assert rows()[-1] == newest[-2]
        assert panel.hint == "↑ more ↓ more"
        await seen.pilot.press("down", "down")
        assert rows() == newest
        for wheel, by in ((MouseScrollUp, 3), (MouseScrollDown, -3)):
            before = panel._above
            panel.post_message(wheel(panel, 1, 1, 0, 0, 0, False, False, False))
            await seen.until(lambda before=before, by=by: panel._above == before + by)  # type: ignore[misc]
        await seen.pilot.press("pageup")
        paged = panel._above
        await seen.pilot.press(*["pageup"] * 9)
        assert paged == min(page, panel._above) > 3
        assert panel.hint == "↓ more"
        assert "start: " in (oldest := rows())[0]
        await seen.pilot.press("down")
        assert rows()[-1] != oldest[-1]  # beyond the first there was nothing to scroll to
        await seen.pilot.press(*["pagedown"] * 9)
        assert rows() == newest


# The units and the charts


async def test_the_units_tell_of_how_many_images_and_of_which_layers(executor: Executor) -> None:
    async with screen(executor, canned(dying), WIDE, RunSettings(epochs=1, hidden=(30, 20))) as seen:
        await seen.ended()
        assert re.search(r"units h1 h2  never fires on 2.000 images  step 49", seen.title("units"))
        for _ in range(3):
            await seen.pilot.press("d")
        assert "zero on this batch on 256 images" in seen.title("units")
        panel = seen.app.screen.query_one(UnitPanel)
        assert panel.at == ("h1", 0)
        panel.clear()
        assert seen.cells("units").replace("│", "").strip("╭─╮╰╯ \n") == ""
        panel.action_unit_row(1)  # there is nothing to walk through
        assert panel.at == ("h1", 0)


async def test_where_there_is_no_unit_a_click_leaves_the_cursor(executor: Executor) -> None:
    async with screen(executor, canned(dying), WIDE, RunSettings(epochs=1, hidden=(30,))) as seen:
        await seen.ended()
        panel = seen.app.screen.query_one(UnitPanel)
        lines = seen.cells("units").splitlines()
        row = next(index for index, line in enumerate(lines) if line.count("✖") > 3)
        left, last, wide = lines[row].index("✖"), panel._grid.wide("h1") - 1, panel._grid.cell[0]
        places = {left: 0, left + wide * last: last, left + wide * (last + 1): last, left - 1: last, left + 3 * wide: 3}
        for across, unit in places.items():
            await seen.pilot.click(UnitPanel, offset=(across, row))
            await seen.until(lambda unit=unit: panel.at == ("h1", unit))  # type: ignore[misc]


async def test_a_chart_knows_its_size_and_what_it_is_called_in_little_room(executor: Executor) -> None:
    async with screen(executor, canned(dying), WIDE, RunSettings(epochs=1)) as seen:
        await seen.ended()
        for panel in seen.app.screen.query(ChartPanel):
            assert panel.has_class("chart")
            assert not panel.display or (panel.plot is not None, panel.rows) == (True, panel.room[1])
        panel = seen.app.screen.query_one("#dead-h1", ChartPanel)
        assert panel.shorter([("dead ReLU h1", "name"), ("x", "dead")]) == [("h1", "name"), ("x", "dead")]
        bare = ChartPanel(panel.spec, ascii_only=False)
        assert (bare.rows, bare.more, bare.plot) == (0, "", None)


def test_a_look_of_a_single_unit_is_drawn_as_any_other() -> None:
    history = History()
    history.add(start(hidden=(1,)))
    history.add(replace(record(0, {"dead_fraction/h1": 0.0}), looks={"h1": units([0.5])}))
    assert worst_first(history, View()) == ["h1"]


# The line of what is set


def test_only_what_can_be_changed_has_its_key_and_the_line_is_as_wide_as_the_screen() -> None:
    history = taken(3)
    live = {"lr": 0.1, "activation": "relu", "momentum": 0.9}
    run: Any = SimpleNamespace(
        history=history, start=history.start, live=live, can=frozenset({"lr"}), status=Status.RUNNING
    )
    text = settings_line(run, [], 200).plain
    assert text.startswith(" - + lr 0.1 │ relu │ momentum 0.9 │ ")
    assert "~" not in text
    for width in range(40, 200, 7):
        plain = settings_line(run, ["mean of 20 steps", "/h1"], width).plain
        assert len(plain) == width
        assert plain.endswith("mean of 20 steps  /h1 ") or (width < 2 * 21 and plain.endswith("mean of 20 steps "))


@pytest.mark.parametrize(("scale", "normalise", "told"), [
    (None, False, "input 0–255"), (1.0, False, "input 0–255"), (0.01, False, "input × 0.01"), (0.01, True, "input 0–1"),
    (1 / 255, False, "input × 0.00392157"),
])  # fmt: skip
def test_the_line_of_what_is_set_tells_how_the_input_is_scaled(scale: float | None, normalise: bool, told: str) -> None:
    said = replace(start(), settings=RunSettings(input_scale=scale or 1.0).as_dict())
    if scale is None:
        said = replace(said, settings={name: each for name, each in said.settings.items() if name != "input_scale"})
    run: Any = SimpleNamespace(
        history=taken(3), start=said, live={"normalise": normalise}, can=said.can, status=Status.RUNNING
    )
    assert settings_line(run, [], 200).plain.startswith(f" n {told} │ ")
    assert ("tragedy" in settings_line(run, [], 200).plain) is (scale in (None, 1.0))


@pytest.mark.parametrize(("steps", "said"), [
    (50, " epoch 1 "), (235, " epoch 1/1 "), (470, " epoch 1/2 "), (300, " epoch 1 "),
])  # fmt: skip
def test_of_how_many_epochs_it_is_said_only_where_the_run_ends_with_one(steps: int, said: str) -> None:
    history = History()
    history.add(replace(start(batches=235), steps=steps))
    history.add(record(0, batches=235))
    run: Any = SimpleNamespace(status=Status.PAUSED, speed=Speed())
    text = progress(run, history, 120).plain
    assert text.startswith(f"{said}▕")
    assert f"step 1/{steps}" in text


async def test_a_restart_keeps_steps_and_scale_and_an_experiment_has_neither(executor: Executor) -> None:
    async with screen(executor, canned(dying), settings=RunSettings(steps=30, input_scale=0.1, epochs=2)) as seen:
        for key, kept in (("r", (30, 0.1)), ("1", (None, 1.0))):
            await seen.ended()
            before = seen.run.start.run
            await seen.pilot.press(key)
            await seen.until(lambda before=before: seen.run.start.run != before)  # type: ignore[misc]
            assert (seen.run.start.settings["steps"], seen.run.start.settings["input_scale"]) == kept, key


def test_events_that_were_never_shown_are_not_scrolled() -> None:
    panel = EventPanel("events", ascii_only=False)
    panel.action_scroll(3)
    assert panel._above == 3
