"""A run of a sweep, opened from its map: the monitor on what was recorded of it, and the questions on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from deadrelu_tui.ascii import to_ascii
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.screens.dialog import Dialog
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.questions import EndQuestion
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.wording import printable

BEGINS = frozenset({"restart", "experiment", "tour", "settings", "train_on", "normalise", "rate", "type_rate", "revive",
                    "activation"})  # fmt: skip
"""Actions that begin another run, or say with what."""
ONLY_READ = "Here runs are read: deadrelu-tui replay {} trains anew with its settings."


class OpenedScreen(MonitorScreen):
    """The monitor on a recorded run; escape and q lead back to the map."""

    def __init__(self, source: Source, meter: Meter | None, pace: Pace, ascii_only: bool) -> None:
        super().__init__(Session(source, _nothing), meter, pace, ascii_only)

    def on_mount(self) -> None:
        """Keep drawing."""
        self.begin()

    def on_unmount(self) -> None:
        """Let go of the run's file."""
        self.run_in_hand.close()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say which keys apply: those that read."""
        if action in BEGINS:
            return False
        return True if action == "restore" else super().check_action(action, parameters)

    def _why_not(self, action: str) -> str:
        return ONLY_READ.format(self.run_in_hand.start.run) if action in BEGINS else super()._why_not(action)

    def key_entries(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield the entries of the line of keys: to quit is to go back."""
        for key, label, action, applies in super().key_entries():
            yield key, "back to the map" if action == "leave" else label, action, applies

    def action_restore(self) -> None:
        """Show everything again, or let go of the cursor, or else go back."""
        if self.alone or self.view.cursor is not None:
            super().action_restore()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Go back to the map."""
        if self.is_current:
            self.dismiss()


def _nothing(_values: Mapping[str, Any], _paused: bool) -> Source:
    raise InputError("on the map of a sweep runs are only read")


class LeaveQuestion(EndQuestion):
    """Asks before a sweep is left that goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y,q,ctrl+c", "answer(True)", "leave it")]
    end, stay = "leave it", "stay"


class SeedQuestion(Dialog[int | None]):
    """Asks which of the runs at a place is to be opened: by its number, or by arrows and enter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "leave it"),
        Binding("j", "turn('down')"),
        Binding("k", "turn('up')"),
        *(Binding(str(number), f"take({number - 1})") for number in range(1, 10)),
    ]

    def __init__(self, told: Sequence[str], classes: str) -> None:
        super().__init__(classes=classes)
        self.told = [to_ascii(each) if "-ascii" in classes else each for each in told]

    def compose(self) -> ComposeResult:
        """Show the runs."""
        with Vertical(classes="dialog"):
            yield Label("Which of the seeds?", markup=False)
            options = [Option(Content(f"{index:>2}  {printable(each)}")) for index, each in enumerate(self.told, 1)]
            yield OptionList(*options, classes="seeds")
            to = "-" if "-ascii" in self.classes else "–"
            keys = f"[b $accent]1[/]{to}[b $accent]{min(9, len(self.told))}[/] or [b $accent]enter[/] open"
            yield Label(f"{keys}   [b $accent]esc[/] leave it", classes="keys")

    def on_mount(self) -> None:
        """Choose among them."""
        self.query_one(OptionList).focus()

    def action_turn(self, way: str) -> None:
        """Go to the next, or to the one before."""
        getattr(self.query_one(OptionList), f"action_cursor_{way}")()

    def action_take(self, index: int) -> None:
        """Open one by its number."""
        if index < len(self.told):
            self.dismiss(index)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the one that was chosen."""
        self.dismiss(event.option_index)
