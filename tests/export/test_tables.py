"""CSV and Parquet: what stands in the table is what was recorded, to the last bit."""

from __future__ import annotations

import csv
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from conftest import record, start
from exports import awkward, begun_only, made_up, odd, real
from hypothesis import given, settings
from hypothesis import strategies as st
from trainings import normalise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.export.plain import whole
from deadrelu_tui.record.records import Event, Look, Record, Step

ODDITIES = [math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, -5e-324, 1.7976931348623157e308, 0.1, 1 / 3]
floats = st.one_of(st.sampled_from(ODDITIES), st.floats(width=64), st.floats(width=32))
names = st.sampled_from(["loss", "grad_sum/w1", "dead_fraction/h1", "step", "events", "lr", "ünï,\"'\r\n"])
rows = st.lists(st.dictionaries(names, floats), max_size=6)


def bits(value: float) -> bytes:
    return b"nan" if math.isnan(value) else struct.pack("<d", value)


def run_of(values: list[dict[str, float]]) -> list[Record]:
    return [start(), *(Step(at, at / 3, 1, {"lr": 0.1}, each) for at, each in enumerate(values))]


def as_csv(records: list[Record], path: Path) -> list[dict[str, str]]:
    FORMATS["csv"].write(records, path, overwrite=True)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_parquet(records: list[Record], path: Path) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet")
    FORMATS["parquet"].write(records, path, overwrite=True)
    return parquet.read_table(path)


def column(name: str) -> str:
    """Return under which name a metric stands: its own, but for the few that the table needs for itself."""
    return f"metric/{name}" if name in ("step", "events") else name


@settings(deadline=None, max_examples=40)
@given(values=rows)
def test_csv_gives_every_float_back_with_the_same_bits(tmp_path_factory: pytest.TempPathFactory, values: Any) -> None:
    found = as_csv(run_of(values), tmp_path_factory.getbasetemp() / "bits.csv")
    assert len(found) == len(values)
    for row, each in zip(found, values, strict=True):
        told = {name for name in row if row[name] and name not in ("step", "epoch", "seconds", "setting/lr", "events")}
        assert told - {"lr"} == {column(name) for name in each} - {"lr"}
        assert {name: bits(float(row[column(name)])) for name in each} == {n: bits(v) for n, v in each.items()}


@settings(deadline=None, max_examples=40)
@given(values=rows)
def test_parquet_gives_every_float_back_with_the_same_bits(
    tmp_path_factory: pytest.TempPathFactory, values: Any
) -> None:
    found = as_parquet(run_of(values), tmp_path_factory.getbasetemp() / "bits.parquet").to_pylist()
    assert len(found) == len(values)
    for row, each in zip(found, values, strict=True):
        assert {n: bits(v) for n, v in each.items()} == {name: bits(row[column(name)]) for name in each}
        lacking = {column(name) for name in set().union(*values) - each.keys()}
        assert {row[name] for name in lacking} <= {None}


def test_csv_has_a_row_per_step_and_a_column_for_what_was_set_and_measured(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny, {3: normalise})
    found = as_csv(records, tmp_path / "run.csv")
    steps = [each for each in records if isinstance(each, Step)]
    assert [row["step"] for row in found] == [str(each.step) for each in steps]
    assert list(found[0])[:6] == ["step", "epoch", "seconds", "normalise", "lr", "activation"]
    assert [row["normalise"] for row in found[2:4]] == ["false", "true"]
    assert (found[0]["lr"], found[0]["activation"], found[0]["epoch"]) == ("0.1", "relu", "1")
    for row, step in zip(found, steps, strict=True):
        assert {name: float(row[name]) for name in step.values} == pytest.approx(dict(step.values), abs=0, rel=0)
    assert "normalise on" in found[3]["events"]
    assert found[0]["accuracy/test"] == ""
    assert found[-1]["accuracy/test"]


def test_what_a_look_after_a_step_measured_stands_in_its_row(tmp_path: Path) -> None:
    step = record(0, {"loss": 1.0, "a": 2.0})
    found = as_csv([start(), step, Look(0, {"a": 9.0, "b": 3.0}, {})], tmp_path / "run.csv")
    assert (found[0]["a"], found[0]["b"]) == ("2.0", "3.0")


def test_an_event_where_no_step_was_recorded_is_told_at_the_next_one_or_at_the_last(tmp_path: Path) -> None:
    found = as_csv(awkward(), tmp_path / "run.csv")
    told = [row["events"] for row in found]
    assert told[0] == told[2] == ""
    assert told[1].startswith("step 4: something new who")
    assert told[3] == "step 400: pause"


def test_events_of_one_step_stand_in_one_cell(tmp_path: Path) -> None:
    records: list[Record] = [start(), Event(0, "pause"), Event(0, "resume"), record(0)]
    assert as_csv(records, tmp_path / "run.csv")[0]["events"] == "pause; resume"


def test_names_that_meet_are_told_apart(tmp_path: Path) -> None:
    header = list(as_csv(awkward(), tmp_path / "run.csv")[0])
    assert len(header) == len(set(header))
    assert {"loss", "setting/loss", "metric/step", "step"} <= set(header)


def test_parquet_has_a_type_for_every_column(tiny: Dataset, tmp_path: Path) -> None:
    table = as_parquet(real(tiny, {3: normalise}), tmp_path / "run.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert [types[name] for name in ("step", "epoch", "seconds")] == ["int64", "int64", "double"]
    assert [types[name] for name in ("normalise", "lr", "activation")] == ["bool", "double", "string"]
    assert {types[name] for name in types if "/" in name} == {"double"}
    assert types["events"] == "string"


def test_what_is_set_by_values_of_many_kinds_is_text_in_parquet(tmp_path: Path) -> None:
    table = as_parquet(awkward(), tmp_path / "run.parquet")
    assert table["mixed"].to_pylist() == ["1", "<i>", "[1, null]", None]
    assert table["setting/loss"].to_pylist() == [True, False, True, None]
    assert table["lr"].to_pylist() == [0.1, 5e-324, math.inf, None]
    assert table["epoch"].to_pylist() == [None] * 4


def test_parquet_says_of_which_run_it_is(tiny: Dataset, tmp_path: Path) -> None:
    records = real(tiny)
    told = as_parquet(records, tmp_path / "run.parquet").schema.metadata
    said: Any = records[0]
    assert told[b"deadrelu_tui.run"].decode() == said.run
    assert json.loads(told[b"deadrelu_tui.settings"])["hidden"] == [20]
    assert json.loads(told[b"deadrelu_tui.start"])["facts"]["sha256"] == "0" * 64


def test_a_long_run_is_written_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deadrelu_tui.export.as_parquet._AT_A_TIME", 5)
    steps = [record(step, {"loss": float(step)}) for step in range(12)]
    assert as_parquet([start(), *steps], tmp_path / "run.parquet")["loss"].to_pylist() == [float(n) for n in range(12)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_run_that_has_only_begun_is_a_header(kind: str, tmp_path: Path) -> None:
    if kind == "csv":
        FORMATS[kind].write(begun_only(), tmp_path / "run.csv")
        assert (tmp_path / "run.csv").read_bytes() == b"step,epoch,seconds,events\r\n"
    else:
        table = as_parquet(begun_only(), tmp_path / "run.parquet")
        assert table.num_rows == 0
        assert table.column_names == ["step", "epoch", "seconds", "events"]


def test_any_network_fits_into_a_table(tmp_path: Path) -> None:
    for records in (made_up(), odd()):
        steps = [each for each in records if isinstance(each, Step)]
        found = as_csv(records, tmp_path / "run.csv")
        assert [int(row["step"]) for row in found] == [each.step for each in steps]
        assert as_parquet(records, tmp_path / "run.parquet").num_rows == len(steps)
        names = {name for each in steps for name in each.values}
        assert names <= set(found[0])


def test_half_a_surrogate_pair_in_a_name_is_written_out(tmp_path: Path) -> None:
    found, table = as_csv(awkward(), tmp_path / "run.csv"), as_parquet(awkward(), tmp_path / "run.parquet")
    assert any("\\udc80" in name for name in found[0])
    assert list(found[0]) == table.column_names
    assert whole("a\udc80") == "a\\udc80"
