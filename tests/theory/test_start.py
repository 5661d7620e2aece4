"""What is expected of a network before its first step, against networks that are drawn and steps that are taken."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from first_updates import First, first_step

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine import model
from deadrelu_tui.engine.by_numpy.network import activate
from deadrelu_tui.errors import InputError
from deadrelu_tui.record import units
from deadrelu_tui.theory import kernels
from deadrelu_tui.theory.sample import sample
from deadrelu_tui.theory.start import Beginning, beginning, deviation

CASES = {
    **PRESETS,
    "two layers": RunSettings(hidden=(300, 100)),
    "he": RunSettings(init="he", normalise=True, hidden=(300, 100)),
    "xavier": RunSettings(init="xavier", normalise=True),
    "leaky": RunSettings(activation="leaky_relu"),
    "small batches": RunSettings(batch_size=32, normalise=True),
}


@pytest.fixture(scope="module")
def images() -> Dataset:
    return fashion_mnist.find(full=False)


def expected(settings: RunSettings, images: Dataset, scale: float | None = None) -> Beginning:
    factor = scale or (1 / 255 if settings.normalise else 1)
    pixels, labels = sample(images.train_images, images.train_labels, factor)
    return beginning(pixels, labels, settings.hidden, settings.init, settings.activation, settings.batch_size)


@pytest.mark.parametrize("name", CASES)
def test_the_first_update_is_as_large_as_expected_within_a_factor_of_two(name: str, images: Dataset) -> None:
    settings = CASES[name]
    found = expected(settings, images)
    taken = [first_step(replace(settings, seed=seed), images) for seed in range(3)]

    def mean(of: str) -> float:
        return float(np.mean([getattr(each, of) for each in taken]))

    assert found.spread == pytest.approx(mean("spread"), rel=0.1)
    assert found.loss == pytest.approx(mean("loss"), rel=0.3)
    assert 0.5 < found.shift / mean("shift") < 2
    for at, each in enumerate(found.gradients):
        for step in taken:
            assert 0.5 < each.ratio(settings.lr) / step.ratios[at] < 2, (each.name, step)


def test_first_steps_are_real_ones(images: Dataset) -> None:
    step = first_step(PRESETS["tragedy"], images)
    assert isinstance(step, First)
    assert step.loss > 4
    assert step.ratios[1] > 10  # w2 was thrown


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid"])
@pytest.mark.parametrize(("p", "q", "share"), [(1.0, 1.0, 0.3), (0.2, 4.0, -0.8), (50.0, 80.0, 0.9), (2.0, 2.0, 1.0)])
def test_averages_over_the_weights_are_those_of_many_draws(activation: str, p: float, q: float, share: float) -> None:
    c = share * math.sqrt(p * q)
    random = np.random.default_rng(0)
    first, second = random.standard_normal((2, 400_000))
    u = (math.sqrt(p) * first).astype(np.float32)
    v = (math.sqrt(q) * (share * first + math.sqrt(1 - share**2) * second)).astype(np.float32)
    at_u, at_v, slope_u, slope_v = (np.empty_like(u) for _ in range(4))
    activate(activation, u, at_u)
    activate(activation, v, at_v)
    for h, slope in ((u, slope_u), (v, slope_v)):
        above, below = np.empty_like(h), np.empty_like(h)
        activate(activation, h + np.float32(1e-2), above)
        activate(activation, h - np.float32(1e-2), below)
        slope[:] = (above - below) / np.float32(2e-2)
    cov = np.array([[p, c], [c, q]])
    size = float(np.sqrt((at_u**2).mean() * (at_v**2).mean()))
    # tanh and sigmoid are taken for erf, from which they differ by some hundredths.
    rough = 0.06 if activation in ("tanh", "sigmoid") else 0.01
    assert kernels.of_activity(activation, cov)[0, 1] == pytest.approx(float((at_u * at_v).mean()), abs=rough * size)
    assert kernels.of_slope(activation, cov)[0, 1] == pytest.approx(
        float((slope_u * slope_v).mean()), rel=0.25 if rough > 0.01 else 0.02, abs=1e-3
    )


def test_an_input_that_is_black_everywhere_is_no_fault(images: Dataset) -> None:
    pixels, labels = sample(images.train_images[:40], images.train_labels[:40], 1 / 255)
    pixels[3] = 0
    found = beginning(pixels, labels, (20,), "he", "relu", 32)
    assert all(math.isfinite(each.gradient) and each.gradient > 0 for each in found.gradients)
    nothing = beginning(pixels * 0, labels, (20,), "he", "relu", 32)
    assert nothing.loss == pytest.approx(math.log(10))
    assert nothing.gradients[0].gradient == 0
    assert nothing.one_step == math.inf


def test_first_weights_beyond_all_numbers_are_said_to_be_so(images: Dataset) -> None:
    with pytest.raises(InputError, match=r"normal:9e5.*smaller"):
        expected(RunSettings(init="normal:9e5", hidden=(10_000,) * 30), images)


@pytest.mark.parametrize("init", ["normal:0.02", "he", "xavier"])
def test_weights_are_drawn_as_widely_as_the_engine_draws_them(init: str) -> None:
    evenly, size = model.spread(init, 784, 300)
    assert deviation(init, 784, 300) == pytest.approx(size / math.sqrt(3) if evenly else size)
    assert kernels.LEAKY_SLOPE == units.LEAKY_SLOPE


def test_a_sample_is_evenly_apart_and_always_the_same(tiny: Dataset) -> None:
    pixels, labels = sample(tiny.train_images, tiny.train_labels, 0.5)
    assert pixels.shape == (256, 784)
    assert (pixels[0] == tiny.train_images[0] / 2).all()
    assert labels[-1] == tiny.train_labels[-1]
    assert (pixels == sample(tiny.train_images, tiny.train_labels, 0.5)[0]).all()
    assert len(sample(tiny.train_images[:7], tiny.train_labels[:7], 1)[1]) == 7
