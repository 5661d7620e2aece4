"""How long the list of many recorded runs takes, by the command itself: before any was looked at, and after that.

The files are made up: small, of the article's network, an hour old and older.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from report import Row, Spread, show

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.records import End, Record, Start, Step
from deadrelu_tui.record.units import OF_EACH, Units
from deadrelu_tui.run.folder import path_of

WITHIN = 0.5
A_PAGE = 40
"""Runs that a terminal has lines for."""


def records(first: Start, number: int) -> Iterator[Record]:
    """Yield a run of a few steps, each run another."""
    yield first
    live = {name: first.settings[name] for name in ("normalise", "lr", "activation")}
    unit = np.random.default_rng(number).random(300, np.float32)
    looked = {"h1": Units("relu", **dict.fromkeys(OF_EACH, unit), spread=np.zeros(258, np.float32))}
    values = {"loss": 2 / (1 + number % 7), "dead_fraction/h1": number % 100 / 100, "zero_fraction/h1": 0.5}
    for step in range(4):
        yield Step(step, step / 100, 1, live, values, {}, {} if step else looked)
    tested = {**values, "accuracy/test": number % 97 / 100, "loss/test": 1.0}
    yield Step(4, 0.05, 1, live, tested, {}, looked, ends_epoch=True)
    yield End(0.06, "finished")


def make(folder: Path, count: int) -> None:
    """Fill a folder with so many runs."""
    folder.mkdir(parents=True)
    presets, now = list(PRESETS.values()), time.time() - 3600
    for number in range(count):
        at = now - 600 * number
        settings = replace(presets[number % len(presets)], seed=number)
        run = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(at))}-{number % 65536:04x}"
        facts = {"engine": "numpy", "host": "box", "train": 60_000, "test": 10_000}
        first = replace(promise(settings), run=run, at=at, steps=5, steps_per_epoch=5, facts=facts, probe=2_000)
        path = path_of(folder, run)
        path.write_bytes(dump(records(first, number)))
        os.utime(path, (at, at))


def seconds(home: Path, *arguments: str) -> float:
    """Return how long a command takes, from its start to its end."""
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "deadrelu_tui", *arguments], env=environment, stdout=subprocess.PIPE, check=True
    )
    return time.monotonic() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    kinds = {
        "a page": ["runs", "-n", str(A_PAGE)], "all, as text": ["runs"], "all, as JSON": ["runs", "--json"],
        "the best": ["runs", "--sort", "accuracy", "-n", str(A_PAGE)], "sifted": ["runs", "verdict=early", "steps=5"],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        make(home / "deadrelu-tui" / "runs", given.runs)
        print(f"{given.runs} runs are made", flush=True)
        page, cold = seconds(home, *kinds["a page"]), seconds(home, "runs")
        print(f"read for the first time in {cold:.0f} s", flush=True)
        taken: dict[str, list[float]] = {kind: [] for kind in ("start", *kinds)}
        for _ in range(given.rounds):
            taken["start"].append(seconds(home, "--version"))
            for kind, arguments in kinds.items():
                taken[kind].append(seconds(home, *arguments))
    spreads = {kind: Spread(tuple(each), "s") for kind, each in taken.items()}
    rows = [
        Row(f"{A_PAGE} of {given.runs} runs are listed, none of them looked at before", f"{page:.2f} s"),
        Row("all are listed, none of them looked at before", f"{cold:.1f} s"),
        Row("the command alone", str(spreads["start"])),
        *(
            Row(f"{kind} of {given.runs} runs", str(each), target=f"≤ {WITHIN} s", met=each.median <= WITHIN)
            for kind, each in spreads.items() if kind in kinds
        ),
    ]  # fmt: skip
    show(rows, given.markdown)


if __name__ == "__main__":
    main()
