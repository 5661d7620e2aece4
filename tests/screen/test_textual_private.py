"""What is used of Textual that it keeps to itself: is it there as expected, and what if it is not."""

from __future__ import annotations

import inspect
import io
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import another_textual
import pytest
from rich.console import Console
from rich.segment import Segment
from textual import _compositor as private
from textual.app import App
from textual.events import MouseDown
from textual.geometry import Region
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.strip import Strip

from deadrelu_tui.tui.wire.sparing import Sent
from deadrelu_tui.tui.wire.textual_private import FALLS_BACK, Keys, Rewritten, pieces_of, rows_of

CONSOLE = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
STRIP = Strip([Segment("text")])
EVERY_NAME = [another_textual.MODULE, *FALLS_BACK]


def takes(function: Callable[..., object], *names: str) -> bool:
    return tuple(inspect.signature(function).parameters) == names


def layout() -> Any:
    return private.LayoutUpdate([[STRIP]], Region(1, 2, 4, 1))


def chops() -> Any:
    return private.ChopsUpdate([{0: STRIP, 4: None}], [(0, 1, 3)], [[4, 8]])


EXPECTED: dict[str, Callable[[], bool]] = {
    "CompositorUpdate": lambda: all(isinstance(each, private.CompositorUpdate) for each in (layout(), chops())),
    "render_segments": lambda: (
        takes(private.CompositorUpdate.render_segments, "self", "console")
        and all(isinstance(each.render_segments(CONSOLE), str) for each in (layout(), chops()))
    ),
    "strips": lambda: layout().strips == [[STRIP]],
    "region": lambda: layout().region == Region(1, 2, 4, 1),
    "chops": lambda: chops().chops == [{0: STRIP, 4: None}],
    "chop_ends": lambda: chops().chop_ends == [[4, 8]],
    "spans": lambda: chops().spans == [(0, 1, 3)],
    "_display": lambda: takes(App._display, "self", "screen", "renderable"),
    "_compositor": lambda: isinstance(Screen[None]()._compositor, private.Compositor),
    "_render_chops": lambda: takes(private.Compositor._render_chops, "self", "crop", "is_rendered_line"),
    "XTermParser": lambda: Keys.there() and Keys().pressed("x")[0].key == "x",
    "_sequence_to_key_events": lambda: [each.key for each in Keys().pressed("\x1b[A")] == ["up"],
    "parse_mouse_code": lambda: isinstance(Keys().moused("\x1b[<0;3;4M")[0], MouseDown),
    "_dispatch_message": lambda: takes(MessagePump._dispatch_message, "self", "message"),
    "_screen_resized": lambda: takes(Screen._screen_resized, "self", "size"),
    "_handle_exception": lambda: takes(App._handle_exception, "self", "error"),
    "_fatal_error": lambda: takes(App._fatal_error, "self"),
}


@pytest.mark.parametrize("name", FALLS_BACK)
def test_textual_still_has_what_it_keeps_to_itself(name: str) -> None:
    try:
        as_expected, why = EXPECTED[name](), "another shape"
    except Exception as error:
        as_expected, why = False, repr(error)
    assert as_expected, f"Textual {version('textual')} and its {name}: {why}. Now {FALLS_BACK[name]}."


@cache
def on_another(*names: str) -> dict[str, Any]:
    """Return what the monitor does on a Textual in which these names are called otherwise."""
    command = [sys.executable, another_textual.__file__, *names]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name, value in {"LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}.items():
        monkeypatch.setenv(name, value)
    for name in ("LC_ALL", "LC_CTYPE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return on_another()


@pytest.mark.parametrize("names", [*((name,) for name in EVERY_NAME), tuple(EVERY_NAME)], ids=[*EVERY_NAME, "all"])
def test_without_a_private_name_the_monitor_shows_the_same_and_ends(
    usual: dict[str, Any], names: tuple[str, ...]
) -> None:
    other = on_another(*names)
    assert other["shown"]["pictures"] == usual["shown"]["pictures"]
    assert (other["shown"]["code"], other["broken"]["code"]) == (0, 1)
    spared = not any(FALLS_BACK.get(name, "every update").startswith("every update") for name in names)
    assert (other["shown"]["bytes"] < 1.2 * usual["shown"]["bytes"]) == spared
    assert other["broken"]["error"] == ("None" if "_fatal_error" in names else "broken")


def test_the_usual_pictures_are_of_the_monitor_and_a_dialog(usual: dict[str, Any]) -> None:
    monitor, dialog, *after = ("\n".join(picture) for picture in usual["shown"]["pictures"])
    assert "DEAD" in monitor
    assert "esc closes" in dialog
    assert after[0] == monitor
    assert after[1] != monitor


@pytest.mark.parametrize(
    "other",
    [{"spans": [(0, 4)]}, {"spans": None}, {"chop_ends": []}, {"chops": [[STRIP]]}],
    ids=str,
)
def test_an_update_of_another_shape_is_sent_as_textual_writes_it(other: dict[str, Any]) -> None:
    update: Any = SimpleNamespace(**{**vars(chops()), **other}, render_segments=lambda console: "in its own bytes")
    sent = Sent()
    known = Rewritten(layout(), sent).render_segments(CONSOLE)
    assert pieces_of(update) is None
    assert Rewritten(update, sent).render_segments(CONSOLE) == "in its own bytes"
    assert Rewritten(layout(), sent).render_segments(CONSOLE) == known


def test_a_screen_that_does_not_give_its_rows_away_is_left_alone() -> None:
    screen: Any = SimpleNamespace(_compositor=SimpleNamespace(_render_chops=lambda crop: []))
    assert rows_of(screen, Region(0, 0, 4, 1)) is None
