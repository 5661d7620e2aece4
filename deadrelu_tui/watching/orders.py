"""Obeys, between two steps of somebody's training, what was asked of it: pause, step, stop, lr and revival."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from deadrelu_tui.record import probed
from deadrelu_tui.record.records import Event, Live
from deadrelu_tui.run.gate import Gate, Turn

if TYPE_CHECKING:
    from deadrelu_tui.watching.guest import Guest


class StoppedError(KeyboardInterrupt):
    """Somebody who watches has ended the training."""


class Orders:
    """What was asked of a training, and what is set of it."""

    def __init__(self, guest: Guest, rate: float | None) -> None:
        """Take whose training it is, and the learning rate with which it begins; None if it has none."""
        self._guest = guest
        self.factor = 1.0
        """By what the training's own learning rate is multiplied."""
        self.flag_only = False
        """Whether the training looks itself whether it is to stop."""
        self.busy: Callable[[], bool] = lambda: False
        """Tells whether gradients are being computed, so that no weight may be changed."""
        self._gate = Gate(guest.controls, {} if rate is None else {"lr": rate})
        self._rate, self._rated = rate, self._gate.live
        """The rate of the last step, and the settings that tell of it."""
        self._revives = False
        """Whether units are to be revived as soon as they may be."""

    @property
    def live(self) -> Live:
        """What is set; the same as long as it is equal, which those who keep it can see at once."""
        rate = self._guest.sight.rate()
        now = None if rate is None else rate * self.factor
        if now != self._rate:
            self._rate, self._rated = now, {} if now is None else {"lr": now}
        return self._rated

    def take(self) -> None:
        """Ask the gate what is to come, and hold the training as long as it says so. Raises StoppedError."""
        if self.live is self._gate.live and self._gate.open:
            return
        self._follow_rate()
        guest = self._guest
        turn = self._gate.next(guest.step)
        if turn.go is None:
            guest.finish()
        began = time.perf_counter()
        while turn.go is None:
            self._obey(turn)
            self._gate.give(guest.sight.parameters)
            turn = self._gate.next(guest.step)
        guest.governor.waited(time.perf_counter() - began)
        self._obey(turn)
        self._gate.give(guest.sight.parameters)
        if turn.go is False:
            guest.finish()
            if not self.flag_only:
                guest.close()
                raise StoppedError("stopped from deadrelu-tui")

    def _follow_rate(self) -> None:
        """Have it known what the training has set itself: a scheduler's change is nobody's command."""
        controls = self._guest.controls
        with controls.asked:
            if controls.live is self._gate.live or controls.live == self._gate.live:
                now = self.live
                if now != self._gate.live:
                    controls.live = self._gate.live = now

    def _obey(self, turn: Turn) -> None:
        for each in turn.events:
            if each.mark:
                self._guest.finish()
            self._guest.tell(each)
            if each.facts.get("setting") == "lr" and each.facts["before"]:
                self.factor *= each.facts["now"] / each.facts["before"]  # of what was seen when that was asked for
        if turn.revive and self.busy():
            self._revives = True  # an optimizer steps while gradients are computed from these very weights
        elif turn.revive:
            self._guest.finish()
            self.revive(None)

    def catch_up(self) -> None:
        """Do what could not be done while gradients were computed."""
        if self._revives and not self.busy():
            self._revives = False
            self.revive(None)

    def revive(self, layer: str | None) -> dict[str, int]:
        """Revive dead units, tell what came of it, and return how many there were in each layer."""
        guest = self._guest
        revived, refused = guest.sight.revive(layer)
        counts = {name: units for name, units in revived.items() if units}
        if counts:
            network = guest.run.start.network
            called = {name: unit for name in counts if (unit := probed.units_of(network, name).get("unit"))}
            guest.tell(Event(guest.step, "revive", {"layers": counts, **({"called": called} if called else {})}))
        for name, why in refused.items():
            guest.tell(Event(guest.step, "not_revived", {"layer": name, "why": why}))
        if not counts and not refused:
            guest.tell(Event(guest.step, "nobody_revived", {}))
        guest.look_next()
        return counts
