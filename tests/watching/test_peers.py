"""What others count, written here as they define it: keras-contrib, ReDo, SAELens, TorchLens."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import NETWORKS, made
from torch import nn
from watches import history_of, watched

from deadrelu_tui.record.units import Units
from deadrelu_tui.watching.by_torch.passing import undisturbed
from deadrelu_tui.watching.by_torch.sketch import counted, sketch
from deadrelu_tui.watching.window import Window

Masks = npt.NDArray[np.bool_]


def looked(model: nn.Module, probe: torch.Tensor) -> dict[str, Units]:
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.0), probe=probe)
    model(probe).sum().backward()
    optimizer.step()
    found = history_of(monitor).looked
    assert found is not None
    return dict(found.layers)


@pytest.mark.parametrize("dead", [0, 1, 2, 11])
def test_of_eleven_units_as_many_are_dead_as_keras_contrib_says(dead: int) -> None:
    """Its test: a layer of 11 units, a data set of ones, of which some weights and no bias are negative."""
    model = nn.Sequential(nn.Linear(10, 11, bias=False), nn.ReLU(), nn.Linear(11, 10))
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[0].weight[:dead] = -1.0
    units = looked(model, torch.ones(32, 10))["0"]
    assert int((units.firing == 0).sum()) == dead


def redo(pre: torch.Tensor, tau: float) -> Masks:
    """timoklein/redo: `score = activation.abs().mean(dim=0)`, for images over all but the channel, `score /
    (score.mean() + 1e-9) <= tau`, or `isclose(score, 0)` for tau = 0.
    """
    activation = torch.relu(pre)
    score = activation.abs().mean(dim=0) if activation.ndim == 2 else activation.abs().mean(dim=(0, 2, 3))
    mask = torch.isclose(score, torch.zeros_like(score)) if tau == 0 else score / (score.mean() + 1e-9) <= tau
    return mask.numpy()  # type: ignore[no-any-return]


@pytest.mark.parametrize("tau", [0.0, 0.025, 0.1])
@pytest.mark.parametrize("kind", ["dense", "images"])
def test_units_are_dormant_of_which_redo_says_so(kind: str, tau: float) -> None:
    torch.manual_seed(7)
    if kind == "dense":
        model = nn.Sequential(nn.Linear(10, 400), nn.ReLU(), nn.Linear(400, 2))
        probe = torch.randn(256, 10)
    else:
        model = nn.Sequential(nn.Conv2d(2, 400, 3), nn.ReLU(), nn.Conv2d(400, 2, 3))
        probe = torch.randn(16, 2, 7, 7)
    with torch.no_grad():  # from never to always, and everything between
        model[0].bias.copy_(torch.linspace(-5, 1, 400))
        masks = redo(model[0](probe), tau)
    units = looked(model, probe)["0"]
    score = units.activity / (units.activity.mean(dtype=np.float64) + 1e-9)
    ours = units.activity == 0 if tau == 0 else score <= tau
    # isclose takes less than 1e-8 for nothing: what fires so feebly is dormant to them and not dead to us.
    differs = ours != masks
    assert not differs.any() or (tau == 0 and (units.activity[differs] < 1e-8).all())
    assert 0 < masks.sum() < 400
    if tau == 0.025:
        from deadrelu_tui.record.units import DEFINITIONS

        dormant = next(each for each in DEFINITIONS if "dormant" in each.metric)
        assert dormant.share(units) == pytest.approx(float(masks.mean()))


class OfSaeLens:
    """SAELens: `n_forward_passes_since_fired`, +1 a batch, 0 where it fired; dead above a window of them."""

    def __init__(self, units: int, window: int) -> None:
        self.since, self.window = np.zeros(units, np.int64), window

    def batch(self, fired: Masks) -> Masks:
        self.since += 1
        self.since[fired] = 0
        return self.since > self.window


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 8), st.integers(1, 5))
def test_a_window_has_the_dead_that_saelens_has_at_every_step(
    data: st.DataObject, units: int, window: int, samples: int
) -> None:
    # It counts batches, and those beyond its window; we count samples, and dead is who was silent for the window.
    theirs, ours = OfSaeLens(units, window), Window({"codes": (window + 1) * samples})
    for _ in range(data.draw(st.integers(1, 25))):
        fired = np.array(data.draw(st.lists(st.booleans(), min_size=units, max_size=units)))
        expected = theirs.batch(fired)
        ours.batch("codes", fired, samples)
        assert (ours.dead("codes") == expected).all()
        if data.draw(st.booleans()):
            looked = ours.look({"codes": "own"}, {})["codes"]
            assert ((looked.firing == 0) == expected).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=40), st.integers(1, 100))
def test_a_unit_is_dead_once_it_was_silent_for_so_many_samples(batches: list[tuple[int, bool]], window: int) -> None:
    counter, silent = Window({"h": window}), 0
    for samples, fires in batches:
        counter.batch("h", np.array([fires, True]), samples)
        silent = 0 if fires else silent + samples
        assert counter.dead("h").tolist() == [silent >= window, False]


RELUS = {"relu", "relu6", "clamp", "clamp_min", "threshold", "hardtanh"}


@pytest.mark.parametrize("name", sorted(NETWORKS.keys() - {"recurrent"}))  # a call of nn.RNN is one to TorchLens
def test_every_relu_that_torchlens_meets_is_one_of_ours(name: str) -> None:
    torchlens: Any = pytest.importorskip(
        "torchlens", reason="TorchLens is not installed: its graphviz and MXNet's exclude each other"
    )
    model, batch = made(name)
    known = sketch(model, lambda: model(batch), {})
    with undisturbed(model):
        trace = torchlens.trace(model, batch)
        met = [each for each in trace if str(each.func_name).strip("_") in RELUS]
    ours = [each for each in known.places.values() if each.activation == "relu"]
    assert len(met) == sum(each.calls for each in ours)
    counts, _ = counted(model, known, lambda: model(batch), {})
    fired = [counts[each.name].fired for each in ours]
    assert sum(int((each.out > 0).sum()) for each in met) == sum(int(each.sum()) for each in fired if each is not None)
