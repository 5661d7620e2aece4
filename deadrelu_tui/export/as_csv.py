"""A run as CSV (RFC 4180): UTF-8, a header, a row per step, every float64 by the shortest decimal that is it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from deadrelu_tui.export.plain import cell
from deadrelu_tui.export.table import Table
from deadrelu_tui.record.records import Record


def write(records: Sequence[Record], path: Path) -> None:
    """Write a row per step; what a record lacks is empty, what is no finite number nan, inf or -inf."""
    table = Table.of(records)
    with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([each.name for each in table.columns])
        lines.writerows([cell(each) for each in row] for row in table.rows())
