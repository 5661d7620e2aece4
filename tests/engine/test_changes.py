"""What is asked of a training takes effect at its step, while it runs ahead of what is read back and of its looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy_reference import batches
from trainings import (
    SMALL,
    Script,
    Scripted,
    Trains,
    asking,
    changed,
    content,
    events,
    noting,
    played,
    records,
    reference,
    trained,
)

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.train import train
from deadrelu_tui.record.commands import Change, Command, Pause, Resume, Revive, Speed, Stop, Take, TrainOn
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event, Look, Start, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.gate import Controls, Gate

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr": 0.05}, "lr 0.001 → 0.05"),
        ({"normalise": True}, "normalise on"),
        ({"activation": "tanh"}, "activation relu → tanh"),
    ],
)
def test_a_change_takes_effect_at_its_step_and_leaves_a_mark_there(
    engine: Trains, tiny: Dataset, change: dict[str, Any], text: str
) -> None:
    settings = replace(SMALL, epochs=2)
    items = trained(engine, settings, tiny, {3: asking(Change(change))})
    ((name, now),) = change.items()
    assert events(items) == [changed(3, name, settings.live[name], now)]
    assert events(items)[0].mark
    assert told(events(items)[0]) == text
    before, *_, after = records(items)
    assert before.live == settings.live
    assert after.live == {**settings.live, **change}
    assert [record.step for record in records(items) if record.live == after.live] == list(range(3, 10))

    position = items.index(events(items)[0])
    assert items[position - 1].step == 2
    assert items[position + 1].step == 3
    assert "dead_fraction/h1" in items[position + 1].values  # a change is looked at at once

    network = reference(engine, settings)
    for record, batch in zip(records(items), batches(settings, 300), strict=True):
        network.live = SimpleNamespace(**record.live)
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], 64).values
        for name in ("loss", "grad_norm/w1", "update_ratio/w2", "pre_mean/h1"):
            assert record.values[name] == pytest.approx(expected[name], rel=2e-3), (record.step, name)


@pytest.mark.parametrize("command", [Change({"normalise": True}), Change({"lr": 0.5}), Revive()])
def test_just_before_a_change_the_network_is_looked_at_as_it_was(
    engine: Trains, tiny: Dataset, command: Command
) -> None:
    settings = replace(SMALL, epochs=2)
    items = trained(engine, settings, tiny, {8: asking(command)})
    (look,) = (each for each in items if isinstance(each, Look))
    before, after = items[items.index(look) - 1], items[items.index(look) + 1]
    assert isinstance(before, Step)
    assert isinstance(after, (Event, Step))
    assert (before.step, look.step, after.step) == (7, 7, 8)
    as_it_was = next(each for each in records(trained(engine, settings, tiny)) if each.step == 8)  # looked at anyway
    assert {name: look.values[name] for name in look.values if name.partition("/")[0] != "grad_mean_abs"} == {
        name: as_it_was.values[name] for name in look.values if name.partition("/")[0] != "grad_mean_abs"
    }
    for layer, units in look.looks.items():
        for name in ("firing", "activity", "pre_max", "bias", "weight_norm"):
            assert (getattr(units, name) == getattr(as_it_was.looks[layer], name)).all()
        assert (units.batch > 0).tolist() == before.fired[layer].tolist()


def test_before_the_first_step_there_is_no_look_of_its_own(engine: Trains, tiny: Dataset) -> None:
    items = trained(engine, SMALL, tiny, {0: asking(Change({"lr": 0.5}))})
    assert not any(isinstance(each, Look) for each in items)
    assert records(items)[0].looks


def test_every_step_that_is_taken_by_hand_looks_at_the_network(engine: Trains, tiny: Dataset) -> None:
    settings, controls = replace(SMALL, epochs=3), Controls(SMALL.live)
    for command in (Pause(), Take(9)):
        controls.send(command)
    training: Iterator[Any] = train(engine.make, settings, tiny, controls)
    taken = [each for each in (next(training) for _ in range(11)) if isinstance(each, Step)]
    assert [(each.step, bool(each.looks)) for each in taken] == [(step, True) for step in range(9)]
    controls.send(Resume())
    assert [bool(each.looks) for each in records(list(training))] == [True, False, False, False, False, True]


def test_several_changes_at_one_step_leave_a_mark_each(engine: Trains, tiny: Dataset) -> None:
    turn = asking(Change({"lr": 0.01}), Change({"normalise": True}))
    assert events(trained(engine, SMALL, tiny, {2: turn})) == [
        changed(2, "normalise", False, True),
        changed(2, "lr", 0.001, 0.01),
    ]


def test_a_change_that_is_taken_back_between_two_steps_leaves_no_mark(engine: Trains, tiny: Dataset) -> None:
    turn = asking(Change({"lr": 0.5}), Change({"lr": SMALL.lr}))
    assert events(trained(engine, SMALL, tiny, {2: turn})) == []


def test_a_pause_first_reads_back_all_that_was_done(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    training: Iterator[Any] = train(engine.make, settings, tiny, controls)
    taken = [next(training) for _ in range(4)]
    assert taken[-1].step == 2
    controls.send(Pause())
    while not isinstance(taken[-1], Event):
        taken.append(next(training))
    done = taken[-1].step
    assert taken[-1] == Event(done, "pause")
    assert done >= 3
    assert [record.step for record in records(taken)] == list(range(done))


def test_a_permit_gives_exactly_one_record(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    controls.send(Pause())
    training: Iterator[Any] = train(engine.make, settings, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    for step in range(3):
        controls.send(Take())
        assert next(training).step == step
        assert Gate(controls).next(step + 1).go is None
    controls.send(Stop())
    assert list(training) == []


def test_two_permits_at_once_are_no_resume(engine: Trains, tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(engine.make, SMALL, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    controls.send(Take())
    controls.send(Take())
    assert [next(training).step, next(training).step] == [0, 1]
    controls.send(Resume())
    rest = list(training)
    assert rest[0] == Event(2, "resume")
    assert [record.step for record in records(rest)] == [2, 3, 4]


def test_a_change_made_while_paused_is_in_force_from_the_next_step(engine: Trains, tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(engine.make, SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.send(Change({"lr": 0.5}))
    controls.send(Resume())
    rest = list(training)
    assert rest[:2] == [Event(0, "resume"), changed(0, "lr", 0.001, 0.5)]
    assert all(record.live["lr"] == 0.5 for record in records(rest))


def test_a_stop_ends_the_training_with_every_step_that_was_done(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    asked: list[int] = []
    script = {**noting(asked, 50), 17: asking(Stop())}
    items = trained(engine, settings, tiny, script)
    assert [record.step for record in records(items)] == list(range(17))
    assert events(items) == []
    assert asked == list(range(17))  # and for the eighteenth, which is the end
    # More than any engine has under way.


def test_a_stop_between_two_records_leaves_no_pause_behind(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    training: Iterator[Any] = train(engine.make, settings, tiny, controls)
    taken = [next(training) for _ in range(3)]
    controls.send(Stop())
    taken += training
    assert events(taken) == []
    assert [record.step for record in records(taken)] == list(range(len(taken) - 1))


def test_a_stop_ends_a_pause(engine: Trains, tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(engine.make, SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.send(Stop())
    assert list(training) == []


def test_the_first_step_is_shown_at_once_even_if_it_ends_an_epoch(engine: Trains, tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=1_000, epochs=3)
    asked: list[int] = []
    training = played(engine, settings, tiny, Scripted(settings, noting(asked, 3)))
    first = next(each for each in training if isinstance(each, Step))
    assert first.ends_epoch
    assert asked == [0]


# The parameters


def test_the_parameters_are_handed_over_between_two_steps_and_nothing_else_changes(
    engine: Trains, tiny: Dataset
) -> None:
    handed: list[Future[list[Any]]] = []

    def ask(controls: Controls) -> None:
        handed.append(controls.ask_parameters())

    items = trained(engine, SMALL, tiny, {2: ask})
    assert [content(each) for each in records(items)] == [
        content(each) for each in records(trained(engine, SMALL, tiny))
    ]
    network = reference(engine, SMALL)
    for number, batch in enumerate(batches(SMALL, 300)):
        if number == 3:  # asked before step 2, they come before step 3
            found = [each.T if each.ndim == 2 else each for each in handed[0].result(0)]
            for given, expected in zip(found, network.parameters, strict=True):
                np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-5)
        network.step(tiny.train_images[batch], tiny.train_labels[batch], SMALL.batch_size)


def test_a_paused_training_hands_over_its_parameters(engine: Trains, tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    taken = list[Any]()

    def drain() -> None:
        taken.extend(train(engine.make, SMALL, tiny, controls))

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        first = controls.ask_parameters().result(60)
        assert all((given == drawn).all() for given, drawn in zip(first, engine.drawn(SMALL), strict=True))
    finally:
        controls.send(Stop())
        thread.join(60)
    assert records(taken) == []


# Training on


def told_to_train_on(
    engine: Trains, settings: RunSettings, dataset: Dataset, script: Script, *then: Command
) -> list[Any]:
    """Return all that a training yields that stays, is told these commands at the end of its last epoch, and at the
    next end to stop.
    """
    controls, items, asked = Scripted(settings, script, stays=True), list[Any](), list(then)
    for each in played(engine, settings, dataset, controls):
        items.append(each)
        if isinstance(each, End):
            asking(*(asked or [Stop()]))(controls)
            asked = []
    return items


CHANGED = Change({"lr": 0.05, "normalise": True})


@pytest.mark.parametrize(
    ("script", "then"),
    [
        ({}, ()),
        ({2: asking(Change({"lr": 0.02}))}, ()),
        ({7: asking(Change({"activation": "tanh"}))}, ()),
        ({2: asking(CHANGED), 3: asking(Revive()), 8: asking(Revive())}, ()),
        ({}, (CHANGED,)),
    ],
    ids=["as it was", "changed before", "changed after", "revived before and after", "changed while it waits"],
)
@pytest.mark.parametrize("epochs", [2, 3])
def test_trained_on_it_is_bit_for_bit_the_training_that_was_longer_from_the_start(
    engine: Trains, tiny: Dataset, script: Script, then: tuple[Command, ...], epochs: int
) -> None:
    settings = replace(SMALL, lr=0.01, hidden=(20, 16), batch_size=64)
    items = told_to_train_on(engine, settings, tiny, script, *then, TrainOn(epochs - 1))
    whole = trained(engine, replace(settings, epochs=epochs), tiny, {**script, **({5: asking(*then)} if then else {})})
    assert [content(each) for each in records(items)] == [content(each) for each in records(whole)]
    assert len(records(items)) == 5 * epochs
    going_on = Event(5, "train_on", {"epochs": epochs - 1, "steps": 5 * (epochs - 1)})
    assert [each for each in events(items) if each != going_on] == events(whole)
    assert len(events(items)) == len(events(whole)) + 1
    assert [each.how for each in items if isinstance(each, End)] == ["finished", "finished"]


def test_an_end_comes_after_all_steps_before_it_and_the_training_goes_on_right_behind_it(
    engine: Trains, tiny: Dataset
) -> None:
    items = told_to_train_on(engine, SMALL, tiny, {}, TrainOn(1))
    first, last = (at for at, each in enumerate(items) if isinstance(each, End))
    assert [each.step for each in records(items[:first])] == list(range(5))
    assert items[first + 1] == Event(5, "train_on", {"epochs": 1, "steps": 5})
    assert [each.step for each in records(items[first:last])] == list(range(5, 10))
    assert items[first - 1].at <= items[first].at <= items[first + 2].at
    assert last == len(items) - 1

    history = History()
    for each in items[: first + 1]:
        history.add(each)
    assert history.end is items[first]
    assert history.steps_planned == 5
    history.add(items[first + 1])
    assert (history.end, history.steps_planned) == (None, 10)


def test_asked_for_before_its_end_the_training_does_not_end_in_between(engine: Trains, tiny: Dataset) -> None:
    script = {2: asking(TrainOn(1)), 3: asking(TrainOn(1))}
    items = trained(engine, SMALL, tiny, script)
    assert [each for each in items if isinstance(each, End)] == []
    assert events(items) == [Event(5, "train_on", {"epochs": 2, "steps": 10})]
    whole = trained(engine, replace(SMALL, epochs=3), tiny)
    assert [content(each) for each in records(items)] == [content(each) for each in records(whole)]


def test_an_endless_training_is_bit_for_bit_a_longer_one_and_tells_where_the_article_ends(
    engine: Trains, tiny: Dataset
) -> None:
    settings = replace(SMALL, lr=0.01, hidden=(8,))
    items = trained(engine, replace(settings, epochs=None), tiny, {30: asking(Stop())})
    whole = trained(engine, replace(settings, epochs=6), tiny)
    assert [content(each) for each in records(items)] == [content(each) for each in records(whole)]
    assert len(records(items)) == 30
    assert (items[0].steps, whole[0].steps) == (None, 30)
    assert events(items) == [Event(25, "planned", {"epochs": 5})]
    told = next(at for at, each in enumerate(items) if isinstance(each, Event))
    assert [each.step for each in records(items[:told])] == list(range(25))
    assert events(whole) == []
    history = History()
    for each in items:
        history.add(each)
    assert [each.step for each in history.milestones] == [25]
    assert (history.marks, history.steps_planned) == ((), None)


def test_slow_motion_changes_no_number_and_looks_at_every_step(engine: Trains, tiny: Dataset) -> None:
    slowly = {0: asking(Speed(20.0, 3))}
    items, whole = (trained(engine, replace(SMALL, epochs=2), tiny, script) for script in (slowly, {}))
    for slow, full in zip(records(items), records(whole), strict=True):
        assert slow.values.items() >= full.values.items()
    assert events(items) == events(whole) == []
    assert [bool(each.looks) for each in records(items)] == [True] * 4 + [bool(each.looks) for each in records(whole)][
        4:
    ]
    assert records(items)[3].at >= 3 / 20


def test_nobody_waits_for_a_training_whose_controls_do_not_stay(engine: Trains, tiny: Dataset) -> None:
    assert not any(isinstance(each, End) for each in train(engine.make, SMALL, tiny, Controls(SMALL.live)))


def test_a_stop_while_the_training_waits_at_its_end_ends_it(engine: Trains, tiny: Dataset) -> None:
    controls = Controls(SMALL.live, stays=True)
    arrived, items = threading.Event(), list[Any]()

    def drain() -> None:
        for each in train(engine.make, SMALL, tiny, controls):
            items.append(each)
            if isinstance(each, End):
                arrived.set()

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        assert arrived.wait(60)
        thread.join(0.2)
        assert thread.is_alive()  # it waits
    finally:
        controls.send(Stop())
        thread.join(60)
    assert not thread.is_alive()
    assert isinstance(items[-1], End)
    assert [each.step for each in records(items)] == list(range(5))
    assert events(items) == []


def test_a_stop_is_stronger_than_the_wish_to_train_on(engine: Trains, tiny: Dataset) -> None:
    items = told_to_train_on(engine, SMALL, tiny, {}, TrainOn(1), Stop())
    assert [each.step for each in records(items)] == list(range(5))
    assert events(items) == []
