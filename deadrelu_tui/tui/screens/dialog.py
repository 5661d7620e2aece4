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

from deadrelu_tui.tui.wire.textual_private import rows_of

SCROLLS = {"j": "down", "k": "up", "g": "home", "G": "end"}
"""Keys that scroll whatever is read, as in less and vi, beside the arrows."""


class Dialog(ModalScreen[ScreenResultType]):
    """A screen over the monitor that is answered once, however fast the keys come."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return rows of the screen behind the dialog, dimmed.

        Textual does so by way of Rich and works out a style for each stretch of text: most of the time that opening a
        dialog took.
        """
        screens = self.app.screen_stack
        at = next((at for at, screen in enumerate(screens) if screen is self), 0)
        whole = Region(0, crop.y, self.size.width, crop.height)
        rows = rows_of(screens[at - 1], whole) if at else None
        if rows is None:
            return super().render_lines(crop)
        style, colour = self.rich_style, self.styles.background
        strips = []
        for row in rows:
            strip = Strip([Segment(text, _dimmed(own, colour)) for text, own, _ in row], row.cell_length)
            for each in self.get_line_filters():
                strip = strip.apply_filter(each, colour)
            strips.append(strip.adjust_cell_length(self.size.width, style).crop(*crop.column_span))
        # While the terminal grows, the screen behind is still as small as it was.
        return strips + [Strip.blank(crop.width, style)] * (crop.height - len(strips))

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Answer and close; do nothing if it is closing already."""
        return super().dismiss(result) if self.is_current else AwaitComplete()


@functools.lru_cache(maxsize=2048)
def _dimmed(style: Style | None, colour: Color) -> Style | None:
    [(_, dimmed, _)] = BackgroundScreen.process_segments([Segment("", style)], colour)
    return dimmed
