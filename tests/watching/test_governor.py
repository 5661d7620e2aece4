"""What a guest takes of a training's time stays within a budget."""

from __future__ import annotations

import pytest

from deadrelu_tui.watching.governor import Governor


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.perf_counter", clock)
    return clock


def passing(governed: Governor, clock: Clock, seconds: float, step: float, look: float, first: float = 0.0) -> int:
    """Train on, with a look whenever one is allowed and every step measured that may be; return how many looks."""
    looks, until = 0, clock.now + seconds
    while clock.now < until:
        clock.now += 0.02
        if governed.affords("look"):
            began = clock.now
            clock.now += first if looks == 0 and first else look
            governed.took("look", began)
            looks += 1
        if governed.affords("step"):
            began = clock.now
            clock.now += step
            governed.took("step", began, whole=False)
    return looks


@pytest.mark.parametrize(("step", "look", "first"), [(0.002, 0.05, 0.0), (0.02, 0.5, 2.0), (0.0001, 0.001, 0.3)])
@pytest.mark.parametrize("budget", [0.02, 0.1])
def test_after_some_minutes_the_share_is_within_the_budget_and_something_is_seen(
    clock: Clock, step: float, look: float, first: float, budget: float
) -> None:
    governed = Governor(budget)
    assert passing(governed, clock, 30, step, look, first) >= 2, "of a training that has just begun something is seen"
    passing(governed, clock, 270, step, look)
    begun, own = governed.training, governed.own
    assert passing(governed, clock, 300, step, look) > 0
    assert (governed.own - own) / (governed.training - begun) <= budget
    assert governed.share <= budget + (first + 0.3) / 600


def test_what_threads_take_beside_is_measured_less_for(clock: Clock) -> None:
    governed = Governor(0.02)
    passing(governed, clock, 300, 0.001, 0.01)
    clock.now += 20
    assert governed.affords("step")
    governed.beside += 0.04 * governed.training
    assert not governed.affords("step")
    assert governed.affords("look")


def test_time_in_which_a_training_is_held_is_none_of_its_time(clock: Clock) -> None:
    governed = Governor(0.02)
    clock.now += 100
    governed.waited(60)
    assert governed.training == pytest.approx(40)


def test_a_clock_that_stands_still_divides_by_nothing(clock: Clock) -> None:
    governed = Governor(0.5)
    governed.took("look", clock.now)
    assert governed.share == 0
    assert clock.now == 1000.0
