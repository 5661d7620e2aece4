"""What a run is: one stream of plain, immutable records. Whoever trains yields them; whoever keeps or shows a run reads
them.

Only these cross from the training thread to anyone else. They know names and numbers, and no sentence.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.metrics import Quantity
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.units import Units
from deadrelu_tui.wording import moment

Live = Mapping[str, Any]
"""What is set and can change between two steps, by name: lr, normalise, activation, or whatever the training has."""


@dataclass(frozen=True)
class Start:
    """The first record: what is trained, what will be told of it, and what it can be asked to do."""

    run: str
    """The id of the run."""
    at: float
    """Wall clock, seconds since 1970. Everything later is told in seconds since this moment."""
    title: str
    """What the network learns from, in a few words."""
    device: str
    network: Network
    metrics: tuple[Quantity, ...] = ()
    """What will be told at every step, or now and then; what is not announced here may come all the same."""
    probe: int = 0
    """Samples of the probe set; 0 without one."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is known: mean and deviation of the input, images of a batch, the data's fingerprint."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What a restart begins with; empty where there is none."""
    steps: int | None = None
    """Steps from the first one on to the end, those included that are left out, if the end is known."""
    steps_per_epoch: int | None = None
    """The short last batch included; None without epochs."""
    classes: int | None = None
    """Between which the network chooses; None where it does not."""
    can: frozenset[str] = frozenset()
    """What it can be asked to do: 'pause' (and take single steps), 'stop', 'revive', 'restart', 'train_on', 'speed',
    and the names of what is set live and can be changed."""
    first: int = 0
    """The number of the first step: a training that is joined has taken some before."""

    @property
    def choices(self) -> int | None:
        """The classes, if there are at least two: among fewer there is nothing to guess."""
        return self.classes if self.classes is not None and self.classes > 1 else None


@dataclass(frozen=True)
class Step:
    """One step and every metric of it (design §4), as floats by name.

    The metrics of the batch belong to the weights that the step found. Those of the probe set and of the test
    set stand in the record only when they were measured: at the steps of the probe schedule also with the
    weights that the step found, at the end of an epoch with those that its last step left.
    """

    step: int
    """Numbers rise; they may start anywhere and have gaps."""
    at: float
    """Seconds since the start, by a clock that never goes back; pauses included."""
    epoch: int | None
    """From 1; None for a training without epochs."""
    live: Live
    values: Mapping[str, float]
    fired: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Per layer: whether each unit fired for a sample of the batch, shape (units,)."""
    looks: Mapping[str, Units] = field(default_factory=dict)
    """Per layer what a look at the probe set told of its units; empty at the steps without a look."""
    ends_epoch: bool = False


@dataclass(frozen=True)
class Look:
    """A look at the probe set between two steps, with the weights that the last one left: before something is changed,
    or where a run ends within an epoch.

    What is measured after the change then differs from it by the change alone.
    """

    step: int
    """The number of the last step."""
    values: Mapping[str, float]
    looks: Mapping[str, Units]
    """Per layer what it told of its units."""


def new_id(at: float) -> str:
    """Return an id for a run that starts at a moment, in seconds since 1970: ids sort by it."""
    return f"{moment(at, '%Y%m%d-%H%M%S') or round(at)}-{secrets.token_hex(2)}"


MARKS = frozenset({"change", "revive"})
"""Kinds of event that leave a mark on every chart: something was done to the training."""
MILESTONES = frozenset({"planned"})
"""Kinds that leave a line, too, though nothing was done: an endless run is as long as the experiment was planned."""
BY_HAND = MARKS | {"pause", "train_on"}
"""Kinds of what a person did to the training."""
WAITED = frozenset({"resume", "train_on"})
"""Kinds before which the training stood still."""
TRIED = "trials"
"""The kind that tells which remedies were tried, and what each came to."""
UNRECORDED = "unrecorded"
RECORDING = frozenset({UNRECORDED, "recorded"})
"""Kinds that tell that the run can be recorded no more, or again."""
ROUTINE = frozenset({"epoch"})
"""Kinds that come again and again: of many in a row some may be left out."""


@dataclass(frozen=True)
class Event:
    """Something done to a run or found in it, in force from that step on. `telling` has the sentence for it."""

    step: int
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Numbers, names, lists of them: what the kind needs to be told."""

    @property
    def mark(self) -> bool:
        """Whether something was changed here: it leaves a mark on every chart."""
        return self.kind in MARKS

    @property
    def milestone(self) -> bool:
        """Whether the run has come as far as was planned: it leaves a line on every chart."""
        return self.kind in MILESTONES

    @property
    def routine(self) -> bool:
        """Whether it comes again and again, as the end of an epoch does."""
        return self.kind in ROUTINE


@dataclass(frozen=True)
class End:
    """The last record, unless the training goes on after it."""

    at: float
    """Seconds since the start."""
    how: str
    """'finished', 'left', 'stopped', 'failed' or 'crashed'."""
    error: str | None = None
    """What went wrong, in a line."""


Record = Start | Step | Look | Event | End


def changes(before: Live, now: Live, step: int) -> tuple[Event, ...]:
    """Return an event for every live setting that differs, in the order in which the training names them."""
    return tuple(
        Event(step, "change", {"setting": name, "before": before.get(name), "now": value})
        for name, value in now.items()
        if before.get(name) != value
    )
