"""One contract for whatever a run is read of: each test here holds for every kind of source.

A kind joins by a row in FACTORIES: given a training, a source of it that has begun.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
import pytest
from apps import made
from fakes import BATCHES, PROBE, canned, healthy, waiting

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Change, Command, Pause, Resume, Revive, Stop, Take, TrainOn
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End
from deadrelu_tui.run.attached import Attached
from deadrelu_tui.run.folder import path_of
from deadrelu_tui.run.host import Host, socket_of
from deadrelu_tui.run.origin import origin
from deadrelu_tui.run.run import Run, Training
from deadrelu_tui.run.session import Session
from deadrelu_tui.run.source import ALIVE, Source, Status, how_it_ended
from deadrelu_tui.run.store import Store

PATIENCE = 20.0
"""Seconds until a test that hangs fails; no test waits for this long."""
SHORT, LONG = RunSettings(epochs=1), RunSettings(epochs=100_000)
"""One that ends by itself, and one that is there as long as a test wants it."""


class Make(Protocol):
    """Begin a training somewhere, and return how it is looked at from here."""

    def __call__(self, cleanup: ExitStack, training: Training, settings: RunSettings, stays: bool) -> Source: ...


def in_this_process(cleanup: ExitStack, training: Training, settings: RunSettings, stays: bool) -> Source:
    executor = cleanup.enter_context(ThreadPoolExecutor(1, "training"))
    run = made(settings, training, executor, stays)
    cleanup.callback(run.close)
    run.begin()
    return run


def attached(cleanup: ExitStack, training: Training, settings: RunSettings, stays: bool) -> Source:
    """The same, seen by its file and asked through a socket."""
    executor = cleanup.enter_context(ThreadPoolExecutor(1, "training"))
    folder = Path(cleanup.enter_context(TemporaryDirectory()))
    store = Store(folder / "runs")
    said = promise(settings)
    said = replace(said, facts={**said.facts, **origin("test"), "socket": socket_of(os.getpid())})
    run = Run(said, training, executor, settings.live, stays, recorded=store.recorded)
    host = Host(Session(run, lambda _settings, _paused: run), lambda _settings, _paused: run, store.hurry)
    cleanup.callback(store.close)
    cleanup.callback(run.close)
    cleanup.callback(host.close)
    run.begin()
    path = path_of(folder / "runs", said.run)
    source = Attached(path)
    cleanup.callback(source.close)
    return source


FACTORIES: dict[str, Make] = {"a run of this process": in_this_process, "a run of another process": attached}

Begin = Callable[..., Source]


@pytest.fixture(params=FACTORIES)
def begin(request: pytest.FixtureRequest) -> Iterator[Begin]:
    """Begin a training and return a source of it, which is closed when the test has ended."""
    with ExitStack() as cleanup:

        def source(training: Training | None = None, settings: RunSettings = SHORT, stays: bool = False) -> Source:
            return FACTORIES[request.param](cleanup, training or canned(), settings, stays)

        yield source


@pytest.fixture
def begin_here() -> Iterator[Begin]:
    """Begin a training of which nothing need be known yet: one that is read from a file has told its start."""
    with ExitStack() as cleanup:

        def source(training: Training | None = None, settings: RunSettings = SHORT, stays: bool = False) -> Source:
            return in_this_process(cleanup, training or canned(), settings, stays)

        yield source


_MOMENT = threading.Event()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        _MOMENT.wait(0.001)


def until_ended(source: Source) -> None:
    until(lambda: source.status not in ALIVE)


def until_steps(source: Source, count: int) -> None:
    until(lambda: len(source.history) >= count)


def paused_at(source: Source) -> int:
    """Pause a training and return how many steps it has taken once it holds."""
    source.send(Pause())
    until(lambda: any(each.kind == "pause" for each in source.history.events))
    return len(source.history)


class Held:
    """The numbers of a training that is held up within a step, until it is let go on."""

    def __init__(self, at: int) -> None:
        self.at, self.reached, self.goes_on = at, threading.Event(), threading.Event()

    def __call__(self, step: int) -> dict[str, float]:
        if step == self.at:
            self.reached.set()
            assert self.goes_on.wait(PATIENCE)
        return healthy(step)

    def until_reached(self) -> None:
        assert self.reached.wait(PATIENCE)


# Its life


def test_a_source_that_has_told_nothing_yet_is_starting(begin_here: Begin) -> None:
    def loading(promised: object, controls: object) -> Iterator[object]:
        loaded.wait(PATIENCE)
        yield from ()

    loaded = threading.Event()
    source = begin_here(loading)
    assert source.status is Status.STARTING
    assert (len(source.history), source.history.start, source.error) == (0, None, None)
    loaded.set()
    until_ended(source)


def test_a_source_runs_is_paused_runs_again_and_has_finished(begin: Begin) -> None:
    held = Held(20)
    source = begin(canned(held))
    held.until_reached()
    until_steps(source, 20)
    assert source.status is Status.RUNNING
    source.send(Pause())
    until(lambda: source.status is Status.PAUSED)
    held.goes_on.set()
    until(lambda: any(each.kind == "pause" for each in source.history.events))
    assert (source.status, len(source.history)) == (Status.PAUSED, 21)
    source.send(Resume())
    until_ended(source)
    assert (source.status, source.error, len(source.history)) == (Status.FINISHED, None, BATCHES)
    end = source.history.end
    assert end is not None
    assert (end.how, end.error) == ("finished", None)


def test_a_source_that_is_stopped_has_stopped(begin: Begin) -> None:
    source = begin(settings=LONG)
    until_steps(source, 3)
    source.send(Stop())
    until_ended(source)
    assert (source.status, source.error) == (Status.STOPPED, None)
    assert source.history.end is not None
    assert source.history.end.how == "stopped"
    assert source.history.events[-1].kind == "stop"


def test_a_paused_source_can_be_stopped(begin: Begin) -> None:
    source = begin(settings=LONG)
    taken = paused_at(source)
    source.send(Stop())
    until_ended(source)
    assert (source.status, len(source.history)) == (Status.STOPPED, taken)


def test_a_source_that_failed_has_the_error_and_its_text_in_the_history(begin: Begin) -> None:
    source = begin(canned(fail_at=7))
    until_ended(source)
    assert (source.status, len(source.history)) == (Status.FAILED, 7)
    assert "the engine broke" in str(source.error)
    assert source.history.end is not None
    assert source.history.end.how == "failed"
    assert source.history.end.error == "the engine broke second line"


# What it says of itself


def test_what_was_promised_can_be_read_before_the_start_and_what_was_found_after_it(begin_here: Begin) -> None:
    source = begin_here(waiting)
    assert (source.start.title, source.start.probe, source.start.network.names) == ("Fashion-MNIST", 0, ("h1",))
    source.close()
    source = begin_here()
    until_steps(source, 1)
    assert source.start == source.history.start
    assert (source.start.probe, source.start.steps, source.start.steps_per_epoch) == (PROBE, BATCHES, BATCHES)


# What it can be asked to do


def test_a_source_takes_single_steps(begin: Begin) -> None:
    source = begin(settings=LONG)
    taken = paused_at(source)
    for more in (1, 5):
        source.send(Take(more))
        taken += more
        until_steps(source, taken)
        assert source.status is Status.PAUSED
    source.send(Stop())
    until_ended(source)
    assert len(source.history) == taken


def test_what_is_changed_is_live_at_once_and_told_with_the_step_that_takes_it(begin: Begin) -> None:
    source = begin(settings=LONG)
    taken = paused_at(source)
    assert source.live == LONG.live
    source.send(Change({"lr": 0.5}))
    until(lambda: source.live["lr"] == 0.5)
    assert source.history.live["lr"] == 0.1
    source.send(Take())
    until_steps(source, taken + 1)
    assert source.history.live == source.live == {**LONG.live, "lr": 0.5}
    assert [(each.step, each.facts["now"]) for each in source.history.marks] == [(taken, 0.5)]


def test_a_revival_is_told_with_the_step_before_which_it_was_done(begin: Begin) -> None:
    source = begin(settings=LONG)
    taken = paused_at(source)
    source.send(Revive())
    source.send(Take())
    until_steps(source, taken + 1)
    assert [(each.step, each.kind) for each in source.history.marks] == [(taken, "revive")]


def test_what_a_source_can_do_shrinks_when_it_has_ended(begin: Begin) -> None:
    source = begin(settings=LONG)
    until_steps(source, 1)
    before = source.can
    assert before == source.start.can
    assert before >= {"pause", "stop", "revive", "lr"}
    source.send(Stop())
    until_ended(source)
    assert source.can < before
    assert source.can.isdisjoint({"pause", "stop", "revive", "train_on"})


def test_what_a_source_cannot_do_is_left_undone(begin: Begin) -> None:
    source = begin(settings=LONG)
    until_steps(source, 1)
    before = source.live
    for changed in ({"momentum": 0.9}, {"lr": 0.5, "momentum": 0.9}, {"hidden": (8,)}):
        source.send(Change(changed))
    assert source.live == before
    source.send(Stop())
    until_ended(source)
    length, events = len(source.history), source.history.events
    commands: tuple[Command, ...] = (Pause(), Resume(), Take(3), Revive(), TrainOn(1), Stop())
    for command in commands:
        source.send(command)
    assert (source.status, len(source.history), source.history.events) == (Status.STOPPED, length, events)


def test_a_source_that_has_finished_and_does_not_stay_cannot_be_trained_on(begin: Begin) -> None:
    source = begin()
    until_ended(source)
    assert "train_on" not in source.can
    source.send(TrainOn(1))
    source.close()
    assert (source.status, len(source.history)) == (Status.FINISHED, BATCHES)


def test_a_source_that_stays_goes_on_after_its_end_and_finishes_again(begin: Begin) -> None:
    source, epochs = begin(stays=True), 1
    for more in (1, 2):
        until(lambda: source.status is Status.FINISHED and len(source.history) == epochs * BATCHES)  # noqa: B023
        assert source.history.steps_planned == epochs * BATCHES
        assert "train_on" in source.can
        assert source.can.isdisjoint({"pause", "stop", "revive"})
        finished_at = source.history.end
        source.send(TrainOn(more))
        epochs += more
    until(lambda: source.status is Status.FINISHED and len(source.history) == epochs * BATCHES)
    history = source.history
    assert (history.steps_planned, history.last, history.epoch) == (epochs * BATCHES, epochs * BATCHES - 1, epochs)
    assert [(each.step, each.facts) for each in history.events if each.kind == "train_on"] == [
        (BATCHES, {"epochs": 1, "steps": BATCHES}), (2 * BATCHES, {"epochs": 2, "steps": 2 * BATCHES}),
    ]  # fmt: skip
    assert history.end is not None
    assert finished_at is not None
    assert history.end.at >= finished_at.at
    source.close()
    assert (source.status, source.error) == (Status.FINISHED, None)
    assert "train_on" not in source.can


def test_a_source_that_is_trained_on_before_its_end_has_one_end_only(begin: Begin) -> None:
    held = Held(BATCHES - 1)
    source = begin(canned(held))
    held.until_reached()
    source.send(TrainOn(2))
    assert source.history.steps_planned == BATCHES  # told when it is its turn
    held.goes_on.set()
    until_ended(source)
    assert (source.status, len(source.history), source.history.steps_planned) == (
        Status.FINISHED, 3 * BATCHES, 3 * BATCHES,
    )  # fmt: skip


# Its history


def prefix(history: History) -> list[tuple[str, bytes, bytes]]:
    """Return all that was measured, as bytes."""
    series = ((name, history.series(name)) for name in history.names)
    return [(name, steps.tobytes(), values.tobytes()) for name, (steps, values) in series]


def test_a_history_only_grows(begin: Begin) -> None:
    source = begin(settings=RunSettings(epochs=40))
    frozen, lengths = list[tuple[History, list[tuple[str, bytes, bytes]]]](), [0]
    while source.status in ALIVE:
        now = source.history.frozen()
        lengths.append(len(now))
        assert lengths[-1] >= lengths[-2]
        if lengths[-1] > lengths[-2] and len(frozen) < 50:
            frozen.append((now, prefix(now)))
        _MOMENT.wait(0.001)
    whole = source.history.frozen()
    assert len(whole) == 40 * BATCHES
    assert whole.series("loss").steps.tolist() == list(range(40 * BATCHES))
    assert frozen
    for then, read in frozen:
        assert prefix(then) == read
        for name, steps, values in read:
            now_steps, now_values = whole.series(name)
            assert now_steps.tobytes().startswith(steps)
            assert now_values.tobytes().startswith(values)
        assert then.events == tuple(each for each in whole.events if each in then.events)


def test_the_numbers_of_steps_rise_and_so_do_their_times(begin: Begin) -> None:
    source = begin()
    until_ended(source)
    history = source.history
    times = [history.seconds_at(step) for step in range(BATCHES)]
    assert (np.diff(history.series("loss").steps) > 0).all()
    assert times == sorted(times)
    assert history.seconds == times[-1]
    assert history.end is not None
    assert history.end.at >= history.seconds


# Closing


@pytest.mark.parametrize("moment", ["running", "paused", "finished"])
def test_a_source_can_be_closed_at_any_time_and_more_than_once(begin: Begin, moment: str) -> None:
    finished = moment == "finished"
    source = begin(settings=SHORT if finished else LONG, stays=finished)
    if finished:
        until_ended(source)
    elif moment == "paused":
        paused_at(source)
    for _ in range(2):
        source.close()
        left = {Status.STOPPED} if source.here else ALIVE  # to look no more ends nothing
        assert source.status in ({Status.FINISHED} if finished else left)
        assert source.error is None
    length = len(source.history)
    source.send(Resume())
    source.send(TrainOn(1))
    source.close()
    assert len(source.history) == length


def test_a_source_can_be_closed_before_it_has_told_anything(begin_here: Begin) -> None:
    source = begin_here(waiting)
    source.close()
    source.close()
    assert source.status is Status.STOPPED


def test_a_source_that_failed_is_closed_without_an_error(begin: Begin) -> None:
    source = begin(canned(fail_at=0))
    until_ended(source)
    source.close()
    source.close()
    assert source.status is Status.FAILED
    assert source.error is not None


@pytest.mark.parametrize(
    ("end", "status"),
    [(End(1.0, each.value), each) for each in (Status.FINISHED, Status.LEFT, Status.STOPPED, Status.FAILED)]
    + [(End(1.0, "crashed"), Status.CRASHED), (End(1.0, "rested"), Status.FINISHED),
       (End(1.0, "rested", error="no bed"), Status.FAILED), (End(1.0, "running"), Status.FINISHED)],
)  # fmt: skip
def test_an_end_is_told_by_its_word_and_one_of_a_later_version_by_its_error(end: End, status: Status) -> None:
    assert how_it_ended(end) is status


def test_what_a_run_is_doing_is_told_in_these_words() -> None:
    assert [each.value for each in Status] == [
        "ready", "starting", "reading", "running", "paused", "stopped", "finished", "left", "failed", "crashed",
    ]  # fmt: skip
