"""The run without a screen: JSON Lines, or a progress bar on a terminal, or a line per epoch.

Reads a History like every other front end. The JSON here is what scripts rely on (README, "Without a screen").
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, TextIO

import numpy as np

from deadrelu_tui import strict_json
from deadrelu_tui.builtin import presets
from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.trials import trials_of
from deadrelu_tui.diagnosis.verdict import findings, verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import shortest
from deadrelu_tui.record.commands import Change, Command, Restart, as_data
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import MEANS
from deadrelu_tui.record.records import Start
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import ALIVE, Status
from deadrelu_tui.wording import count, number, percent, printable, rate

POLL_SECONDS = 0.05
LONGEST_END = 1.0
"""Seconds for which a run that was asked to end is waited for."""
AT_EPOCHS = ("loss/test", "accuracy/test")
"""Metrics that a step's row has only where they were measured."""
BESIDE = frozenset({"engine", "passed_over", "unrecorded", "recorded"})
"""Kinds of event that are told on stderr: something is not as one might expect."""

_SHARES = (("zeros", "zero_fraction"), ("dead", "dead_fraction"), ("saturated", "saturated_fraction"))
"""Words for people, and the metric of each."""
Fields = dict[str, Any]


def watch(
    run: Run, *, as_json: bool, steps_file: Path | None, out: TextIO, err: TextIO, asked: Event | None = None
) -> bool:
    """Show a run that has begun until it ends, its last record included; return whether all could be written.

    Once it was asked to end it is not waited for for long: what is recorded is told.
    """
    asked_at: float | None = None
    steps_out = out if steps_file == Path("-") else _open(steps_file)
    lines = Lines(run, steps_out)
    if steps_out is out and not as_json:
        out = err  # what people read stays out of what programs read
    bar = None if as_json or not err.isatty() else _Bar(err, out)
    try:
        while True:
            ended = not run.alive  # asked before reading, so that nothing recorded in between is missed
            for row in lines.read():
                if as_json:
                    _write(out, row)
                elif row["event"] == "epoch":
                    (bar.note if bar else _print_to(out))(epoch_line(row, run))
            for word in lines.words():  # after the rows, some of which may just have failed to be written
                print(f"deadrelu-tui: {printable(word)}", file=err, flush=True)
            if bar:
                bar.show(run)
            if asked is not None and asked.is_set():
                asked_at = asked_at or time.monotonic()
            if ended or (asked_at is not None and time.monotonic() - asked_at > LONGEST_END):
                break
            with contextlib.suppress(TimeoutError):
                run.join(POLL_SECONDS)
        if ended:
            if bar:
                bar.wait_for_trials()
            run.settle()
        if as_json:
            _write(out, lines.summary())
        elif run.error is None:
            if bar:
                bar.close()
            if rest := lines.rest():
                _print_to(out)(epoch_line(rest, run))
            _print_to(out)(lines.farewell())
        return steps_out is None or lines.steps_out is not None
    finally:
        if bar:
            bar.close()
        if steps_out is not None and steps_file != Path("-"):
            if lines.steps_out is None:
                _cut(steps_out, lines.whole)
            with contextlib.suppress(OSError):  # which is told already
                steps_out.close()


@contextlib.contextmanager
def apart(out: TextIO) -> Iterator[TextIO]:
    """Keep stdout for our own lines until the block ends: what native libraries print there goes to stderr."""
    try:
        ours = out.fileno() == 1
    except (OSError, ValueError):
        ours = False
    if not ours:
        yield out
        return
    out.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with open(kept, "w", encoding=out.encoding, errors=out.errors, closefd=False) as lines:
            yield lines
    finally:
        os.dup2(kept, 1)
        os.close(kept)


class Lines:
    """The rows that a run has produced since they were last read."""

    def __init__(self, run: Run, steps_out: TextIO | None = None) -> None:
        self.run, self.steps_out = run, steps_out
        self._started = False
        self._epochs = 0
        self._steps = 0
        self._told = 0
        self._faults: list[str] = []
        self.whole = 0
        """Bytes of the steps' lines that were written whole."""

    def read(self) -> Iterator[Fields]:
        """Yield the start row once, then an epoch row for each epoch that has ended; write the steps' file."""
        history = self.run.history.frozen()
        start, last = history.start, history.last
        if start is None:
            return
        if not self._started:
            self._started = True
            yield start_row(start)
        stop = whole = 0 if last is None else last + 1
        if self.run.alive and history.taken == history.steps_planned:
            whole -= 1  # a test may yet tell more of the last step
        if self.steps_out is not None:
            try:
                for row in step_rows(history, self._steps, whole):
                    self.whole += _write(self.steps_out, row)
            except BrokenPipeError:
                raise
            except OSError as error:  # a disk that is full ends neither the run nor what is told of it
                self._faults.append(f"no more steps are written: {error.strerror}")
                self.steps_out = None
        self._steps = max(self._steps, whole)
        while start.steps_per_epoch is not None and (self._epochs + 1) * start.steps_per_epoch <= stop:
            self._epochs += 1
            yield epoch_row(history, self._epochs)

    def rest(self) -> Fields | None:
        """Return a row of the steps since the last epoch that has ended; None where the run did not end among them."""
        history = self.run.history.frozen()
        start, stop = history.start, history.next
        if start is None or start.steps_per_epoch is None or self.run.status is not Status.FINISHED:
            return None
        first = stop - stop % start.steps_per_epoch
        return None if first == stop else {"step": stop - 1, **_stretch(history, first, stop)}

    def words(self) -> Iterator[str]:
        """Yield once what is to be told beside the rows: that another engine trains than was expected."""
        faults, self._faults = self._faults, []
        yield from faults
        events = self.run.history.events
        yield from (told(event) for event in events[self._told :] if event.kind in BESIDE)
        self._told = len(events)

    def summary(self) -> Fields:
        """Return the last row of a run that has ended."""
        history, status = self.run.history.frozen(), self.run.status
        found = findings(history)
        gravest = verdict(history)
        error = self.run.error
        seconds = history.end.at if history.end is not None else history.seconds
        row: Fields = {
            "event": "summary",
            "status": "stopped" if status in ALIVE or status is Status.READY else status.value,
            "verdict": gravest.word if gravest else None,
            "reason": str(error) if error is not None else telling.reason(gravest) if gravest else None,
            "remedy": [as_data(each) for each in gravest.remedy] if gravest else [],
            "tried": gravest.tried if gravest else None,
            "trials": _trial_rows(history),
            "findings": [telling.as_row(each) for each in found],
            "steps": history.taken,
            "seconds": round(seconds, 3),
            "steps_per_s": round(history.pace, 1),
            "accuracy/test": history.latest("accuracy/test"),
        }
        return row | {each.name: history.latest(each.name) for each in history.of("dead_fraction")}

    def farewell(self) -> str:
        """Return how a run ended, for people: the verdict, and the flags that test its remedy."""
        found = verdict(self.run.history)
        parts = [self.run.status.value]
        if found is not None:
            parts.append(f": {found.word} — {telling.reason(found)}")
            if wanted := flags(found.remedy):
                came = "" if found.tried is None else f" (tried: {percent(found.tried)})"
                parts.append(f"; try {wanted}{came}")
        return "".join(parts)


def start_row(start: Start) -> Fields:
    """Return the first row: what is trained, of which images, by what."""
    settings = {**start.settings, "preset": presets.named(start.settings)[1] or None}
    dataset = {name: start.facts.get(name) for name in ("source", "train", "test", "sha256")}
    return {
        "event": "start", "run": start.run, "settings": settings, "dataset": dataset,
        "engine": start.facts.get("engine"), "device": start.device,
    }  # fmt: skip


def _trial_rows(history: History) -> Fields | None:
    """Return what was tried of a run as it is set, as plain values; None if that is nothing."""
    trials = trials_of(history)
    event = trials.event(0) if trials is not None else None
    return None if event is None else {name: event.facts[name] for name in ("steps", "rows")}


def flags(remedy: Sequence[Command]) -> str:
    """Return a remedy as the flags that a new run takes: --normalise --lr 0.05; empty for one that needs the screen."""
    wanted: dict[str, Any] = {}
    for command in remedy:
        if isinstance(command, Change):
            wanted |= command.fields
        elif isinstance(command, Restart):
            wanted |= command.settings
        else:
            return ""
    return " ".join(_flag(name, value) for name, value in wanted.items())


def _flag(name: str, value: Any) -> str:
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{flag}" if value else f"--no-{flag}"
    if isinstance(value, float):
        return f"--{flag} {rate(value)}"
    return f"--{flag} {','.join(map(str, value)) if isinstance(value, (list, tuple)) else value}"


def epoch_row(history: History, epoch: int) -> Fields:
    """Return the row of an epoch that has ended: means of loss and zeros over its steps, else the last value."""
    start = history.start
    assert start is not None
    assert start.steps_per_epoch is not None
    first, stop = (epoch - 1) * start.steps_per_epoch, epoch * start.steps_per_epoch
    return {"event": "epoch", "epoch": epoch, "step": stop - 1, **_stretch(history, first, stop)}


def _stretch(history: History, first: int, stop: int) -> Fields:
    """Return what there is to tell of some steps in a row: means of loss and zeros over them, else the last value."""
    row: Fields = {}
    for name in history.names:
        steps, values = history.series(name)
        low, high = np.searchsorted(steps, (first, stop))
        if history.quantity(name).metric in MEANS:
            row[name] = float(np.mean(values[low:high], dtype=np.float64))
        elif high:
            row[name] = shortest(values[high - 1])
    earlier = history.seconds_at(first - 1) if first else 0.0
    row["seconds"] = round(history.seconds_at(stop - 1) - earlier, 3)
    # A clock that stands still tells of no speed.
    row["steps_per_s"] = round((stop - first) / row["seconds"], 1) if row["seconds"] else 0.0
    return row


def step_rows(history: History, first: int, stop: int) -> Iterator[Fields]:
    """Yield each step with its metrics; those of the probe set stand as they were last measured, with the step."""
    columns = {name: history.series(name) for name in history.names}
    probed = {each.name for each in history.of("dead_fraction")}
    for step in range(first, stop):
        row: Fields = {"step": step, "epoch": history.epoch_of(step)}
        for name, (steps, values) in columns.items():
            at = int(np.searchsorted(steps, step, side="right")) - 1
            if at >= 0 and (steps[at] == step or name not in AT_EPOCHS):
                row[name] = shortest(values[at])
                if name in probed:
                    row["probe_step"] = int(steps[at])
        yield row


def epoch_line(row: Fields, run: Run) -> str:
    """Return an epoch as a sentence for people, or the steps that make none."""
    history = run.history
    what = f"epoch {row['epoch']}{_of_epochs(history)}" if "epoch" in row else f"step {count(row['step'] + 1)}"
    parts = [f"{what}  loss {number(row['loss'])}"]
    if "accuracy/test" in row:
        parts.append(f"test accuracy {percent(row['accuracy/test'])}")
    for word, shares in _shares(history, row.get):
        parts.append(f"{word} {' '.join(f'{layer} {percent(share)}' for layer, share in shares.items())}")
    return "  ".join([*parts, f"{row['steps_per_s']:.0f} steps/s"])


def _shares(history: History, value: Callable[[str], float | None]) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each word that people are told of some layers, with their shares: what saturates is not said to be dead."""
    for word, metric in _SHARES:
        told = [
            each for each in history.of(metric)
            if (history.activations.get(each.of) in SATURATING) == (metric == "saturated_fraction")
        ]  # fmt: skip
        shares = {each.of: share for each in told if (share := value(each.name)) is not None}
        if shares:
            yield word, shares


def _of_epochs(history: History) -> str:
    planned = history.epochs_planned
    return f"/{planned}" if planned else ""


def _write(out: TextIO, row: Fields) -> int:
    """Write a row as a line of JSON and return its length in bytes."""
    line = strict_json.line(row) + "\n"
    out.write(line)
    out.flush()
    return len(line.encode())


def _cut(out: TextIO, whole: int) -> None:
    """Leave a file that could not take all of a line without its beginning; what is to follow goes nowhere."""
    with contextlib.suppress(OSError):
        os.ftruncate(out.fileno(), whole)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)


def _print_to(out: TextIO) -> Any:
    return lambda text: print(text, file=out, flush=True)


def _open(path: Path | None) -> TextIO | None:
    if path is None:
        return None
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        where = printable(str(path))
        raise InputError(
            f"--steps-json {where} cannot be written ({error.strerror}); name a file in a folder that you may write to"
        ) from error


class _Bar:
    """Progress on a terminal, with the numbers that matter."""

    def __init__(self, err: TextIO, out: TextIO) -> None:
        from tqdm import tqdm

        self._out = out
        self._tqdm = tqdm(total=0, unit=" steps", file=err, leave=False, dynamic_ncols=True)

    def note(self, line: str) -> None:
        self._tqdm.write(line, file=self._out)

    def show(self, run: Run) -> None:
        history = run.history.frozen()
        if history.start is None:
            self._tqdm.set_description_str("loading the engine and the data")
            return
        self._tqdm.total = history.steps_planned
        self._tqdm.n = history.taken
        loss = history.latest("loss")
        parts = [] if loss is None else [f"loss {number(loss)}"]
        parts += [f"{word} {percent(max(shares.values()))}" for word, shares in _shares(history, history.latest)]
        if len(parts) > 1:
            self._tqdm.set_description_str("  ".join(parts))
        self._tqdm.refresh()

    def wait_for_trials(self) -> None:
        self._tqdm.set_description_str("trying remedies")

    def close(self) -> None:
        self._tqdm.close()
