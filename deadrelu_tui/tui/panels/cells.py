"""A bordered panel of coloured cells that is drawn anew only in the rows that have changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from deadrelu_tui.tui.panels.frame import framed, room_in
from deadrelu_tui.tui.plot.chart import Row, Span

BORDER_ROLES = ("border", "focus", "name", "text")


class CellPanel(Widget, can_focus=True):
    """A bordered panel of coloured cells that draws anew only the rows that have changed.

    Which of their cells differ from what the terminal shows is found out once, on the way there.

    It draws its border itself, because a change of Textual's own border title repaints the whole widget. The colours
    of the roles are its screen's, which has a component class for each: Textual works these out anew whenever a style
    may have changed, and for each panel by itself that would delay the first frame and every focus.
    """

    @dataclass
    class Stale(Message):
        """The panel has a new size, and must be drawn again."""

        panel: CellPanel

    def __init__(self, id: str, ascii_only: bool) -> None:
        super().__init__(id=id, classes="panel cells")
        self.ascii_only = ascii_only
        self.hint = ""
        """A word for the lower right corner of the border."""
        self.more = ""
        """What else there is than the panels that are shown, to stand there."""
        self.drawn: object = None
        """What the panel shows, in its owner's terms; None if it must be drawn again."""
        self._content: tuple[Sequence[Span], list[Row]] = ((), [])
        self._rows: list[Row] = []
        self._strips: list[Strip] = []
        self._styles: dict[str, Style] = {}

    @property
    def room(self) -> tuple[int, int]:
        """Columns and rows inside the border, and one column of air."""
        return room_in(*self.size)

    @property
    def coloured(self) -> bool:
        """Whether the terminal has colours enough to tell things apart by them alone."""
        app = self.app
        return not app.no_color and (app.is_headless or app.console.color_system != "standard")

    @property
    def title(self) -> str:
        """What stands in the upper line of the border."""
        return "".join(text for text, _ in self._rows[0]).strip("╭─╮+- ") if self._rows else ""

    def show(self, title: Sequence[Span], rows: list[Row]) -> None:
        """Show a title of (text, role) parts and rows of spans as wide as the room; no rows leave it empty."""
        self._content = (title, rows)
        before, now = self._rows, self._framed()
        self._rows = now
        if len(before) != len(now) or len(self._strips) != len(now):
            self._restyle()
            return
        dirty = []
        for y, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                self._strips[y] = self._strip(new)
                dirty.append(Region(0, y, self.size.width, 1))
        if dirty:
            self.refresh(*dirty)

    def on_resize(self) -> None:
        """Ask to be drawn at the new size; until anything is known show the border alone."""
        self.drawn = None
        if not self._content[1]:
            self.show([], [])
        self.post_message(self.Stale(self))

    def watch_has_focus(self, has_focus: bool) -> None:
        """Take the colour of the focus, or give it back. An event of the focus would come before it is there."""
        super().watch_has_focus(has_focus)
        self.show(*self._content)

    def render_line(self, y: int) -> Strip:
        """Return one row of cells. The first are asked for before the panel is told of its size."""
        if not self._content[1] and len(self._rows) != self.size.height:
            self._rows = self._framed()
        if len(self._strips) != len(self._rows):
            self._strips = [self._strip(row) for row in self._rows]
        width = self.size.width
        if y < len(self._strips) and self._strips[y].cell_length == width:
            return self._strips[y]
        # Only where it is needed: a widget's style is put together from those of all around it.
        style = self.rich_style
        return self._strips[y].adjust_cell_length(width, style) if y < len(self._strips) else Strip.blank(width, style)

    def notify_style_update(self) -> None:
        """Forget the colours. The new ones are worked out after this, and asked for with the next row."""
        super().notify_style_update()
        self._styles.clear()
        self._restyle()

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return a title that is too long in fewer words."""
        return title

    def _framed(self) -> list[Row]:
        title, rows = self._content
        return framed(title, rows, self.size, hint=self.hint, focus=self.has_focus, ascii_only=self.ascii_only,
                      shorter=self.shorter)  # fmt: skip

    def _restyle(self) -> None:
        self._strips = []
        self.refresh()

    def _strip(self, row: Row) -> Strip:
        return Strip(Segment(text, self._style(role)) for text, role in row)

    def _style(self, role: str) -> Style:
        if role not in self._styles:
            above, _, below = role.partition("/")  # two roles share a cell of half blocks
            style = self.screen.get_component_rich_style(f"role--{above}")
            self._styles[role] = style + Style(bgcolor=self._style(below).color) if below else style
        return self._styles[role]
