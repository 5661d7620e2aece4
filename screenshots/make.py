"""Make the screenshots from real runs: python screenshots/make.py

Each is a training on the images that are found, held at an exact step, and saved as SVG; where Chromium is installed
also as PNG.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.begin import make_run
from deadrelu_tui.run.gate import Gate, Turn
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import Status
from deadrelu_tui.tui.app import MonitorApp

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shot:
    """One picture: its name, experiment, size, keys pressed at exact steps, the step at which it is taken, and keys
    pressed then.
    """

    name: str
    preset: str
    size: tuple[int, int]
    hold: int
    keys: tuple[tuple[int, str], ...] = ()
    then: tuple[str, ...] = ()
    tried: bool = False
    """Whether it waits until remedies were tried."""


SHOTS = (
    Shot("tragedy-wide", "tragedy", (160, 48), 500, ((250, "n"),)),
    Shot("revived-wide", "tragedy", (160, 48), 500, ((50, "n"), (60, "v"))),
    Shot("normalised-wide", "normalised", (160, 48), 700),
    Shot("units-wide", "normalised", (120, 40), 500, then=(*["tab"] * 7, "right", "m")),
    Shot("why-wide", "tragedy", (120, 48), 100, then=("enter",), tried=True),
    Shot("low-lr-80x24", "low-lr", (80, 24), 500),
)


class Gates:
    """Hold a training before certain steps until a key was pressed, so that it takes effect at that very step."""

    def __init__(self, steps: Sequence[int]) -> None:
        self.reached = {step: threading.Event() for step in steps}
        self.passed = {step: threading.Event() for step in steps}

    def __enter__(self) -> Gates:
        """Stand before the gate at which a training asks for its next step."""
        ask = Gate.next

        def held(gate: Gate, step: int) -> Turn:
            if step in self.reached and not self.passed[step].is_set():
                self.reached[step].set()
                self.passed[step].wait()
            return ask(gate, step)

        self._patch = patch.object(Gate, "next", held)
        self._patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for event in self.passed.values():
            event.set()
        self._patch.stop()


async def take(shot: Shot) -> Path:
    """Run, press, hold, save; return the SVG's path."""
    keys = (*shot.keys, (shot.hold, "space"))
    with ThreadPoolExecutor(1) as executor, Gates([step for step, _ in keys]) as gates:

        def begin(values: Mapping[str, Any], _paused: bool) -> Run:
            run = make_run(RunSettings.of(values), executor, stays=True, trials=shot.tried)
            run.begin()
            return run

        run = make_run(PRESETS[shot.preset], executor, stays=True, trials=shot.tried)
        app = MonitorApp(run, begin, when_ready=run.begin)
        async with app.run_test(size=shot.size) as pilot:
            assert app.monitor is not None
            for step, key in keys:
                while not gates.reached[step].is_set() and run.status is not Status.FAILED:
                    await pilot.pause(0.05)
                await pilot.press(key)
                gates.passed[step].set()
            while not any(event.kind == "pause" for event in run.history.events):
                await pilot.pause(0.05)
            while shot.tried and run.history.tried is None:
                await pilot.pause(0.05)
            app.monitor.draw()
            await pilot.press(*shot.then)
            await pilot.pause(0.5)
            path = HERE / f"{shot.name}.svg"
            app.save_screenshot(str(path))
        app.close()
    return path


def to_png(svg: Path) -> None:
    """Draw an SVG with Chromium, which alone respects its text lengths."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
    if chromium is None or size is None:
        print(f"{svg.name}: no Chromium, no PNG")
        return
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
             "--disable-background-networking", f"--user-data-dir={profile}",
             f"--window-size={int(float(size[1]))},{int(float(size[2]))}",
             f"--screenshot={svg.with_suffix('.png')}", svg.resolve().as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


def main() -> None:
    """Make all of them."""
    for shot in SHOTS:
        svg = asyncio.run(take(shot))
        to_png(svg)
        print(svg.name)


if __name__ == "__main__":
    main()
