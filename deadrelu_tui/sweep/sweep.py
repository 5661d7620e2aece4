"""A sweep as it goes on: what is recorded is taken, what is missing is computed, and everything told to its chart."""

from __future__ import annotations

import hashlib
import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from deadrelu_tui import __version__
from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.cluster import Cluster, Compute, LostError
from deadrelu_tui.sweep.found import found
from deadrelu_tui.sweep.grid import Cell, Grid
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.sweep.wanted import Computed, Wanted, free_id, put

NOBODY = "no worker has come yet"
WAITS = 0.2
"""Seconds within which a stop takes hold."""


@dataclass(frozen=True)
class Given:
    """What a sweep is given beside its grid."""

    name: str
    folder: Path | None
    """Where runs are recorded; None for nowhere."""
    images: str
    """The fingerprint of the images."""
    compute: Compute
    workers: Callable[[int], Cluster]
    """Begins or finds who computes so many runs."""
    unfit: str = ""
    """Why MXNet does not fit in processes of this machine."""


class Sweep:
    """A sweep that goes on in a thread of its own."""

    def __init__(self, grid: Grid, given: Given) -> None:
        self.chart, self._given = Chart(grid), given
        self.name, self.where, self.waiting = given.name, "", "workers are starting"
        """Who it is, who computes it, and why nothing goes on just now; the last is empty if it does."""
        self.taken = 0
        """How many runs were recorded before."""
        self.unrecorded = ""
        """Why what is computed is not recorded; empty if it is."""
        self.error: BaseException | None = None
        self._began, self._took = time.monotonic(), math.nan
        self._stop, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def begin(self) -> None:
        """Go on from what is recorded."""
        self._thread.start()

    def stop(self) -> None:
        """End it; what is being computed is lost, all else is kept."""
        self._stop.set()

    def join(self, patience: float | None = None) -> bool:
        """Wait for its end, and return whether it has come."""
        return self._over.wait(patience)

    @property
    def recorded(self) -> bool:
        """Whether what is computed is to be found again."""
        return self._given.folder is not None

    @property
    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._over.is_set()

    @property
    def seconds(self) -> float:
        """How long it has gone on, or has taken in all."""
        return self._took if self.over else time.monotonic() - self._began

    def _run(self) -> None:
        try:
            left = self._left()
            if left:
                with closing(self._given.workers(len(left))) as cluster:
                    self.where, self.waiting = cluster.where, ""
                    self._compute(cluster, left)
        except BaseException as error:
            self.error = error
        finally:
            self.waiting, self._took = "", time.monotonic() - self._began
            self._over.set()

    def _left(self) -> deque[tuple[str, Cell]]:
        """Return what is to be computed: what is not recorded."""
        cells = {each.key(f"{__version__} {self._given.images}"): each for each in self.chart.grid.cells()}
        if self._given.folder is not None:
            self.waiting = "recorded runs are read"
            for cell, outcome in found(self._given.folder, cells, self._told):
                self.chart.ended(cell, outcome)
                self.taken += 1
        self.waiting = "workers are starting"
        return deque((key, each) for key, each in cells.items() if (each.place, each.seed) not in self.chart.outcomes)

    def _told(self, read: int, of: int | None) -> None:
        self.waiting = f"recorded runs are read: {read} of {of}"

    def _compute(self, cluster: Cluster, left: deque[tuple[str, Cell]]) -> None:
        flying: dict[str, Cell] = {}
        """What was given out, by the ids of the runs."""
        taken, ended = set[str](), ""
        while (left or flying) and not self._stop.is_set():
            threads = cluster.threads
            self.waiting = "" if threads else NOBODY
            # No more than that: a run that waits at a worker which is killed would be taken for what has killed it.
            while left and len(flying) - bool(ended) < max(1, threads):
                key, cell = left.popleft()
                wanted = self._wanted(key, cell, taken)
                flying[wanted.run] = cell
                cluster.submit(self._given.compute, wanted)
            for each in flying.values() if threads else ():
                self.chart.begun(each)
            if ended and (answer := cluster.answer(ended)) is not None:  # now that no worker waits for us
                self._take(flying.pop(ended), answer, cluster.where)
            ended = cluster.ended(WAITS) if flying else ""

    def _wanted(self, key: str, cell: Cell, taken: set[str]) -> Wanted:
        facts = {"sweep": self.name, "cell": key}
        run = free_id(self._given.folder or Path(), taken)
        return Wanted(cell.settings.as_dict(), run, facts, __version__, self._given.images, self._given.unfit)

    def _take(self, cell: Cell, computed: Computed | Exception, where: str) -> None:
        if isinstance(computed, InputError):
            raise computed
        if isinstance(computed, LostError):
            self.chart.ended(cell, Outcome("", "lost", error=str(computed)))
        elif isinstance(computed, (ImportError, AttributeError)):  # the function itself is not there
            told = in_a_line(computed)
            raise InputError(f"the workers at {where} need deadrelu-tui {__version__}: {told}") from computed
        elif isinstance(computed, Exception):
            self.chart.ended(cell, Outcome("", "failed", error=in_a_line(computed)))
        else:
            if self._given.folder is not None:
                try:
                    put(self._given.folder, computed)
                    self.unrecorded = ""
                except OSError as error:
                    self.unrecorded = error.strerror or str(error)
            self.chart.ended(cell, computed.outcome)


def name_of(grid: Grid) -> str:
    """Return what a sweep is called that nobody named: the same for the same grid."""
    told = [grid.base.as_dict(), [(each.name, list(each.values)) for each in grid.axes], grid.seeds]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=list).encode()).hexdigest()[:6]
