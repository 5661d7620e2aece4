"""Keys that arrive together have the effect of keys that are typed one by one."""

from __future__ import annotations

from typing import ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from deadrelu_tui.tui.wire.typed import TypedInOrder

NAMED = {"left": None, "right": None, "backspace": None, "delete": None, "home": None, "end": None, "space": " "}
KEYS = st.lists(st.sampled_from([*"abc", *NAMED]), max_size=25)


def key(name: str) -> events.Key:
    """Return what the driver makes of a key."""
    return events.Key(name, name if len(name) == 1 else NAMED.get(name))


def edited(keys: list[str]) -> str:
    """Return what a line of text is after these keys."""
    text, at = "", 0
    for name in keys:
        if name in ("left", "right"):
            at = max(0, at - 1) if name == "left" else min(len(text), at + 1)
        elif name in ("home", "end"):
            at = 0 if name == "home" else len(text)
        elif name == "backspace":
            text, at = text[: max(0, at - 1)] + text[at:], max(0, at - 1)
        elif name == "delete":
            text = text[:at] + text[at + 1 :]
        else:
            character = NAMED.get(name) or name
            text, at = text[:at] + character + text[at:], at + 1
    return text


class Asked(ModalScreen[str]):
    """A dialog with a field."""

    def compose(self) -> ComposeResult:
        yield Input()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)


class Asking(TypedInOrder):
    """An application that asks at `o`, and takes notes of `x`."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("o", "ask"), Binding("x", "note('x')")]

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str | None] = []

    def action_ask(self) -> None:
        self.push_screen(Asked(), self.noted.append)

    def action_note(self, what: str) -> None:
        self.noted.append(what)


async def together(app: App[None], pilot: Pilot[None], keys: list[str]) -> None:
    """Press keys as one packet brings them: none waits for the one before."""
    for name in keys:
        app.post_message(key(name))


async def until_noted(app: Asking, pilot: Pilot[None], number: int) -> None:
    """Wait for so many notes."""
    for _ in range(200):
        if len(app.noted) >= number:
            return
        await pilot.pause(0.02)


@settings(max_examples=25, deadline=None)
@given(KEYS)
async def test_a_burst_of_keys_edits_a_line_as_keys_typed_one_by_one(keys: list[str]) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await together(app, pilot, ["o", *keys, "enter", "x"])
        await until_noted(app, pilot, 2)
    assert app.noted == [edited(keys), "x"]


async def test_a_key_after_a_dialog_has_gone_reaches_what_was_below_it() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await together(app, pilot, ["x", "o", "enter", "x", "o", "a", "enter", "x"])
        await until_noted(app, pilot, 5)
    assert app.noted == ["x", "", "x", "a", "x"]


async def test_a_text_that_is_pasted_keeps_its_place_among_the_keys() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await together(app, pilot, ["o", "a", "backspace"])
        app.post_message(events.Paste("0.05"))
        await together(app, pilot, ["backspace", "1", "enter"])
        await until_noted(app, pilot, 1)
    assert app.noted == ["0.01"]
