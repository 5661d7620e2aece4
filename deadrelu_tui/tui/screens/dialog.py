"""What all dialogs share."""

from __future__ import annotations

import functools

from rich.segment import Segment
from rich.style import Style
from textual.await_complete import AwaitComplete
from textual.color import Color
from textual.geometry import Region
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen, ScreenResultType
from textual.strip import Strip


class Dialog(ModalScreen[ScreenResultType]):
    """A screen over the monitor that is answered once, however fast the keys come."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return rows of the screen behind the dialog, dimmed.

        Textual does so by way of Rich and works out a style for each stretch of text: most of the time that opening a
        dialog took.
        """
        screens = self.app.screen_stack
        at = next((at for at, screen in enumerate(screens) if screen is self), 0)
        if not at:
            return super().render_lines(crop)
        rows = screens[at - 1]._compositor.render_strips()[crop.y : crop.bottom]
        colour = self.styles.background
        return [
            Strip([Segment(text, _dimmed(style, colour)) for text, style, _ in row], row.cell_length).crop(
                *crop.column_span
            )
            for row in rows
        ]

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Answer and close; do nothing if it is closing already."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


@functools.lru_cache(maxsize=2048)
def _dimmed(style: Style | None, colour: Color) -> Style | None:
    [(_, dimmed, _)] = BackgroundScreen.process_segments([Segment("", style)], colour)
    return dimmed
