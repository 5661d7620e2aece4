"""The events as lines of text: wrapped to a width, in the order of their steps, each with what it changed."""

from __future__ import annotations

import textwrap
from itertools import groupby

from deadrelu_tui.history import History
from deadrelu_tui.notices import effect, effect_text
from deadrelu_tui.records import Event
from deadrelu_tui.wording import count

EVENT_ROLES = ("text", "event", "done", "effect")
Row = list[tuple[str, str]]


def event_rows(history: History, width: int) -> list[Row]:
    """Return every event in rows of a width: done to the run in one role, found in it in another.

    Of more than four routine events in a row only the first and the last two are told.
    """
    events = history.events
    wide = max([3, *(len(count(event.step)) for event in events)])
    rows: list[Row] = []
    for routine, group in groupby(events, key=lambda event: event.routine):
        stretch = list(group)
        unseen = len(stretch) - 3 if routine and len(stretch) > 4 else 0
        for index, event in enumerate(stretch):
            if unseen and index == 1:
                rows += _wrapped(f"{'…':>{wide + 5}}  ", f"{count(unseen)} more epochs", "text", width)
            if not unseen or index == 0 or index > unseen:
                head = f"step {count(event.step):>{wide}}  "
                rows += _wrapped(head, event.text, "done" if event.mark else "event", width)
                rows += _effect_rows(history, event, wide + 7, width)
    return rows


def _effect_rows(history: History, event: Event, indent: int, width: int) -> list[Row]:
    found = effect(history, event)
    if found is None:
        return []
    return _wrapped(" " * (indent - 2) + "↳ ", effect_text(found), "effect", width)


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
