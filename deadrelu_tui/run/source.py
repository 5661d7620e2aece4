"""A run as whoever looks at it sees it, wherever it is: in this process, in another one, or ended years ago."""

from __future__ import annotations

import enum
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from deadrelu_tui.record.commands import Command, Speed

if TYPE_CHECKING:
    from deadrelu_tui.record.history import History
    from deadrelu_tui.record.records import End, Live, Start


class Status(enum.Enum):
    """What a run is doing."""

    READY = "ready"
    STARTING = "starting"
    READING = "reading"
    """A recorded run, of which not all is there yet."""
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    LEFT = "left"
    """The training went on, watched no more."""
    FAILED = "failed"
    CRASHED = "crashed"


def how_it_ended(end: End) -> Status:
    """Return how a run ended; what a later version of us may call it is a failure if it tells an error."""
    known = {each.value: each for each in (Status.FINISHED, Status.LEFT, Status.STOPPED, Status.FAILED, Status.CRASHED)}
    return known.get(end.how, Status.FINISHED if end.error is None else Status.FAILED)


ALIVE = frozenset({Status.STARTING, Status.READING, Status.RUNNING, Status.PAUSED})
"""A step may still come, without anybody asking for it."""


class Source(Protocol):
    """What is read of a run, and how it is asked to do something. One contract for all of them."""

    @property
    def here(self) -> bool:
        """Whether the training lives in this process, and ends with it."""

    @property
    def lack(self) -> str:
        """Why it can be asked for nothing from here though it lives; empty if it can."""

    @property
    def unrecorded(self) -> str:
        """Why it is not recorded just now; empty if it is, or was never to be."""

    @property
    def unwritten(self) -> str:
        """What is to be said of steps that are in no file; empty if there are none."""

    @property
    def successor(self) -> str:
        """The id of the run that another process has begun in its place; empty without one."""

    @property
    def start(self) -> Start:
        """What the run said first; before that what it promised to say."""

    @property
    def history(self) -> History:
        """All that was recorded so far. It grows; a reader takes frozen() of it."""

    @property
    def status(self) -> Status:
        """What the run is doing."""

    @property
    def can(self) -> frozenset[str]:
        """What it can be asked to do now, of what Start.can says; after its end to go on, if it waits for that, and to
        start another run, and with which settings."""

    @property
    def live(self) -> Live:
        """What is set for the next step."""

    @property
    def speed(self) -> Speed:
        """How fast it is asked to go."""

    @property
    def error(self) -> BaseException | None:
        """What ended the run before its end, if anything did."""

    def parameters(self) -> Future[list[Any]] | None:
        """Ask for a copy of the parameters, in the network's order, as they are between two steps. None where none can
        be had; a training that ends meanwhile may never give it.
        """

    def send(self, command: Command) -> None:
        """Ask for something. What the run cannot do is left undone."""

    def close(self) -> None:
        """Let go of it, and wait until that is so; a run of this process ends."""
