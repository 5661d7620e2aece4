"""The gate stands before every step: what was asked for takes hold there, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Change, Command, Pause, Restart, Resume, Revive, Speed, Stop, Take, TrainOn
from deadrelu_tui.record.records import Event
from deadrelu_tui.run.gate import FOLLOWED, Controls, Gate, Turn

LIVE = RunSettings().live
PATIENCE = 20.0
"""Seconds until a test that hangs fails; no test waits for this long."""

T = TypeVar("T")


class Asked(threading.Condition):
    """A condition that tells when somebody has begun to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.set()  # the lock is held: nobody can notify before the waiting has begun
        return super().wait(timeout)


class Waiter:
    """A training that asks the gate in a thread of its own."""

    def __init__(self, controls: Controls) -> None:
        self.asked = Asked()
        controls.asked = self.asked
        self.pool = ThreadPoolExecutor(1)

    def asks(self, question: Callable[[], T]) -> Future[T]:
        """Ask, and return when the answer has to be waited for."""
        self.asked.waits.clear()
        answer = self.pool.submit(question)
        assert self.asked.waits.wait(PATIENCE)
        assert not answer.done()
        return answer


@pytest.fixture
def controls() -> Controls:
    return Controls(LIVE)


@pytest.fixture
def waiter(controls: Controls) -> Iterator[Waiter]:
    waiter = Waiter(controls)
    yield waiter
    controls.send(Stop())
    waiter.pool.shutdown()


def ask(controls: Controls, *commands: Command) -> None:
    for command in commands:
        controls.send(command)


def change(step: int, setting: str, before: object, now: object) -> Event:
    return Event(step, "change", {"setting": setting, "before": before, "now": now})


# Going on, holding, waiting


def test_where_nothing_was_asked_for_every_step_is_taken_and_nothing_told(controls: Controls) -> None:
    gate = Gate(controls)
    assert gate.live == LIVE
    for step in (0, 1, 2, 12_000, 12_010):
        assert gate.next(step) == Turn(True, LIVE)


def test_a_paused_training_is_first_told_to_hold_and_waits_when_it_asks_again(
    controls: Controls, waiter: Waiter
) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    assert gate.next(5) == Turn(None, LIVE, (Event(5, "pause"),))
    answer = waiter.asks(lambda: gate.next(5))
    ask(controls, Resume())
    assert answer.result(PATIENCE) == Turn(True, LIVE, (Event(5, "resume"),))
    assert gate.next(6) == Turn(True, LIVE)


def test_a_waiting_training_is_not_woken_for_good_by_what_is_no_step(controls: Controls, waiter: Waiter) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    gate.next(0)
    answer = waiter.asks(lambda: gate.next(0))
    for command in (Change({"lr": 0.5}), Revive(), Pause(), TrainOn(1)):
        waiter.asked.waits.clear()
        ask(controls, command)
        assert waiter.asked.waits.wait(PATIENCE)  # it looked, and waits again
        assert not answer.done()
    ask(controls, Resume())
    turn = answer.result(PATIENCE)
    assert (turn.go, turn.revive, turn.live["lr"]) == (True, True, 0.5)
    assert turn.events == (Event(0, "resume"), change(0, "lr", 0.1, 0.5))


def test_a_pause_that_was_taken_back_before_the_next_step_is_not_told(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause(), Resume())
    assert gate.next(0) == Turn(True, LIVE)


def test_a_pause_that_is_taken_back_and_asked_for_again_while_it_waits_goes_on(
    controls: Controls, waiter: Waiter
) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    gate.next(0)
    answer = waiter.asks(lambda: gate.next(0))
    waiter.asked.waits.clear()
    with controls.asked:  # nobody looks in between
        ask(controls, Resume(), Pause())
    assert waiter.asked.waits.wait(PATIENCE)
    assert not answer.done()
    ask(controls, Stop())
    assert answer.result(PATIENCE) == Turn(False, LIVE)


def test_every_pause_is_told_and_so_is_its_end(controls: Controls) -> None:
    gate, told = Gate(controls), list[Event]()
    for step in (3, 8):
        ask(controls, Pause())
        told += gate.next(step).events
        ask(controls, Resume())
        told += gate.next(step).events
        told += gate.next(step + 1).events
    assert [(event.step, event.kind) for event in told] == [(3, "pause"), (3, "resume"), (8, "pause"), (8, "resume")]


# Single steps


def test_a_paused_training_takes_exactly_as_many_steps_as_it_is_let(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    assert gate.next(0) == Turn(None, LIVE, (Event(0, "pause"),))
    ask(controls, Take(3))
    assert [gate.next(step) for step in (0, 1, 2)] == [Turn(True, LIVE, by_hand=True)] * 3
    assert controls.paused
    assert gate.next(3) == Turn(None, LIVE)  # still the same pause: not told anew
    ask(controls, Take(), Take())
    assert [gate.next(step).go for step in (3, 4, 5)] == [True, True, None]
    ask(controls, Resume())
    assert gate.next(5) == Turn(True, LIVE, (Event(5, "resume"),))


def test_a_waiting_training_takes_a_step_when_it_is_let_and_then_holds_again(
    controls: Controls, waiter: Waiter
) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    assert gate.next(0).go is None
    for step in range(3):
        answer = waiter.asks(lambda step=step: gate.next(step))  # type: ignore[misc]
        ask(controls, Take())
        assert answer.result(PATIENCE) == Turn(True, LIVE, by_hand=True)
        assert gate.next(step + 1) == Turn(None, LIVE)


def test_steps_that_were_let_before_the_gate_looked_need_no_hold(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause(), Take())
    assert gate.next(0) == Turn(True, LIVE, by_hand=True)
    assert gate.next(1) == Turn(None, LIVE, (Event(1, "pause"),))


def test_a_pause_takes_back_the_steps_that_were_let_before(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Take(5))
    assert gate.next(0).go
    ask(controls, Pause())
    assert gate.next(1).go is None
    ask(controls, Take(5), Pause())
    controls.send(Stop())
    assert gate.next(1).go is False


# Changes


def test_a_change_is_told_at_the_step_that_it_is_in_force_from(controls: Controls) -> None:
    gate = Gate(controls)
    assert gate.next(0).events == ()
    ask(controls, Change({"lr": 0.5}))
    assert controls.live == {**LIVE, "lr": 0.5}
    assert gate.live == LIVE
    assert gate.next(1) == Turn(True, {**LIVE, "lr": 0.5}, (change(1, "lr", 0.1, 0.5),))
    assert gate.live == controls.live
    assert gate.next(2) == Turn(True, controls.live)


def test_changes_are_told_in_the_order_in_which_the_training_names_its_settings(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Change({"activation": "tanh"}), Change({"lr": 0.5, "normalise": True}))
    assert list(LIVE) == ["normalise", "lr", "activation"]
    assert gate.next(4).events == (
        change(4, "normalise", False, True), change(4, "lr", 0.1, 0.5), change(4, "activation", "relu", "tanh"),
    )  # fmt: skip


def test_what_was_changed_and_changed_back_before_the_next_step_is_not_told(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Change({"lr": 0.5}), Change({"lr": 0.2}), Change({"lr": 0.1}))
    assert gate.next(0) == Turn(True, LIVE)
    ask(controls, Change({"lr": 0.5}), Change({"lr": 0.2}))
    assert gate.next(1).events == (change(1, "lr", 0.1, 0.2),)


def test_a_change_replaces_what_is_live_as_a_whole(controls: Controls) -> None:
    gate = Gate(controls)
    before = gate.next(0).live
    ask(controls, Change({"lr": 0.01, "normalise": True}))
    assert before == LIVE == {"normalise": False, "lr": 0.1, "activation": "relu"}
    assert controls.live == {"normalise": True, "lr": 0.01, "activation": "relu"}


def test_what_was_changed_during_a_pause_is_in_force_when_it_ends(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause(), Change({"lr": 0.5}))
    assert gate.next(2) == Turn(None, LIVE, (Event(2, "pause"),))
    ask(controls, Change({"normalise": True}), Resume())
    turn = gate.next(2)
    assert turn.live == {**LIVE, "lr": 0.5, "normalise": True}
    assert turn.events == (Event(2, "resume"), change(2, "normalise", False, True), change(2, "lr", 0.1, 0.5))


def test_controls_keep_what_is_live_for_themselves() -> None:
    mine = dict(LIVE)
    controls = Controls(mine)
    mine["lr"] = 9.0
    assert controls.live == LIVE


# Reviving


def test_a_revival_that_was_asked_for_twice_counts_once(controls: Controls) -> None:
    gate = Gate(controls)
    assert not gate.next(0).revive
    ask(controls, Revive(), Revive())
    assert gate.next(1) == Turn(True, LIVE, (), revive=True)
    assert not gate.next(2).revive


def test_a_revival_waits_while_the_run_is_paused(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause(), Revive())
    assert not gate.next(0).revive
    ask(controls, Take())
    assert gate.next(0).revive
    ask(controls, Resume())
    assert not gate.next(1).revive


# Stopping


def test_a_stop_is_final(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, Pause(), Stop(), Resume(), Take(), Revive(), Change({"lr": 0.5}))
    assert controls.stopped
    for _ in range(2):
        assert gate.next(0) == Turn(False, LIVE)


def test_a_stop_ends_a_pause_whether_the_training_holds_or_waits(controls: Controls, waiter: Waiter) -> None:
    gate = Gate(controls)
    ask(controls, Pause())
    gate.next(3)
    answer = waiter.asks(lambda: gate.next(3))
    ask(controls, Stop())
    assert answer.result(PATIENCE) == Turn(False, LIVE)
    assert Gate(controls).next(3) == Turn(False, LIVE)


def test_a_restart_is_left_to_the_session(controls: Controls) -> None:
    before = dict(vars(controls))
    controls.send(Restart({"lr": 5.0}))
    assert vars(controls) == before


def test_what_was_changed_before_the_first_step_is_told_there(controls: Controls) -> None:
    begun = controls.live
    controls.send(Change({"lr": 0.5}))
    turn = Gate(controls, begun).next(0)
    assert turn.events == (Event(0, "change", {"setting": "lr", "before": begun["lr"], "now": 0.5}),)


# Going on after the end


def test_nobody_has_asked_for_more(controls: Controls) -> None:
    assert Gate(controls).more() == 0
    assert Gate(controls).more(list) == 0  # nobody can, after the end: it does not stay


def test_more_is_told_once_and_counts_all_that_was_asked_for(controls: Controls) -> None:
    gate = Gate(controls)
    ask(controls, TrainOn(2), TrainOn(3))
    assert gate.more() == 5
    assert gate.more() == 0
    ask(controls, TrainOn(1))
    assert gate.more(list) == 1


def test_a_run_that_stays_waits_to_be_trained_on() -> None:
    controls = Controls(LIVE, stays=True)
    waiter, gate = Waiter(controls), Gate(controls)
    assert gate.more() == 0
    for epochs in (2, 1):
        answer = waiter.asks(lambda: gate.more(list))
        ask(controls, TrainOn(epochs))
        assert answer.result(PATIENCE) == epochs
    answer = waiter.asks(lambda: gate.more(list))
    ask(controls, Stop())
    assert answer.result(PATIENCE) == 0
    waiter.pool.shutdown()


def test_what_was_asked_for_before_it_waits_is_not_waited_for() -> None:
    controls = Controls(LIVE, stays=True)
    ask(controls, TrainOn(4))
    assert Gate(controls).more(list) == 4


def test_after_a_stop_there_is_no_more() -> None:
    for stays in (False, True):
        controls = Controls(LIVE, stays)
        ask(controls, TrainOn(4), Stop(), TrainOn(4))
        assert Gate(controls).more() == Gate(controls).more(list) == 0


def test_who_asks_for_the_parameters_of_a_run_that_has_ended_and_stays_gets_them_while_it_waits() -> None:
    controls = Controls(LIVE, stays=True)
    waiter, gate = Waiter(controls), Gate(controls)
    answer = waiter.asks(lambda: gate.more(lambda: ["weights"]))
    for _ in range(2):
        assert controls.ask_parameters().result(PATIENCE) == ["weights"]
    ask(controls, TrainOn(1))
    assert answer.result(PATIENCE) == 1
    waiter.pool.shutdown()


# The parameters


def test_who_asks_for_the_parameters_gets_them_at_the_next_step(controls: Controls) -> None:
    gate, asked = Gate(controls), controls.ask_parameters()
    assert controls.ask_parameters() is asked
    assert gate.next(0).go
    assert not asked.done()
    gate.give(lambda: ["weights"])
    assert asked.result(0) == ["weights"]
    gate.give(lambda: pytest.fail("nobody asks for them any more"))
    assert controls.ask_parameters() is not asked


def test_a_pause_is_no_obstacle_and_goes_on_after_it(controls: Controls, waiter: Waiter) -> None:
    gate = Gate(controls)
    controls.send(Pause())
    assert gate.next(3) == Turn(None, LIVE, (Event(3, "pause"),))
    held = waiter.asks(lambda: gate.next(3))
    asked = controls.ask_parameters()
    assert held.result(PATIENCE) == Turn(None, LIVE)
    gate.give(lambda: ["weights"])
    assert asked.result(0) == ["weights"]
    held = waiter.asks(lambda: gate.next(3))
    controls.send(Take())
    assert held.result(PATIENCE) == Turn(True, LIVE, by_hand=True)


@pytest.mark.parametrize(("steps", "by_hand"), [(1, True), (100, True), (101, False)])
def test_a_hundred_steps_at_once_are_still_by_hand(controls: Controls, steps: int, by_hand: bool) -> None:
    gate = Gate(controls)
    controls.send(Pause())
    controls.send(Take(steps))
    assert gate.next(0).by_hand is by_hand


# Slowly


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("deadrelu_tui.run.gate.time.monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_a_slow_training_takes_its_first_step_at_once_and_holds_before_the_next_is_due(
    controls: Controls, clock: Clock
) -> None:
    gate = Gate(controls)
    controls.send(Speed(4.0))
    for step in range(3):
        assert gate.next(step).go is True
        for later in (0.0, 0.125, 0.1249):
            clock.now += later
            assert gate.next(step + 1) == Turn(None, LIVE)  # finish what is under way; nothing is told of it
            controls.ask_parameters()  # so that it need not wait
            gate.give(list)
            gate._held = False
        clock.now += 0.0001


def test_until_a_slow_step_is_due_whoever_wants_something_is_served(controls: Controls, waiter: Waiter) -> None:
    gate = Gate(controls)
    controls.send(Speed(0.001))
    assert gate.next(0).go is True
    assert gate.next(1) == Turn(None, LIVE)
    held = waiter.asks(lambda: gate.next(1))
    asked = controls.ask_parameters()
    assert held.result(PATIENCE) == Turn(None, LIVE)
    gate.give(lambda: ["weights"])
    assert asked.result(0) == ["weights"]
    held = waiter.asks(lambda: gate.next(1))
    ask(controls, Pause())
    assert held.result(PATIENCE) == Turn(None, LIVE)
    assert gate.next(1) == Turn(None, LIVE, (Event(1, "pause"),))
    held = waiter.asks(lambda: gate.next(1))
    ask(controls, Take())
    assert held.result(PATIENCE) == Turn(True, LIVE, by_hand=True)
    assert gate.next(2) == Turn(None, LIVE)
    held = waiter.asks(lambda: gate.next(2))
    ask(controls, Resume())  # and so slow again
    assert held.result(PATIENCE) == Turn(None, LIVE)
    held = waiter.asks(lambda: gate.next(2))
    ask(controls, Speed())
    assert held.result(PATIENCE) == Turn(True, LIVE, (Event(2, "resume"),))


def test_a_step_that_is_due_while_it_waits_is_taken(controls: Controls) -> None:
    gate = Gate(controls)
    controls.send(Speed(200.0))
    taken = [gate.next(0)]
    while len(taken) < 5:
        turn = gate.next(len(taken))
        taken += [turn] if turn.go else []
    assert all(each == Turn(True, LIVE) for each in taken)


def test_a_stop_ends_a_slow_training_at_once(controls: Controls, waiter: Waiter) -> None:
    gate = Gate(controls)
    controls.send(Speed(0.001))
    assert [gate.next(step).go for step in (0, 1)] == [True, None]
    held = waiter.asks(lambda: gate.next(1))
    ask(controls, Stop())
    assert held.result(PATIENCE).go is False


def test_a_slow_beginning_lasts_for_so_many_waits_and_then_it_goes_as_fast_as_it_can(
    controls: Controls, clock: Clock
) -> None:
    gate, taken = Gate(controls), list[float]()
    controls.send(Speed(1.0, 3))
    for step in range(8):
        while gate.next(step).go is not True:
            gate._held = False
            clock.now += 0.25
        taken.append(clock.now - 100)
    assert taken == [0, 1, 2, 3, 3, 3, 3, 3]
    assert controls.speed == Speed()


def test_whoever_pauses_has_seen_enough_of_a_slow_beginning(controls: Controls) -> None:
    for speed, after in ((Speed(1.0, 7), Speed()), (Speed(1.0), Speed(1.0)), (Speed(), Speed())):
        ask(controls, speed, Pause(), Resume())
        assert controls.speed == after


@pytest.mark.parametrize(("speed", "followed"), [(FOLLOWED, True), (FOLLOWED + 0.1, False), (None, False)])
def test_every_step_of_a_training_slow_enough_to_be_followed_is_looked_at(
    controls: Controls, speed: float | None, followed: bool
) -> None:
    controls.send(Speed(speed))
    assert Gate(controls).next(0).by_hand is followed


def test_a_slow_training_is_as_slow_whether_some_of_its_steps_were_let(controls: Controls, clock: Clock) -> None:
    gate = Gate(controls)
    ask(controls, Speed(1.0, 2), Pause(), Take(2))
    ask(controls, Speed(1.0, 2))
    assert [gate.next(step).go for step in (0, 1)] == [True, True]
    assert controls.speed == Speed(1.0, 2)  # none of them was waited for
    ask(controls, Resume())
    assert gate.next(2).go is None
    clock.now += 1
    assert gate.next(2).go is True
    assert controls.speed == Speed(1.0, 1)
