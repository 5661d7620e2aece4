"""What a run can be asked to do: as plain values, and whether it can be obeyed."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any, get_args

import pytest

from deadrelu_tui.record import commands
from deadrelu_tui.record.commands import (
    Change,
    Command,
    Pause,
    Play,
    Restart,
    Resume,
    Revive,
    Speed,
    Stop,
    Take,
    TrainOn,
    as_data,
    can_obey,
    can_obey_all,
    next_lr,
    next_speed,
    of_data,
)

EVERYTHING = frozenset(
    {"play", "pause", "stop", "revive", "restart", "train_on", "speed", "normalise", "lr", "activation"}
)

TABLE: list[tuple[Command, dict[str, Any], set[str]]] = [
    (Change({"lr": 0.05}), {"command": "change", "lr": 0.05}, {"lr"}),
    (
        Change({"normalise": True, "lr": 0.05}),
        {"command": "change", "normalise": True, "lr": 0.05},
        {"normalise", "lr"},
    ),
    (Pause(), {"command": "pause"}, {"pause"}),
    (Resume(), {"command": "resume"}, {"pause"}),
    (Take(), {"command": "take", "steps": 1}, {"pause"}),
    (Take(7), {"command": "take", "steps": 7}, {"pause"}),
    (Revive(), {"command": "revive"}, {"revive"}),
    (Stop(), {"command": "stop"}, {"stop"}),
    (Restart(), {"command": "restart"}, {"restart"}),
    (Restart({"lr": 0.5}, paused=True), {"command": "restart", "paused": True, "lr": 0.5}, {"restart"}),
    (Restart({"init": "he", "hidden": [8, 8]}), {"command": "restart", "init": "he", "hidden": [8, 8]}, {"restart"}),
    (TrainOn(3), {"command": "train_on", "epochs": 3}, {"train_on"}),
    (Speed(), {"command": "speed"}, {"speed"}),
    (Speed(2.5), {"command": "speed", "per_second": 2.5}, {"speed"}),
    (Play(), {"command": "play", "times": 1.0}, {"play"}),
    (Play(50), {"command": "play", "times": 50}, {"play"}),
    (Speed(1.0, 7), {"command": "speed", "per_second": 1.0, "steps": 7}, {"speed"}),
]
"""Each command, as plain values, and what a run must be able to do to obey it."""
NAMED = [repr(command) for command, _, _ in TABLE]
"""Not by the set: its order is another in every process, and all that run the tests must call them alike."""


def test_every_command_stands_in_the_table() -> None:
    assert {type(command) for command, _, _ in TABLE} == set(get_args(Command)) == set(commands._WORDS)


@pytest.mark.parametrize(("command", "data", "_"), TABLE, ids=NAMED)
def test_a_command_is_plain_values_that_json_can_hold(command: Command, data: dict[str, Any], _: set[str]) -> None:
    assert as_data(command) == data
    assert of_data(data) == command
    assert json.loads(json.dumps(as_data(command))) == data
    assert next(iter(as_data(command))) == "command"


@pytest.mark.parametrize(("command", "_", "needed"), TABLE, ids=NAMED)
def test_a_command_is_obeyed_where_all_that_it_needs_can_be_done(
    command: Command, _: dict[str, Any], needed: set[str]
) -> None:
    assert can_obey(EVERYTHING, command)
    assert can_obey(frozenset(needed), command)
    assert not can_obey(frozenset(), command)
    for each in needed:
        assert not can_obey(EVERYTHING - {each}, command)


def test_a_change_of_something_that_is_not_live_is_not_obeyed() -> None:
    assert not can_obey(EVERYTHING, Change({"hidden": (8,)}))
    assert not can_obey(EVERYTHING, Change({"lr": 0.1, "hidden": (8,)}))


def test_a_row_of_commands_is_obeyed_where_each_of_them_is() -> None:
    remedy = (Change({"lr": 0.05}), Revive())
    assert can_obey_all(EVERYTHING, remedy)
    assert can_obey_all(frozenset({"lr", "revive"}), remedy)
    assert not can_obey_all(frozenset({"lr"}), remedy)
    assert can_obey_all(frozenset(), ())


def test_the_ladder_of_rates_goes_by_1_2_5_from_a_millionth_to_500() -> None:
    walked = [1e-6]
    while (higher := next_lr(walked[-1], 1)) != walked[-1]:
        walked.append(higher)
    assert walked[:4] == [1e-6, 2e-6, 5e-6, 1e-5]
    assert walked[-3:] == [100, 200, 500]
    assert len(walked) == 27
    for lower, rate in pairwise(walked):
        assert next_lr(rate, -1) == lower
    assert next_lr(1e-6, -1) == 1e-6


@pytest.mark.parametrize(
    ("speed", "up", "down"),
    [(1.0, 2.0, 0.5), (0.5, 1.0, 0.5), (3.0, 5.0, 2.0), (100.0, None, 50.0), (None, None, 50.0), (500.0, None, 100.0),
     (0.1, 0.5, 0.1)],
)  # fmt: skip
def test_speeds_are_gone_through_up_to_as_fast_as_it_can(speed: float | None, up: float | None, down: float) -> None:
    assert next_speed(speed, 1, 90) == up
    assert next_speed(speed, -1, 90) == down


def test_the_first_speed_below_full_is_one_that_is_slower_than_what_was_measured() -> None:
    assert [next_speed(None, -1, measured) for measured in (250, 100, 7, 0.1)] == [100, 50, 5, 0.5]
    assert next_speed(None, -1) == 100
