"""The cursor in the past: what is judged and shown of a step is what was when that step was the newest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import replace

import pytest
from conftest import record, start, units
from fakes import canned, dying
from test_screen import WIDE, Seen, executor, screen

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Pause
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Record, Start
from deadrelu_tui.record.steps import Steps
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.panels.lines import place
from deadrelu_tui.tui.plot.view import View

__all__ = ["executor"]


KEYS = {3: "n", 7: "a"}
"""What is pressed before some steps."""


def held(promised: Start, controls: Controls) -> Iterator[Record | Steps]:
    """Die as `dying` does, one step for each that is asked for."""
    controls.send(Pause())
    yield from canned(dying)(promised, controls)


def now(seen: Seen) -> dict[str, str]:
    """Return what is shown of a step, beside the lines that tell of the whole run."""
    panels = {name: seen.cells(name) for name in ("units", "events")}
    return {**panels, "verdict": seen.line("verdict"), "ledger": seen.title("ledger")}


@pytest.mark.parametrize("size", [WIDE, (80, 24)])
async def test_at_a_past_step_all_is_as_it_was_when_that_step_was_the_newest(
    executor: Executor, size: tuple[int, int]
) -> None:
    async with screen(executor, held, size, RunSettings(epochs=1, hidden=(30, 20))) as seen:
        await seen.until(lambda: seen.run.status is Status.PAUSED)
        shown = dict[int, dict[str, str]]()
        for taken in range(12):
            if taken in KEYS:
                await seen.pilot.press(KEYS[taken])
            await seen.pilot.press("full_stop")
            await seen.until(lambda taken=taken: len(seen.app.monitor.shown) == taken + 1)  # type: ignore[misc,union-attr]
            shown[taken] = now(seen)
        await seen.pilot.press("space")
        await seen.ended()
        newest = now(seen)
        for step in shown:
            assert seen.app.monitor is not None
            seen.app.monitor._look(cursor=step)
            await seen.until(lambda: True)
            found = now(seen)
            for name, text in shown[step].items():
                assert found[name] == text, (step, name)
            assert f"step {step} of 50" in seen.line("settings")
            assert "finished" in seen.line("header")  # what is live stays live
        await seen.pilot.press("end")
        assert now(seen) == newest


def looked(*steps: tuple[int, float], until: int = 20) -> History:
    """Return a run of which some steps were looked at, with the share of ten units that was dead there."""
    history, shares = History(), dict(steps)
    history.add(start(batches=1_175, epochs=1))
    for step in range(until):
        rates = [float(index >= 10 * shares.get(step, 0)) for index in range(10)]
        history.add(replace(record(step), looks={"h1": units(rates)} if step in shares else {}))
    return history


def test_where_a_step_is_and_who_died_there_is_told() -> None:
    history = looked((0, 0.1), (1, 0.1), (2, 0.6), (4, 0.5), (9, 1.0))
    told = {step: place(history, step) for step in (0, 1, 2, 3, 4, 9)}
    assert {step: text.replace("\u202f", " ") for step, text in told.items()} == {
        0: "◀ step 0 of 1 175 ▶ died 1 here",
        1: "◀ step 1 of 1 175 ▶",
        2: "◀ step 2 of 1 175 ▶ died 5 here",
        3: "◀ step 3 of 1 175 ▶",
        4: "◀ step 4 of 1 175 ▶ revived 1 since 2",
        9: "◀ step 9 of 1 175 ▶ died 5 since 4",
    }


def test_the_cursor_jumps_from_event_to_event_and_behind_the_last_follows_the_newest_step() -> None:
    history = History()
    history.add(start(batches=100, epochs=1))
    for step in range(20):
        history.add(record(step))
        for at in {5: (5, 5), 9: (8, 9), 19: (40,)}.get(step, ()):  # the last is for a step that was not taken yet
            history.add(Event(at, "pause"))
    found, view = [], View()
    for way in (-1, -1, -1, -1, 1, 1, 1, 1):
        view = view.at_event(history, way)
        found.append(view.cursor)
    assert found == [9, 5, 0, 0, 5, 9, None, None]  # it began with an event


async def test_a_step_that_is_past_is_put_together_once_and_not_for_every_frame(
    executor: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[int]()

    def until(history: History, step: int) -> History:
        asked.append(step)
        return given(history, step)

    given = History.until
    async with screen(executor, held, WIDE, RunSettings(epochs=1)) as seen:
        await seen.until(lambda: seen.run.status is Status.PAUSED)
        for taken in range(4):
            await seen.pilot.press("full_stop")
            await seen.until(lambda taken=taken: len(seen.run.history) == taken + 1)  # type: ignore[misc]
        monkeypatch.setattr(History, "until", until)
        await seen.pilot.press("home", "right")
        for taken in range(4, 12):
            await seen.pilot.press("full_stop")
            await seen.until(lambda taken=taken: len(seen.app.monitor.shown) == taken + 1)  # type: ignore[misc,union-attr]
        assert asked == [0, 1]
