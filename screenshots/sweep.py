"""Pictures of the map of a sweep on the screen, from real runs: python screenshots/sweep.py

A sweep of 21 learning rates by 9 input scales, of 200 steps each, computed one after the other.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from make import HERE, to_png

from deadrelu_tui import places
from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.begin import make_run
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.source import Source
from deadrelu_tui.sweep.axes import Axis, values_of
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.grid import Grid
from deadrelu_tui.sweep.outcome import outcome
from deadrelu_tui.theory.rates import half_dies
from deadrelu_tui.theory.sample import norm, sample
from deadrelu_tui.tui.phase_app import PhaseApp
from deadrelu_tui.tui.sweeping import Sweeping
from deadrelu_tui.tui.themes import DARK

SIZES = {"sweep": (160, 48), "sweep-80x24": (80, 24)}
BATCH = 40
"""Images of a batch: the built-in subset has 200 of these, and a run is one epoch."""


class Computed:
    """A sweep that was computed here."""

    def __init__(self, grid: Grid) -> None:
        self.chart, self.name, self.where, self.waiting, self.unrecorded = Chart(grid), "", "", "", ""
        self.over, self.error, self.taken, self.began = False, None, 0, time.monotonic()

    def stop(self) -> None:
        """Do nothing: it is over."""

    def compute(self) -> None:
        """Compute all of it."""
        with ThreadPoolExecutor(1) as executor:
            for cell in self.chart.grid.cells():
                run = make_run(cell.settings, executor, trials=False)
                run.begin()
                run.join()
                self.chart.ended(cell, outcome(run.history))
        self.over = True


def limits() -> Callable[[RunSettings], float | None]:
    """Return what theory says of the images that are built in."""
    images = fashion_mnist.find(None, False)
    raw = norm(sample(images.train_images, images.train_labels, 1.0)[0])
    return lambda settings: half_dies(raw * settings.input_scale, len(settings.hidden))


def _no_run(run: str) -> Source:
    raise InputError(f"there is no run {run}")


async def take(
    sweep: Sweeping, name: str, size: tuple[int, int], limit: Callable[[RunSettings], float | None],
    keys: Sequence[str] = (), theme: str = DARK.name,
) -> Path:  # fmt: skip
    """Show a sweep, press keys, and save what is seen; return the SVG's path."""
    app = PhaseApp(sweep, "dead", _no_run, limit, str, theme=theme)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.5)
        await pilot.press(*keys)
        await pilot.pause(0.5)
        path = HERE / f"{name}.svg"
        app.save_screenshot(str(path))
    return path


def main() -> None:
    """Compute, show, save."""
    lr, scale = (
        Axis(name, values_of(name, [text]))
        for name, text in (("lr", "log:1e-4:10:21"), ("input_scale", "log:1/255:1:9"))
    )
    with tempfile.TemporaryDirectory() as folder:
        places.told = Path(folder)
        sweep = Computed(Grid(RunSettings(engine="numpy", batch_size=BATCH, epochs=1, full=False), (lr, scale)))
        sweep.compute()
        limit = limits()
        for name, size in SIZES.items():
            svg = asyncio.run(take(sweep, name, size, limit, ["up", "up", "right", "right"]))
            to_png(svg)
            print(svg.name)


if __name__ == "__main__":
    main()
