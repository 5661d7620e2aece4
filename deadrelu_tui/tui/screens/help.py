"""The help: every key as it is declared, and every metric as the vocabulary defines it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from deadrelu_tui.metrics import METRICS
from deadrelu_tui.tui.ascii import to_ascii
from deadrelu_tui.tui.screens.dialog import Dialog


class HelpScreen(Dialog[None]):
    """Keys and definitions; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close")]

    def __init__(self, keys: Iterable[tuple[str, str, str]], classes: str) -> None:
        super().__init__(classes=classes)
        self.keys = tuple(keys)
        self.letters = to_ascii if "-ascii" in classes.split() else str

    def compose(self) -> ComposeResult:
        """Show two tables."""
        with VerticalScroll(classes="help panel") as scroll:
            scroll.border_title = "[b]help[/b]  esc closes"
            yield Static(self._keys())
            yield Static(self._metrics())

    def _keys(self) -> Table:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for key, name, text in self.keys:
            table.add_row(
                Text(self.letters(key), style="bold"), self.letters(name), Text(self.letters(text), style="dim")
            )
        return table

    def _metrics(self) -> Table:
        table = Table(box=None, show_header=False, padding=(1, 2, 0, 0))
        for metric in METRICS:
            body = Text(self.letters(metric.meaning))
            body.append(f"\n{self.letters(metric.formula)}", style="dim")
            table.add_row(Text(metric.name, style="bold"), body)
        return table
