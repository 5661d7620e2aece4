"""The events as lines of text: wrapped to a width, in the order of their steps, each with what it changed."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby

from deadrelu_tui.diagnosis import telling as findings_told
from deadrelu_tui.diagnosis.happenings import effect
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.telling import told
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import count

EVENT_ROLES = ("text", "event", "done", "effect")
NOWHERE = -1
"""The step of a line that stands for events that are left out."""


def condensed(events: Sequence[Event]) -> list[Event]:
    """Return the events, but of more than six routine ones in a row only the first and the last two, and a word."""
    kept: list[Event] = []
    for routine, group in groupby(events, key=lambda event: event.routine):
        stretch = list(group)
        if routine and len(stretch) > 6:
            more = Event(NOWHERE, "left_out", {"events": len(stretch) - 3})
            stretch = [stretch[0], more, *stretch[-2:]]
        kept += stretch
    return kept


def event_rows(history: History, events: Sequence[Event], width: int, wanted: int) -> list[Row]:
    """Return the last rows of the events, at least as many as are wanted if there are so many.

    What was done to the run and what was found in it have different roles.
    """
    wide = max(3, len(count(history.next)))
    rows: list[Row] = []
    for event in reversed(events):
        if len(rows) >= wanted:
            break
        if event.step == NOWHERE:
            rows[:0] = _wrapped(f"{'…':>{wide + 5}}  ", told(event), "text", width)
        else:
            head = f"step {count(event.step):>{wide}}  "
            found = _wrapped(head, told(event), "done" if event.mark else "event", width)
            rows[:0] = found + _effect_rows(history, event, wide + 7, width)
    return rows


def _effect_rows(history: History, event: Event, indent: int, width: int) -> list[Row]:
    found = effect(history, event)
    if found is None or not found.changes:
        return []
    return _wrapped(" " * (indent - 2) + "↳ ", findings_told.changed(found), "effect", width)


def _wrapped(head: str, text: str, role: str, width: int) -> list[Row]:
    room = width - len(head)
    if room < 12:  # too narrow to stand beside its step: below it
        above: list[Row] = [] if head.strip() == "↳" else [[(head.strip()[:width], "text")]]
        return [*above, *([(line, role)] for line in _lines(text, max(1, width)))]
    lines = _lines(text, room)
    return [[(head if index == 0 else " " * len(head), "text"), (line, role)] for index, line in enumerate(lines)]


def _lines(text: str, width: int) -> list[str]:
    """Wrap a text, a number and its unit staying together."""
    tied = text.replace(" %", "\N{NO-BREAK SPACE}%")
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in textwrap.wrap(tied, width)] or [""]
