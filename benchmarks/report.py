"""What the benchmarks share: spreads of measurements, and rows for the table in README.md."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Spread:
    """The median and the extremes of some measurements."""

    values: tuple[float, ...]
    unit: str
    digits: int = 2

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        low, middle, high = min(self.values), self.median, max(self.values)
        return f"{middle:.{self.digits}f} {self.unit} ({low:.{self.digits}f}–{high:.{self.digits}f})"


@dataclass(frozen=True)
class Row:
    """A line of the table. Without a peer the ratio stays empty."""

    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the texts of its columns."""
        mark = {True: " ✓", False: " ✗ missed", None: ""}[self.met]
        return (self.what, self.ours, self.peer, self.ratio, self.target + mark)


def ratios(ours: Sequence[float], peer: Sequence[float]) -> tuple[float, str]:
    """Return the ratio of the medians, and a text with it and the range of the ratios pair by pair."""
    pairs = [a / b for a, b in zip(ours, peer, strict=True)]
    ratio = statistics.median(ours) / statistics.median(peer)
    return ratio, f"{ratio:.2f} (pairs {min(pairs):.2f}–{max(pairs):.2f})"


def show(rows: Sequence[Row], markdown: bool) -> None:
    """Print the rows, for people or for README.md, and the machine they were measured on."""
    heads = ("", "ours", "peer", "ratio", "target")
    table = [row.cells() for row in rows]
    if markdown:
        print(*(f"| {' | '.join(line)} |" for line in (heads, ("---",) * len(heads), *table)), sep="\n")
    else:
        widths = [max(len(line[i]) for line in (heads, *table)) for i in range(len(heads))]
        for line in (heads, *table):
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(f"\n{machine()}")


LOAD_BEFORE = os.getloadavg()[0]


def machine() -> str:
    """Return the processor, its cores, how busy they were before, and the versions, in one line."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    versions = " · ".join(f"{name} {metadata.version(name)}" for name in ("mxnet", "numpy", "textual"))
    model, cores = models[0] if models else platform.machine(), len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, load {LOAD_BEFORE:.1f} before · Python {platform.python_version()} · {versions}"
