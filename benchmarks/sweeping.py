"""What a sweep costs beside its runs, and how much faster two workers are than one.

    python benchmarks/sweeping.py            # some minutes; --rounds N, --markdown

Things take turns that compute the same cells (the article's network, 200 steps, the embedded images), each run with one
thread for its sums: runs one after the other in a process that does nothing else and records nothing, and in two such
processes at once, which is what this machine can do; a sweep by one worker, by one that has one core, and by two. All
have begun, and have computed some runs, before the clock starts.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
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

    def __init__(self, workers: int, images: str, engine: str, one_core: bool = False) -> None:
        self.cluster = Cluster.here(workers)
        self.where = self.cluster.where
        grid = Grid(
            RunSettings(full=False, steps=5, engine=engine),
            (Axis("lr", tuple(0.01 * (each + 1) for each in range(8 * workers))),),
        )
        self.swept(grid, images)
        if one_core:
            assert self.cluster._own is not None
            for nanny in self.cluster._own.workers.values():
                for task in Path(f"/proc/{nanny.pid}/task").iterdir():
                    os.sched_setaffinity(int(task.name), {min(os.sched_getaffinity(0))})

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


class Bare:
    """Processes that do nothing else."""

    def __init__(self, many: int, settings: Sequence[RunSettings]) -> None:
        spawn = multiprocessing.get_context("spawn")
        self._asks = []
        for _ in range(many):
            here, there = spawn.Pipe()
            spawn.Process(target=_bare, args=(there,), daemon=True).start()
            self._asks.append(here)
        self.ran(settings[:1])

    def ran(self, settings: Sequence[RunSettings]) -> float:
        """Return the seconds that all runs take in each of them at once."""
        for each in self._asks:
            each.send(settings)
        return max(float(each.recv()) for each in self._asks)

    def close(self) -> None:
        """Have them end."""
        for each in self._asks:
            each.send(None)


def main() -> None:
    """Print the medians and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    os.environ.update(ONE_THREAD)
    images = fashion_mnist.find(None, False).sha256
    base = RunSettings(full=False, steps=given.steps, engine=given.engine)
    grid = Grid(base, (Axis("lr", values_of("lr", ["log:1e-4:10:4"])), Axis("input_scale", (1 / 64, 1.0))))
    settings = [each.settings for each in grid.cells()]
    bare, both = Bare(1, settings), Bare(2, settings)
    one, core, two = (Warm(many, images, given.engine, alone) for many, alone in ((1, False), (1, True), (2, False)))
    taken: dict[str, list[float]] = {name: [] for name in ("bare", "both", "one", "core", "two")}
    for _ in range(given.rounds):
        for name, seconds in (
            ("bare", bare.ran(settings)), ("one", one.swept(grid, images)), ("core", core.swept(grid, images)),
            ("two", two.swept(grid, images)), ("both", both.ran(settings) / 2),
        ):  # fmt: skip
            taken[name].append(seconds / len(settings))
    for each in (one, core, two):
        each.cluster.close()
    for processes in (bare, both):
        processes.close()

    def ratio(name: str, other: str) -> float:
        return statistics.median(this / that for this, that in zip(taken[name], taken[other], strict=True))

    rows = (
        ("bare", "a bare run", ""),
        ("both", "a bare run, two at once", f"{ratio('bare', 'both'):.2f} times as many as one at a time"),
        ("one", "a cell by one worker", f"{ratio('one', 'bare'):.2f} of bare"),
        ("core", "a cell by one worker of one core", ""),
        ("two", "a cell by two workers", f"{ratio('core', 'two'):.2f} times as many as by one of one core, "
                                         f"{ratio('one', 'two'):.2f} times as by one"),
    )  # fmt: skip
    for name, told, beside in rows:
        median = f"{1000 * statistics.median(taken[name]):.0f} ms"
        print(f"| {told} | {median} | {beside} |" if given.markdown else f"{told:<34}{median:>9}  {beside}")


if __name__ == "__main__":
    main()
