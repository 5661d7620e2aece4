"""Every look is kept, wherever it has to go."""

from __future__ import annotations

import os

import numpy as np
import pytest
from conftest import units

from deadrelu_tui.record.looks import Looked, Looks
from deadrelu_tui.record.units import Units


def look(step: int) -> Looked:
    random = np.random.default_rng(step)
    return Looked(step, {"h1": units(random.random(30)), "b/2.act": units(random.random(7), "tanh")})


def same(one: Units, other: Units) -> bool:
    return one.activation == other.activation and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in ("firing", "bias", "batch", "pre_max")
    )


@pytest.mark.parametrize("memory", [0, 5_000, 10**9])
def test_every_look_comes_back_bit_for_bit_however_few_stay_in_memory(memory: int) -> None:
    looks = Looks(memory)
    for step in range(0, 500, 5):
        looks.append(look(step))
    assert len(looks) == 100
    for index in range(100):
        found, wanted = looks.at(index), look(5 * index)
        assert found.step == wanted.step
        assert list(found.layers) == list(wanted.layers)
        assert all(same(found.layers[name], wanted.layers[name]) for name in wanted.layers)
    assert [looks.upto(step) for step in (-1, 0, 4, 5, 10_000)] == [0, 1, 1, 2, 100]


def test_where_no_file_can_be_had_all_looks_stay_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    looks = Looks(5_000)
    for step in range(50):
        looks.append(look(step))
    assert all(same(looks.at(step).layers["h1"], look(step).layers["h1"]) for step in range(50))
