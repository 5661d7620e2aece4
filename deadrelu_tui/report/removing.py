"""Which runs are to be removed, and how they are."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from deadrelu_tui.report.wanted import sifted
from deadrelu_tui.run.folder import SUFFIX
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.wording import printable, size


@dataclass(frozen=True)
class Chosen:
    """Runs that were asked to be removed."""

    ended: Sequence[Summary]
    running: Sequence[Summary]
    """Those stay."""


def chosen(
    runs: Sequence[Summary], named: Collection[str], conditions: Sequence[str], older_than: float | None,
    keep: int | None,
) -> Chosen:  # fmt: skip
    """Return which of some runs, the newest first, are meant by id, of those by conditions, of those by age, and of
    those all but the newest.
    """
    found = sifted([run for run in runs if not named or run.run in named], conditions)
    if older_than is not None:
        found = [run for run in found if time.time() - run.began > older_than]
    found = found[keep or 0 :]
    return Chosen([run for run in found if not run.alive], [run for run in found if run.alive])


def remove(folder: Path, runs: Sequence[Summary]) -> tuple[list[Summary], list[str]]:
    """Remove the files of runs, but of none that goes on meanwhile; return those that are gone, and what went wrong."""
    removed, faults = list[Summary](), list[str]()
    for run in runs:
        path = folder / f"{run.run}{SUFFIX}"
        try:
            now = path.stat()
            if (now.st_size, now.st_mtime_ns) != (run.bytes, run.changed):
                faults.append(f"{printable(run.run)} has changed meanwhile: it stays")
                continue
            path.unlink()
        except FileNotFoundError:
            pass  # somebody else has removed it
        except OSError as error:
            faults.append(f"{printable(run.run)} cannot be removed: {error.strerror}")
            continue
        removed.append(run)
    return removed, faults


def told(runs: Sequence[Summary]) -> str:
    """Return how many runs they are, and of how many bytes."""
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'}, {size(sum(run.bytes for run in runs))}"
