"""What a sweep costs beside its runs, and how much faster two workers are than one.

    python benchmarks/sweeping.py            # some minutes; --rounds N, --markdown

Three things take turns, each computing the same cells (the article's network, 200 steps, the embedded images) with one
thread for each run: runs one after the other in a process that does nothing else and records nothing; a sweep by one
worker; a sweep by two. Workers have begun, and have computed one run each, before the clock starts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.cli.cell import compute
from deadrelu_tui.sweep.axes import Axis, values_of
from deadrelu_tui.sweep.cluster import Cluster
from deadrelu_tui.sweep.grid import Grid
from deadrelu_tui.sweep.sweep import Given, Sweep

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Warm:
    """Workers that are there already, and stay."""

    def __init__(self, workers: int, images: str) -> None:
        self.cluster = Cluster.here(workers)
        self.where = self.cluster.where
        grid = Grid(
            RunSettings(full=False, steps=5), (Axis("lr", tuple(0.01 * (each + 1) for each in range(8 * workers))),)
        )
        Warm.swept(self, grid, images)

    def swept(self, grid: Grid, images: str) -> float:
        """Return the seconds that a sweep takes."""
        with tempfile.TemporaryDirectory() as folder:
            sweep = Sweep(grid, Given("bench", Path(folder), images, compute, lambda _many: _Kept(self.cluster)))  # type: ignore[arg-type,return-value]
            began = time.perf_counter()
            sweep.begin()
            sweep.join()
            if sweep.error is not None:
                raise sweep.error
            return time.perf_counter() - began


class _Kept:
    """A cluster that is not closed."""

    def __init__(self, cluster: Cluster) -> None:
        self.threads, self.where = cluster.threads, cluster.where
        self.submit, self.ended, self.answer = cluster.submit, cluster.ended, cluster.answer

    def close(self) -> None:
        pass


def _bare(asked: multiprocessing.connection.Connection) -> None:
    """Take settings and answer how many seconds these runs take."""
    from deadrelu_tui.engine import begin

    executor = ThreadPoolExecutor(1)
    while (settings := asked.recv()) is not None:
        began = time.perf_counter()
        for each in settings:
            run = begin.make_run(each, executor, trials=False)
            run.begin()
            run.join()
        asked.send(time.perf_counter() - began)


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    os.environ.update(ONE_THREAD)
    images = fashion_mnist.find(None, False).sha256
    base = RunSettings(full=False, steps=given.steps, engine=given.engine)
    grid = Grid(base, (Axis("lr", values_of("lr", ["log:1e-4:10:4"])), Axis("input_scale", (1 / 64, 1.0))))
    settings = [each.settings for each in grid.cells()]
    here, there = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_bare, args=(there,), daemon=True)
    process.start()
    one, two = Warm(1, images), Warm(2, images)
    here.send(settings[:1])
    here.recv()
    taken: dict[str, list[float]] = {"bare": [], "one": [], "two": []}
    for _ in range(given.rounds):
        here.send(settings)
        taken["bare"].append(here.recv() / len(settings))
        taken["one"].append(one.swept(grid, images) / len(settings))
        taken["two"].append(two.swept(grid, images) / len(settings))
    here.send(None)
    for each in (one, two):
        each.cluster.close()
    ratios = [bare / seconds for bare, seconds in zip(taken["bare"], taken["one"], strict=True)]
    faster = [alone / both for alone, both in zip(taken["one"], taken["two"], strict=True)]
    rows = [
        ("a bare run, one thread", statistics.median(taken["bare"]), ""),
        ("a cell by one worker", statistics.median(taken["one"]), f"{1 / statistics.median(ratios):.2f} of bare"),
        (
            "a cell by two workers",
            statistics.median(taken["two"]),
            f"{statistics.median(faster):.2f} times as fast as one",
        ),
    ]
    for name, seconds, told in rows:
        print(
            f"| {name} | {1000 * seconds:.0f} ms | {told} |"
            if given.markdown
            else f"{name:<26}{1000 * seconds:8.0f} ms  {told}"
        )


if __name__ == "__main__":
    main()
