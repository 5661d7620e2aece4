"""JSON: everything, readable by any reader of JSON, with the bits that were recorded."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import start
from exports import awkward, begun_only, made_up, odd, real
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import normalise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.record.records import End, Event, Look, Record, Step
from deadrelu_tui.record.telling import told
from deadrelu_tui.record.units import OF_EACH

ODDITIES = [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
floats = st.one_of(st.sampled_from(ODDITIES), st.floats(width=64))


def refused(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def written(records: list[Record], path: Path) -> Any:
    FORMATS["json"].write(records, path, overwrite=True)
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refused)


@settings(deadline=None, max_examples=40)
@given(values=st.lists(st.dictionaries(st.sampled_from(["loss", "a/b", 'x"\n']), floats), max_size=5))
def test_every_float_comes_back_with_the_same_bits(tmp_path_factory: pytest.TempPathFactory, values: Any) -> None:
    records: list[Record] = [start(), *(Step(at, at / 7, 1, {"lr": 0.1}, each) for at, each in enumerate(values))]
    found = written(records, tmp_path_factory.getbasetemp() / "bits.json")["steps"]
    assert [each["at"] for each in found] == [at / 7 for at in range(len(values))]
    for row, each in zip(found, values, strict=True):
        assert row["values"].keys() == each.keys()
        for name, value in each.items():
            assert isinstance(row["values"][name], float) == math.isfinite(value)
            assert math.isnan(value) or struct.pack("<d", float(row["values"][name])) == struct.pack("<d", value)


def test_everything_that_is_recorded_is_in_it(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny, {3: normalise})
    found = written(records, tmp_path / "run.json")
    said: Any = records[0]
    assert (found["start"]["run"], found["start"]["settings"]["hidden"]) == (said.run, [20])
    assert found["start"]["network"]["layers"][0]["name"] == "h1"
    steps = [each for each in records if isinstance(each, Step)]
    assert [each["step"] for each in found["steps"]] == [each.step for each in steps]
    for row, step in zip(found["steps"], steps, strict=True):
        assert (row["epoch"], row["live"], row["ends_epoch"]) == (step.epoch, dict(step.live), step.ends_epoch)
        assert row["fired"] == {"h1": "".join(str(int(each)) for each in step.fired["h1"])}
    events = [each for each in records if isinstance(each, Event)]
    assert [each["text"] for each in found["events"]] == [told(each) for each in events]
    assert found["end"]["how"] == "finished"


def test_every_unit_of_every_look_is_in_it(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny, {3: normalise})
    looks = [each for each in records if isinstance(each, (Step, Look)) and each.looks]
    found = written(records, tmp_path / "run.json")["looks"]
    assert [(each["step"], each["between"]) for each in found] == [(e.step, isinstance(e, Look)) for e in looks]
    assert any(each["between"] for each in found)
    for row, look in zip(found, looks, strict=True):
        for layer, units in look.looks.items():
            for name in (*OF_EACH, "spread"):
                values = np.array([float(each) for each in row["layers"][layer][name]], np.float32)
                np.testing.assert_array_equal(values, getattr(units, name))


def test_the_verdict_is_that_of_the_run(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny)
    found, worst = written(records, tmp_path / "run.json"), verdict(history_of(records))
    assert worst is not None
    assert (found["verdict"]["word"], found["verdict"]["rule"]) == (worst.word, worst.rule)
    assert found["findings"][0] == found["verdict"]


def test_a_run_that_has_only_begun_has_no_verdict_and_no_end(tmp_path: Path) -> None:
    found = written(begun_only(), tmp_path / "run.json")
    assert (found["steps"], found["looks"], found["events"]) == ([], [], [])
    assert (found["verdict"], found["findings"], found["end"]) == (None, [], None)


@pytest.mark.parametrize("records", [awkward(), made_up(), odd()], ids=["awkward", "made", "odd"])
def test_any_run_is_valid_json(records: list[Record], tmp_path: Path) -> None:
    found = written(records, tmp_path / "run.json")
    assert len(found["steps"]) == sum(isinstance(each, Step) for each in records)
    assert (found["end"] is not None) == any(isinstance(each, End) for each in records)


def test_half_a_surrogate_pair_comes_back(tmp_path: Path) -> None:
    found = written(awkward(), tmp_path / "run.json")
    assert "\udc80" in found["start"]["settings"]["name"]
