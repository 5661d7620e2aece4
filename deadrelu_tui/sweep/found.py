"""Which cells of a sweep were computed before: their runs are recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from deadrelu_tui.run.index import Told, summaries
from deadrelu_tui.run.source import Status
from deadrelu_tui.sweep.grid import Cell
from deadrelu_tui.sweep.outcome import Outcome, recorded

ENDED = (Status.FINISHED.value, Status.FAILED.value)
"""How a cell ends that is not to be computed again."""


def found(
    folder: Path, cells: Mapping[str, Cell], told: Told = lambda _read, _of: None
) -> Iterator[tuple[Cell, Outcome]]:
    """Yield the cells, by their keys, that are recorded, and what came of each; of several runs of one cell the newest
    counts. Raises InputError only where the folder cannot be read.
    """
    left = dict(cells)
    for each in summaries(folder, told=told):
        if each.cell in left and each.how in ENDED and not each.damaged:
            cell = left.pop(each.cell)
            yield cell, recorded(each, cell.settings)
