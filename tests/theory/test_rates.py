"""The rate that a layer survives, against real trainings of 200 steps and of one."""

from __future__ import annotations

import math

import pytest
from first_updates import dead_after

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.theory.rates import FEW_DIE, HALF_DIES, few_die, half_dies
from deadrelu_tui.theory.sample import sample
from deadrelu_tui.theory.start import beginning


@pytest.fixture(scope="module")
def images() -> Dataset:
    return fashion_mnist.find(full=False)


def norm(images: Dataset, scale: float) -> float:
    mean, deviation = images.moments
    return scale * math.sqrt(784 * (mean**2 + deviation**2))


@pytest.mark.parametrize(("scale", "init", "units"), [
    (1 / 255, "normal:0.01", 300), (1 / 16, "normal:0.01", 100), (1.0, "normal:0.01", 300), (1.0, "he", 100),
])  # fmt: skip
def test_half_of_a_layer_dies_within_a_factor_of_three_of_the_rate_that_is_told(
    scale: float, init: str, units: int, images: Dataset
) -> None:
    told = half_dies(norm(images, scale))
    assert dead_after(200, told / 3, scale, images, init, units) < 0.5
    assert dead_after(200, told * 3, scale, images, init, units) > 0.5


@pytest.mark.parametrize("scale", [1 / 255, 1.0])
def test_hardly_any_unit_dies_up_to_the_rate_that_is_told(scale: float, images: Dataset) -> None:
    assert dead_after(200, few_die(norm(images, scale)), scale, images) < 0.05


def test_one_update_kills_no_more_than_the_half_that_it_moves_down_and_the_next_ones_the_rest(images: Dataset) -> None:
    lr = 100 * half_dies(norm(images, 1))
    assert 0.2 < dead_after(1, lr, 1, images) < 0.6
    assert dead_after(2, lr, 1, images) > 0.6
    assert dead_after(6, lr, 1, images) > 0.9


def test_rate_and_scale_act_as_a_product() -> None:
    assert half_dies(3000) == pytest.approx(half_dies(3000 / 255) / 255)
    assert half_dies(3000) == HALF_DIES / 3000
    assert few_die(3000) == FEW_DIE / 3000
    assert half_dies(1000, layers=2) == pytest.approx(HALF_DIES / 100)
    assert half_dies(0) == math.inf


def test_the_norm_of_a_sample_is_that_of_all_images(images: Dataset) -> None:
    pixels, labels = sample(images.train_images, images.train_labels, 1 / 16)
    assert beginning(pixels, labels, (30,), "he", "relu", 256).norm == pytest.approx(norm(images, 1 / 16), rel=0.05)
