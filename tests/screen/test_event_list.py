"""The events as lines: in order, wrapped, each intervention with its effect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from conftest import record, start, units
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.tui.panels.event_list import condensed, event_rows
from deadrelu_tui.tui.plot.chart import Row

FACTS = {"setting": "normalise", "before": False, "now": True}
NORMALISED = Event(50, "change", FACTS)


def told(history: History, width: int) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows_of(history, width)]


def rows_of(history: History, width: int) -> list[Row]:
    return event_rows(history, condensed(history.events), width, wanted=1_000)


def run_with(*events: Event, steps: int = 100) -> History:
    history = History()
    history.add(start(batches=None))
    for event in events:
        history.add(event)
    for step in range(steps):
        low = step < 50
        made = record(step, {"loss": 2.0 if low else 1.0, "zero_fraction/h1": 0.9 if low else 0.5,
                             **({"dead_fraction/h1": 0.8 if low else 0.0} if step % 10 == 0 else {})})  # fmt: skip
        look = {"h1": units([0.0 if low else 0.5] * 5)} if step % 10 == 0 else {}
        history.add(replace(made, looks=look, fired={"h1": np.full(5, not low)}))
    return history


def test_events_stand_in_the_order_of_their_steps_however_late_they_were_found() -> None:
    lines = told(run_with(Event(60, "pause"), Event(33, "resume")), 90)
    assert [line.split()[:2] for line in lines] == [["step", "0"], ["step", "33"], ["step", "60"]]
    assert lines[1:] == ["step  33  resume", "step  60  pause"]


def test_an_intervention_is_followed_by_what_it_changed() -> None:
    lines = told(run_with(NORMALISED), 90)
    assert lines[1:] == [
        "step  50  normalise on",
        "        ↳ loss 2.00 → 1.00, zeros h1 90.0 % → 50.0 %, dead h1 80.0 % → 0 % (50 steps each",
        "          side)",
    ]


def test_of_many_epochs_in_a_row_the_first_and_the_last_two_are_told() -> None:
    epochs = [Event(10 * epoch, "epoch", {"epoch": epoch}) for epoch in range(1, 10)]
    assert told(run_with(*epochs[:6]), 90)[1:] == [f"step {10 * epoch:>3}  epoch {epoch}" for epoch in range(1, 7)]
    assert told(run_with(*epochs, Event(95, "pause")), 90)[1:] == [
        "step  10  epoch 1", "       …  6 more epochs", "step  80  epoch 8", "step  90  epoch 9", "step  95  pause",
    ]  # fmt: skip


def test_what_was_done_looks_different_from_what_was_found() -> None:
    rows = rows_of(run_with(NORMALISED, Event(51, "h1 died")), 90)
    assert {text: role for row in rows for text, role in row}["normalise on"] == "done"
    assert {text: role for row in rows for text, role in row}["h1 died"] == "event"


@given(st.lists(st.tuples(st.integers(0, 10**7), st.text(max_size=80), st.booleans()), max_size=8), st.integers(0, 90))
def test_no_line_is_wider_than_the_panel(events: list[tuple[int, str, bool]], width: int) -> None:
    history = run_with(
        *(Event(step, "change" if mark else kind, FACTS if mark else {}) for step, kind, mark in events), steps=3
    )
    assert all(len(line) <= max(1, width) for line in told(history, width))


def test_no_more_rows_are_made_than_are_wanted() -> None:
    history = run_with(*(Event(step, "event", {"no": step}) for step in range(100)))
    lines = ["".join(text for text, _ in row) for row in event_rows(history, history.events, 60, wanted=3)]
    assert lines == ["step  97  event no 97", "step  98  event no 98", "step  99  event no 99"]
