"""A chart in a panel: it is given a plot and shows it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.message import Message

from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.panels.frame import BORDER
from deadrelu_tui.tui.plot.chart import Plot, Row, Span, draw
from deadrelu_tui.tui.plot.charts import ChartSpec
from deadrelu_tui.tui.plot.scale import LABEL_WIDTH


def told_in_the_middle(text: str, width: int, height: int) -> list[Row]:
    """Return rows that say why there is no chart."""
    lines = textwrap.wrap(text, max(1, width - 2))[:height]
    rows: list[Row] = [[(" " * width, "text")] for _ in range(height)]
    for at, line in enumerate(lines, (height - len(lines)) // 2):
        rows[at] = [(f"{line:^{width}}"[:width], "text")]
    return rows


class ChartPanel(CellPanel):
    """A chart of one spec."""

    @dataclass
    class Picked(Message):
        """A step of the chart was clicked on."""

        step: int

    @dataclass
    class Zoomed(Message):
        """The wheel was turned over the chart: 1 for closer, −1 for further away."""

        by: int

    def __init__(self, spec: ChartSpec, ascii_only: bool) -> None:
        super().__init__(spec.id, ascii_only)
        self.spec = spec
        self.plot: Plot | None = None
        self.rows = 0
        """Rows that the plot was made for."""
        self.add_class("chart")

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return 'h1' for 'dead ReLU h1'."""
        return [(self.spec.label, title[0][1]), *title[1:]] if self.spec.layer else title

    def show_plot(self, title: Sequence[Span], plot: Plot, below: Sequence[Row] = ()) -> None:
        """Draw a plot at the panel's size, with some rows below it."""
        width, height = self.room
        self.plot, self.rows = plot, height
        self.show(title, [*draw(plot, width, height - len(below), self.ascii_only, self.coloured), *below])

    def on_click(self, event: events.Click) -> None:
        """Pick the step that was clicked on."""
        width = self.room[0] - LABEL_WIDTH - 1
        column = event.x - BORDER // 2 - LABEL_WIDTH - 1
        if self.plot is not None and 0 <= column < width and 0 < event.y < self.size.height - 1:
            self.post_message(self.Picked(self.plot.across.step_at(column / max(1, width - 1))))

    def on_mouse_scroll_up(self) -> None:
        """Show fewer steps."""
        self.post_message(self.Zoomed(1))

    def on_mouse_scroll_down(self) -> None:
        """Show more steps."""
        self.post_message(self.Zoomed(-1))
