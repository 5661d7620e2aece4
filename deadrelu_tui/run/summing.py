"""Reads the file of a run to its end and keeps what a Summary tells."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import MARKS, Event
from deadrelu_tui.run.file import Tail
from deadrelu_tui.run.source import how_it_ended
from deadrelu_tui.run.summary import DEAD, Summary
from deadrelu_tui.wording import printable, rate

_METRICS = ("loss", "loss/test", "accuracy/test")
_SHORT = {"normalise": "n", "activation": "a"}
"""What is set, as short as its key on the screen."""
_HELD = ("pause", "resume", "train_on")
_MOST = 20
"""Of what was done so much is told; more is counted."""


def read(path: Path) -> tuple[History, bool]:
    """Return what is in a run's file, as far as that can be read, and whether there is more.

    Raises InputError where it cannot be read, or holds no records.
    """
    tail, history = Tail(path), History()
    try:
        for record in tail.read():
            history.add(record)
    except ValueError:  # steps that no training can have taken
        return history, True
    finally:
        tail.close()
    return history, tail.damaged


def summed(path: Path, found: os.stat_result) -> Summary | None:
    """Return what there is to tell of a run whose file was found so; None if it has vanished.

    Nothing that may be in the file raises anything.
    """
    blank = Summary(path.stem, found.st_size, found.st_mtime_ns)
    try:
        return summary_of(blank, *read(path))
    except InputError as error:
        fault = str(error) if not isinstance(error.__cause__, OSError) else error.__cause__.strerror
        return None if isinstance(error.__cause__, FileNotFoundError) else blank._replace(fault=fault or str(error))
    except Exception as error:  # told by another version of us, or by somebody else
        return blank._replace(fault=in_a_line(error))


def whole(path: Path) -> tuple[Summary, History]:
    """Return a run in short and all that is recorded of it. Raises InputError where that cannot be read."""
    try:
        history, damaged = read(path)
    except InputError as error:
        if isinstance(error.__cause__, OSError):  # which names the file
            raise
        raise InputError(f"{printable(path.name)}: {error}") from error
    found = path.stat()
    return summary_of(Summary(path.stem, found.st_size, found.st_mtime_ns), history, damaged), history


def summary_of(blank: Summary, history: History, damaged: bool) -> Summary:
    """Return what a history tells, added to what is known of its file."""
    start, end, found = history.start, history.end, verdict(history)
    if start is None:
        return blank._replace(damaged=damaged)
    cell = str(start.facts.get("cell") or "")
    names = history.names if cell else (
        *(name for name in _METRICS if name in history.names), *(each.name for each in history.of(DEAD[:-1])),
        *(each.name for each in history.logged),
    )  # fmt: skip
    return blank._replace(
        damaged=damaged,
        at=start.at,
        title=start.title,
        settings=dict(start.settings),
        device=start.device,
        engine=str(start.facts.get("engine") or ""),
        host=str(start.facts.get("host") or ""),
        process=start.facts.get("process") if end is None else None,
        how=how_it_ended(end).value if end is not None else "",
        error=end.error if end is not None else None,
        verdict=found.word if found is not None else "",
        reason=telling.reason(found) if found is not None else "",
        last={name: value for name in names if (value := history.latest(name)) is not None},
        steps=history.taken,
        before=history.before[0],
        since=history.before[1],
        planned=history.steps_planned,
        seconds=history.seconds if end is None else end.at,
        paused=next((each.kind == "pause" for each in reversed(history.events) if each.kind in _HELD), False),
        done=done(history.events),
        sweep=str(start.facts.get("sweep") or ""),
        cell=cell,
    )


def done(events: Iterable[Event]) -> str:
    """Return what was done to a run, in short, each with its step."""
    told = [_short(each) for each in events if each.kind in MARKS or each.kind == "train_on"]
    more = [f"and {len(told) - _MOST} more"] if len(told) > _MOST else []
    return " ".join(told[:_MOST] + more)


def _short(event: Event) -> str:
    if event.kind != "change":
        return f"{'v' if event.kind == 'revive' else 'e'}@{event.step}"
    name, now = str(event.facts.get("setting")), event.facts.get("now")
    return f"{_SHORT.get(name, name)}{_value(now)}@{event.step}"


def _value(now: Any) -> str:
    if isinstance(now, bool):
        return "" if now else "=off"
    return f"={rate(now) if isinstance(now, float) else now}"
