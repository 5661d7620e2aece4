"""A run in short, as lists and comparisons tell of it: plain values, which need no NumPy and fit in a line of JSON."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from deadrelu_tui.run.origin import lives
from deadrelu_tui.run.source import Status

DAMAGED = "damaged"
"""Beside the words of Status: the file cannot be read to its end, and nothing that was read says how it went."""
STARTS = 5.0
"""Seconds after which a file that tells of no run is none into which a run is about to be written."""
UNREADABLE = "unreadable"
"""The same where nothing can be told of it at all."""
DEAD = "dead_fraction/"
"""What the name of a layer's share of dead units begins with."""


class Summary(NamedTuple):
    """What the file of a run tells of it. A tuple, of which ten thousand are made in no time."""

    run: str
    """The id: its file is called so."""
    bytes: int
    changed: int
    """When the file was changed last, in nanoseconds since 1970."""
    fault: str = ""
    """Why nothing can be told of it; empty if something can."""
    damaged: bool = False
    """Whether there is more than could be read."""
    at: float | None = None
    """When it began, in seconds since 1970; None before the file tells."""
    title: str = ""
    settings: Mapping[str, Any] = {}
    """What it was started with."""
    device: str = ""
    engine: str = ""
    host: str = ""
    process: Any = None
    """The process that records it, while no end is told."""
    how: str = ""
    """How it ended, a word of Status; empty while no end is told."""
    error: str | None = None
    verdict: str = ""
    """Empty before the first step."""
    reason: str = ""
    last: Mapping[str, float] = {}
    """Loss, accuracy, dead shares and what is logged beside them, as measured last, by the names of the metrics."""
    steps: int = 0
    """Those included that are not recorded."""
    before: int = 0
    """Of them those up to the first one that is recorded; 0 where that is the first one of all."""
    since: float = 0.0
    """The seconds from the start to that one."""
    planned: int | None = None
    """None if the end is not known."""
    seconds: float = 0.0
    """From the start to the end, or to the last step that is told; pauses included."""
    paused: bool = False
    """Whether a pause was told of, and no resumption."""
    done: str = ""
    """What was done to it, in short, each with its step: n@10 lr=0.05@30."""
    sweep: str = ""
    """The sweep that it belongs to; empty for none."""
    cell: str = ""
    """What tells that cell of a sweep from all others."""

    @property
    def began(self) -> float:
        """When it began, in seconds since 1970, or when its file was changed last; NaN where neither is known."""
        if self.at is not None and math.isfinite(self.at):
            return self.at
        return self.changed / 1e9 if self.changed else math.nan

    @property
    def status(self) -> str:
        """What it is doing now, a word of Status; or unreadable."""
        if self.fault:
            return UNREADABLE
        if self.how:
            return self.how
        if self.at is None:  # it names no process that could live
            silent = time.time() - self.changed / 1e9
            return DAMAGED if self.damaged or silent > STARTS else str(Status.STARTING.value)
        if not lives({"host": self.host, "process": self.process}, max(0.0, time.time() - self.changed / 1e9)):
            return DAMAGED if self.damaged else Status.CRASHED.value
        if self.paused:
            return str(Status.PAUSED.value)
        return str((Status.RUNNING if self.steps else Status.STARTING).value)

    @property
    def alive(self) -> bool:
        """Whether somebody may still be writing to its file."""
        return self.status in (Status.RUNNING.value, Status.STARTING.value, Status.PAUSED.value)

    @property
    def accuracy(self) -> float | None:
        """The share of the test images that are told right, as measured last."""
        return self.last.get("accuracy/test")

    @property
    def loss(self) -> float | None:
        """The loss on the test images, or of the last batch where there are none."""
        return self.last.get("loss/test", self.last.get("loss"))

    @property
    def dead(self) -> Mapping[str, float]:
        """The share of dead units by layer."""
        return {name.removeprefix(DEAD): share for name, share in self.last.items() if name.startswith(DEAD)}

    @property
    def speed(self) -> float | None:
        """Steps a second, as far as they are recorded; None before there are any."""
        steps, seconds = self.steps - self.before, self.seconds - self.since
        return steps / seconds if steps > 0 and seconds > 0 else None

    def as_row(self) -> dict[str, Any]:
        """Return it as plain values that JSON can hold, under the names that a run's own JSON has."""
        row: dict[str, Any] = {
            "run": self.run, "at": self.at, "status": self.status, "error": self.error, "title": self.title,
            "settings": dict(self.settings), "engine": self.engine, "device": self.device, "host": self.host,
            "verdict": self.verdict or None, "reason": self.reason, "steps": self.steps,
            "steps_planned": self.planned, "seconds": round(self.seconds, 3),
            "steps_per_s": None if self.speed is None else round(self.speed, 1),
        }  # fmt: skip
        own = {name: value for name, value in self.last.items() if name not in row}
        return row | own | {
            "done": self.done, "sweep": self.sweep or None, "damaged": self.damaged,
            "unreadable": self.fault or None, "bytes": self.bytes,
        }  # fmt: skip
