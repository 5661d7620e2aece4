"""Which colours the screen has, and that a choice is kept."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

import pytest
from fakes import canned
from test_screen import executor, screen

from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.themes import DARK, LIGHT, Kept, named

__all__ = ["executor"]


def test_ours_are_called_dark_and_light_and_those_of_textual_by_their_names() -> None:
    assert (named("dark"), named("light"), named(LIGHT.name), named("nord")) == (
        DARK.name, LIGHT.name, LIGHT.name, "nord",
    )  # fmt: skip
    with pytest.raises(InputError, match=r"there is no theme \\x1b\[2J; there are dark, light, textual-dark, "):
        named("\x1b[2J")


def test_what_was_chosen_is_read_again(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "of mine" / "theme")
    assert kept.read() == DARK.name
    kept.write("nord")
    assert kept.read() == "nord"


@pytest.mark.parametrize("content", [b"", b"a theme of next year\n", b"\xff\xfe"])
def test_a_choice_that_cannot_be_read_is_ours(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "theme").write_bytes(content)
    assert Kept(tmp_path / "theme").read() == DARK.name


def test_a_choice_that_cannot_be_kept_holds_for_the_session(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    Kept(tmp_path / "file" / "theme").write("nord")
    assert Kept(tmp_path / "file" / "theme").read() == DARK.name


async def test_a_theme_that_is_chosen_on_the_screen_is_kept(
    executor: Executor,
) -> None:
    chosen = list[str]()
    async with screen(executor, canned()) as seen:
        seen.app._keep_theme = chosen.append
        seen.app.lasting = True
        seen.app.theme = "nord"
        await seen.until(lambda: chosen == ["nord"])
        seen.app.lasting = False
