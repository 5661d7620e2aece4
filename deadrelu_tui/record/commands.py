"""What a run can be asked to do: plain values, sent the other way than records. A remedy is a row of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Change:
    """Set something that is live (lr, normalise, activation) from the next step on."""

    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Pause:
    """Hold the training before its next step."""


@dataclass(frozen=True)
class Resume:
    """Let the training go on."""


@dataclass(frozen=True)
class Take:
    """Allow a paused training exactly so many steps."""

    steps: int = 1


@dataclass(frozen=True)
class Revive:
    """Have the dead units revived before the next step."""


@dataclass(frozen=True)
class Stop:
    """End the training after the step it is in; paused or not."""


@dataclass(frozen=True)
class Restart:
    """Start a new run with what is set now and these settings in place of others, held before its first step or not."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    paused: bool = False


@dataclass(frozen=True)
class TrainOn:
    """Go on for so many epochs more, after the end where it stood."""

    epochs: int


@dataclass(frozen=True)
class Speed:
    """Take at most so many steps a second from now on, or only for so many steps and then as many as it can."""

    per_second: float | None = None
    """None for as many as it can."""
    steps: int | None = None
    """None for as long as nothing else is asked."""
    times: float | None = None
    """Of a recorded run, how many times as fast as it went it is shown; None while it is not."""


@dataclass(frozen=True)
class Play:
    """Show a recorded run as it went, from its first step on if all of it is there, so many times as fast."""

    times: float = 1.0
    """math.inf for all of it at once."""


Command = Change | Pause | Resume | Take | Revive | Stop | Restart | TrainOn | Speed | Play

_WORDS: dict[type, str] = {
    Change: "change", Pause: "pause", Resume: "resume", Take: "take", Revive: "revive", Stop: "stop",
    Restart: "restart", TrainOn: "train_on", Speed: "speed", Play: "play",
}  # fmt: skip
_KINDS: dict[str, Any] = {word: kind for kind, word in _WORDS.items()}


def as_data(command: Command) -> dict[str, Any]:
    """Return a command as plain values that JSON can hold: {"command": "change", "lr": 0.05}."""
    data: dict[str, Any] = {"command": _WORDS[type(command)]}
    for each in fields(command):
        value = getattr(command, each.name)
        if isinstance(value, Mapping):
            data |= value
        elif value is not False and value is not None:  # what nobody asked for need not be told
            data[each.name] = value
    return data


def of_data(data: Mapping[str, Any]) -> Command:
    """Return the command that `as_data` made plain values of. Raises KeyError or TypeError for what is none."""
    values = dict(data)
    kind = _KINDS[values.pop("command")]
    if kind is Restart:
        return Restart(paused=values.pop("paused", False), settings=values)
    command: Command = kind(values) if kind is Change else kind(**values)
    return command


def can_obey(can: frozenset[str], command: Command) -> bool:
    """Return whether a run that can do so much can do this, too (Start.can)."""
    if isinstance(command, Change):
        return can.issuperset(command.fields)
    if isinstance(command, (Resume, Take)):
        return "pause" in can
    return _WORDS[type(command)] in can


def can_obey_all(can: frozenset[str], commands: Sequence[Command]) -> bool:
    """Return whether each of some commands can be obeyed."""
    return all(can_obey(can, each) for each in commands)


_LEARNING_RATES = tuple(float(f"{digit}e{power}") for power in range(-6, 3) for digit in (1, 2, 5))


SPEEDS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""Steps a second that can be gone through by keys."""


TIMES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""How many times as fast as it went a recorded run can be played, by keys; above it is all there at once."""


def next_times(times: float, direction: int) -> float:
    """Return the next of TIMES above (direction 1) or below (−1); above the last one infinity."""
    if direction > 0:
        return next((each for each in TIMES if each > times), math.inf)
    return next((each for each in reversed(TIMES) if each < times), TIMES[0])


def next_speed(speed: float | None, direction: int, measured: float = math.inf) -> float | None:
    """Return the next speed above (direction 1) or below (−1); None is as fast as it can, which is `measured`."""
    if direction > 0:
        return None if speed is None else next((each for each in SPEEDS if each > speed), None)
    slowest = SPEEDS[0] if speed is None else min(speed, SPEEDS[0])
    return next((each for each in reversed(SPEEDS) if each < (measured if speed is None else speed)), slowest)


def next_lr(lr: float, direction: int) -> float:
    """Return the next learning rate above (direction 1) or below (−1) on the ladder 1-2-5, from 1e-6 to 500."""
    if direction > 0:
        return next((rate for rate in _LEARNING_RATES if rate > lr * (1 + 1e-9)), lr)
    return next((rate for rate in reversed(_LEARNING_RATES) if rate < lr * (1 - 1e-9)), lr)
