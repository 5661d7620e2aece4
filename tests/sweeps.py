"""Sweeps that a test makes up: nobody computes them, and their numbers follow from where their cells lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.source import Source
from deadrelu_tui.sweep.axes import Axis
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.grid import Cell, Grid
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.tui.phase_app import PhaseApp
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter


def powers(low: float, high: float, many: int) -> tuple[float, ...]:
    """Return so many numbers, each the same number of times the one before."""
    return tuple(float(f"{low * (high / low) ** (index / (many - 1)):.6g}") for index in range(many))


def grid(across: int = 21, up: int = 9, seeds: int = 3, others: Sequence[Axis] = ()) -> Grid:
    """Return learning rates by input scales: with either of them a network dies sooner in what is made up here."""
    axes = [Axis("lr", powers(1e-4, 10, across))]
    if up > 1:
        axes.append(Axis("input_scale", powers(1 / 256, 1, up)))
    return Grid(RunSettings(), (*axes, *others), seeds)


def dead_of(cell: Cell) -> float:
    """Return the share of dead units of a cell: half at a limit, and the more seeds differ the nearer to it."""
    many = len(cell.place) > 1 and cell.place[1]
    beyond = math.log10(cell.settings.lr) + 0.24 * many - 0.9 + 0.12 * math.sin(5.1 * cell.seed + 1.7 * many)
    share = 1 / (1 + math.exp(-9 * beyond))
    return 0.0 if share < 0.003 else 1.0 if share > 0.992 else round(300 * share) / 300


def outcome(cell: Cell) -> Outcome:
    """Return what came of a cell, of which nothing is special."""
    dead = dead_of(cell)
    learnt = max(0.0, 1 - abs(math.log10(cell.settings.lr) + 1.2) / 3.2)
    accuracy = 0.1 + 0.78 * learnt * (1 - dead) ** 0.5
    values = {
        "dead": dead, "zeros": 0.4 + 0.6 * dead, "silent": min(1.0, dead + 0.02), "accuracy": accuracy,
        "loss": 2.303 - 2.6 * (accuracy - 0.1), "test-loss": 2.303 - 2.4 * (accuracy - 0.1),
    }  # fmt: skip
    word = "dead" if dead > 0.9 else "dying" if dead > 0.1 else "healthy"
    return Outcome(f"run-{'-'.join(map(str, cell.place))}-{cell.seed}", "finished", word, "", 200, 0.4, values)


def diverged(cell: Cell) -> Outcome:
    """Return what came of a cell whose numbers are none."""
    return outcome(cell)._replace(verdict="diverged", values={"dead": 1.0, "loss": math.nan})


def failed(_cell: Cell) -> Outcome:
    """Return what came of a cell that an error ended before there was a run."""
    return Outcome("", "failed", error="a worker has no memory left")


class MadeUp:
    """A sweep of which the test says what came of its cells."""

    def __init__(self, of: Grid, where: str = "2 workers here") -> None:
        self.chart, self.name, self.where, self.waiting = Chart(of), "", where, ""
        self.over = False
        self.error: BaseException | None = None
        self.seconds = 60.0
        self.stopped = False
        self.taken, self.unrecorded = 0, ""

    def stop(self) -> None:
        self.stopped = True

    def fill(self, come: Callable[[Cell], Outcome | None] = outcome, upto: int | None = None) -> None:
        """Have so many cells end, in their order, with what is said to have come of each; None leaves one running."""
        for index, cell in enumerate(self.chart.grid.cells()):
            if upto is not None and index >= upto:
                break
            self.chart.begun(cell)
            found = come(cell)
            if found is not None:
                self.chart.ended(cell, found)


def unusual(cell: Cell) -> Outcome | None:
    """Return what came of a cell in a sweep that has everything: what diverged, what failed, what still runs."""
    across, up = cell.place[0], cell.place[1] if len(cell.place) > 1 else 0
    if across >= 19 and up >= 5:
        return diverged(cell)
    if (across, up) == (4, 7):
        return failed(cell)
    return outcome(cell)


def under_way(at: int = 380) -> MadeUp:
    """Return a sweep that has everything, so many runs of which have ended, with four more that are computed."""
    sweep = MadeUp(grid())
    sweep.fill(unusual, at)
    for index, cell in enumerate(sweep.chart.grid.cells()):
        if at <= index < at + 4:
            sweep.chart.begun(cell)
    return sweep


def no_run(run: str) -> Source:
    """Raise InputError: nothing was recorded."""
    raise InputError(f"there is no run {run}")


def theory(settings: RunSettings) -> float | None:
    """Return where theory would have the boundary of what is made up here."""
    return 10 ** (1.02 - 0.24 * (8 + math.log2(settings.input_scale))) if settings.activation == "relu" else None


def phase(
    sweep: MadeUp, metric: str = "dead", find: Callable[[str], Source] = no_run, meter: Meter | None = None,
    save: Callable[[], str] = lambda: "/tmp/map.svg",
) -> PhaseApp:  # fmt: skip
    """Return the application on a sweep."""
    return PhaseApp(sweep, metric, find, theory, save, meter, Pace(frames=1000))
