"""Between two steps: the one place where pause, single step, stop, change and revival take hold of a training."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from deadrelu_tui.record.commands import (
    Change,
    Command,
    Pause,
    Play,
    Restart,
    Resume,
    Revive,
    Speed,
    Stop,
    Take,
    TrainOn,
)
from deadrelu_tui.record.records import Event, Live, changes

BY_HAND = 100
"""Steps that are allowed at once, up to which it is stepping by hand."""
FOLLOWED = 20.0
"""Steps a second up to which each of them is looked at as one by hand is."""


class Controls:
    """What a run was asked to do. Any thread sends, the training's gate looks between two steps."""

    def __init__(self, live: Live, stays: bool = False) -> None:
        self.live: Live = dict(live)
        """What is set for the next step. Replaced as a whole: the training sees one state or the other."""
        self.stays = stays
        """Whether a training that has finished waits to be trained on."""
        self.asked = threading.Condition()
        self.paused = False
        """Whether a pause was asked for."""
        self.stopped = False
        """Whether the end was asked for."""
        self.permits = self.revivals = self.epochs = 0
        self.at_once = 0
        """The most steps that were allowed at once, of those that are allowed."""
        self.speed = Speed()
        """How fast the training is to go, and for how many steps more."""
        self.wanted: Future[list[Any]] | None = None
        """Somebody waits for a copy of the parameters."""

    def ask_parameters(self) -> Future[list[Any]]:
        """Ask for a copy of the parameters as they are between two steps; a pause is no obstacle."""
        with self.asked:
            if self.wanted is None:
                self.wanted = Future()
            self.asked.notify_all()
            return self.wanted

    def send(self, command: Command) -> None:
        """Ask for something, in force before the next step."""
        with self.asked:
            match command:
                case Change(fields):
                    self.live = {**self.live, **fields}
                case Pause():
                    self.paused, self.permits = True, 0
                    if self.speed.steps is not None:  # whoever pauses has seen enough of it
                        self.speed = Speed()
                case Resume():
                    self.paused = False
                case Take(steps):
                    self.at_once = max(steps, self.at_once if self.permits else 0)
                    self.permits += steps
                case Revive():
                    self.revivals += 1
                case Stop():
                    self.stopped = True
                case TrainOn(epochs):
                    self.epochs += epochs
                case Speed():
                    self.speed = command
                case Restart() | Play():
                    pass  # a run cannot restart itself: a session begins another; and only what is recorded is played
            self.asked.notify_all()


@dataclass(frozen=True)
class Turn:
    """What the gate says before a step."""

    go: bool | None
    """True for the step, False for the end, None to finish what is under way and ask again: then it waits."""
    live: Live
    events: tuple[Event, ...] = ()
    """What has happened, to be yielded before the step."""
    revive: bool = False
    """Revive the dead units first."""
    by_hand: bool = False
    """The step is one of the few that a paused training is allowed, or one of a slow training."""


class Gate:
    """What a training goes through before every step, in its own thread."""

    def __init__(self, controls: Controls, live: Live | None = None) -> None:
        """Take what the run has said of what is set; nothing if that is as it stands now."""
        self._controls = controls
        self.live: Live = controls.live if live is None else {**controls.live, **live}
        """What the last step was taken with."""
        self._held = False
        """The training was told to hold, and has nothing under way."""
        self._paused = False
        """A pause was told of, and no resumption."""
        self._taken_at: float | None = None
        """When the last step was allowed, by the monotonic clock."""

    def next(self, step: int) -> Turn:
        """Say whether the step of that number is to be taken, and how.

        While paused, or before a slow training's next step is due, the first answer is to hold; asked once more it
        waits for that, for a step, or for the end.
        """
        controls = self._controls
        with controls.asked:
            if not self._free():
                news = controls.paused and not self._paused
                if news or not self._held:
                    self._held, self._paused = True, self._paused or news
                    return Turn(None, self.live, (Event(step, "pause"),) if news else ())
                paused, speed = controls.paused, controls.speed
                controls.asked.wait_for(
                    lambda: self._free() or controls.wanted is not None
                    or (controls.paused, controls.speed) != (paused, speed),
                    None if paused else self._due_in(),
                )  # fmt: skip
                if not self._free():
                    return Turn(None, self.live)
            self._held = False
            if controls.stopped:
                return Turn(False, self.live)
            slow = controls.speed.per_second
            by_hand = controls.at_once <= BY_HAND if controls.paused else slow is not None and slow <= FOLLOWED
            if controls.paused:
                controls.permits -= 1
            elif controls.speed.steps is not None and self._taken_at is not None:
                left = controls.speed.steps - 1
                controls.speed = Speed(slow, left) if left else Speed()
            self._taken_at = time.monotonic()
            told: tuple[Event, ...] = ()
            if self._paused and not controls.paused:
                self._paused, told = False, (Event(step, "resume"),)
            told += changes(self.live, controls.live, step)
            self.live = controls.live
            revive, controls.revivals = controls.revivals > 0, 0
            return Turn(True, self.live, told, revive, by_hand)

    @property
    def open(self) -> bool:
        """Whether nobody has asked for anything: the next step is to be taken as the last one was. Costs next to
        nothing, and `next` would say the same.
        """
        asked = self._controls
        return not (
            asked.paused or asked.stopped or asked.revivals or self._held or self._paused
            or asked.wanted is not None or asked.speed.per_second is not None or asked.live is not self.live
        )  # fmt: skip

    def give(self, parameters: Callable[[], list[Any]]) -> None:
        """Hand a copy of the parameters to whoever waits for one."""
        if self._controls.wanted is None:  # as before nearly every step
            return
        with self._controls.asked:
            wanted, self._controls.wanted = self._controls.wanted, None
        if wanted is not None:
            wanted.set_result(parameters())

    def _free(self) -> bool:
        if self._controls.stopped:
            return True
        return self._controls.permits > 0 if self._controls.paused else self._due_in() <= 0

    def _due_in(self) -> float:
        """Return the seconds until the next step of a slow training is due; 0 if it is."""
        slow = self._controls.speed.per_second
        return 0.0 if slow is None or self._taken_at is None else self._taken_at + 1 / slow - time.monotonic()

    def more(self, parameters: Callable[[], list[Any]] | None = None) -> int:
        """Return for how many epochs more the training is to go on; at the end of the last one it may wait for that,
        and hands out copies of its parameters meanwhile.

        0 when nobody can ask for it any more, or nobody has so far.
        """
        controls = self._controls
        while parameters is not None and controls.stays:
            with controls.asked:
                controls.asked.wait_for(lambda: controls.stopped or controls.epochs > 0 or controls.wanted is not None)
                if controls.stopped or controls.epochs > 0:
                    break
            self.give(parameters)
        with controls.asked:
            asked, controls.epochs = (0 if controls.stopped else controls.epochs), 0
            return asked
