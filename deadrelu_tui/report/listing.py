"""Runs as a table, a line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from deadrelu_tui.diagnosis.words import GLYPHS
from deadrelu_tui.report.fields import age, date, experiment, preset_of
from deadrelu_tui.report.paper import Cell, Column, Paper, table
from deadrelu_tui.run.folder import SECOND
from deadrelu_tui.run.summary import DAMAGED, Summary
from deadrelu_tui.wording import count, duration, percent, printable

EMPTY = "No run is recorded yet. To record one: deadrelu-tui run, or deadrelu-tui for the screen."
NONE = "No run is as you want it."
SPARED = ("steps/s", "done", "time", "steps", "date", "status", "accuracy", "experiment")
"""Headings of the columns without which one can do, the least important first."""
_LOOKS = {"✖": "bad", "▲": "doubtful", "✔": "good", "…": ""}
_STATUS = {
    "finished": "dim", "left": "dim", "stopped": "dim", "running": "now", "starting": "now", "paused": "now",
    "failed": "bad", "crashed": "bad", DAMAGED: "bad", "unreadable": "bad",
}  # fmt: skip


def lines(runs: Sequence[Summary], paper: Paper, known: Sequence[str] = ()) -> Iterator[str]:
    """Yield runs as a table that fits the paper. An id is as short as it can be among all that are known."""
    verdicts, states = [verdict(run) for run in runs], [status(run) for run in runs]
    columns = [
        Column("run", short_ids([run.run for run in runs], paper, known), "bold"),
        Column("date", list(map(date if paper.width is None else age, runs)), "dim"),
        Column("experiment", [printable(run.fault or experiment(run)) for run in runs], least=24),
        Column("verdict", [each.text for each in verdicts], [each.look for each in verdicts]),
        Column("accuracy", list(map(accuracy, runs)), right=True),
        Column("status", [each.text for each in states], [each.look for each in states]),
        Column("steps", list(map(steps, runs)), right=True),
        Column("time", [duration(run.seconds) if run.steps else "" for run in runs], right=True),
        Column("steps/s", list(map(speed, runs)), right=True),
        Column("done", [printable(run.done) for run in runs], least=10),
    ]
    return table(columns, paper, SPARED)


def short_ids(runs: Sequence[str], paper: Paper, known: Sequence[str] = ()) -> list[str]:
    """Return ids as one would type them: without the part that only tells apart what began in the same second."""
    if paper.width is None or paper.width >= 100:
        return [printable(each) for each in runs]
    seconds = [each[:SECOND] for each in known or runs]
    times = Counter(seconds)
    return [printable(each[:SECOND] if times[each[:SECOND]] == 1 else each) for each in runs]


def verdict(run: Summary) -> Cell:
    """Return the word of the verdict with its sign."""
    return _judged(run.verdict)


@cache
def _judged(word: str) -> Cell:
    glyph = GLYPHS.get(word, "·")
    return Cell(f"{glyph} {word}", _LOOKS.get(glyph, "")) if word else Cell("")


def accuracy(run: Summary) -> str:
    """Return the share of the test images that are told right."""
    return "" if run.accuracy is None else percent(run.accuracy)


def status(run: Summary) -> Cell:
    """Return what a run is doing, or that its file is damaged: how it ended is not known then."""
    word = run.status
    return Cell(DAMAGED, "bad") if run.damaged and not run.alive else Cell(word, _STATUS.get(word, ""))


def steps(run: Summary) -> str:
    """Return how many steps were taken, and of how many, where it was not all of them."""
    if run.fault:
        return ""
    if run.planned is None or run.planned == run.steps:
        return count(run.steps)
    return f"{count(run.steps)}/{count(run.planned)}"


def speed(run: Summary) -> str:
    """Return steps a second."""
    return "" if run.speed is None else f"{run.speed:.0f}" if run.speed >= 10 else f"{run.speed:.1f}"


def row(run: Summary) -> dict[str, Any]:
    """Return a run as plain values that JSON can hold."""
    return {**run.as_row(), "preset": preset_of(run) or None, "experiment": experiment(run)}
