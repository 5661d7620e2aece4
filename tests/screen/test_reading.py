"""Reading a run on the screen: cursor, zoom, ghost, freeze, smoothing, definitions, units, events — through Pilot."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Iterator
from concurrent.futures import Executor

import pytest
from fakes import canned, diverging, dying, healthy, waiting
from test_screen import MIDDLE, executor, paused_at, screen
from textual.compose import compose
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.records import Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.panels.event_panel import EventPanel
from deadrelu_tui.tui.panels.unit_panel import UnitPanel
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.reasons import ReasonsScreen
from deadrelu_tui.tui.screens.runs import RunsScreen
from deadrelu_tui.tui.screens.settings_form import SettingsScreen

__all__ = ["executor"]


async def test_the_arrows_move_one_cursor_on_all_charts_and_the_titles_tell_the_values_there(
    executor: Executor,
) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        await seen.pilot.press("home", "right", "right")
        plots = [panel.plot for panel in seen.app.screen.query(ChartPanel)]
        assert {plot.cursor for plot in plots if plot} == {2}
        assert "zeros 20.0 %" in seen.title("dead-h1")
        assert "◀ step 2 of 100 ▶" in seen.line("settings")
        assert "step 2 " in seen.cells("loss").splitlines()[-1]
        await seen.pilot.press("left")
        assert "zeros 10.0 %" in seen.title("dead-h1")
        await seen.pilot.press("end")
        assert "zeros 100 %" in seen.title("dead-h1")
        assert "◀" not in seen.line("settings")


async def test_the_first_arrow_sets_the_cursor_at_the_newest_step_and_escape_lets_go_of_it(
    executor: Executor,
) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        await seen.pilot.press("left")
        assert "◀ step 99 of 100 ▶" in seen.line("settings")
        await seen.pilot.press("shift+left")
        assert "◀ step 94 of 100 ▶" in seen.line("settings")
        await seen.pilot.press("escape")
        assert "◀" not in seen.line("settings")


async def test_z_zooms_in_around_the_cursor_on_all_charts_and_shift_z_out_again(executor: Executor) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        await seen.pilot.press("home", "z", "z")
        extents = {(panel.plot.first, panel.plot.stop) for panel in seen.app.screen.query(ChartPanel) if panel.plot}
        assert extents == {(0, 25)}
        assert "steps 0–25" in seen.line("settings")
        await seen.pilot.press("Z", "Z", "Z")
        assert "steps 0" not in seen.line("settings")


async def test_smoothing_lies_over_the_raw_line_and_does_not_change_with_the_zoom(executor: Executor) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        loss = seen.app.screen.query_one("#loss", ChartPanel)
        await seen.pilot.press("t")
        assert "mean of 20 steps" in seen.line("settings")
        assert loss.plot is not None
        assert [line.role for line in loss.plot.lines] == ["raw", "train", "test"]
        wide = dict(zip(loss.plot.lines[1].steps.tolist(), loss.plot.lines[1].values.tolist(), strict=True))
        await seen.pilot.press("z")
        close = dict(zip(loss.plot.lines[1].steps.tolist(), loss.plot.lines[1].values.tolist(), strict=True))
        both = wide.keys() & close.keys()
        assert both
        assert all(wide[step] == close[step] for step in both)


async def test_f_holds_the_display_while_the_training_runs_on_and_says_so(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header"))
        await seen.pilot.press("f")
        held = {name: seen.cells(name) for name in ("dead-h1", "loss", "units", "events")}
        verdict = seen.line("verdict")
        assert "display frozen at step 20" in seen.line("header")
        await seen.pilot.press("space")
        await seen.ended()
        assert len(seen.run.history) == 100
        assert {name: seen.cells(name) for name in held} == held
        assert seen.line("verdict") == verdict
        await seen.pilot.press("left")  # what was held can still be read
        assert "◀ step 19 of " in seen.line("settings")
        await seen.pilot.press("end", "f")
        assert "frozen" not in seen.line("header")
        assert seen.cells("loss") != held["loss"]


async def test_c_lays_the_run_before_under_every_chart_and_c_again_takes_it_away(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        first = seen.run
        await seen.pilot.press("c")
        assert "ghost" not in seen.line("settings")  # there is no run before
        await seen.pilot.press("n", "r")
        await seen.until(lambda: seen.run is not first)
        await seen.ended()
        await seen.pilot.press("c")
        assert "ghost: run 1" in seen.line("settings")
        for panel in seen.app.screen.query(ChartPanel):
            if panel.display and panel.id != "accuracy":  # this one has a test alone, which is a point
                assert panel.plot is not None
                assert "ghost" in {line.role for line in panel.plot.lines}, panel.id
        await seen.pilot.press("home")
        assert "was" in seen.title("dead-h1")
        await seen.pilot.press("c")
        assert "ghost" not in seen.line("settings")


async def test_d_walks_through_the_definitions_on_the_charts_and_the_map(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        assert "never fires 100 %" in seen.title("dead-h1")
        for name in ("fires on < 1 %:", "τ-dormant, τ = 0.025:", "zero on this batch", "never fires"):
            await seen.pilot.press("d")
            assert f"{name} 100 %" in seen.title("dead-h1")
            assert name.rstrip(":") in seen.title("units")


async def test_the_meter_shows_all_definitions_side_by_side(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        head, row, images = seen.cells("units").splitlines()[1:4]
        assert head.strip("│ ").split("  ")[0].strip() == "▸never fires"
        assert row.count("100 %") == 4
        assert [each.strip("│ ") for each in images.split("of ")[1:]] == ["2\u202f000"] * 3 + ["256"]


async def test_v_asks_for_revival_and_the_event_tells_what_it_did(executor: Executor) -> None:
    async with screen(executor, paused_at(60)) as seen:
        await seen.until(lambda: "● paused" in seen.line("header"))
        await seen.pilot.press("v", "space")
        await seen.ended()
        marked = [event for event in seen.run.history.events if event.mark]
        assert [(event.step, told(event)) for event in marked] == [(60, "revive 3 units of h1")]
        await seen.until(lambda: "revive 3 units of h1" in seen.cells("events"))
        assert "loss" in seen.cells("events").split("revive 3 units of h1")[1].splitlines()[1]


async def test_what_is_no_number_is_a_marked_gap_with_its_step(executor: Executor) -> None:
    async with screen(executor, canned(diverging)) as seen:
        await seen.ended()
        assert "× no number since 21" in seen.title("loss")
        assert seen.cells("loss").count("×") > 20
        loss = seen.app.screen.query_one("#loss", ChartPanel)
        assert loss.plot is not None
        assert all(math.isfinite(value) for line in loss.plot.lines for value in line.values)


async def test_with_the_units_in_focus_the_arrows_read_a_unit(executor: Executor) -> None:
    for size in ((160, 48), MIDDLE):
        async with screen(executor, canned(dying), size) as seen:
            await seen.ended()
            assert seen.app.monitor is not None
            units = seen.app.monitor.query_one(UnitPanel)
            seen.app.monitor.go_to(units)
            await seen.pilot.pause()
            await seen.pilot.press("right", "right")
            assert "unit 2 of h1: fires for 0 %" in seen.cells("units")
            assert "died at step" in seen.cells("units")
            await seen.pilot.press("down")
            assert units.at[1] == 2 + units._grid.wide("h1") > 20
            await seen.pilot.press("up", "left", "left", "left")
            assert units.at == ("h1", 0)
            assert seen.app.monitor.view.cursor is None


async def test_a_click_on_a_cell_reads_its_unit(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        lines = seen.cells("units").splitlines()
        row = next(index for index, line in enumerate(lines) if line.count("✖") > 20)
        wide, _ = seen.app.screen.query_one(UnitPanel)._grid.cell
        await seen.pilot.click(UnitPanel, offset=(lines[row].index("✖") + 5 * wide, row))
        await seen.until(lambda: "unit 5 of h1" in seen.cells("units"))


async def test_the_events_scroll_and_say_how_much_is_out_of_sight(executor: Executor) -> None:
    async with screen(executor, canned(dying), (120, 36), RunSettings(epochs=4, hidden=(30, 20, 10))) as seen:
        await seen.ended()
        await seen.until(lambda: "epoch 4" in seen.cells("events"))
        assert seen.app.monitor is not None
        seen.app.monitor.go_to(seen.app.monitor.query_one(EventPanel))
        await seen.pilot.press(*["pageup"] * 5)
        assert "start: raw input" in seen.cells("events")
        assert "↓" in seen.cells("events").splitlines()[-1]
        await seen.pilot.press(*["pagedown"] * 5)
        assert "epoch 4" in seen.cells("events")
        assert "↑" in seen.cells("events").splitlines()[-1]


async def test_keys_of_the_view_do_nothing_harmful_before_the_first_step(executor: Executor) -> None:
    async with screen(executor, waiting) as seen:
        await seen.pilot.press(
            "left", "home", "end", "z", "Z", "t", "f", "c", "d", "enter", "w", "y", "v", "shift+right"
        )
        assert seen.run.status in (Status.STARTING, Status.PAUSED)
        assert seen.app.monitor is not None
        assert seen.app.monitor.view.cursor is None


async def test_enter_or_a_click_on_the_verdict_opens_the_whole_reasoning(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        await seen.pilot.press("enter")
        assert isinstance(seen.app.screen, ReasonsScreen)
        assert seen.app.screen.findings[0].word == "dead"
        await seen.pilot.press("escape")
        assert not isinstance(seen.app.screen, ModalScreen)
        await seen.pilot.click("#verdict", offset=(12, 0))
        await seen.until(lambda: isinstance(seen.app.screen, ReasonsScreen))


async def test_s_changes_every_setting_and_a_new_run_gets_its_charts(executor: Executor) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        first = seen.run
        await seen.pilot.press("s")
        assert isinstance(seen.app.screen, SettingsScreen)
        field = seen.app.screen.query_one("#row-hidden Input", Input)
        field.value = "30,20"
        await seen.pilot.press("enter")
        await seen.until(lambda: seen.run is not first)
        assert seen.run.start.settings["hidden"] == [30, 20]
        await seen.ended()
        ids = {panel.id for panel in seen.app.screen.query(ChartPanel)}
        assert {"dead-h2", "gradient-w3"} <= ids
        for line in ("header", "progress", "settings", "verdict", "keys"):
            await seen.until(lambda line=line: bool(seen.line(line).strip()))  # type: ignore[misc]
        await seen.until(lambda: "zeros" in seen.title("dead-h2"))
        assert seen.app.focused is not None


async def test_while_charts_are_made_anew_nothing_is_drawn_and_nothing_breaks(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, again = asyncio.Event(), asyncio.Event()

    async def slowly(self: MonitorScreen) -> None:
        await self.query_children("*").exclude(".-textual-system").remove()
        gone.set()
        await again.wait()
        await self.mount_all(compose(self))

    monkeypatch.setattr(MonitorScreen, "recompose", slowly)
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        first, shown = seen.run, seen.app.monitor
        assert shown is not None
        shown.call_next(shown._begin, {**first.start.settings, "hidden": [30, 20]}, False, False)
        try:
            await asyncio.wait_for(gone.wait(), 60)
            for drawn in (shown._sample, shown.answer, shown.draw, shown.lay_out):
                drawn()
            await asyncio.sleep(0.2)  # and by its own timer
        finally:
            again.set()  # whatever happens: the screen waits for it
        await seen.until(lambda: "zeros" in seen.title("dead-h2") if shown.query("#dead-h2") else False)


async def test_o_lists_the_runs_and_choosing_one_makes_it_the_ghost(executor: Executor) -> None:
    async with screen(executor, canned(healthy)) as seen:
        await seen.ended()
        first = seen.run
        await seen.pilot.press("2")
        await seen.until(lambda: seen.run is not first)
        await seen.ended()
        await seen.pilot.press("o")
        assert isinstance(seen.app.screen, RunsScreen)
        assert [row.experiment for row in seen.app.screen.rows] == ["low-lr", "tragedy"]
        await seen.pilot.press("enter")
        assert seen.app.monitor is not None
        await seen.until(lambda: seen.app.monitor is not None and seen.app.monitor.session.ghosts == (first,))
        await seen.pilot.press("o", "enter")
        await seen.until(lambda: seen.app.monitor is not None and seen.app.monitor.session.ghosts == ())


async def test_a_key_that_begins_to_apply_is_drawn_as_such(executor: Executor) -> None:
    go_on = threading.Event()

    def running_at_20(promised: Start, controls: Controls) -> Iterator[Record | Steps]:
        for item in canned(healthy)(promised, controls):
            if getattr(item, "step", 0) == 20:
                go_on.wait(60)
            yield item

    async with screen(executor, running_at_20) as seen:
        await seen.until(lambda: "● running" in seen.line("header"))
        assert seen.app.monitor is not None
        line = seen.app.monitor.query_one("#keys", Static)

        def offers_revival() -> bool:
            return isinstance(line.visual, Content) and "screen.revive" in line.visual.markup

        try:
            await seen.until(offers_revival)  # a click on it does what the key does
        finally:
            go_on.set()
