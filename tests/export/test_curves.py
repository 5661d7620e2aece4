"""What is drawn: an epoch's values are those that are told elsewhere, and no line is drawn across a gap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import record, start
from exports import made_up, odd, plain_run, real

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.export.curves import Epochs, brief, broken, drawn, early, outline, shorter
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.headless import epoch_row
from deadrelu_tui.record.records import Record


def test_an_epoch_has_the_values_that_the_run_without_a_screen_tells(tiny: Dataset) -> None:
    records = real(tiny)
    history, epochs = history_of(records), Epochs.of(records)
    for index in (1, 2):
        row = epoch_row(history, index)
        for name in history.names:
            places, values = epochs.values(history, name)
            if name in row:
                told = dict(zip(places.tolist(), values.tolist(), strict=True))
                assert told[float(index)] == pytest.approx(row[name], rel=1e-6)


def test_steps_lie_between_the_ends_of_epochs() -> None:
    epochs = Epochs.of(plain_run(steps=12, batches=4))
    assert epochs.place([-1, 1, 3, 7, 11]).tolist() == [0, 0.5, 1, 2, 3]


def test_an_epoch_that_has_not_ended_is_as_long_as_was_announced() -> None:
    epochs = Epochs.of(plain_run(steps=6, batches=4))
    assert epochs.place([3, 5]).tolist() == [1, 1.5]
    assert epochs.values(history_of(plain_run(steps=6, batches=4)), "loss")[0].tolist() == [1, 1.5]


def test_a_run_without_epochs_is_drawn_over_its_steps() -> None:
    epochs = Epochs.of(made_up())
    assert epochs.spans == ()
    assert epochs.place([12_000, 12_010]).tolist() == [12_000, 12_010]


def test_no_line_is_drawn_across_what_is_no_number() -> None:
    losses = [1.0, 2.0, math.nan, math.inf, 3.0]
    history = history_of([start(), *(record(at, {"loss": each}) for at, each in enumerate(losses))])
    steps, values = broken(history, "loss", outline(history, "loss", 100))
    assert steps.tolist() == [0, 1, 2, 4]
    assert np.isnan(values).tolist() == [False, False, True, False]


def test_what_saturates_is_not_drawn_as_dead() -> None:
    history = history_of(odd())
    assert "head.act" not in [each.of for each in drawn(history, "dead_fraction")]
    assert [each.of for each in drawn(history, "saturated_fraction")] == ["head.act"]


def test_the_first_steps_of_a_long_run_are_all_drawn_where_they_have_room() -> None:
    records: list[Record] = [start(batches=5_000), *(record(at, {"loss": float(at)}) for at in range(5_000))]
    history = history_of(records)
    steps = early(history, "loss", 120).steps.tolist()
    assert steps[:20] == list(range(20))
    assert steps[-1] > 4_800
    assert len(steps) < 500


def test_names_that_are_too_long_lose_what_they_share() -> None:
    assert brief(["h1", "h2"], 5) == ["h1", "h2"]
    assert brief(["encoder.7.mlp.act", "encoder.31.mlp.act"], 11) == ["…7…", "…31…"]
    assert brief(["a.very.long.name.of.one"], 11) == [shorter("a.very.long.name.of.one", 11)]
    assert all(len(each) <= 11 for each in brief(["encoder.block", "encoder.block.inner.dense"], 11))
    assert len(shorter("x" * 50, 11)) == 11
