"""The runs of one sitting: which is in hand, which were before it, which lie under it as ghosts, what is held."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Command, Restart, Speed, Stop, can_obey
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import BY_HAND
from deadrelu_tui.run.source import ALIVE, Source

Begin = Callable[[Mapping[str, Any], bool], Source]
"""Make a run of some settings and begin it, held before its first step or not."""
Find = Callable[[str], Source]
"""Return the run of an id, which lives in another process."""
PRECIOUS_AFTER = 30.0
"""Seconds of training that nobody is to lose by one key."""
MOST_GHOSTS = 6
KEPT = 20
"""Earlier runs that are kept as ghosts."""


class Session:
    """Runs one after the other. Commands go to the one in hand; a restart puts another in its place.

    Any thread may ask for that: one is served after the other, each with the run that is then in hand.
    """

    def __init__(self, first: Source, begin: Begin, find: Find | None = None) -> None:
        """Take the first run, what begins others, and what finds one that another process has begun."""
        self.in_hand = first
        self._begin, self._find = begin, find
        self._order, self._over = threading.RLock(), False
        self.started = 1
        """How many runs there were so far."""
        self.earlier: list[Source] = []
        """The runs before the one in hand, newest first."""
        self.ghosts: tuple[Source, ...] = ()
        """Earlier runs that lie under every chart, in the order in which they were chosen."""
        self.held: History | None = None
        """The history as it stood when the display was frozen."""

    @property
    def settings_now(self) -> Mapping[str, Any]:
        """The settings with what was changed since the start: what a restart begins with."""
        return {**self.in_hand.start.settings, **self.in_hand.live}

    @property
    def history(self) -> History:
        """The history that is looked at: what was held of it, or all of it as it stands."""
        return self.held if self.held is not None else self.in_hand.history.frozen()

    def send(self, command: Command, to: str = "") -> None:
        """Ask the run in hand for something; have a restart begin another in its place. Nothing is done if it was meant
        for another run.
        """
        with self._order:
            if to not in ("", self.in_hand.start.run):
                return
            if not isinstance(command, Restart):
                self.in_hand.send(command)
            elif can_obey(self.in_hand.can, command):
                self.restart(command)

    def restart(self, command: Restart) -> Source:
        """Begin another run in the place of the one in hand, and return it. Raises InputError where that cannot be."""
        with self._order:
            before = self.in_hand
            if self._over or not can_obey(before.can, command):
                raise InputError(f"no other run can be begun in the place of {before.start.run}")
            after = self._begin({**self.settings_now, **command.settings}, command.paused)
            if before.here:  # not before another one was begun: what cannot be is to end nothing
                before.send(Stop())
            self._replace(after)
            if before.speed != Speed() and before.speed.steps is None:  # a slow beginning was for that run alone
                after.send(before.speed)
            return after

    def end(self) -> Source:
        """Return the run in hand, in the place of which no other can be begun from now on."""
        with self._order:
            self._over = True
            return self.in_hand

    @property
    def precious(self) -> bool:
        """Whether to end the run in hand is to lose something: long training, or what somebody did to it."""
        run = self.in_hand
        if "stop" not in run.can or run.status not in ALIVE or not len(run.history):
            return False
        history = run.history.frozen()
        return history.seconds > PRECIOUS_AFTER or any(each.kind in BY_HAND for each in history.events)

    def follow(self) -> bool:
        """Take the run in hand that another process has begun in the place of this one; return whether there is one."""
        with self._order:
            wanted = self.in_hand.successor
            if not wanted or self._find is None:
                return False
            self._replace(self._find(wanted))
            return True

    def _replace(self, after: Source) -> None:
        before, self.in_hand = self.in_hand, after
        self.started, self.held = self.started + 1, None
        self.earlier = [before, *self.earlier][:KEPT]
        self.ghosts = tuple(ghost for ghost in self.ghosts if ghost in self.earlier or not ghost.here)

    def freeze(self) -> None:
        """Hold what is looked at still, or let it catch up."""
        self.held = self.in_hand.history.frozen() if self.held is None else None

    def next_ghost(self) -> None:
        """Take the next earlier run as the one ghost, and after the last one none."""
        at = self.earlier.index(self.ghosts[-1]) + 1 if self.ghosts and self.ghosts[-1] in self.earlier else 0
        self.ghosts = tuple(self.earlier[at : at + 1])

    def lay_under(self, chosen: Source) -> bool:
        """Make a run a ghost, or no longer one; not the one in hand. Return whether there is room for it: more than
        MOST_GHOSTS could not be told from each other.
        """
        if chosen is self.in_hand:
            return True
        others = tuple(each for each in self.ghosts if each.start.run != chosen.start.run)
        if len(others) == MOST_GHOSTS:
            return False
        self.ghosts = others if len(others) < len(self.ghosts) else (*others, chosen)
        return True

    @property
    def runs(self) -> list[tuple[int, Source]]:
        """Every run that is kept with its number, counted from 1; the one in hand first."""
        return [(self.started - index, run) for index, run in enumerate([self.in_hand, *self.earlier])]

    def name(self, run: Source) -> str:
        """Return what a run is called: by its number, counted from 1, or by its id if it is none of this sitting."""
        return next((f"run {number}" for number, each in self.runs if each is run), run.start.run)
