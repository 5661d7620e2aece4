"""What a training thread hands to the thread that makes records of it: as little as it can, without waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.records import Event, Live, Start
from deadrelu_tui.record.units import Units


class Read(NamedTuple):
    """What was measured of a step, read back from wherever it was computed."""

    values: Mapping[str, float]
    fired: Mapping[str, npt.NDArray[np.bool_]]
    samples: Mapping[str, int]
    """Per layer, how many samples of the batch it was fed."""
    chosen: Mapping[str, npt.NDArray[np.int64]] = MappingProxyType({})
    """Per table, how often each of its entries was chosen."""


def nothing() -> Read:
    """Return that nothing was measured."""
    return Read({}, {}, {})


@dataclass
class Taken:
    """A step that was taken."""

    step: int
    at: float
    live: Live
    read: Callable[[], Read] = nothing
    """Waits until the numbers are there; called in another thread."""
    more: list[Callable[[], Read]] = field(default_factory=list)
    """The same for what other optimizers have done about this step."""
    scalars: dict[str, list[Any]] = field(default_factory=dict)
    """What the training itself has told: numbers, or arrays of one that may still be on their way. Several of a name
    are those of the batches that make one step."""
    searches: bool = False
    """Whether the step tries several places, as LBFGS does: what is told first is where it began."""
    looks: Mapping[str, Units] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    """What the look has told of the network."""
    look: bool = False
    """Whether this is a step at which units are looked at."""


@dataclass(frozen=True)
class Over:
    """The end of the training."""

    error: BaseException | None = None


Told = Taken | Start | Event | Over
