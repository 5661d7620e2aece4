"""A session has runs one after the other: the one in hand, those before it, a ghost, and what is held still."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from apps import begun, made
from conftest import record, start
from fakes import BATCHES, canned, waiting

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Change, Command, Pause, Restart, Revive, Speed, Stop, Take
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Live, Start
from deadrelu_tui.run.session import KEPT, Session
from deadrelu_tui.run.source import Source, Status

PATIENCE = 20.0
"""Seconds until a test that hangs fails; no test waits for this long."""


NUMBERS = itertools.count()


class Told:
    """A Source that does nothing but remember what it was asked for."""

    here, lack, successor, unrecorded, unwritten = True, "", "", "", ""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.start: Start = replace(start(epochs=5, **settings), run=f"told-{next(NUMBERS)}")
        self.history, self.asked = History(), list[Command]()
        self.status, self.error, self.live = Status.RUNNING, None, dict(RunSettings.of(self.start.settings).live)
        self.can, self.speed = self.start.can, Speed()

    def parameters(self) -> None:
        return None

    def send(self, command: Command) -> None:
        self.asked.append(command)
        if isinstance(command, Change):
            self.live |= command.fields
        elif isinstance(command, Speed):
            self.speed = command

    def close(self) -> None:
        self.status = Status.STOPPED


class Began:
    """What makes the runs of a session, and remembers of which settings."""

    def __init__(self) -> None:
        self.settings = list[Mapping[str, Any]]()

    def __call__(self, settings: Mapping[str, Any], paused: bool) -> Told:
        self.settings.append(settings)
        self.paused = paused
        return Told({name: settings[name] for name in ("lr", "normalise", "seed")})


@pytest.fixture
def began() -> Began:
    return Began()


@pytest.fixture
def session(began: Began) -> Session:
    return Session(Told({}), began)


def restarted(session: Session, times: int) -> list[Source]:
    """Restart so often, and return all the runs, oldest first."""
    runs = [session.in_hand]
    for _ in range(times):
        session.send(Restart())
        runs.append(session.in_hand)
    return runs


def asked(run: Source) -> list[Command]:
    assert isinstance(run, Told)
    return run.asked


# Commands and restarts


def test_a_command_goes_to_the_run_in_hand_and_to_no_other(session: Session) -> None:
    old, new = restarted(session, 1)
    for command in (Pause(), Take(3), Revive(), Change({"lr": 0.5})):
        session.send(command)
    assert asked(new) == [Pause(), Take(3), Revive(), Change({"lr": 0.5})]
    assert asked(old) == [Stop()]


def test_a_restart_stops_the_run_in_hand_and_begins_another_in_its_place(session: Session, began: Began) -> None:
    first = session.in_hand
    assert (session.started, session.earlier) == (1, [])
    session.send(Restart())
    assert asked(first) == [Stop()]
    assert session.in_hand is not first
    assert (session.started, session.earlier) == (2, [first])
    assert len(began.settings) == 1


def test_a_restart_begins_with_what_is_set_now_and_its_own_settings_in_place_of_others(
    session: Session, began: Began
) -> None:
    session.send(Change({"lr": 0.5, "normalise": True}))
    assert session.settings_now == {**RunSettings().as_dict(), "lr": 0.5, "normalise": True}
    session.send(Restart({"seed": 7, "lr": 0.2}))
    wanted = {**RunSettings().as_dict(), "lr": 0.2, "normalise": True, "seed": 7}
    assert began.settings == [wanted]
    assert session.settings_now == wanted
    session.send(Restart())
    assert began.settings[1:] == [wanted]


def test_a_restart_that_cannot_begin_leaves_the_run_in_hand_in_its_place() -> None:
    def refused(settings: Mapping[str, Any], paused: bool) -> Source:
        raise ValueError("lr must be a number above 0")

    first = Told({})
    session = Session(first, refused)
    with pytest.raises(ValueError, match="lr must be"):
        session.send(Restart({"lr": -1}))
    assert session.in_hand is first
    assert first.asked == []
    assert (session.started, session.earlier, session.runs) == (1, [], [(1, first)])


def test_where_all_is_to_end_no_other_run_is_begun(session: Session, began: Began) -> None:
    first = session.in_hand
    assert session.end() is first
    with pytest.raises(InputError, match="no other run can be begun in the place of told-"):
        session.restart(Restart())
    assert (session.in_hand, asked(first), began.settings) == (first, [], [])


def test_at_most_so_many_earlier_runs_are_kept(session: Session) -> None:
    runs = restarted(session, KEPT + 5)
    assert session.earlier == runs[-2 : -2 - KEPT : -1]
    assert len(session.earlier) == KEPT == 20
    assert session.started == KEPT + 6


# Numbers


def test_runs_are_numbered_from_one_in_the_order_in_which_they_began(session: Session) -> None:
    runs = restarted(session, 2)
    assert session.runs == [(3, runs[2]), (2, runs[1]), (1, runs[0])]
    assert [session.name(run) for run in runs] == ["run 1", "run 2", "run 3"]


def test_a_run_keeps_its_number_when_the_oldest_are_let_go(session: Session) -> None:
    runs = restarted(session, KEPT + 5)
    assert [number for number, _ in session.runs] == list(range(KEPT + 6, 5, -1))
    assert session.name(runs[-1]) == f"run {KEPT + 6}"
    assert session.name(runs[5]) == "run 6"


# Ghosts


def test_the_next_ghost_is_an_older_run_and_after_the_oldest_there_is_none(session: Session) -> None:
    session.next_ghost()
    assert session.ghosts == ()
    one, two, _ = restarted(session, 2)
    found = list[tuple[Source, ...]]()
    for _ in range(4):
        session.next_ghost()
        found.append(session.ghosts)
    assert found == [(two,), (one,), (), (two,)]


def test_a_run_of_the_list_haunts_until_it_is_taken_again(session: Session) -> None:
    one, two, _ = restarted(session, 2)
    found = list[tuple[Source, ...]]()
    for index in (1, 0, 1, 0):
        assert session.lay_under(session.earlier[index])
        found.append(session.ghosts)
    assert found == [(one,), (one, two), (two,), ()]


def test_six_runs_haunt_and_a_seventh_only_in_place_of_one(session: Session) -> None:
    restarted(session, 7)
    assert [session.lay_under(session.earlier[index]) for index in range(7)] == [True] * 6 + [False]
    assert session.ghosts == tuple(session.earlier[:6])
    assert session.lay_under(session.earlier[2])
    assert session.lay_under(session.earlier[6])
    assert session.ghosts == (*session.earlier[:2], *session.earlier[3:6], session.earlier[6])


def test_the_next_ghost_takes_the_place_of_all_others(session: Session) -> None:
    restarted(session, 3)
    session.lay_under(session.earlier[0])
    session.lay_under(session.earlier[1])
    session.next_ghost()
    assert session.ghosts == (session.earlier[2],)


def test_the_run_in_hand_haunts_nobody(session: Session) -> None:
    one, two = restarted(session, 1)
    assert session.lay_under(one)
    assert session.lay_under(two)
    assert session.ghosts == (one,)


def test_a_recorded_run_may_be_a_ghost_and_is_called_by_its_id(session: Session) -> None:
    one, _ = restarted(session, 1)
    old = Told({"lr": 0.7})
    old.start, old.here = replace(old.start, run="20261129-120000-abcd"), False
    assert session.lay_under(old)
    assert session.name(old) == "20261129-120000-abcd"
    session.send(Restart())
    assert session.ghosts == (old,)
    session.next_ghost()
    assert session.ghosts == (session.earlier[0],)
    again = Told({})
    again.start, again.here = replace(again.start, run="20261129-120000-abcd"), False
    session.ghosts = (one, old)
    session.lay_under(again)  # the same run, read anew
    assert list(session.ghosts) == [one]


def test_a_ghost_stays_when_another_run_begins(session: Session) -> None:
    one, _ = restarted(session, 1)
    session.lay_under(session.earlier[0])
    session.send(Restart())
    assert session.ghosts == (one,)


def test_a_ghost_goes_with_the_run_that_is_kept_no_longer(session: Session) -> None:
    one, *_ = restarted(session, KEPT)
    session.lay_under(session.earlier[KEPT - 1])
    assert session.ghosts == (one,)
    session.send(Restart())
    assert one not in session.earlier
    assert not session.ghosts
    session.next_ghost()
    assert session.ghosts == (session.earlier[0],)


# What is held still


def test_what_is_looked_at_is_all_of_the_run_in_hand_as_it_stands(session: Session) -> None:
    history = session.in_hand.history
    history.add(record(0))
    before = session.history
    history.add(record(1))
    assert (len(before), len(session.history)) == (1, 2)
    with pytest.raises(AssertionError):
        session.history.add(record(2))


def test_a_frozen_display_stays_until_it_is_let_catch_up(session: Session) -> None:
    history = session.in_hand.history
    history.add(record(0))
    session.freeze()
    held = session.held
    assert held is not None
    history.add(record(1))
    assert session.history is held
    assert len(session.history) == 1
    session.freeze()
    assert session.held is None
    assert len(session.history) == 2


def test_a_restart_lets_go_of_what_was_held(session: Session) -> None:
    session.in_hand.history.add(record(0))
    session.freeze()
    session.send(Restart())
    assert session.held is None
    assert len(session.history) == 0


# With runs that train


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1, "training") as executor:
        yield executor


def test_a_restart_takes_what_was_changed_with_it_and_the_run_before_ends(executor: ThreadPoolExecutor) -> None:
    first = made(RunSettings(epochs=1), waiting, executor)
    first.begin()
    session = Session(first, begun(lambda settings: made(settings, canned(), executor)))
    session.send(Change({"lr": 0.5}))
    session.send(Restart({"epochs": 2}))
    second = session.in_hand
    assert second is not first
    second.join(PATIENCE)  # type: ignore[attr-defined]
    live: Live = second.live
    assert (first.status, second.status, live["lr"]) == (Status.STOPPED, Status.FINISHED, 0.5)
    assert len(session.history) == 2 * BATCHES
    assert session.history.live["lr"] == 0.5
    assert session.history.marks == ()  # it began so


def test_a_session_needs_no_textual() -> None:
    code = """
import sys
from concurrent.futures import ThreadPoolExecutor
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.commands import Change, Restart
from deadrelu_tui.record.records import Step
from deadrelu_tui.run.gate import Gate
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.session import Session

def training(promised, controls):
    yield promised
    gate = Gate(controls)
    for step in range(3):
        turn = gate.next(step)
        if turn.go:
            yield Step(step, step / 10, None, turn.live, {"loss": 1.0})

with ThreadPoolExecutor(1) as executor:
    def begin(values, paused=False):
        settings = RunSettings.of(values)
        run = Run(promise(settings), training, executor, settings.live)
        run.begin()
        return run

    session = Session(begin({}), begin)
    session.send(Change({"lr": 0.5}))
    session.send(Restart({"seed": 3}))
    session.in_hand.join(20)
    session.freeze()
    session.lay_under(session.earlier[0])
    print(len(session.history), session.settings_now["lr"], session.settings_now["seed"], bool(session.ghosts))
print(*(name for name in ("textual", "rich", "mxnet", "plotext", "click") if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["3 0.5 3 True", ""]


@pytest.mark.parametrize(
    ("event", "seconds", "precious"),
    [
        (None, 30.0, False), (None, 30.1, True), (Event(5, "epoch"), 1.0, False), (Event(5, "stop"), 1.0, False),
        (Event(5, "resume"), 1.0, False), (Event(5, "pause"), 1.0, True), (Event(5, "train_on"), 1.0, True),
        (Event(5, "revive", {"layers": {"h1": 3}}), 1.0, True),
        (Event(5, "change", {"setting": "lr", "before": 0.1, "now": 0.2}), 1.0, True),
    ],
)  # fmt: skip
def test_a_run_is_precious_after_half_a_minute_or_once_somebody_did_something_to_it(
    session: Session, event: Event | None, seconds: float, precious: bool
) -> None:
    session.in_hand.history.add(start())
    session.in_hand.history.add(replace(record(5), at=seconds))
    if event is not None:
        session.in_hand.history.add(event)
    assert session.precious is precious
    session.in_hand.close()
    assert session.precious is False  # it has ended already


@pytest.mark.parametrize(("speed", "kept"), [(Speed(2.0), [Speed(2.0)]), (Speed(1.0, 7), []), (Speed(), [])])
def test_a_speed_that_was_set_stays_set_and_a_slow_beginning_was_for_one_run(
    session: Session, speed: Speed, kept: list[Speed]
) -> None:
    session.send(speed)
    session.send(Restart())
    assert isinstance(session.in_hand, Told)
    assert session.in_hand.asked == kept


def test_a_run_that_cannot_be_restarted_stays_in_hand(session: Session, began: Began) -> None:
    run = session.in_hand
    assert isinstance(run, Told)
    run.can = run.can - {"restart"}
    session.send(Restart())
    assert session.in_hand is run
    assert (run.asked, began.settings, session.started) == ([], [], 1)


def test_a_run_that_was_held_before_its_first_step_is_not_worth_a_question(session: Session) -> None:
    session.in_hand.history.add(Event(0, "pause"))
    assert not session.precious
    session.in_hand.history.add(session.in_hand.start)
    session.in_hand.history.add(record(0))
    assert session.precious
