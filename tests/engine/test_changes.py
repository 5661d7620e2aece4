"""What is asked of a training takes effect at its step, while it runs ahead of what is read back and of its looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy_reference import batches
from trainings import SMALL, Scripted, events, records, reference, side_by_side, trained

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.engine.model import Model
from deadrelu_tui.engine.runtime import mx
from deadrelu_tui.engine.train import LOOKAHEAD, LOOKAHEAD_IN_TEST, most_ahead, train
from deadrelu_tui.record.records import Event, Live, Start, StepRecord
from deadrelu_tui.run.run import Controls

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
    tiny: Dataset, change: dict[str, Any], text: str
) -> None:
    settings = replace(SMALL, epochs=2)
    items = trained(settings, tiny, {3: lambda controls: controls.change(**change)})
    assert events(items) == [Event(3, text, mark=True)]
    before, *_, after = records(items)
    assert before.live == Live.of(settings)
    assert after.live == replace(Live.of(settings), **change)
    assert [record.step for record in records(items) if record.live == after.live] == list(range(3, 10))

    position = items.index(events(items)[0])
    assert items[position - 1].step == 2
    assert items[position + 1].step == 3
    assert "dead_fraction/h1" in items[position + 1].values  # a change is looked at at once

    network = reference(settings, tiny)
    for record, batch in zip(records(items), batches(settings, 300), strict=True):
        network.live = record.live
        expected = network.step(tiny.train_images[batch], tiny.train_labels[batch], 64).values
        for name in ("loss", "grad_norm/w1", "update_ratio/w2", "pre_mean/h1"):
            assert record.values[name] == pytest.approx(expected[name], rel=2e-3), (record.step, name)


def test_several_changes_at_one_step_leave_a_mark_each(tiny: Dataset) -> None:
    def turn(controls: Controls) -> None:
        controls.change(lr=0.01)
        controls.change(normalise=True)

    assert events(trained(SMALL, tiny, {2: turn})) == [
        Event(2, "normalise on", mark=True),
        Event(2, "lr 0.001 → 0.01", mark=True),
    ]


def test_a_change_that_is_taken_back_between_two_steps_leaves_no_mark(tiny: Dataset) -> None:
    def turn(controls: Controls) -> None:
        controls.change(lr=0.5)
        controls.change(lr=SMALL.lr)

    assert events(trained(SMALL, tiny, {2: turn})) == []


def test_a_pause_first_reads_back_all_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(4)]
    assert taken[-1].step == 2
    controls.pause()
    while not isinstance(taken[-1], Event):
        taken.append(next(training))
    done = taken[-1].step
    assert taken[-1] == Event(done, "pause")
    assert done > 3
    assert [record.step for record in records(taken)] == list(range(done))


def test_a_permit_gives_exactly_one_record(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    controls.pause()
    training: Iterator[Any] = train(settings, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    for step in range(3):
        controls.step()
        assert next(training).step == step
        assert controls.proceed(wait=False) is None
    controls.stop()
    assert list(training) == []


def test_two_permits_at_once_are_no_resume(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert isinstance(next(training), Start)
    assert next(training) == Event(0, "pause")
    controls.step()
    controls.step()
    assert [next(training).step, next(training).step] == [0, 1]
    controls.resume()
    rest = list(training)
    assert rest[0] == Event(2, "resume")
    assert [record.step for record in records(rest)] == [2, 3, 4]


def test_a_change_made_while_paused_is_in_force_from_the_next_step(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.change(lr=0.5)
    controls.resume()
    rest = list(training)
    assert rest[:2] == [Event(0, "resume"), Event(0, "lr 0.001 → 0.5", mark=True)]
    assert all(record.live.lr == 0.5 for record in records(rest))


def test_a_stop_ends_the_training_with_every_step_that_was_done(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Scripted(settings, {17: Controls.stop})
    items = list(train(settings, tiny, controls))
    assert [record.step for record in records(items)] == list(range(17))
    assert events(items) == []
    assert controls.steps == 18
    assert LOOKAHEAD < 17


def test_a_stop_between_two_records_leaves_no_pause_behind(tiny: Dataset) -> None:
    settings = replace(SMALL, epochs=10)
    controls = Controls(Live.of(settings))
    training: Iterator[Any] = train(settings, tiny, controls)
    taken = [next(training) for _ in range(3)]
    controls.stop()
    taken += training
    assert events(taken) == []
    assert [record.step for record in records(taken)] == list(range(len(taken) - 1))


def test_a_stop_ends_a_pause(tiny: Dataset) -> None:
    controls = Controls(Live.of(SMALL))
    controls.pause()
    training: Iterator[Any] = train(SMALL, tiny, controls)
    assert [type(next(training)) for _ in range(2)] == [Start, Event]
    controls.stop()
    assert list(training) == []


def test_more_steps_are_under_way_while_a_test_is_waited_for(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=10, epochs=2, normalise=True, lr=0.05)
    controls = Scripted(settings, {})
    items, under_way = [], []
    for each in train(settings, tiny, controls):
        items.append(each)
        if isinstance(each, StepRecord):
            under_way.append(controls.steps - 1 - each.step)
    assert under_way[:29] == [0, *[LOOKAHEAD] * 28]
    assert under_way[29] == LOOKAHEAD_IN_TEST  # the last of the first thirty: the test comes with it
    assert under_way[30:47] == [*reversed(range(LOOKAHEAD, LOOKAHEAD_IN_TEST)), LOOKAHEAD]
    for side in side_by_side(settings, tiny, items):  # no batch was gathered where another one was still needed
        assert side.record.values["loss"] == pytest.approx(side.values["loss"], rel=1e-3)


def test_the_first_step_is_shown_at_once_even_if_it_ends_an_epoch(tiny: Dataset) -> None:
    settings = replace(SMALL, batch_size=1_000, epochs=3)
    controls = Scripted(settings, {})
    first = next(each for each in train(settings, tiny, controls) if isinstance(each, StepRecord))
    assert first.ends_epoch
    assert controls.steps == 1


@pytest.mark.parametrize(("batch_size", "most"), [(1, 24), (256, 24), (512, 12), (1_000, 8), (60_000, 8)])
def test_fewer_large_batches_are_under_way(batch_size: int, most: int) -> None:
    assert most_ahead(batch_size) == most


def test_the_training_does_not_wait_for_a_look(tiny: Dataset) -> None:
    images, settings = 40_000, replace(SMALL, hidden=(100,), device="cpu")
    many = replace(tiny, test_images=np.resize(tiny.test_images, (images, 784)), test_labels=np.zeros(images, np.uint8))
    model, live, batch = Model(settings, many, metrics=True, buffers=4), Live.of(settings), np.arange(64)
    model.step(0, 1, live, batch, look=True).record()  # what is done for the first time plans its memory first
    told = np.full(1, np.nan, np.float32)
    *_, (_, loss, _) = [score for _ in range(4) for score in model.look(live, images).scores]
    loss.copyto(mx.nd.from_numpy(told[:], zero_copy=True))
    model.step(1, 1, live, batch, look=False).record()
    assert np.isnan(told).all()  # the step was read back before the looks that began before it came to their end
    mx.nd.waitall()
    assert told == loss.asnumpy()
