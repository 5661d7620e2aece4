"""No key is silent: one that does nothing just now says why; and the mouse does on a chart what keys do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import pytest
from fakes import canned, dying, healthy, waiting
from made_up import MadeUp
from test_screen import Seen, executor, paused_at, screen
from textual.events import MouseScrollDown, MouseScrollUp

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.records import Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.source import Source, Status
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.keys import KEYS, actions_of
from deadrelu_tui.tui.panels.chart_panel import ChartPanel
from deadrelu_tui.tui.plot.scale import LABEL_WIDTH

__all__ = ["executor"]


def toast(app: MonitorApp) -> str:
    """Return what is told in the corner; there is one message at most."""
    messages = [each.message for each in app._notifications]
    assert len(messages) <= 1
    return "".join(messages)


@pytest.mark.parametrize("key", ["space", "full_stop", "v", "less_than_sign", "greater_than_sign"])
async def test_after_the_end_a_key_for_the_training_says_how_to_go_on(executor: Executor, key: str) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        await seen.pilot.press(key)
        assert toast(seen.app) == "This run has ended: r starts a new one."


async def test_a_run_that_waits_can_be_trained_on_and_says_so(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: seen.run.status is Status.PAUSED)
        await seen.pilot.press("e")
        assert toast(seen.app) == "This run has not ended: e trains it on then."
        await seen.pilot.press("c")
        assert toast(seen.app).startswith("There is no earlier run yet")
        before = len(seen.run.history)
        await seen.pilot.press("escape", "f5", "ctrl+b")  # nothing to restore; no keys of ours
        assert toast(seen.app).startswith("There is no earlier run yet")
        await seen.pilot.press("d")
        assert toast(seen.app).startswith("dead is now")
        assert len(seen.run.history) == before


async def test_a_network_that_takes_no_orders_says_so() -> None:
    source: Source = MadeUp()
    app = MonitorApp(source, lambda _values, _paused: source)
    async with app.run_test(size=(160, 48)) as pilot:
        seen = Seen(app, pilot)
        for key in ("n", "a", "v", "r", "R", "1", "5", "s", "e"):
            app.clear_notifications()
            await seen.pilot.press(key)
            assert toast(app) == "This run takes no orders of that kind.", key


def test_every_action_of_a_key_is_known_by_it() -> None:
    assert actions_of("space") == ["pause", "resume", "play", "full_speed"]
    assert actions_of("plus") == actions_of("equals_sign") == ["rate('up')"]
    assert actions_of("1") == ["experiment('tragedy')"]
    assert actions_of("f9") == actions_of("ctrl+c") == []
    assert all(actions_of(binding.key.split(",")[0]) for binding in KEYS if not binding.system)


async def test_a_click_on_a_chart_reads_the_step_there_in_every_panel(executor: Executor) -> None:
    async with screen(executor, canned(healthy), (160, 48), RunSettings(epochs=1)) as seen:
        await seen.ended()
        monitor, panel = seen.app.monitor, seen.app.screen.query_one("#loss", ChartPanel)
        assert monitor is not None
        left, width = 1 + LABEL_WIDTH + 1, panel.room[0] - LABEL_WIDTH - 1
        for column, step in ((0, 0), (width // 2, 25), (width - 1, 49)):
            await seen.pilot.click(panel, offset=(left + column, 5))
            await seen.until(lambda step=step: monitor.view.cursor is not None and abs(monitor.view.cursor - step) <= 1)  # type: ignore[misc]
            assert f"◀ step {monitor.view.cursor} of 50 ▶" in seen.line("settings")
            drawn = seen.cells("loss").splitlines()[5]
            assert set("│┼") & set(drawn[left + column - 1 : left + column + 2])
        at = monitor.view.cursor
        for beside in ((left - 2, 5), (panel.size.width - 1, 5), (left + 3, 0)):
            await seen.pilot.click(panel, offset=beside)
        assert monitor.view.cursor == at


async def test_the_wheel_over_a_chart_zooms(executor: Executor) -> None:
    async with screen(executor, canned(healthy), (160, 48), RunSettings(epochs=2)) as seen:
        await seen.ended()
        monitor, panel = seen.app.monitor, seen.app.screen.query_one("#loss", ChartPanel)
        assert monitor is not None
        for wheel, zoom in ((MouseScrollUp, 1), (MouseScrollUp, 2), (MouseScrollDown, 1), (MouseScrollDown, 0)):
            panel.post_message(wheel(panel, 1, 1, 0, 0, 0, False, False, False))
            await seen.until(lambda zoom=zoom: monitor.view.zoom == zoom)  # type: ignore[misc]


async def test_a_key_that_finds_nothing_more_says_so(executor: Executor) -> None:
    async with screen(executor, canned(dying), (160, 48), RunSettings(epochs=1, lr=500.0)) as seen:
        await seen.ended()
        for keys, told in (
            (("Z",), "Nothing is zoomed in."), (("z",) * 9, "This is as close as it gets."),
            (("right_square_bracket",), "There is no later event."),
            (("home", "left_square_bracket"), "There is no earlier event."),
            (("plus",), "The ladder of learning rates ends here: l types any other."),
            (("x",), "the first 16 steps are as wide as all others"),
            (("x",), "the first 16 steps keep a quarter of the charts of all steps"),
        ):  # fmt: skip
            await seen.pilot.press(*keys)
            assert toast(seen.app) == told, keys


async def test_before_the_first_step_there_is_none_to_read(executor: Executor) -> None:
    async with screen(executor, waiting) as seen:
        for key in ("left", "home", "left_square_bracket", "shift+left"):
            seen.app.clear_notifications()
            await seen.pilot.press(key)
            assert toast(seen.app) == "There is no step to read yet.", key


@pytest.mark.parametrize("ends", [True, False])
async def test_a_run_of_so_many_steps_says_why_it_cannot_be_trained_on(executor: Executor, ends: bool) -> None:
    settings = RunSettings(steps=30, epochs=2)
    async with screen(executor, canned(dying) if ends else paused_at(20), settings=settings) as seen:
        await (seen.ended() if ends else seen.until(lambda: seen.run.status is Status.PAUSED))
        assert "train on" not in seen.line("keys")
        await seen.pilot.press("e")
        assert toast(seen.app) == "This run ends after so many steps, and not after epochs: s sets another number."


async def test_a_run_without_an_end_says_that_it_need_not_be_trained_on(executor: Executor) -> None:
    def endless(promised: Start, controls: Controls) -> Iterator[Record | Steps]:
        for item in paused_at(20)(promised, controls):
            yield replace(item, steps=None) if isinstance(item, Start) else item

    async with screen(executor, endless) as seen:
        await seen.until(lambda: len(seen.run.history) == 20)
        await seen.pilot.press("e")
        assert toast(seen.app) == "This run has no end: it trains on by itself."
