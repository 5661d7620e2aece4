"""What all dialogs share."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from rich.console import RenderableType
from rich.segment import Segment
from rich.style import Style
from textual.await_complete import AwaitComplete
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, ScreenResultType


class Dialog(ModalScreen[ScreenResultType]):
    """A screen over the monitor that is answered once, however fast the keys come."""

    def render(self) -> RenderableType:
        """Return the monitor behind the dialog, dimmed."""
        behind = super().render()
        return Dimmed(behind.screen, behind.color) if isinstance(behind, BackgroundScreen) else behind

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Answer and close; do nothing if it is closing already."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


class Dimmed(BackgroundScreen):
    """A screen behind a dialog, as Textual draws it, but each style is dimmed once, not each stretch of text."""

    @classmethod
    def process_segments(cls, segments: Iterable[Segment], color: Color) -> Iterable[Segment]:
        """Dim segments by a colour."""
        for text, style, control in segments:
            yield Segment(text, style if control else _dimmed(style or Style(), color), control)


@functools.lru_cache(maxsize=1024)
def _dimmed(style: Style, color: Color) -> Style:
    [(_, dimmed, _)] = BackgroundScreen.process_segments([Segment("", style)], color)
    return dimmed or style
