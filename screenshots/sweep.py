"""Pictures of the map of a sweep on the screen, from real runs: python screenshots/sweep.py

A sweep of 21 learning rates by 9 input scales, of 200 steps each: some minutes.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from make import HERE, to_png

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.cell import compute
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.source import Source
from deadrelu_tui.sweep.axes import Axis, values_of
from deadrelu_tui.sweep.cluster import Cluster, cores
from deadrelu_tui.sweep.grid import Grid
from deadrelu_tui.sweep.sweep import Given, Sweep, name_of
from deadrelu_tui.theory.rates import half_dies
from deadrelu_tui.theory.sample import norm, sample
from deadrelu_tui.tui.phase_app import PhaseApp
from deadrelu_tui.tui.sweeping import Sweeping
from deadrelu_tui.tui.themes import DARK

SIZES = {"sweep": (160, 48), "sweep-80x24": (80, 24)}


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
    grid, images = Grid(RunSettings(steps=200, full=False), (lr, scale)), fashion_mnist.find(None, False)
    with tempfile.TemporaryDirectory() as folder:
        given = Given(name_of(grid), Path(folder), images.sha256, compute, lambda _many: Cluster.here(cores()))
        sweep = Sweep(grid, given)
        sweep.begin()
        sweep.join()
        limit = limits()
        for name, size in SIZES.items():
            svg = asyncio.run(take(sweep, name, size, limit, ["up", "up", "right", "right"]))
            to_png(svg)
            print(svg.name)


if __name__ == "__main__":
    main()
