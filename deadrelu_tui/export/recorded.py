"""What was recorded, as a history and in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Record, Start


def history_of(records: Sequence[Record]) -> History:
    """Return the history of a run. Raises InputError for records that no run can have left."""
    history = History()
    try:
        for record in records:
            history.add(record)
    except ValueError as error:
        raise InputError(f"the records are not those of a run: {error}") from error
    return history


def check(records: Sequence[Record]) -> None:
    """Raise InputError unless a run has begun in some records."""
    if not any(isinstance(each, Start) for each in records):
        raise InputError("nothing is recorded of this run, not even its start; name another")
