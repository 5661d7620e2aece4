"""How a run begins where somebody watches: slowly, or held before its first step; and how fast it goes later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from apps import made
from conftest import record, start
from fakes import canned, dying
from made_up import MadeUp
from test_screen import WIDE, Seen, executor
from textual.widgets import Static

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Command, Pause, Speed, Stop
from deadrelu_tui.record.history import History
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.panels import beginning, lines

__all__ = ["executor"]

OPENING = Speed(0.001, 7)
"""Slow enough for the test to be there while it lasts."""


@asynccontextmanager
async def opened(
    executor: Executor, *asked: Command, size: tuple[int, int] = WIDE, epochs: int = 2, input_scale: float = 1.0
) -> AsyncIterator[Seen]:
    """Open the screen on a first run that was asked for something before it began."""

    def another(values: Mapping[str, Any], paused: bool) -> Run:
        run = made(RunSettings.of(values), canned(dying), executor, stays=True)
        if paused:
            run.send(Pause())
        run.begin()
        return run

    first = made(RunSettings(epochs=epochs, hidden=(30,), input_scale=input_scale), canned(dying), executor, stays=True)
    for each in asked:
        first.send(each)
    app = MonitorApp(first, another, when_ready=first.begin)
    async with app.run_test(size=size) as pilot:
        seen = Seen(app, pilot)
        try:
            await seen.until(lambda: seen.run.status is not Status.READY)
            yield seen
        finally:
            seen.run.send(Stop())


@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_a_slow_beginning_says_so_with_the_keys_that_end_it(executor: Executor, size: tuple[int, int]) -> None:
    async with opened(executor, OPENING, size=size) as seen:
        await seen.until(lambda: "slow" in seen.line("progress"))
        assert "step 1 " in seen.line("progress")
        assert "space full speed" in seen.line("progress")
        assert ". step by step" in seen.line("progress")
        assert "space full speed" in seen.line("keys") or size != WIDE
        assert "pause" not in seen.line("keys")
        await seen.pilot.press("space")
        await seen.until(lambda: seen.run.status is Status.FINISHED)
        assert "slow" not in seen.line("progress")
        assert [each.kind for each in seen.run.history.events if each.kind in ("pause", "resume")] == []


async def test_a_full_stop_in_a_slow_beginning_holds_and_then_takes_a_step(executor: Executor) -> None:
    async with opened(executor, OPENING) as seen:
        await seen.until(lambda: len(seen.run.history) == 1)
        await seen.pilot.press("full_stop")
        await seen.until(lambda: seen.run.status is Status.PAUSED and len(seen.run.history) == 1)
        await seen.pilot.press("full_stop")
        await seen.until(lambda: len(seen.run.history) == 2)
        assert seen.run.speed == Speed()
        await seen.pilot.press("space")
        await seen.until(lambda: seen.run.status is Status.FINISHED)


async def test_later_runs_begin_at_full_speed(executor: Executor) -> None:
    async with opened(executor, OPENING) as seen:
        await seen.until(lambda: len(seen.run.history) == 1)
        await seen.pilot.press("r")
        await seen.until(lambda: seen.app.session.started == 2 and seen.run.status is Status.FINISHED)


async def test_the_speed_is_changed_by_keys_told_and_kept_for_the_next_run(executor: Executor) -> None:
    async with opened(executor, Speed(0.5), epochs=9) as seen:
        await seen.until(lambda: "slowed to 0.5 steps/s" in seen.line("progress"))
        assert "space pause" in seen.line("keys")
        for key, speed, told in ((">", 1.0, "slowed to 1 step/s"), (">", 2.0, "2 steps/s"), ("<", 1.0, "1 step/s"),
                                 ("<", 0.5, "0.5 steps/s"), ("<", 0.5, "0.5 steps/s")):  # fmt: skip
            await seen.pilot.press("greater_than_sign" if key == ">" else "less_than_sign")
            assert seen.run.speed == Speed(speed)
            assert told in seen.line("progress")
        await seen.pilot.press("r")
        if seen.app.screen is not seen.app.monitor:
            await seen.pilot.press("y")
        await seen.until(lambda: seen.app.session.started == 2 and len(seen.run.history) == 1)
        assert seen.run.speed == Speed(0.5)
        for _ in range(8):
            await seen.pilot.press("greater_than_sign")
        assert seen.run.speed == Speed()
        await seen.until(lambda: seen.run.status is Status.FINISHED)


async def held(seen: Seen) -> str:
    box = seen.app.screen.query_one("#held", Static)
    await asyncio.sleep(0)
    return str(box.visual) if box.display else ""


@pytest.mark.parametrize("size", [WIDE, (80, 24), (64, 22)])
async def test_a_run_held_before_its_first_step_tells_what_is_about_to_happen(
    executor: Executor, size: tuple[int, int]
) -> None:
    async with opened(executor, Pause(), size=size) as seen:
        await seen.until(lambda: bool(seen.app.screen.query_one("#held").display))
        text = await held(seen)
        assert "784–30–10" in text
        assert "256 images" in text
        assert "as they are, 0–255" in text
        assert "the learning rate, 0.1, times" in text
        for key in (". take one step", "space let it run", "n normalise", "- + learning rate"):
            assert key in text
        box = seen.app.screen.query_one("#held", Static).region
        assert seen.app.screen.region.contains_region(box)
        assert "held before the first step" in seen.line("progress")
        await seen.pilot.press("n")
        assert "divided by 255" in await held(seen)
        assert "n raw pixels" in await held(seen)
        await seen.pilot.press("a", "a")  # sigmoid: its units do not die
        assert "still fire" not in await held(seen)
        await seen.pilot.press("full_stop")
        await seen.until(lambda: len(seen.run.history) == 1)
        await seen.until(lambda: not seen.app.screen.query_one("#held").display)


async def test_it_covers_nothing_where_there_is_no_room_and_returns_with_it(executor: Executor) -> None:
    async with opened(executor, Pause(), size=(38, 12)) as seen:
        await seen.until(lambda: seen.run.status is Status.PAUSED)
        assert await held(seen) == ""
        await seen.until(lambda: "held" in seen.line("progress"))
        assert "space run" in seen.line("progress")
        await seen.pilot.resize_terminal(100, 30)
        await seen.until(lambda: seen.app.screen.query_one("#held").display)
        await seen.pilot.resize_terminal(63, 30)
        await seen.until(lambda: not seen.app.screen.query_one("#held").display)


async def test_a_restart_that_is_held_shows_it_and_a_run_that_loads_does_not(executor: Executor) -> None:
    async with opened(executor) as seen:
        await seen.until(lambda: seen.run.status is Status.FINISHED)
        assert await held(seen) == ""
        await seen.pilot.press("R")
        await seen.until(lambda: seen.run.status is Status.PAUSED)
        assert "Held before the first step" in await held(seen)


async def test_a_run_that_is_held_tells_by_what_its_pixels_are_multiplied(executor: Executor) -> None:
    async with opened(executor, Pause(), input_scale=0.01) as seen:
        await seen.until(lambda: bool(seen.app.screen.query_one("#held").display))
        assert "their pixels times 0.01, and" in await held(seen)
        await seen.pilot.press("n")
        assert "divided by 255" in await held(seen)
        assert "n pixels × 0.01" in await held(seen)


def told(run: Any) -> str:
    return beginning.held(run).plain


def test_of_another_network_only_what_it_can_do_is_told() -> None:
    class Held(MadeUp):
        status = Status.PAUSED

    text = told(Held())
    assert "space let it run" in text
    assert "normalise" not in text
    assert "0–255" not in text


@pytest.mark.parametrize(("speed", "status", "opening"), [
    (Speed(1.0, 3), Status.RUNNING, True), (Speed(1.0, 3), Status.STARTING, True), (Speed(1.0), Status.RUNNING, False),
    (Speed(), Status.RUNNING, False), (Speed(1.0, 3), Status.PAUSED, False), (Speed(1.0, 3), Status.FINISHED, False),
])  # fmt: skip
def test_only_a_run_that_takes_its_slow_first_steps_is_opening(speed: Speed, status: Status, opening: bool) -> None:
    run = type("Opening", (MadeUp,), {"speed": speed, "status": status})()
    assert beginning.is_opening(run) is opening


@pytest.mark.parametrize("width", [30, 44, 60, 80, 160])
def test_the_line_of_a_slow_beginning_fits_and_keeps_its_keys_whole(width: int) -> None:
    run = type("Opening", (MadeUp,), {"speed": Speed(1.0, 3)})()
    text = beginning.opening(run, run.history.frozen(), width).plain
    assert len(text) <= width
    assert ("space full speed" in text) is (width >= 44)
    assert (". step by step" in text) is (width >= 60)
    assert ("slow motion, 1 step/s" in text) is (width >= 80)


async def test_in_a_locale_without_utf_8_what_is_held_is_told_in_ascii(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    async with opened(executor, Pause()) as seen:
        await seen.until(lambda: bool(seen.app.screen.query_one("#held").display))
        assert "784-30-10" in await held(seen)
        assert (await held(seen)).isascii()
        box = seen.app.screen.query_one("#held", Static)
        assert box.styles.border_top[0] == "ascii"


@pytest.mark.parametrize(
    ("limit", "measured", "told"),
    [(2.0, 1.9, "slowed to 2 steps/s"), (20.0, 3.0, "slowed to 20 steps/s"), (1_000.0, 40.0, "40 steps/s"),
     (50.0, 39.0, "39 steps/s"), (50.0, 45.0, "slowed to 50 steps/s"), (None, 250.0, "250 steps/s")],
)  # fmt: skip
def test_only_a_limit_that_limits_is_told_in_place_of_what_was_measured(
    limit: float | None, measured: float, told: str
) -> None:
    history = History()
    history.add(start(batches=1_000, epochs=1))
    for step in range(200):
        history.add(replace(record(step), at=(step + 1) / measured))
    run: Any = type("Slow", (MadeUp,), {"speed": Speed(limit)})()
    assert f"   {told}   " in lines.progress(run, history, 200).plain
