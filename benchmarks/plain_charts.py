"""A plain peer for the bytes to a terminal: three widgets, each with all of a plotext chart, drawn anew twice a second.

This is what one writes first with Textual and plotext: a series grows, and at every tick each chart is built from all
of it and handed to a Static. Textual itself leaves out what it knows to be unchanged. The series are made up, of the
kind that the monitor shows at the same time: a loss, a share of zeros, a sum of gradients.
"""

from __future__ import annotations

import random

import plotext
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import Static

TICK = 0.5
STEPS_A_TICK = 75
"""150 steps a second, which is about what the monitor draws meanwhile."""


class PlainCharts(App[None]):
    """Three charts below each other."""

    CSS = "Static { height: 1fr; width: 100%; }"

    def __init__(self) -> None:
        super().__init__()
        self.random = random.Random(0)
        self.series: dict[str, list[float]] = {"loss": [], "zeros": [], "gradient": []}

    def compose(self) -> ComposeResult:
        """Show a widget for each series."""
        for name in self.series:
            yield Static(id=name)

    def on_mount(self) -> None:
        """Begin to draw."""
        self.set_interval(TICK, self.tick)

    def tick(self) -> None:
        """Let the series grow and draw all of them."""
        for _ in range(STEPS_A_TICK):
            step = len(self.series["loss"])
            noise = self.random.uniform(-1, 1)
            self.series["loss"].append(0.4 + 2.0 * 0.98**step + 0.06 * noise)
            self.series["zeros"].append(0.82 - 0.3 * 0.97**step + 0.005 * noise)
            self.series["gradient"].append(1e4 * noise)
        for name, values in self.series.items():
            widget = self.query_one(f"#{name}", Static)
            widget.update(Text.from_ansi(chart(name, values, *widget.size)))


def chart(title: str, values: list[float], width: int, height: int) -> str:
    """Return a chart as plotext builds it, at its defaults but for the size and the title."""
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.title(title)
    figure.draw(figure.signal(list(range(len(values))), values).lines(True))
    built: str = figure.build().string()
    return built


if __name__ == "__main__":
    PlainCharts().run()
