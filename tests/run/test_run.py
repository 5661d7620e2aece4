"""A run drains a training into its history, and its controls reach into it. The trainings here are fakes."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from apps import made
from conftest import record, start, units
from fakes import BATCHES, canned

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.trials import Trial
from deadrelu_tui.record.commands import Change, Pause, Resume, Stop, Take, TrainOn
from deadrelu_tui.record.records import Event, Record, Start
from deadrelu_tui.run.gate import Controls, Gate
from deadrelu_tui.run.run import Run, Training
from deadrelu_tui.run.source import ALIVE, Status

SETTINGS = RunSettings()
PATIENCE = 20.0
"""Seconds until a test that hangs fails; no test waits for this long."""


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "training") as executor:
        yield executor


class Script:
    """A training that yields what a test gives it, one thing at a time."""

    def __init__(self) -> None:
        self.items: queue.Queue[Record | BaseException | None] = queue.Queue()
        self.begun = threading.Event()
        self.taken = threading.Semaphore(0)

    def __call__(self, promised: Start, controls: Controls) -> Iterator[Any]:
        self.begun.set()
        while (item := self.items.get(timeout=PATIENCE)) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
            self.taken.release()

    def give(self, *items: Record) -> None:
        """Let the training yield these; return when the run has taken them."""
        for item in items:
            self.items.put(item)
            assert self.taken.acquire(timeout=PATIENCE)

    def end(self, error: BaseException | None = None) -> None:
        self.items.put(error)


def steps(count: int) -> Training:
    """Return a training of so many steps that looks at its controls as the real one does."""

    def training(promised: Start, controls: Controls) -> Iterator[Any]:
        yield start(batches=count, epochs=1)
        gate = Gate(controls)
        for step in range(count):
            turn = gate.next(step)
            if turn.go is None:
                turn = gate.next(step)
            if not turn.go:
                return
            yield record(step, {"lr": turn.live["lr"]}, batches=count)

    return training


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.001)


def scripted(executor: ThreadPoolExecutor) -> tuple[Run, Script]:
    script = Script()
    return made(SETTINGS, script, executor), script


# Status


def test_a_run_is_ready_starting_running_and_finished(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    assert (run.status, run.alive, run.error) == (Status.READY, False, None)
    run.begin()
    assert (run.status, run.alive) == (Status.STARTING, True)
    script.give(start(batches=2, epochs=1))
    assert run.status is Status.STARTING
    script.give(record(0))
    assert (run.status, run.alive) == (Status.RUNNING, True)
    script.give(record(1, batches=2))
    script.end()
    run.join(PATIENCE)
    assert (run.status, run.alive, run.error) == (Status.FINISHED, False, None)


def test_a_run_that_was_asked_to_pause_is_paused_until_it_resumes(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(), record(0))
    run.send(Pause())
    assert (run.status, run.alive) == (Status.PAUSED, True)
    run.send(Resume())
    assert run.status is Status.RUNNING
    script.end()


def test_a_run_that_ends_early_is_stopped(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(batches=4, epochs=1), record(0))
    run.send(Stop())
    assert run.status is Status.RUNNING
    script.end()
    run.join(PATIENCE)
    assert (run.status, run.alive) == (Status.STOPPED, False)
    assert run.history.events[-1] == Event(1, "stop")


def test_a_stop_after_the_last_step_leaves_a_run_finished(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(batches=1, epochs=1), record(0, batches=1))
    run.send(Stop())
    script.end()
    run.join(PATIENCE)
    assert run.status is Status.FINISHED


@pytest.mark.parametrize(("taken", "status"), [(3, Status.FINISHED), (2, Status.STOPPED)])
def test_a_run_that_was_joined_late_is_finished_after_as_many_steps_as_it_announced(
    executor: ThreadPoolExecutor, taken: int, status: Status
) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(batches=3, epochs=1, first=500), *(record(500 + step) for step in range(taken)))
    run.send(Stop())
    script.end()
    run.join(PATIENCE)
    assert run.status is status


class Attempts:
    """What tries remedies: one trial after the other, as long as nobody breaks it off, or a single one."""

    def __init__(self, endless: bool) -> None:
        self.endless, self.begun, self.broken_off = endless, threading.Event(), threading.Event()

    def __call__(self, settings: Any, parameters: Any, share: Any) -> Any:
        def trials() -> Iterator[Trial]:
            try:
                yield Trial((), 0.1)
                while self.endless:
                    self.begun.set()
                    yield Trial((Change({"normalise": True}),), 0.7)
            finally:
                self.broken_off.set()

        return 60, trials()


def sick(executor: ThreadPoolExecutor, attempt: Attempts) -> Run:
    """Return a run that has learned nothing when it ends."""

    def training(promised: Start, controls: Controls) -> Iterator[Any]:
        yield start(batches=60, epochs=1)
        yield from (record(step, {"loss": 2.3, "dead_fraction/h1": 1.0}) for step in range(60))

    return Run(start(), training, executor, SETTINGS.live, attempt=attempt)


def test_whoever_settles_with_a_run_finds_what_was_tried(executor: ThreadPoolExecutor) -> None:
    run = sick(executor, Attempts(endless=False))
    run.begin()
    run.join(PATIENCE)
    run.settle()
    assert [each.kind for each in run.history.events if each.kind == "trials"] == ["trials"]
    run.close()


def test_to_close_a_run_breaks_off_what_is_tried(executor: ThreadPoolExecutor) -> None:
    attempt = Attempts(endless=True)
    run = sick(executor, attempt)
    run.begin()
    assert attempt.begun.wait(PATIENCE)
    run.close()
    assert attempt.broken_off.is_set()
    assert all(each.kind != "trials" for each in run.history.events)


def test_a_failed_run_keeps_its_error_and_its_history(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(), record(0), record(1))
    error = ValueError("the engine is out of memory")
    script.end(error)
    run.join(PATIENCE)
    assert (run.status, run.alive, run.error) == (Status.FAILED, False, error)
    assert len(run.history) == 2
    assert run.history.end is not None
    assert (run.history.end.how, run.history.end.error) == ("failed", "the engine is out of memory")
    assert run.history.end.at > 0


def test_a_run_that_fails_before_its_first_step_is_failed(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.end(OSError("no data"))
    run.join(PATIENCE)
    assert run.status is Status.FAILED
    assert run.history.seconds == 0
    assert run.history.end is not None
    assert run.history.end.error == "no data"


def test_a_run_that_was_paused_and_then_stopped_is_stopped(executor: ThreadPoolExecutor) -> None:
    run = made(SETTINGS, steps(100), executor)
    run.send(Pause())
    run.begin()
    assert run.status is Status.PAUSED
    run.send(Stop())
    run.join(PATIENCE)
    assert (run.status, len(run.history)) == (Status.STOPPED, 0)


# Joining and restarting


def test_joining_a_run_that_was_never_started_returns_at_once(executor: ThreadPoolExecutor) -> None:
    made(SETTINGS, steps(1), executor).join()


def test_joining_a_run_that_goes_on_is_given_up_in_time(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    with pytest.raises(TimeoutError):
        run.join(0)
    script.end()
    run.join(PATIENCE)


def test_a_stopped_run_ends_after_the_step_it_is_in(executor: ThreadPoolExecutor) -> None:
    run = made(SETTINGS, steps(10**9), executor)
    run.begin()
    run.send(Stop())
    run.join(PATIENCE)
    assert run.status is Status.STOPPED
    assert len(run.history) < 10**9


def test_a_restart_waits_until_the_run_before_has_ended(executor: ThreadPoolExecutor) -> None:
    (old, first), (new, second) = scripted(executor), scripted(executor)
    old.begin()
    assert first.begun.wait(PATIENCE)
    first.give(start(), record(0))
    old.send(Stop())
    new.begin()
    first.give(record(1))
    assert (new.status, second.begun.is_set()) == (Status.STARTING, False)
    first.end()
    assert second.begun.wait(PATIENCE)
    assert not old.alive
    second.give(start(), record(0))
    assert (len(old.history), len(new.history)) == (2, 1)
    second.end()


def test_all_runs_train_in_the_same_thread(executor: ThreadPoolExecutor) -> None:
    threads = []

    def training(promised: Start, controls: Controls) -> Iterator[Any]:
        threads.append(threading.current_thread().name)
        yield start(batches=1, epochs=1)

    for _ in range(3):
        run = made(SETTINGS, training, executor)
        run.begin()
        run.join(PATIENCE)
    assert set(threads) == {"training_0"}


def test_two_runs_have_two_names(executor: ThreadPoolExecutor) -> None:
    assert len({made(SETTINGS, steps(1), executor).start.run for _ in range(20)}) == 20


# Controls


def test_a_paused_training_takes_exactly_one_step_per_permit(executor: ThreadPoolExecutor) -> None:
    run = made(SETTINGS, steps(100), executor)
    run.send(Pause())
    run.begin()
    for taken in range(1, 4):
        run.send(Take())
        until(lambda: len(run.history) >= taken)  # noqa: B023
        assert (run.status, run.controls.permits) == (Status.PAUSED, 0)
    run.send(Stop())
    run.join(PATIENCE)
    assert len(run.history) == 3


# What is recorded


def test_every_step_and_event_is_in_the_history(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(
        start(batches=2, epochs=1),
        record(0),
        Event(1, "change", {"setting": "lr", "before": 0.1, "now": 0.01}),
        record(1, batches=2),
    )
    script.end()
    run.join(PATIENCE)
    assert run.history.series("loss").steps.tolist() == [0, 1]
    assert [event.kind for event in run.history.events] == ["start", "change", "epoch"]
    assert [event.mark for event in run.history.events] == [False, True, False]


def test_what_a_look_finds_is_told_among_the_events_once_it_is_recorded(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    firing = {"h1": np.ones(4, np.bool_)}
    alive, dead = ({"h1": units(shares)} for shares in ([0.5] * 4, [0.5, 0, 0, 0]))
    script.give(start(), replace(record(0), fired=firing, looks=alive), replace(record(1), fired=firing))
    script.give(replace(record(2), looks=dead), Event(3, "revive", {"layers": {"h1": 3}}))
    script.give(replace(record(3), fired=firing, looks=alive))
    script.end()
    run.join(PATIENCE)
    assert run.error is None
    assert [(event.step, event.kind, event.facts.get("units")) for event in run.history.events[1:]] == [
        (2, "units_lost", [1, 2, 3]),
        (2, "layer_lost", 3),
        (3, "revive", None),
        (3, "units_back", [1, 2, 3]),
    ]
    assert run.history.series("deaths/h1").values.tolist() == [0, 3, 3]
    assert run.history.series("revivals/h1").values.tolist() == [0, 0, 3]
    assert run.history.ledgers["h1"].changed_at.tolist() == [-1, 3, 3, 3]


def test_what_was_noticed_of_a_step_is_not_noticed_again_of_the_next(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(start(), *(record(step, {"loss": float("nan")}) for step in range(3)))
    script.end()
    run.join(PATIENCE)
    assert [(event.step, event.kind) for event in run.history.events[1:]] == [(0, "diverged")]


def test_a_training_that_ends_by_itself_has_finished_and_nobody_stopped_it(executor: ThreadPoolExecutor) -> None:
    run, script = scripted(executor)
    run.begin()
    script.give(replace(start(), steps=1_000, steps_per_epoch=None), *(record(step) for step in range(0, 100, 10)))
    script.end()
    run.join(PATIENCE)
    assert run.status is Status.FINISHED
    assert [event.kind for event in run.history.events] == ["start"]


def test_a_run_that_ends_well_is_never_seen_failed() -> None:
    interval, seen = sys.getswitchinterval(), set()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as executor:
            for _ in range(300):
                run = made(SETTINGS, lambda promised, controls: iter([start(), record(0)]), executor)
                run.begin()
                while run.status in ALIVE:
                    pass
                seen.add(run.status)
                run.join(PATIENCE)
    finally:
        sys.setswitchinterval(interval)
    assert seen == {Status.FINISHED}


def test_time_stands_still_after_the_end(executor: ThreadPoolExecutor) -> None:
    run = made(SETTINGS, steps(3), executor)
    run.begin()
    run.join(PATIENCE)
    assert run.history.end is not None
    ended_at = run.history.end.at
    assert ended_at >= run.history.seconds > 0
    time.sleep(0.002)
    assert run.history.end.at == ended_at


def test_a_run_that_stays_can_be_trained_on_and_ends_when_it_is_let_go(executor: ThreadPoolExecutor) -> None:
    run = made(RunSettings(epochs=1), canned(), executor, stays=True)
    run.begin()
    for epochs in (1, 3):
        until(lambda: run.status is Status.FINISHED and len(run.history) == epochs * BATCHES)  # noqa: B023
        assert "train_on" in run.can
        assert run.history.steps_planned == epochs * BATCHES
        run.send(TrainOn(2))
    run.close()
    run.close()
    assert run.error is None
    assert "train_on" not in run.can


def test_what_a_run_cannot_do_is_left_undone(executor: ThreadPoolExecutor) -> None:
    run = made(SETTINGS, canned(), executor)
    run.begin()
    run.join(PATIENCE)
    run.send(Change({"momentum": 0.9}))
    assert "momentum" not in run.live
    run.send(Change({"lr": 0.5}))  # what the next run begins with
    assert run.live["lr"] == 0.5
    run.send(Pause())
    assert run.status is Status.FINISHED
