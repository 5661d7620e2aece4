"""What breaks on the screen costs a frame or a key, and never the screen or the run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest
from fakes import waiting
from test_screen import screen
from textual.command import CommandPalette
from textual.events import Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

from deadrelu_tui.tui.screens.help import HelpScreen


@pytest.fixture
def executor() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def broken() -> None:
    raise KeyError("what some widget of Textual's may raise")


@pytest.mark.parametrize(
    ("key", "opened", "breaks"),
    [
        ("ctrl+p", CommandPalette, lambda top: top.focused),
        ("ctrl+p", CommandPalette, lambda top: top),
        ("question_mark", HelpScreen, lambda top: top),
    ],
)
async def test_a_dialog_in_which_something_broke_goes_on_taking_keys(
    executor: Executor,
    key: str,
    opened: type[Widget],
    breaks: Callable[[Widget], Widget],
    capfd: pytest.CaptureFixture[str],
) -> None:
    async with screen(executor, waiting) as seen:
        seen.app.lasting = True
        await seen.pilot.press(key)
        await seen.until(lambda: isinstance(seen.app.screen, opened))
        breaks(seen.app.screen).call_later(broken)
        await seen.pilot.pause()
        assert "what some widget" in capfd.readouterr().err
        await seen.pilot.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen, opened))
        assert seen.run.alive


@pytest.mark.parametrize(("key", "opened"), [("ctrl+p", CommandPalette), ("question_mark", HelpScreen), ("", Screen)])
async def test_sizes_that_stand_in_line_do_not_bring_each_other_forth_for_ever(
    executor: Executor, monkeypatch: pytest.MonkeyPatch, key: str, opened: type[Widget]
) -> None:
    handled, told = Screen._on_resize, list[Size]()

    async def counting(self: Screen[Any], event: Resize) -> None:
        told.append(event.size)
        await handled(self, event)

    monkeypatch.setattr(Screen, "_on_resize", counting)
    async with screen(executor, waiting) as seen:
        if key:
            await seen.pilot.press(key)
        await seen.until(lambda: isinstance(seen.app.screen, opened))
        await seen.pilot.pause()
        told.clear()
        top = seen.app.screen
        for size in (Size(40, 12), Size(90, 30)):
            top.post_message(Resize(size, size))
            top.call_later(lambda: None)  # two in a row would be taken for one
        for _ in range(20):
            await asyncio.wait_for(seen.pilot.pause(), 20)  # for ever, if they do
        assert len(told) <= 4
        assert top.size == seen.app.size
