"""TensorBoard: its own reader finds what was recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exports import awkward, begun_only, made_up, odd, plain_run, real
from trainings import normalise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.export.plain import whole
from deadrelu_tui.record.records import Event, Look, Record, Start, Step
from deadrelu_tui.record.telling import told

pytest.importorskip("tensorboardX")
event_accumulator: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(records: list[Record], path: Path) -> Any:
    FORMATS["tensorboard"].write(records, path)
    found = event_accumulator.EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
    found.Reload()
    return found


def sentences(found: Any) -> list[tuple[int, str]]:
    return [(each.step, each.tensor_proto.string_val[0].decode()) for each in found.Tensors("events")]


def test_every_metric_is_a_scalar_at_the_step_and_the_time_of_its_record(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny, {3: normalise})
    found, said = read(records, tmp_path / "run"), next(each for each in records if isinstance(each, Start))
    measured = [each for each in records if isinstance(each, (Step, Look))]
    for name in {name for each in measured for name in each.values}:
        wanted = [(each.step, float(np.float32(each.values[name]))) for each in measured if name in each.values]
        np.testing.assert_array_equal([(each.step, each.value) for each in found.Scalars(name)], wanted)
    steps = [each for each in measured if isinstance(each, Step)]
    assert [each.wall_time for each in found.Scalars("loss")] == [said.at + each.at for each in steps]


def test_what_is_recorded_as_float32_comes_back_bit_for_bit(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny)
    steps, found = [each for each in records if isinstance(each, Step)], read(records, tmp_path / "run")
    exact = [
        name
        for name in {name for each in steps for name in each.values}
        if all(float(np.float32(each.values[name])) == each.values[name] for each in steps if name in each.values)
    ]
    assert len(exact) > 5
    for name in exact:
        assert [each.value for each in found.Scalars(name)] == [e.values[name] for e in steps if name in e.values]


def test_settings_and_events_are_texts(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny, {3: normalise})
    found = read(records, tmp_path / "run")
    assert "| hidden | [20] |" in found.Tensors("settings")[0].tensor_proto.string_val[0].decode()
    lines = [line for _, text in sentences(found) for line in text.split("\n\n")]
    events = sorted((each for each in records if isinstance(each, Event)), key=lambda each: each.step)
    assert lines == [told(each) for each in events]
    assert (3, "normalise on") in [(step, line) for step, text in sentences(found) for line in text.split("\n\n")]


def test_a_rate_that_is_set_live_is_a_scalar(tmp_path: Path) -> None:
    found = read(plain_run(), tmp_path / "run")
    assert {each.value for each in found.Scalars("setting/lr")} == {float(np.float32(0.1))}
    assert "setting/normalise" not in found.Tags()["scalars"]


def test_what_is_no_number_or_too_large_stays_so(tmp_path: Path) -> None:
    found = read(awkward(), tmp_path / "run")
    loss = [each.value for each in found.Scalars("loss")]
    assert math.copysign(1, loss[0]) == -1
    assert math.isnan(loss[1])
    assert loss[2] == -math.inf
    assert [text for step, text in sentences(found) if step == 400] == ["pause"]


def test_a_run_that_has_only_begun_has_its_settings(tmp_path: Path) -> None:
    assert read(begun_only(), tmp_path / "run").Tags()["tensors"] == ["settings"]


@pytest.mark.parametrize("records", [made_up(), odd()], ids=["made", "odd"])
def test_any_network_can_be_read(records: list[Record], tmp_path: Path) -> None:
    names = {whole(name) for each in records if isinstance(each, Step) for name in each.values}
    assert names <= set(read(records, tmp_path / "run").Tags()["scalars"])
