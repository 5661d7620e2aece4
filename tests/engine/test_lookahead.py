"""MXNet has steps under way while earlier ones are read back, looked at and tested."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from trainings import MXNET, MXNET_IS_HERE, SMALL, Scripted, noting, played, side_by_side

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.engine import train
from deadrelu_tui.record.records import Step

if not MXNET_IS_HERE:
    pytest.skip("MXNet is not installed", allow_module_level=True)

from deadrelu_tui.engine.by_mxnet.model import LOOKAHEAD, LOOKAHEAD_IN_TEST, Model, most_ahead
from deadrelu_tui.engine.by_mxnet.runtime import mx

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


def test_more_steps_are_under_way_while_a_test_is_waited_for(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "AHEAD_SECONDS", 1e9)  # however busy the machine is
    settings = replace(SMALL, batch_size=10, epochs=2, normalise=True, lr=0.05)
    asked: list[int] = []
    items, under_way = [], []
    for each in played(MXNET, settings, tiny, Scripted(settings, noting(asked, 60))):
        items.append(each)
        if isinstance(each, Step):
            under_way.append(asked[-1] - each.step)
    assert under_way[:29] == [0, 1, *[LOOKAHEAD] * 27]  # how long a step takes is known from the second on
    assert under_way[29] == LOOKAHEAD_IN_TEST  # the last of the first thirty: the test comes with it
    assert under_way[30:47] == [*reversed(range(LOOKAHEAD, LOOKAHEAD_IN_TEST)), LOOKAHEAD]
    for side in side_by_side(MXNET, settings, tiny, items):  # no batch was gathered where another one was still needed
        assert side.record.values["loss"] == pytest.approx(side.values["loss"], rel=1e-3)


def test_hardly_any_steps_are_under_way_where_they_take_long(tiny: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "AHEAD_SECONDS", 1e-9)  # any step takes longer
    settings = replace(SMALL, batch_size=10, epochs=1)
    asked: list[int] = []
    played_back = played(MXNET, settings, tiny, Scripted(settings, noting(asked, 30)))
    assert max(asked[-1] - each.step for each in played_back if isinstance(each, Step)) == 1


@pytest.mark.parametrize(("batch_size", "most"), [(1, 24), (256, 24), (512, 12), (1_000, 8), (60_000, 8)])
def test_fewer_large_batches_are_under_way(batch_size: int, most: int) -> None:
    assert most_ahead(batch_size) == most


def test_the_training_does_not_wait_for_a_look(tiny: Dataset) -> None:
    images, settings = 40_000, replace(SMALL, hidden=(100,), device="cpu")
    many = replace(tiny, test_images=np.resize(tiny.test_images, (images, 784)), test_labels=np.zeros(images, np.uint8))
    model = Model(settings, promise(settings), many, True)
    live, batch = settings.live, np.arange(64)
    model.step(0, 1, live, batch, look=True).record(float)  # what is done for the first time plans its memory first
    told = np.full(1, np.nan, np.float32)
    *_, (_, loss, _) = [score for _ in range(4) for score in model._look(live, images).scores]
    loss.copyto(mx.nd.from_numpy(told[:], zero_copy=True))
    model.step(1, 1, live, batch, look=False).record(float)
    assert np.isnan(told).all()  # the step was read back before the looks that began before it came to their end
    mx.nd.waitall()
    assert told == loss.asnumpy()
