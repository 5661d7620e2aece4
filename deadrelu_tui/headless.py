"""The run without a screen: JSON Lines, or a progress bar on a terminal, or a line per epoch.

Reads a History like every other front end. The JSON here is what scripts rely on (README, "Without a screen").
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from deadrelu_tui.builtin import presets
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.history import History
from deadrelu_tui.run.run import Run, Status
from deadrelu_tui.wording import number, percent

POLL_SECONDS = 0.05
MEANS = ("loss", "zero_fraction")
"""Metrics whose value for an epoch is the mean over its steps; of the others it is the last one."""

Row = dict[str, Any]


def watch(run: Run, *, as_json: bool, steps_file: Path | None, out: TextIO, err: TextIO) -> None:
    """Show a started run until it ends, its last record included."""
    steps_out = _open(steps_file)
    lines = Lines(run, steps_out)
    bar = None if as_json or not err.isatty() else _Bar(err)
    try:
        while True:
            ended = not run.alive  # asked before reading, so that nothing recorded in between is missed
            for row in lines.read():
                if as_json:
                    _write(out, row)
                elif row["event"] == "epoch":
                    (bar.note if bar else _print_to(out))(epoch_line(row, run))
            if bar:
                bar.show(run)
            if ended:
                break
            time.sleep(POLL_SECONDS)
        summary = lines.summary()
        if as_json:
            _write(out, summary)
        elif run.error is None:
            if bar:
                bar.close()
            _print_to(out)(f"{summary['status']}: {summary['verdict']} — {summary['reason']}")
    finally:
        if bar:
            bar.close()
        if steps_out is not None:
            steps_out.close()


class Lines:
    """The rows that a run has produced since they were last read."""

    def __init__(self, run: Run, steps_out: TextIO | None = None) -> None:
        self.run, self.steps_out = run, steps_out
        self._started = False
        self._epochs = 0
        self._steps = 0

    def read(self) -> Iterator[Row]:
        """Yield the start row once, then an epoch row for each epoch that has ended; write the steps' file."""
        history = self.run.history
        start = history.start
        if start is None:
            return
        if not self._started:
            self._started = True
            yield self._start_row()
        steps = len(history)
        if self.steps_out is not None:
            for row in step_rows(history, self._steps, steps):
                _write(self.steps_out, row)
        self._steps = steps
        while (self._epochs + 1) * start.batches <= steps:
            self._epochs += 1
            yield epoch_row(history, self._epochs)

    def _start_row(self) -> Row:
        start = self.run.history.start
        assert start is not None
        settings = {**self.run.settings.as_dict(), "preset": presets.matching(self.run.settings)}
        dataset = {"source": start.source, "train": start.train, "test": start.test, "sha256": start.sha256}
        return {
            "event": "start", "run": self.run.id, "settings": settings, "dataset": dataset, "device": start.device,
        }  # fmt: skip

    def summary(self) -> Row:
        """Return the last row of a run that has ended."""
        history, status = self.run.history, self.run.status
        found = verdict(history)
        error = self.run.error
        seconds = self.run.seconds
        row: Row = {
            "event": "summary",
            "status": status.value if status is not Status.READY else "stopped",
            "verdict": found.word if found else None,
            "reason": str(error) if error is not None else found.reason if found else None,
            "findings": [asdict(each) for each in findings(history)],
            "steps": len(history),
            "seconds": round(seconds, 3),
            "steps_per_s": round(len(history) / seconds, 1) if seconds else 0.0,
            "accuracy/test": history.latest("accuracy/test"),
        }
        return row | {name: history.latest(name) for name in history.names if name.startswith("dead_fraction/")}


def epoch_row(history: History, epoch: int) -> Row:
    """Return the row of an epoch that has ended: means of loss and zeros over its steps, else the last value."""
    start = history.start
    assert start is not None
    first, stop = (epoch - 1) * start.batches, epoch * start.batches
    row: Row = {"event": "epoch", "epoch": epoch, "step": stop - 1}
    for name in history.names:
        steps, values = history.series(name)
        low, high = np.searchsorted(steps, (first, stop))
        if name == "seconds":
            earlier = float(values[low - 1]) if low else 0.0
            row["seconds"] = round(float(values[low]) - earlier, 3)
            row["steps_per_s"] = round(start.batches / max(row["seconds"], 1e-9), 1)
        elif name.partition("/")[0] in MEANS and not name.endswith("/test"):
            row[name] = float(np.mean(values[low:high], dtype=np.float64))
        elif high:
            row[name] = _plain(values[high - 1])
    return row


def step_rows(history: History, first: int, stop: int) -> Iterator[Row]:
    """Yield each step with its metrics; those of the probe set stand as they were last measured, with the step."""
    start = history.start
    assert start is not None
    columns = {name: history.series(name) for name in history.names if name != "seconds"}
    for step in range(first, stop):
        row: Row = {"step": step, "epoch": step // start.batches + 1}
        for name, (steps, values) in columns.items():
            at = int(np.searchsorted(steps, step, side="right")) - 1
            fresh = at >= 0 and steps[at] == step
            if fresh or (at >= 0 and not name.endswith("/test")):
                row[name] = _plain(values[at])
                if name.startswith("dead_fraction/"):
                    row["probe_step"] = int(steps[at])
        yield row


def _plain(value: np.float32) -> float:
    """Return the shortest decimal that is this float32: 0.1, not 0.10000000149."""
    return float(str(value))


def epoch_line(row: Row, run: Run) -> str:
    """Return an epoch as a sentence for people."""
    zeros = " ".join(f"{name.partition('/')[2]} {percent(row[name])}" for name in row if name.startswith("zero_"))
    dead = " ".join(f"{name.partition('/')[2]} {percent(row[name])}" for name in row if name.startswith("dead_"))
    return (
        f"epoch {row['epoch']}/{run.settings.epochs}  loss {number(row['loss'])}  "
        f"test accuracy {percent(row['accuracy/test'])}  zeros {zeros}  dead {dead}  "
        f"{row['steps_per_s']:.0f} steps/s"
    )


def _write(out: TextIO, row: Row) -> None:
    out.write(json.dumps(_valid(row), ensure_ascii=False) + "\n")
    out.flush()


def _valid(value: Any) -> Any:
    """Return a value that valid JSON can hold: numbers that are not finite become strings, however deep."""
    if isinstance(value, dict):
        return {key: _valid(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_valid(each) for each in value]
    return str(float(value)) if isinstance(value, float) and not math.isfinite(value) else value


def _print_to(out: TextIO) -> Any:
    return lambda text: print(text, file=out, flush=True)


def _open(path: Path | None) -> TextIO | None:
    if path is None:
        return None
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--steps-json {path} cannot be written ({error.strerror}); name a file in a folder that you may write to"
        ) from error


class _Bar:
    """Progress on a terminal, with the numbers that matter."""

    def __init__(self, err: TextIO) -> None:
        from tqdm import tqdm

        self._tqdm = tqdm(total=0, unit=" steps", file=err, leave=False, dynamic_ncols=True)

    def note(self, line: str) -> None:
        self._tqdm.write(line, file=sys.stdout)

    def show(self, run: Run) -> None:
        start, history = run.history.start, run.history
        if start is None:
            self._tqdm.set_description_str("loading MXNet and the data")
            return
        self._tqdm.total = start.steps
        self._tqdm.n = len(history)
        loss, zeros, dead = (history.latest(name) for name in ("loss", "zero_fraction/h1", "dead_fraction/h1"))
        if loss is not None and zeros is not None and dead is not None:
            self._tqdm.set_description_str(f"loss {number(loss)}  zeros {percent(zeros)}  dead {percent(dead)}")
        self._tqdm.refresh()

    def close(self) -> None:
        self._tqdm.close()
