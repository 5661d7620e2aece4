"""Tables of which a network chooses: codebooks, experts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from watches import guest_of, history_of, watched

from deadrelu_tui.diagnosis.telling import reason
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.record.records import Start
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.watching.by_torch.tables import Chosen
from deadrelu_tui.watching.monitor import Monitor
from deadrelu_tui.watching.tables import OFTEN

CODES = 8


def begun(**given: Any) -> tuple[Monitor, nn.Module, torch.optim.Optimizer]:
    """Return a training that is watched."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return watched(model, optimizer, **{"probe": torch.randn(32, 4), **given}), model, optimizer


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Take a step."""
    optimizer.zero_grad()
    model(torch.randn(8, 4)).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("as_what", ["tensor", "array", "list"])
def test_entries_that_are_chosen_no_more_die_and_all_is_told_of_them_as_of_units(as_what: str) -> None:
    monitor, model, optimizer = begun()
    generator = np.random.default_rng(0)
    for index in range(201):
        step(model, optimizer)
        chosen = generator.integers(0, CODES if index < 60 else 5, 40)
        monitor.count("codes", {"tensor": torch.from_numpy(chosen).reshape(8, 5), "array": chosen,
                                "list": chosen.tolist()}[as_what], CODES)  # fmt: skip
    history = history_of(monitor)
    layer = history.network.layer("codes")
    assert layer is not None
    assert (layer.units, layer.activation) == (CODES, "chosen")
    assert history.network.names[0] != "codes", "the network's own layers come first"
    units = history.units("codes")
    assert units is not None
    assert units.lost.tolist() == [False] * 5 + [True] * 3
    assert units.firing[:5].sum() == pytest.approx(1, abs=1e-6), "the shares of those that are chosen"
    ledger = history.ledgers["codes"]
    assert ledger.deaths.tolist() == [0] * 5 + [1] * 3
    assert history.latest("silent_fraction/codes") == pytest.approx(3 / 8)
    assert history.latest("dead_fraction/codes") == pytest.approx(3 / 8)
    assert "inactive_fraction/codes" not in history.names, "of a thousand entries each is chosen once in a thousand"
    assert [each.kind for each in history.events].count("start") == 1


def test_a_table_is_judged_by_what_was_chosen_and_the_verdict_says_so() -> None:
    monitor, model, optimizer = begun(classes=None)
    for _ in range(260):
        step(model, optimizer)
        monitor.count("experts", torch.zeros(64, dtype=torch.long), 4)
    history = history_of(monitor)
    found = verdict(history)
    assert found is not None
    assert (found.word, found.layer) == ("dead", "experts")
    assert "chosen" in reason(found)
    died = next(each for each in history.events if each.kind == "layer_lost" and each.facts["layer"] == "experts")
    from deadrelu_tui.record.telling import told

    assert "3 of 4 entries are chosen no more" in told(died)


def test_a_table_that_is_counted_late_is_in_the_file_as_it_is_in_the_run() -> None:
    monitor, model, optimizer = begun()
    for index in range(12):
        step(model, optimizer)
        if index >= 5:
            monitor.count("codes", [index % 3], 3)
    guest = guest_of(monitor)
    history = history_of(monitor)
    assert guest.watch.folder is not None
    recorded = Recorded(guest.watch.folder / f"{guest.run.start.run}.run")
    recorded.settle(30.0)
    recorded.close()
    assert recorded.history.network == history.network
    assert recorded.history.series("silent_fraction/codes").steps.tolist() == list(range(5, 12))
    assert recorded.history.series("loss").steps.tolist() == history.series("loss").steps.tolist()


def test_what_is_counted_before_the_first_step_is_counted() -> None:
    monitor, model, optimizer = begun(probe=None)
    monitor.count("codes", torch.tensor([1, 1, 2]), 4)
    step(model, optimizer)
    history = history_of(monitor)
    assert history.latest("silent_fraction/codes") == pytest.approx(0.5)


def test_indices_that_no_entry_has_are_left_out() -> None:
    # Mixtures mark dropped tokens so.
    monitor, model, optimizer = begun()
    monitor.count("experts", torch.tensor([-1, 0, 4, 10**12, 3]), 4)
    step(model, optimizer)
    assert history_of(monitor).latest("silent_fraction/experts") == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "indices", "size", "said"),
    [
        ("codes", torch.tensor([0.5]), 4, "whole numbers"),
        ("codes", torch.tensor([True]), 4, "whole numbers"),
        ("codes", ["a"], 4, "whole numbers"),
        ("codes", [0], 0, "size is the number of entries, not 0"),
        ("codes", [0], "4", "size is the number of entries"),
        ("0", [0], 4, "a layer of the network is called so"),
        ("known", [0], 5, "it had 4 entries before, not 5"),
    ],
)
def test_what_cannot_be_counted_is_told_in_one_line_and_ends_nothing(
    name: str, indices: Any, size: Any, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monitor, model, optimizer = begun()
    monitor.count("known", [0], 4)
    for _ in range(3):
        monitor.count(name, indices, size)
        step(model, optimizer)
    assert not monitor.fault
    lines = [line for line in capsys.readouterr().err.splitlines() if "not counted" in line]
    assert len(lines) == 1, lines
    assert said in lines[0]
    assert history_of(monitor).reached == 3


def test_counting_changes_no_number_of_the_training() -> None:
    ends = []
    for counts in (False, True):
        monitor, model, optimizer = begun()
        torch.manual_seed(1)
        for _ in range(20):
            step(model, optimizer)
            if counts:
                monitor.count("codes", torch.arange(5), 7)
        monitor.close()
        ends.append([each.detach().clone() for each in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-3, 9), max_size=20), max_size=5), st.integers(1, 7))
def test_choices_are_counted_as_one_would_by_hand(batches: list[list[int]], size: int) -> None:
    table = Chosen(size)
    for each in batches:
        table.add(torch.tensor(each, dtype=torch.int32))
    everything = [each for batch in batches for each in batch]
    assert table.take()()[:size].tolist() == [everything.count(entry) for entry in range(size)]
    assert table.take()().sum() == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6), st.integers(1, 60))
def test_without_a_window_an_entry_is_dead_after_a_hundred_choices_for_each_entry(size: int, each: int) -> None:
    from deadrelu_tui.watching.tables import silence
    from deadrelu_tui.watching.window import Window

    window, told = Window({"t": silence(size, None)}), 0
    times = np.zeros(size, np.int64)
    times[0] = each
    while told < OFTEN * size:
        assert not window.dead("t").any() if told else True
        window.batch("t", times, each, each)
        told += each
    assert window.dead("t").tolist() == [False] + [True] * (size - 1)


def test_a_second_start_is_no_second_run() -> None:
    monitor, _model, _optimizer = begun()
    monitor.count("codes", [0], 3)
    history = history_of(monitor)
    assert isinstance(history.start, Start)
    assert history.start.run == monitor.run
