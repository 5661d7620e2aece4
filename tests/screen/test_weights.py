"""The copy of the weights that is shown: asked for now and then, never waited for."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import start

from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.panels.weights import EVERY, Weights


class Asked:
    """A source that hands out its parameters when it is told to."""

    def __init__(self, run: str = "a", hidden: tuple[int, ...] = (3,), *, has: bool = True) -> None:
        promised = start(hidden=hidden)
        self.start: Any = SimpleNamespace(run=run, network=promised.network)
        self.answers, self.has = list[Future[list[Any]]](), has

    def parameters(self) -> Future[list[Any]] | None:
        if self.has:
            self.answers.append(Future())
        return self.answers[-1] if self.has else None

    def answer(self, value: float) -> None:
        self.answers[-1].set_result([np.full(each.shape, value) for each in self.start.network.parameters])


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(at=100.0)
    monkeypatch.setattr("deadrelu_tui.tui.panels.weights.time.monotonic", lambda: clock.at)
    return clock


def of(weights: Weights, source: Asked, name: str = "w1") -> Any:
    told: Source = source  # type: ignore[assignment]
    return weights.of(told, name)


def test_nothing_is_shown_until_a_copy_is_there_and_that_is_told(now: SimpleNamespace) -> None:
    came = list[bool]()
    weights, source = Weights(lambda: came.append(True)), Asked()
    assert of(weights, source) is None
    assert not came
    source.answer(2.0)
    assert came
    assert of(weights, source).tolist() == np.full((3, 784), 2.0).tolist()
    assert of(weights, source, "b2").shape == (10,)
    assert of(weights, source, "of nobody") is None


def test_the_next_copy_is_asked_for_after_a_second_and_the_old_one_stays_until_it_is_there(
    now: SimpleNamespace,
) -> None:
    weights, source = Weights(lambda: None), Asked()
    of(weights, source)
    source.answer(1.0)
    now.at += 0.99 * EVERY
    of(weights, source)
    assert len(source.answers) == 1
    now.at += 0.02 * EVERY
    assert of(weights, source)[0, 0] == 1.0
    assert len(source.answers) == 2
    now.at += 10 * EVERY
    assert of(weights, source)[0, 0] == 1.0
    assert len(source.answers) == 2  # one is still on its way
    source.answer(5.0)
    assert of(weights, source)[0, 0] == 5.0


def test_a_large_network_is_copied_less_often(now: SimpleNamespace) -> None:
    weights, source = Weights(lambda: None), Asked(hidden=(5_000,))  # four million parameters
    of(weights, source)
    source.answer(1.0)
    now.at += 3.9 * EVERY
    of(weights, source)
    assert len(source.answers) == 1
    now.at += 0.2 * EVERY
    of(weights, source)
    assert len(source.answers) == 2


def test_another_run_begins_with_nothing(now: SimpleNamespace) -> None:
    weights, first, second = Weights(lambda: None), Asked(), Asked("b")
    of(weights, first)
    first.answer(1.0)
    assert of(weights, second) is None
    assert len(second.answers) == 1


def test_a_run_that_has_none_to_give_and_one_that_breaks_show_nothing(now: SimpleNamespace) -> None:
    weights = Weights(lambda: None)
    assert of(weights, Asked(has=False)) is None
    broken = Asked("b")
    of(weights, broken)
    broken.answers[-1].set_exception(RuntimeError("no more"))
    assert of(weights, broken) is None
