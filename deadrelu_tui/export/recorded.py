"""What was recorded, as a history and in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Record, Start
from deadrelu_tui.record.telling import described
from deadrelu_tui.wording import count


def history_of(records: Sequence[Record]) -> History:
    """Return the history of a run. Raises InputError for records that no run can have left."""
    history = History()
    try:
        for record in records:
            history.add(record)
    except ValueError as error:
        raise InputError(f"the records are not those of a run: {error}") from error
    return history


def start_of(records: Sequence[Record]) -> Start | None:
    """Return what a run has told of itself last: it may have found more than it knew at first."""
    return next((each for each in reversed(records) if isinstance(each, Start)), None)


def check(records: Sequence[Record]) -> None:
    """Raise InputError unless a run has begun in some records."""
    if not any(isinstance(each, Start) for each in records):
        raise InputError("nothing is recorded of this run, not even its start; name another")


def titled(history: History) -> str:
    """Return what is trained and how, in a line."""
    start = history.start
    assert start is not None
    settings = ""
    with suppress(AttributeError, LookupError, TypeError, ValueError):  # somebody else's settings of the same names
        settings = described(start.settings)
    return " · ".join(filter(None, (start.title or start.run, settings)))


def ended(history: History) -> str:
    """Return how far a run came and how it ended."""
    end, steps = history.end, history.taken
    how = f"{end.how}{f': {end.error}' if end.error else ''}" if end is not None else "no end is recorded"
    return f"{count(steps)} step{'' if steps == 1 else 's'}, {how}"
