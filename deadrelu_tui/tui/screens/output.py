"""What a watched script says, as it comes: the end of the file in which that is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from deadrelu_tui.tui.panels.lines import ascii_only
from deadrelu_tui.tui.screens.dialog import SCROLLS, Dialog
from deadrelu_tui.wording import printable

READ = 100_000
"""Bytes of the end of the file that are shown."""
EVERY = 0.5
"""Seconds between two looks at it."""
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")


def lines_of(data: bytes) -> list[str]:
    """Return what a terminal would have left of some output: no sequences, and of a line that was written over again,
    as a bar's is, what was written last.
    """
    text = _SEQUENCE.sub("", data.decode("utf-8", "replace"))
    lines = []
    for line in text.split("\n"):
        parts = [part for part in line.split("\r") if part]
        lines.append(printable((parts[-1] if parts else "").expandtabs()))
    return lines


class OutputScreen(Dialog[None]):
    """The end of a script's output, over the monitor."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,O", "dismiss", "close"),
        *(Binding(key, f"scroll('{how}')") for key, how in SCROLLS.items()),
    ]

    def __init__(self, path: Path, classes: str) -> None:
        super().__init__(classes=classes)
        self.path = path
        self.ascii_only = "-ascii" in classes.split()
        self.seen_bytes = -1

    def compose(self) -> ComposeResult:
        """Lay out a window that scrolls."""
        with VerticalScroll(classes="window reasons") as window:
            window.border_title = "what the script says"
            window.border_subtitle = "[@click=screen.dismiss][b]esc[/b] close[/]"
            yield Static(id="output")

    def on_mount(self) -> None:
        """Show it, and what comes."""
        self._look()
        self.set_interval(EVERY, self._look)

    def action_scroll(self, how: str) -> None:
        """Scroll as the arrows do, or to an end."""
        getattr(self.query_one(VerticalScroll), f"scroll_{how}")(animate=False)

    def _look(self) -> None:
        try:
            size = self.path.stat().st_size
            if size == self.seen_bytes:
                return
            with self.path.open("rb") as file:
                file.seek(max(0, size - READ))
                lines = lines_of(file.read())
        except OSError as error:
            size, lines = -1, [f"{printable(str(self.path))} cannot be read here: {error.strerror}"]
        window = self.query_one(VerticalScroll)
        at_end = self.seen_bytes < 0 or window.scroll_offset.y >= window.max_scroll_y - 1
        self.seen_bytes = size
        text = Content("\n".join(lines).rstrip("\n") or "nothing so far")
        self.query_one(Static).update(ascii_only(text) if self.ascii_only else text)
        if at_end:
            window.scroll_end(animate=False)
