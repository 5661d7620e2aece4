"""What is asked of a training takes effect at its step, while it runs ahead of what is read back and of its looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
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
    asking,
    changed,
    content,
    events,
    played,
    records,
    reference,
    side_by_side,
    trained,
)

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.model import Model
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.engine.train import LOOKAHEAD, LOOKAHEAD_IN_TEST, most_ahead, train
from deadrelu_tui.record.commands import Change, Command, Pause, Resume, Revive, Stop, Take, TrainOn
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import End, Event, Start, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.run.gate import Controls, Gate

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def noting(asked: list[int], steps: int) -> Script:
    """Return a script that notes for which of so many steps the training asks."""

    def note(step: int) -> Callable[[Controls], None]:
        return lambda _: asked.append(step)

    return {step: note(step) for step in range(steps)}


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr": 0.05}, "lr 0.001 → 0.05"),
        ({"normalise": True}, "normalise on"),
        ({"activation": "tanh"}, "activation relu → tanh"),
    ],
)
def test_a_change_takes_effect_at_its_step_and_leaves_a_mark_there(
    tiny: Dataset, change: dict[str, Any], text: str
) -> None:
    settings = replace(SMALL, epochs=2)
    items = trained(settings, tiny, {3: asking(Change(change))})
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

    network = reference(settings, tiny)
    for record, batch in zip(records(items), batches(settings, 300), strict=True):
        network.live = SimpleNamespace(**record.live)
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], 64).values
        for name in ("loss", "grad_norm/w1", "update_ratio/w2", "pre_mean/h1"):
            assert record.values[name] == pytest.approx(expected[name], rel=2e-3), (record.step, name)


def test_several_changes_at_one_step_leave_a_mark_each(tiny: Dataset) -> None:
    turn = asking(Change({"lr": 0.01}), Change({"normalise": True}))
    assert events(trained(SMALL, tiny, {2: turn})) == [
        changed(2, "normalise", False, True),
        changed(2, "lr", 0.001, 0.01),
    ]


def test_a_change_that_is_taken_back_between_two_steps_leaves_no_mark(tiny: Dataset) -> None:
    turn = asking(Change({"lr": 0.5}), Change({"lr": SMALL.lr}))
    assert events(trained(SMALL, tiny, {2: turn})) == []


def test_a_pause_first_reads_back_all_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(4)]
    assert taken[-1].step == 2
    controls.send(Pause())
    while not isinstance(taken[-1], Event):
        taken.append(next(training))
    done = taken[-1].step
    assert taken[-1] == Event(done, "pause")
    assert done > 3
    assert [record.step for record in records(taken)] == list(range(done))


def test_a_permit_gives_exactly_one_record(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    controls.send(Pause())
    training: Iterator[Any] = train(settings, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    for step in range(3):
        controls.send(Take())
        assert next(training).step == step
        assert Gate(controls).next(step + 1).go is None
    controls.send(Stop())
    assert list(training) == []


def test_two_permits_at_once_are_no_resume(tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    controls.send(Take())
    controls.send(Take())
    assert [next(training).step, next(training).step] == [0, 1]
    controls.send(Resume())
    rest = list(training)
    assert rest[0] == Event(2, "resume")
    assert [record.step for record in records(rest)] == [2, 3, 4]


def test_a_change_made_while_paused_is_in_force_from_the_next_step(tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.send(Change({"lr": 0.5}))
    controls.send(Resume())
    rest = list(training)
    assert rest[:2] == [Event(0, "resume"), changed(0, "lr", 0.001, 0.5)]
    assert all(record.live["lr"] == 0.5 for record in records(rest))


def test_a_stop_ends_the_training_with_every_step_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    asked: list[int] = []
    script = {**noting(asked, 50), 17: asking(Stop())}
    items = trained(settings, tiny, script)
    assert [record.step for record in records(items)] == list(range(17))
    assert events(items) == []
    assert asked == list(range(17))  # and for the eighteenth, which is the end
    assert LOOKAHEAD < 17


def test_a_stop_between_two_records_leaves_no_pause_behind(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(settings.live)
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(3)]
    controls.send(Stop())
    taken += training
    assert events(taken) == []
    assert [record.step for record in records(taken)] == list(range(len(taken) - 1))


def test_a_stop_ends_a_pause(tiny: Dataset) -> None:
    controls = Controls(SMALL.live)
    controls.send(Pause())
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.send(Stop())
    assert list(training) == []


def test_more_steps_are_under_way_while_a_test_is_waited_for(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=10, epochs=2, normalise=True, lr=0.05)
    asked: list[int] = []
    items, under_way = [], []
    for each in played(settings, tiny, Scripted(settings, noting(asked, 60))):
        items.append(each)
        if isinstance(each, Step):
            under_way.append(asked[-1] - each.step)
    assert under_way[:29] == [0, *[LOOKAHEAD] * 28]
    assert under_way[29] == LOOKAHEAD_IN_TEST  # the last of the first thirty: the test comes with it
    assert under_way[30:47] == [*reversed(range(LOOKAHEAD, LOOKAHEAD_IN_TEST)), LOOKAHEAD]
    for side in side_by_side(settings, tiny, items):  # no batch was gathered where another one was still needed
        assert side.record.values["loss"] == pytest.approx(side.values["loss"], rel=1e-3)


def test_the_first_step_is_shown_at_once_even_if_it_ends_an_epoch(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=1_000, epochs=3)
    asked: list[int] = []
    training = played(settings, tiny, Scripted(settings, noting(asked, 3)))
    first = next(each for each in training if isinstance(each, Step))
    assert first.ends_epoch
    assert asked == [0]


@pytest.mark.parametrize(("batch_size", "most"), [(1, 24), (256, 24), (512, 12), (1_000, 8), (60_000, 8)])
def test_fewer_large_batches_are_under_way(batch_size: int, most: int) -> None:
    assert most_ahead(batch_size) == most


def test_the_training_does_not_wait_for_a_look(tiny: Dataset) -> None:
    images, settings = 40_000, replace(SMALL, hidden=(100,), device="cpu")
    many = replace(tiny, test_images=np.resize(tiny.test_images, (images, 784)), test_labels=np.zeros(images, np.uint8))
    model = Model(settings, promise(settings), many, metrics=True, buffers=4)
    live, batch = settings.live, np.arange(64)
    model.step(0, 1, live, batch, look=True).record(float)  # what is done for the first time plans its memory first
    told = np.full(1, np.nan, np.float32)
    *_, (_, loss, _) = [score for _ in range(4) for score in model.look(live, images).scores]
    loss.copyto(mx.nd.from_numpy(told[:], zero_copy=True))
    model.step(1, 1, live, batch, look=False).record(float)
    assert np.isnan(told).all()  # the step was read back before the looks that began before it came to their end
    mx.nd.waitall()
    assert told == loss.asnumpy()


# Training on


def told_to_train_on(settings: RunSettings, dataset: Dataset, script: Script, *then: Command) -> list[Any]:
    """Return all that a training yields that stays, is told these commands at the end of its last epoch, and at the
    next end to stop.
    """
    controls, items, asked = Scripted(settings, script, stays=True), list[Any](), list(then)
    for each in played(settings, dataset, controls):
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
    tiny: Dataset, script: Script, then: tuple[Command, ...], epochs: int
) -> None:
    settings = replace(SMALL, lr=0.01, hidden=(20, 16), batch_size=64)
    items = told_to_train_on(settings, tiny, script, *then, TrainOn(epochs - 1))
    whole = trained(replace(settings, epochs=epochs), tiny, {**script, **({5: asking(*then)} if then else {})})
    assert [content(each) for each in records(items)] == [content(each) for each in records(whole)]
    assert len(records(items)) == 5 * epochs
    going_on = Event(5, "train_on", {"epochs": epochs - 1, "steps": 5 * (epochs - 1)})
    assert [each for each in events(items) if each != going_on] == events(whole)
    assert len(events(items)) == len(events(whole)) + 1
    assert [each.how for each in items if isinstance(each, End)] == ["finished", "finished"]


def test_an_end_comes_after_all_steps_before_it_and_the_training_goes_on_right_behind_it(tiny: Dataset) -> None:
    items = told_to_train_on(SMALL, tiny, {}, TrainOn(1))
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


def test_asked_for_before_its_end_the_training_does_not_end_in_between(tiny: Dataset) -> None:
    script = {2: asking(TrainOn(1)), 3: asking(TrainOn(1))}
    items = trained(SMALL, tiny, script)
    assert [each for each in items if isinstance(each, End)] == []
    assert events(items) == [Event(5, "train_on", {"epochs": 2, "steps": 10})]
    whole = trained(replace(SMALL, epochs=3), tiny)
    assert [content(each) for each in records(items)] == [content(each) for each in records(whole)]


def test_nobody_waits_for_a_training_whose_controls_do_not_stay(tiny: Dataset) -> None:
    assert not any(isinstance(each, End) for each in train(SMALL, tiny, Controls(SMALL.live)))


def test_a_stop_while_the_training_waits_at_its_end_ends_it(tiny: Dataset) -> None:
    controls = Controls(SMALL.live, stays=True)
    arrived, items = threading.Event(), list[Any]()

    def drain() -> None:
        for each in train(SMALL, tiny, controls):
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


def test_a_stop_is_stronger_than_the_wish_to_train_on(tiny: Dataset) -> None:
    items = told_to_train_on(SMALL, tiny, {}, TrainOn(1), Stop())
    assert [each.step for each in records(items)] == list(range(5))
    assert events(items) == []
