"""A run as one JSON document with everything in it, a step to a line.

`start` as it was said; `steps`, where `fired` has a 1 for each unit that fired in the batch and a 0 for each that did
not; `looks`, a list per unit of all that was told; `events` with their sentences; `verdict` and `findings`; `end`, null
while there is none. Numbers that are not finite are the strings nan, inf and -inf.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from deadrelu_tui.diagnosis.telling import as_row
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.export.plain import as_json, plain
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.record.records import End, Event, Look, Record, Step
from deadrelu_tui.record.telling import told

VERSION = 1


def write(records: Sequence[Record], path: Path) -> None:
    """Write everything that is recorded, and what is found in it."""
    history = history_of(records)
    worst = verdict(history)
    parts: dict[str, Any] = {
        "format": "deadrelu-tui run",
        "version": VERSION,
        "start": history.start,
        "steps": map(_step, (each for each in records if isinstance(each, Step))),
        "looks": _looks(records),
        "events": ({**plain(each), "text": told(each)} for each in records if isinstance(each, Event)),
        "verdict": as_row(worst) if worst is not None else None,
        "findings": map(as_row, findings(history)),
        "end": next((each for each in reversed(records) if isinstance(each, End)), None),
    }
    # Half a surrogate pair, as in the name of a file, is escaped as JSON does it.
    with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
        for index, (name, part) in enumerate(parts.items()):
            file.write(f"{',' if index else '{'}\n{as_json(name)}: ")
            _put(file, part)
        file.write("\n}\n")


def _put(file: TextIO, part: Any) -> None:
    """Write a value, or the rows of an iterator a line each, as they come."""
    if not isinstance(part, Iterator):
        file.write(as_json(part))
        return
    file.write("[")
    for index, row in enumerate(part):
        file.write(f"{',' if index else ''}\n{as_json(row)}")
    file.write("\n]")


def _step(step: Step) -> Mapping[str, Any]:
    fired = {layer: "".join(np.where(each, "1", "0")) for layer, each in step.fired.items()}
    row = {
        "step": step.step, "at": step.at, "epoch": step.epoch, "live": step.live, "values": step.values,
        "fired": fired, "ends_epoch": step.ends_epoch,
    }  # fmt: skip
    return row if fired else {name: value for name, value in row.items() if name != "fired"}


def _looks(records: Iterable[Record]) -> Iterator[Mapping[str, Any]]:
    """Yield every look at the probe set; one between two steps is told with the step before, and what it measured."""
    for record in records:
        if isinstance(record, Step) and record.looks:
            yield {"step": record.step, "between": False, "layers": record.looks}
        elif isinstance(record, Look):
            yield {"step": record.step, "between": True, "values": record.values, "layers": record.looks}
