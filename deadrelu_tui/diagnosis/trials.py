"""Remedies that were tried: which changes are worth a try, and which of those that were tried to advise.

A trial is a short training with something changed, either of a copy of the network as it is or of a fresh one. The
search is ours, and so are its numbers; `benchmarks/remedies.py` shows what its advice is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from deadrelu_tui.diagnosis.finding import Remedy
from deadrelu_tui.diagnosis.thresholds import little_right, without_bottlenecks
from deadrelu_tui.record.activations import DYING
from deadrelu_tui.record.commands import Change, Command, Restart, Revive, as_data, can_obey_all, next_lr, of_data
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import TRIED, Event, Live

WITHIN = 0.08
"""Accuracy by which the advised change may be behind the best one."""
RATES = (1e-4, 1e-3, 0.01, 0.1, 0.5)
"""Learning rates that are tried first; then those next to the best of them on the ladder 1-2-5."""
LEARNS = 0.6
"""Accuracy of a network that learns; where a change reaches it no further one is added to it."""

Changes = Mapping[str, Any]
Search = Generator[Remedy, float, None]
"""Yields what is to be tried next, and is sent the accuracy that it came to."""


@dataclass(frozen=True)
class Trial:
    """A remedy that was tried; an empty one left everything as it was."""

    remedy: Remedy
    accuracy: float
    """Share of the probe images that were classified rightly after the trial's last step."""

    @property
    def afresh(self) -> bool:
        """Whether the training began anew."""
        return any(isinstance(each, Restart) for each in self.remedy)

    @property
    def size(self) -> int:
        """How many things are changed; beginning anew is one of them."""
        return sum(_size(each) for each in self.remedy)


def _size(command: Command) -> int:
    if isinstance(command, Change):
        return len(command.fields)
    return 1 + len(command.settings) if isinstance(command, Restart) else 1


def trials_of(history: History) -> Trials | None:
    """Return what was tried of a run as it is set, as far as it can be made now; None if nothing was, or another
    version of us tells of it.
    """
    event, start = history.tried, history.start
    if event is None or start is None:
        return None
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        trials = Trials.of(event).possible(start.can, history.end is not None)
        if not any(each.kind == "change" for each in history.marks):
            trials = replace(trials, begun_so=True)
        return trials if trials.rows and trials.live == dict(history.live) else None
    return None


@dataclass(frozen=True)
class Trials:
    """All that was tried of one situation."""

    live: Live
    """What was set."""
    steps: int
    """Steps of each trial."""
    rows: tuple[Trial, ...]
    begun_so: bool = False
    """Whether the run began as it is set: to begin anew and change nothing is no remedy then."""

    def event(self, step: int) -> Event:
        """Return them as an event of a run."""
        rows = [{"remedy": [as_data(each) for each in row.remedy], "accuracy": row.accuracy} for row in self.rows]
        return Event(step, TRIED, {"live": dict(self.live), "steps": self.steps, "rows": rows})

    @classmethod
    def of(cls, event: Event) -> Trials:
        """Return those that an event tells of."""
        facts = event.facts
        rows = (Trial(tuple(map(of_data, row["remedy"])), row["accuracy"]) for row in facts["rows"])
        return cls(facts["live"], facts["steps"], tuple(rows))

    def possible(self, can: frozenset[str], ended: bool) -> Trials:
        """Return those whose remedy can be made now: after the end only a new run can be another one."""
        rows = (row for row in self.rows if can_obey_all(can, row.remedy) and (row.afresh or not ended))
        return replace(self, rows=tuple(rows))

    def advised(self, classes: int, supposed: Remedy = ()) -> Trial | None:
        """Return the smallest change whose accuracy is close to the best, of those that did clearly better than none.

        A new run is measured by one with nothing changed, where that began so: a network that dies late does as well
        in a short trial. Of several as small it is the one that was supposed to help before anything was tried, then
        one that keeps what was learned, then the most accurate. None if nothing helped.
        """
        nothing = max((row.accuracy for row in self.rows if not row.remedy), default=0.0)
        begun = max((row.accuracy for row in self.rows if self._is_as_before(row)), default=nothing)
        helped = [
            row for row in self.rows
            if row.accuracy > (begun if row.afresh else nothing) + WITHIN and not little_right(row.accuracy, classes)
        ]  # fmt: skip
        best = max((row.accuracy for row in helped), default=nothing)
        helped += [row for row in self.rows if not row.remedy and not little_right(row.accuracy, classes)]
        close = [row for row in helped if row.accuracy >= best - WITHIN]
        return min(close, key=lambda row: (row.size, row.remedy != supposed, row.afresh, -row.accuracy), default=None)

    def failed(self, classes: int) -> bool:
        """Return whether all that was tried came to hardly more than guessing."""
        return all(little_right(row.accuracy, classes) for row in self.rows)

    def _is_as_before(self, row: Trial) -> bool:
        return self.begun_so and row.remedy == (Restart(),)


def search(now: Mapping[str, Any], running: bool, classes: int) -> Search:
    """Say what to try for a network with these settings: of a training that runs its own weights too, then fresh.

    It chooses among so many classes.
    """
    singles = [*_one_of(now, "activation", "relu", "tanh"), *_one_of(now, "lr", *RATES)]
    if not now.get("normalise", True):
        singles.insert(0, {"normalise": True})
    if running:
        yield from _explore([*singles, *([_REVIVE] if now.get("activation") in DYING else [])], _of_itself)
    hidden = {"hidden": list(now.get("hidden", ()))}
    roomy = list(without_bottlenecks(hidden["hidden"], classes))
    begun = [*_one_of(now, "init", "he"), *_one_of(hidden, "hidden", roomy)]
    yield from _explore([*singles, *begun], _anew)


_REVIVE: Changes = {"revive": True}
_BEGUN = frozenset({"init", "hidden"})
"""What only a new run can have otherwise."""
_MOST = frozenset({"normalise", "revive"})
"""Changes that are tried with each other one: of raw input, and with dead units, hardly anything else helps alone."""


def _one_of(now: Mapping[str, Any], name: str, *values: Any) -> list[Changes]:
    return [{name: value} for value in values if name in now and now[name] != value]


def _of_itself(changes: Changes) -> Remedy:
    """Return what makes changes of a training that goes on."""
    fields = {name: value for name, value in changes.items() if name != "revive"}
    return (*((Change(fields),) if fields else ()), *((Revive(),) if "revive" in changes else ()))


def _anew(changes: Changes) -> Remedy:
    """Return what makes changes and begins anew."""
    fields = {name: value for name, value in changes.items() if name not in _BEGUN}
    begun = {name: value for name, value in changes.items() if name in _BEGUN}
    return (*((Change(fields),) if fields else ()), Restart(begun))


def _explore(singles: Sequence[Changes], made: Callable[[Changes], Remedy]) -> Search:
    """Try nothing, one change, two; where no two help any two, and then three; at last the rates around the best."""
    reached: list[tuple[Changes, float]] = []

    def attempt(wanted: Iterable[Changes]) -> Search:
        for changes in wanted:
            if all(changes != other for other, _ in reached):
                reached.append((changes, (yield made(changes))))

    def best(size: int | None = None) -> tuple[Changes, float]:
        """Return what did best, of all or of so many changes."""
        return max(
            (each for each in reached if size in (None, len(each[0]))), key=lambda each: each[1], default=({}, 0)
        )

    def with_each(changes: Changes) -> Iterator[Changes]:
        return ({**changes, **other} for other in singles if not changes.keys() & other.keys())

    yield from attempt(({}, *singles))
    yield from attempt(chain.from_iterable(with_each(each) for each in singles if _MOST & each.keys()))
    if best()[1] < LEARNS:
        yield from attempt(chain.from_iterable(map(with_each, singles)))
    if best()[1] < LEARNS:
        yield from attempt(list(with_each(best(2)[0])))
    changes, _ = best()
    if "lr" in changes:
        yield from attempt([{**changes, "lr": next_lr(changes["lr"], way)} for way in (-1, 1)])
