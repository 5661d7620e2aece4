"""Charts of sweeps that nobody has computed."""

from __future__ import annotations

from collections.abc import Callable

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.sweep.axes import Axis, values_of
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.grid import Cell, Grid
from deadrelu_tui.sweep.outcome import Outcome

Tell = Callable[[Cell], Outcome | None]


def axis(name: str, *texts: str) -> Axis:
    return Axis(name, values_of(name, texts))


def grid(*axes: Axis, seeds: int = 1, base: RunSettings | None = None) -> Grid:
    return Grid(base or RunSettings(), axes, seeds)


def filled(of: Grid, tell: Tell) -> Chart:
    """Return a chart of what is told of each cell; None is one that is not computed."""
    chart = Chart(of)
    for cell in of.cells():
        outcome = tell(cell)
        if outcome is not None:
            chart.ended(cell, outcome)
    return chart


def outcome(dead: float, cell: Cell | None = None, **values: float) -> Outcome:
    run = "" if cell is None else f"run-{'-'.join(map(str, cell.place))}-{cell.seed}"
    told = {"loss": 2.3, "dead_fraction/h1": dead, **values, "dead": dead, "accuracy": 1 - dead}
    return Outcome(run, "finished", "dead" if dead > 0.5 else "healthy", steps=200, seconds=1.5, values=told)


DIVERGED = Outcome("away", "finished", "diverged", steps=3, values={"dead": 0.1})
FAILED = Outcome("", "failed", error="no memory is left")


def limit(settings: RunSettings) -> float | None:
    """Return what theory would say: the rate beyond which half is dead."""
    return 10 / settings.batch_size if settings.activation == "relu" else None


def by_limit(cell: Cell) -> Outcome:
    """Return what came of a run that dies as theory expects: a quarter below the limit, three quarters above it."""
    expected = limit(cell.settings)
    dead = 0.0 if expected is None else 0.75 if cell.settings.lr > expected else 0.25
    return outcome(dead, cell)


def phases(seeds: int = 1) -> Chart:
    """Return a chart of 7 × 3 cells that is as theory says."""
    return filled(grid(axis("lr", "log:0.001:1:7"), axis("batch_size", "100,1000,10000"), seeds=seeds), by_limit)
