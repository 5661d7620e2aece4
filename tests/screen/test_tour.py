"""The tour: six stops of a training that really runs, each of which waits for its key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from conftest import record, start

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.begin import make_run
from deadrelu_tui.record.commands import Change, Pause, Revive, Take
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.panels import tour

PLAIN = RunSettings(engine="numpy", full=False, **tour.SETTINGS)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


@contextmanager
def app_of(executor: ThreadPoolExecutor, touring: bool) -> Iterator[MonitorApp]:
    def begin(values: Mapping[str, Any], paused: bool) -> Run:
        run = make_run(RunSettings.of(values), executor, stays=True, trials=False)
        if paused:
            run.send(Pause())
        run.begin()
        return run

    first = make_run(PLAIN, executor, stays=True, trials=False)
    first.send(Pause())
    app = MonitorApp(first, begin, when_ready=first.begin, tour=touring)
    try:
        yield app
    finally:
        app.close()


KEYS = {1: "full_stop", 2: "full_stop", 3: "full_stop", 4: "n", 5: "v"}
REACHED = {1: 1, 2: 2, 3: 3, 4: 33, 5: 93, 6: 263}
"""Steps after which each stop waits."""


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_each_stop_waits_for_its_key_tells_what_happened_and_shows_the_panel_that_it_speaks_of(
    executor: ThreadPoolExecutor, size: tuple[int, int]
) -> None:
    with app_of(executor, touring=True) as app:
        async with app.run_test(size=size) as pilot:
            monitor = app.monitor
            assert monitor is not None

            def said() -> str:
                rows = ["".join(strip.text) for strip in monitor._compositor.render_strips()]
                return "\n".join(rows)

            async def until(stop: int) -> None:
                run = monitor.run_in_hand
                for _ in range(600):
                    await pilot.pause(0.05)
                    if run.status is Status.PAUSED and len(run.history) == REACHED[stop] and f"tour {stop}/6" in said():
                        return
                raise AssertionError(said())

            for stop, key in KEYS.items():
                await until(stop)
                focused = app.focused
                assert focused is not None
                assert (focused.id, focused.display) == (tour.STOPS[stop - 1].panel, True)
                await pilot.press(key)
            await until(6)
            dead = [int(each.layers["h1"].lost.sum()) for each in monitor.history.looks if each.step in (0, 2, 92)]
            assert dead[0] < 30 < 200 < dead[1] <= dead[2]
            assert monitor.history.latest("dead_fraction/h1") == 0
            assert "0 of 300 units are dead now" in " ".join(said().split())
            await pilot.press("escape")
            await pilot.pause(0.1)
            assert "tour" not in said()
            await pilot.press("full_stop")


async def test_big_t_starts_a_tour_whatever_was_set_and_another_run_ends_it(executor: ThreadPoolExecutor) -> None:
    with app_of(executor, touring=False) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            assert app.monitor is not None
            await pilot.press("n", "T")
            while not len(app.monitor.run_in_hand.history):
                await asyncio.sleep(0.05)
            run = app.monitor.run_in_hand
            assert (app.monitor.touring, run.live["normalise"], run.live["lr"]) == (run.start.run, False, 0.1)
            app.monitor.draw()
            assert app.monitor.query_one("#tour").display
            await pilot.press("R", "y")
            while app.monitor.run_in_hand is run:
                await asyncio.sleep(0.05)
            app.monitor.draw()
            assert not app.monitor.query_one("#tour").display


def told(*events: Event, steps: int = 0) -> History:
    history = History()
    history.add(start())
    for step in range(steps):
        history.add(record(step, {"update_ratio/w1": 51.2, "grad_sum/w1": 7.0}))
    for event in events:
        history.add(event)
    return history


REVIVED = Event(10, "revive", {"layers": {"h1": 3}})
NORMALISED = Event(9, "change", {"setting": "normalise", "before": False, "now": True})


def test_the_stop_is_read_off_the_run() -> None:
    assert [tour.stop_of(told(steps=steps)) for steps in (0, 1, 2, 3, 4, 40)] == [None, 0, 1, 2, 3, 3]
    assert tour.stop_of(told(NORMALISED, steps=10)) == 4
    assert tour.stop_of(told(NORMALISED, REVIVED, steps=11)) == 5


OTHER = replace(NORMALISED, facts={"setting": "lr", "before": 1, "now": 2})


@pytest.mark.parametrize("events", [
    (OTHER,), (NORMALISED, OTHER), (REVIVED,), (REVIVED, replace(NORMALISED, step=11)), (replace(NORMALISED, step=2),),
    (replace(NORMALISED, facts={"setting": "normalise", "before": True, "now": False}),),
    (NORMALISED, REVIVED, replace(REVIVED, step=12)),
], ids=["rate", "rate later", "revived raw", "revived first", "too early", "off", "twice"])  # fmt: skip
def test_what_the_tour_does_not_do_leads_away_from_it_and_that_is_said(events: tuple[Event, ...]) -> None:
    history = told(*events, steps=20)
    assert tour.stop_of(history) is None
    assert tour.more(history, Take()) is None
    assert tour.told(history, 100).plain.startswith("off the tour\nThese are other paths")


@pytest.mark.parametrize(("events", "steps", "left"), [
    ((), 3, 0), ((), 4, 29), ((), 32, 1), ((), 33, 0), ((), 50, 0),
    ((NORMALISED,), 10, 59), ((NORMALISED,), 68, 1), ((NORMALISED,), 69, 0),
])  # fmt: skip
def test_until_the_steps_to_a_stop_are_taken_its_key_is_not_offered(
    events: tuple[Event, ...], steps: int, left: int
) -> None:
    history = told(*events, steps=steps)
    assert tour.under_way(history) == left
    last = tour.told(history, 120).plain.splitlines()[-1]
    assert last.startswith(f"{left} more steps …") is (left > 0)
    assert "more steps" not in tour.told(history, 120, paused=False).plain.splitlines()[-1]


def test_only_the_key_of_a_stop_is_followed_by_steps() -> None:
    third, fourth, fifth = told(steps=3), told(steps=33), told(NORMALISED, steps=40)
    assert tour.more(third, Take()) == Take(29)
    assert tour.more(fourth, Change({"normalise": True})) == Take(60)
    assert tour.more(fifth, Revive()) == Take(170)
    for history, command in (
        (third, Revive()),
        (fourth, Take()),
        (fifth, Take()),
        (told(), Take()),
        (told(steps=1), Take()),
    ):
        assert tour.more(history, command) is None


@pytest.mark.parametrize("width", [77, 117, 157])
def test_every_stop_has_room_in_eight_lines_and_says_its_number_and_its_key(width: int) -> None:
    histories = [told(steps=n) for n in (1, 2, 3, 33)] + [
        told(NORMALISED, steps=99),
        told(NORMALISED, REVIVED, steps=300),
    ]
    for number, history in enumerate(histories, 1):
        lines = tour.told(history, width).plain.splitlines()
        assert len(lines) <= 8
        assert max(map(len, lines)) <= width
        assert lines[0].startswith(f"tour {number}/6")
        assert lines[-1].startswith(tour.STOPS[number - 1].key)


async def test_the_parameters_are_copied_for_a_picture_that_is_shown_and_for_none_else(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()
    give = Run.parameters

    def counted(run: Run) -> Any:
        asked.append(1)
        return give(run)

    monkeypatch.setattr(Run, "parameters", counted)
    with app_of(executor, touring=False) as app:
        async with app.run_test(size=(160, 48)) as pilot:
            assert app.monitor is not None
            await pilot.press("full_stop")
            while not len(app.monitor.run_in_hand.history):
                await asyncio.sleep(0.05)
            app.monitor.draw()
            assert not asked
            app.monitor.go_to(app.monitor.query_one("#units"))
            await pilot.press("m")
            while not asked:
                await pilot.pause(0.05)
