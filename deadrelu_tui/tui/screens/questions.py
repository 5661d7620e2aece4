"""Small dialogs: a question to be answered by a key, and a learning rate or a name to be typed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Label

from deadrelu_tui.builtin.settings import parse_lr
from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.wording import rate


class QuitQuestion(Dialog[bool]):
    """Asks before a live run is ended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter,q", "answer(True)", "quit"),
        Binding("n,escape", "answer(False)", "stay"),
    ]

    def __init__(self, step: str, classes: str) -> None:
        super().__init__(classes=classes)
        self.step = step

    def compose(self) -> ComposeResult:
        """Show the question and its keys."""
        with Vertical(classes="dialog"):
            yield Label(f"The run is at step {self.step}. Quit and end it?")
            yield Label("[b $accent]y[/] quit   [b $accent]n[/] stay", classes="keys")

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)


class RateQuestion(Dialog[float | None]):
    """Asks for a learning rate and takes nothing that is not one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "leave it")]

    def __init__(self, lr: float, classes: str) -> None:
        super().__init__(classes=classes)
        self.lr = lr

    def compose(self) -> ComposeResult:
        """Show the field, filled with the rate that is set."""
        with Vertical(classes="dialog"):
            yield Label("Learning rate, from the next step on:")
            yield Input(rate(self.lr), placeholder="0.01", select_on_focus=True)
            yield Label("[b $accent]enter[/] set   [b $accent]esc[/] leave it", id="hint", classes="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the number, or say what is allowed."""
        try:
            self.dismiss(parse_lr(event.value))
        except InputError as error:
            hint = self.query_one("#hint", Label)
            hint.update(str(error))
            hint.add_class("error")


class NameQuestion(Dialog[str | None]):
    """Asks for a part of a layer's or parameter's name; nothing brings all of them back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "leave it")]

    def __init__(self, text: str, classes: str) -> None:
        super().__init__(classes=classes)
        self.text = text

    def compose(self) -> ComposeResult:
        """Show the field, filled with what is looked for."""
        with Vertical(classes="dialog"):
            yield Label("Layers and parameters whose name holds:")
            yield Input(self.text, placeholder="encoder.3", select_on_focus=True)
            yield Label("[b $accent]enter[/] find   [b $accent]esc[/] leave it", classes="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text."""
        self.dismiss(event.value.strip())
