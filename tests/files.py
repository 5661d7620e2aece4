"""Files of made-up runs, to list, to show and to compare."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from conftest import record, start, units

from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.records import End, Event, Record, Start
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.origin import process

AN_HOUR = 3600.0
GONE = {"host": "elsewhere", "process": {"pid": 1}}
"""Facts of a run that a machine records that cannot be asked."""
HERE = {"host": socket.gethostname(), "process": process(os.getpid())}
"""Facts of a run that this process records."""


def begun(run: str = "20261129-120000-abcd", at: float | None = None, **more: Any) -> Start:
    """Return what a run says first; its data and machine are those of every made-up run."""
    given = {name: more.pop(name) for name in ("facts", "title", "device", "steps") if name in more}
    first = start(batches=4, epochs=more.pop("epochs", 2), **more)
    facts = {**first.facts, "engine": "numpy", "host": "box", **given.pop("facts", {})}
    return replace(first, run=run, at=time.time() - AN_HOUR if at is None else at, facts=facts, **given)


def told(first: Start, steps: int = 8, *more: Record, loss: float = 1.0, accuracy: float = 0.5) -> list[Record]:
    """Return a run of some steps, a look at its units in the first one."""
    values = {"loss": loss, "zero_fraction/h1": 0.75, "dead_fraction/h1": 0.25}
    taken = [
        replace(
            record(step, values | ({"accuracy/test": accuracy} if step % 4 == 3 else {}), batches=4),
            looks={"h1": units(np.linspace(0, 1, 4))} if not step else {},
        )
        for step in range(steps)
    ]
    return [first, *taken, *more]


def put(folder: Path, records: list[Record], old: float = AN_HOUR) -> Path:
    """Write a run as if that had been so many seconds ago."""
    first = records[0]
    assert isinstance(first, Start)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = path_of(folder, first.run)
    path.write_bytes(dump(records))
    aged(path, old)
    return path


def aged(path: Path, old: float = AN_HOUR) -> None:
    """Have a file be changed last so many seconds ago."""
    at = time.time() - old
    os.utime(path, (at, at))


def finished(folder: Path, run: str, accuracy: float = 0.5, **more: Any) -> Path:
    """Write a run that has finished."""
    return put(folder, told(begun(run, **more), 8, End(2.0, "finished"), accuracy=accuracy))


def changed(step: int, setting: str, now: Any) -> Event:
    """Return what tells that something was set."""
    return Event(step, "change", {"setting": setting, "before": None, "now": now})
