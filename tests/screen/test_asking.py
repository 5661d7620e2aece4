"""What ends a run asks first, and what is typed is nothing but text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes import canned, dying, waiting
from test_screen import paused_at, screen
from textual.widgets import Input

from deadrelu_tui.tui.screens.questions import EndQuestion, QuitQuestion, RateQuestion


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize("key", ["r", "R", *"12345"])
async def test_what_ends_a_run_trained_by_hand_asks_once(executor: Executor, key: str) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: len(seen.run.history) == 20)
        first = seen.run
        await seen.pilot.press("+", key)
        assert isinstance(seen.app.screen, EndQuestion)
        assert "This ends run 1 at step 20." in seen.dialog
        await seen.pilot.press("enter", "enter")  # which is no answer
        assert isinstance(seen.app.screen, EndQuestion)
        await seen.pilot.press("n")
        assert seen.run is first
        assert first.alive
        await seen.pilot.press(key, "y")
        await seen.until(lambda: seen.run is not first)


async def test_settings_ask_before_they_end_a_run_trained_by_hand(executor: Executor) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.until(lambda: len(seen.run.history) == 20)
        first = seen.run
        await seen.pilot.press("+", "s", "enter")
        assert isinstance(seen.app.screen, EndQuestion)
        await seen.pilot.press("escape")
        assert seen.run is first


async def test_nothing_is_asked_of_a_run_that_has_just_begun_or_has_ended(executor: Executor) -> None:
    async with screen(executor, canned()) as seen:
        await seen.ended()
        first = seen.run
        await seen.pilot.press("+", "r")
        await seen.until(lambda: seen.run is not first)
    async with screen(executor, waiting) as seen:
        first = seen.run
        await seen.pilot.press("r")
        await seen.until(lambda: seen.run is not first)


async def test_capital_r_holds_the_new_run_before_its_first_step(executor: Executor) -> None:
    async with screen(executor, canned(dying)) as seen:
        await seen.ended()
        await seen.pilot.press("R")
        await seen.until(lambda: "● paused" in seen.line("header"))
        assert not len(seen.run.history)
        await seen.pilot.press("full_stop")
        await seen.until(lambda: len(seen.run.history) == 1)


@pytest.mark.parametrize("way", ["ctrl+q", "the palette"])
async def test_every_way_out_asks_as_q_does(executor: Executor, way: str) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("question_mark")  # from within a dialog, too
        if way == "ctrl+q":
            await seen.pilot.press("ctrl+q")
        else:
            await seen.app.action_quit()
            await seen.pilot.pause()
        await seen.pilot.press("enter")
        assert isinstance(seen.app.screen, QuitQuestion)
        await seen.pilot.press("n")
        assert seen.run.alive
        await seen.pilot.press("ctrl+q", "ctrl+q")
        await seen.until(lambda: not seen.app.is_running)


@pytest.mark.parametrize("text", ["[/", "[/bold]", "[link=x", "[b", "\x1b[31m", "[@click=app.quit]x"])
async def test_what_is_typed_is_text_and_not_markup(executor: Executor, text: str) -> None:
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("l")
        field = seen.app.screen.query_one(Input)
        field.value = text
        await seen.pilot.press("enter")
        assert isinstance(seen.app.screen, RateQuestion)
        assert repr(text)[1:-1] in seen.dialog.replace("\n", "")
        await seen.pilot.press("escape", "slash")
        seen.app.screen.query_one(Input).value = text
        await seen.pilot.press("enter", "ctrl+p")
        seen.app.screen.query_one(Input).value = text
        await seen.pilot.pause()
        await seen.pilot.press("escape")
        seen.app.notify(text)
        await seen.pilot.pause()
        assert seen.run.alive


async def test_p_saves_a_picture_in_the_current_folder_and_says_where(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "[odd"
    odd.mkdir()
    monkeypatch.chdir(odd)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    async with screen(executor, paused_at(20)) as seen:
        await seen.pilot.press("p")
        await seen.until(lambda: any("Saved as" in each.message for each in seen.app._notifications))
        [picture] = odd.glob("deadrelu-tui-*.svg")
        assert picture.name in [*seen.app._notifications][-1].message
    assert picture.read_text().startswith("<svg")


async def test_a_picture_that_cannot_be_saved_in_a_folder_that_was_removed_is_told(
    executor: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    async with screen(executor, paused_at(20)) as seen:
        seen.app.lasting = True
        for home, said in ((str(tmp_path), "Saved as"), (str(tmp_path / "nowhere"), "No screenshot was saved in")):
            monkeypatch.setenv("HOME", home)
            monkeypatch.setattr("tempfile.gettempdir", lambda: os.curdir)
            await seen.pilot.press("p")
            await seen.until(lambda: any(said in each.message for each in seen.app._notifications))  # noqa: B023
        assert seen.run.alive
        monkeypatch.chdir(tmp_path)
