"""What breaks on the screen costs a frame or a key, and never the screen or the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest
from fakes import waiting
from test_screen import screen
from textual.command import CommandPalette
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
