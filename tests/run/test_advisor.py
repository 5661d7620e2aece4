"""Remedies are tried beside a run that does not learn, and for no other; what is tried ends when the run is left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import record, start

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.trials import Trial, trials_of
from deadrelu_tui.diagnosis.verdict import verdict as given_verdict
from deadrelu_tui.record.commands import Change, Pause, Restart, Stop, Take
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event, Start
from deadrelu_tui.record.telling import told
from deadrelu_tui.run import advisor as module
from deadrelu_tui.run.advisor import SPARING, Advisor, Parameters, Spare
from deadrelu_tui.run.gate import Controls

LIVE = RunSettings().live
NORMALISE: tuple[Any, ...] = (Change({"normalise": True}), Restart())
SICK, WELL = {"dead_fraction/h1": 1.0, "loss": 2.3}, {"dead_fraction/h1": 0.0, "loss": 0.4}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY", 0.001)
    monkeypatch.setattr(module, "PATIENCE", 0.001)


class Bench:
    """A run made of a history, and what tries remedies for it, one trial for each that it is given."""

    def __init__(
        self,
        values: Mapping[str, float],
        trials: Callable[[], Iterator[Trial]] | None = None,
        said: Start | None = None,
    ) -> None:
        self.history, self.controls = History(), Controls(LIVE)
        self.asked: list[tuple[dict[str, Any], Any]] = []
        self.told, self.closed = threading.Event(), threading.Event()
        self.events: list[Event] = []
        self._trials = trials or (lambda: iter([Trial((), 0.1), Trial(NORMALISE, 0.75)]))
        self.history.add(said or start())
        for step in range(60):
            self.history.add(record(step, values))
        self.advisor = Advisor(self.history, self.controls, self.tell, self.attempt)

    def tell(self, event: Event) -> None:
        self.history.add(event)
        self.events.append(event)
        self.told.set()

    def attempt(
        self, settings: Mapping[str, Any], parameters: Parameters, share: Callable[[], float]
    ) -> tuple[int, Generator[Trial, None, None]]:
        self.share = share
        self.asked.append((dict(settings), parameters()))

        def tried() -> Generator[Trial, None, None]:
            try:
                yield from self._trials()
            finally:
                self.closed.set()

        return 60, tried()

    def end(self, how: str = "finished") -> None:
        self.history.add(End(2.0, how))


def test_for_a_run_that_does_not_learn_what_was_tried_becomes_an_event_and_the_advice() -> None:
    bench = Bench(SICK)
    bench.advisor.begin()
    assert bench.told.wait(30)
    bench.advisor.close()
    found = trials_of(bench.history)
    assert found is not None
    assert (found.live, found.steps) == (LIVE, 60)
    assert [row.accuracy for row in found.rows] == [0.1, 0.75]
    assert bench.events[0].step == 59
    assert told(bench.events[0]) == "tried 2 remedies for 60 steps each: 75.0 % accuracy at best"
    assert len(bench.asked) == 1
    assert bench.asked[0][0] == {**RunSettings(epochs=2).as_dict(), **LIVE}


def test_for_a_healthy_run_nothing_is_tried() -> None:
    bench = Bench(WELL)
    bench.end()
    bench.advisor.begin()
    bench.advisor.settle()
    assert (bench.asked, bench.events) == ([], [])


@pytest.mark.parametrize("how", ["stopped", "failed"])
def test_for_a_run_that_was_stopped_or_failed_nothing_is_tried(how: str) -> None:
    bench = Bench(SICK)
    bench.end(how)
    bench.advisor.begin()
    bench.advisor.settle()
    assert bench.asked == []


def test_of_a_run_that_has_ended_fresh_weights_are_tried_and_whoever_waits_sees_what_came_of_it() -> None:
    bench = Bench(SICK)
    bench.end()
    bench.advisor.begin()
    bench.advisor.settle()
    assert [parameters for _, parameters in bench.asked] == [None]
    assert trials_of(bench.history) is not None


def test_a_run_that_goes_on_hands_over_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 30)
    bench = Bench(SICK)
    bench.advisor.begin()
    while bench.controls.wanted is None:
        pass
    bench.controls.wanted.set_result(["weights"])
    assert bench.told.wait(30)
    bench.advisor.close()
    assert bench.asked[0][1] == ["weights"]


def endless() -> Iterator[Trial]:
    while True:
        yield Trial(NORMALISE, 0.7)


def waiting(bench: Bench) -> None:
    """Begin, and wait until something is being tried."""
    bench.advisor.begin()
    while not bench.asked:
        pass


def test_what_is_tried_ends_with_the_run() -> None:
    bench = Bench(SICK, endless)
    waiting(bench)
    bench.controls.send(Stop())
    assert bench.closed.wait(30)
    bench.advisor.settle()
    assert bench.events == []


def test_to_close_breaks_it_off() -> None:
    bench = Bench(SICK, endless)
    waiting(bench)
    bench.advisor.close()
    assert bench.closed.is_set()
    assert bench.events == []


def test_set_otherwise_the_run_is_tried_anew() -> None:
    turns: Iterator[Iterator[Trial]] = iter([endless(), iter([Trial(NORMALISE, 0.7)])])
    bench = Bench(SICK, lambda: next(turns))
    waiting(bench)
    bench.controls.send(Change({"lr": 0.2}))
    bench.history.add(record(60, SICK, live={**LIVE, "lr": 0.2}))
    assert bench.told.wait(30)
    bench.advisor.close()
    assert [settings["lr"] for settings, _ in bench.asked][-1] == 0.2
    found = trials_of(bench.history)
    assert found is not None
    assert found.live["lr"] == 0.2


def test_what_fails_is_told_and_not_tried_again() -> None:
    def fail() -> Iterator[Trial]:
        raise RuntimeError("no process\nat all")

    bench = Bench(SICK, fail)
    bench.advisor.begin()
    assert bench.told.wait(30)
    bench.end()
    bench.advisor.settle()
    assert len(bench.asked) == 1
    assert told(bench.events[0]) == "no remedy could be tried: no process at all"
    assert trials_of(bench.history) is None


def test_a_network_of_which_nothing_was_tried_tells_nothing() -> None:
    bench = Bench(SICK, lambda: iter(()))
    bench.end()
    bench.advisor.begin()
    bench.advisor.settle()
    assert (len(bench.asked), bench.events) == (1, [])


def test_set_otherwise_after_its_end_the_run_is_tried_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(SICK)
    bench.end()
    bench.controls.send(Change({"lr": 0.2}))  # for the next run
    bench.advisor.begin()
    bench.advisor.settle()
    assert [settings["lr"] for settings, _ in bench.asked] == [LIVE["lr"]]
    assert trials_of(bench.history) is not None


def test_set_otherwise_and_not_yet_a_step_taken_nothing_is_tried() -> None:
    bench = Bench(SICK)
    bench.controls.send(Change({"lr": 0.2}))
    bench.advisor.begin()
    assert not bench.told.wait(0.1)
    bench.advisor.close()
    assert bench.asked == []


def test_for_a_network_that_does_not_choose_among_classes_nothing_is_tried() -> None:
    bench = Bench(SICK, said=replace(start(), classes=1))
    bench.end()
    bench.advisor.begin()
    bench.advisor.settle()
    assert bench.asked == []


def test_a_run_that_is_trained_on_after_its_end_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Semaphore(0)

    def verdict(history: History) -> object:
        looked.release()
        return given_verdict(history)

    monkeypatch.setattr(module, "verdict", verdict)
    bench = Bench(WELL)
    bench.end()
    bench.advisor.begin()
    for _ in range(3):
        assert looked.acquire(timeout=30)
    for step in range(60, 180):
        bench.history.add(record(step, SICK))
    assert bench.told.wait(30)
    bench.advisor.close()
    assert bench.events[0].step >= 60


# How much may be taken


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the clocks say, and on how many processors this process may run."""
    now = SimpleNamespace(wall=100.0, busy=7.0, processors=2)
    monkeypatch.setattr(time, "monotonic", lambda: now.wall)
    monkeypatch.setattr(time, "process_time", lambda: now.busy)
    monkeypatch.setattr(module, "processors", lambda: now.processors)
    return now


@pytest.mark.parametrize(
    ("busy", "processors", "share"),
    [(0.0, 1, 1.0), (0.01, 1, SPARING), (1.0, 2, 1.0), (1.01, 2, SPARING), (2.0, 2, SPARING), (2.0, 3, 1.0)],
)
def test_where_the_training_leaves_a_processor_free_it_is_taken(
    clock: SimpleNamespace, busy: float, processors: int, share: float
) -> None:
    spare = Spare(lambda: False)
    clock.processors = processors
    for _ in range(3):  # each time it is measured since it was measured last
        clock.wall, clock.busy = clock.wall + 2, clock.busy + 2 * busy
        assert spare.share() == share


def test_before_half_a_second_has_been_measured_the_share_stays_what_it_was(clock: SimpleNamespace) -> None:
    spare = Spare(lambda: False)
    clock.wall += 0.25
    assert spare.share() == SPARING
    clock.wall += 0.25
    assert spare.share() == 1
    clock.wall, clock.busy = clock.wall + 0.25, clock.busy + 0.5
    assert spare.share() == 1
    clock.wall, clock.busy = clock.wall + 0.25, clock.busy + 0.5
    assert spare.share() == SPARING


def test_beside_a_training_that_rests_all_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paused and let no step, or at its end."""
    monkeypatch.setattr(module, "OVER", 1e9)
    bench = Bench(SICK, endless)
    waiting(bench)
    assert bench.share() == SPARING
    bench.controls.send(Pause())
    assert bench.share() == 1
    bench.controls.send(Take(3))
    bench.advisor._hurry.wait(0)
    assert bench.advisor._rests() is False
    bench.end()
    assert bench.share() == 1
    bench.advisor.close()


def test_a_verdict_that_is_bad_for_a_moment_is_no_reason_to_try_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Semaphore(0)

    def turns(history: History) -> object:
        looks.release()
        return given_verdict(history) if next(sick) else None

    sick = iter([True, False] * 50_000)
    monkeypatch.setattr(module, "verdict", turns)
    bench = Bench(SICK)
    bench.advisor.begin()
    for _ in range(6):
        assert looks.acquire(timeout=30)
    bench.advisor.close()
    assert bench.asked == []
