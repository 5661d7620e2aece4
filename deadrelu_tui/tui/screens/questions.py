"""Small dialogs: a question to be answered by a key, and a learning rate or a name to be typed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Label

from deadrelu_tui.builtin.settings import parse_lr
from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.wording import printable, rate


class EndQuestion(Dialog[bool]):
    """Asks before a live run is ended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "end it"),
        Binding("n,escape", "answer(False)", "stay"),
    ]
    end, stay = "end it and go on", "stay"
    """What the keys are said to do."""

    def __init__(self, question: str, classes: str) -> None:
        super().__init__(classes=classes)
        self.question = question

    def compose(self) -> ComposeResult:
        """Show the question and its keys."""
        with Vertical(classes="dialog"):
            yield Label(self.question, markup=False)
            yield Label(f"[b $accent]y[/] {self.end}   [b $accent]n[/] {self.stay}", classes="keys")

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)


class QuitQuestion(Dialog[str | None]):
    """Asks what becomes of a live run when the screen is left: 'leave', 'stop' or 'detach'. To leave ends a run of this
    process, and no other; the key that asked says so, too.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,q", "answer('leave')", "leave"),
        Binding("d", "answer('detach')", "detach"),
        Binding("s", "answer('stop')", "stop"),
        Binding("n,escape", "answer(None)", "stay"),
    ]

    def __init__(self, question: str, here: bool, classes: str) -> None:
        super().__init__(classes=classes)
        self.question, self.here = question, here

    def compose(self) -> ComposeResult:
        """Show the question and its keys."""
        keys = (("y", "quit"), ("d", "detach: it goes on")) if self.here else (("y", "leave it"), ("s", "stop it"))
        with Vertical(classes="dialog"):
            yield Label(self.question, markup=False)
            told = "   ".join(f"[b $accent]{key}[/] {label}" for key, label in (*keys, ("n", "stay")))
            yield Label(told, classes="keys")

    def action_answer(self, what: str | None) -> None:
        """Answer."""
        self.dismiss(what)


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
            hint.update(Content(printable(str(error))))
            hint.add_class("error")


class NameQuestion(Dialog[str | None]):
    """Asks for a part of a name, or of a text; nothing brings all of them back."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "leave it")]

    def __init__(self, text: str, example: str, classes: str, label: str = "Layers and parameters whose name holds:"):
        super().__init__(classes=classes)
        self.text, self.example, self.label = text, example, label

    def compose(self) -> ComposeResult:
        """Show the field, filled with what is looked for."""
        with Vertical(classes="dialog"):
            yield Label(self.label)
            yield Input(self.text, placeholder=self.example, select_on_focus=True)
            yield Label("[b $accent]enter[/] find   [b $accent]esc[/] leave it", classes="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text."""
        self.dismiss(event.value.strip())
