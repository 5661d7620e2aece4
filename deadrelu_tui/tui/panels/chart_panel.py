"""A chart in a panel: it is given a plot and shows it."""

from __future__ import annotations

from collections.abc import Sequence

from deadrelu_tui.tui.panels.cells import CellPanel
from deadrelu_tui.tui.plot.chart import Plot, Span, draw
from deadrelu_tui.tui.plot.charts import ChartSpec


class ChartPanel(CellPanel):
    """A chart of one spec."""

    def __init__(self, spec: ChartSpec, ascii_only: bool) -> None:
        super().__init__(spec.id, ascii_only)
        self.spec = spec
        self.plot: Plot | None = None
        self.rows = 0
        """Rows that the plot was made for."""
        self.more = ""
        """What the border says of charts that have no room."""
        self.add_class("chart")

    def shorter(self, title: list[Span]) -> list[Span]:
        """Return 'h1' for 'dead ReLU h1'."""
        return [(self.spec.label, title[0][1]), *title[1:]]

    def show_plot(self, title: Sequence[Span], plot: Plot) -> None:
        """Draw a plot at the panel's size."""
        self.plot, self.rows = plot, self.room[1]
        self.show(title, draw(plot, *self.room, self.ascii_only))
