"""A run that comes to tell more than it said at first is exported, shown and compared with all of it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from exports import growing

from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.record.codec import dump
from deadrelu_tui.report import comparing, showing
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.run.summing import whole

STEPS = [3, 4, 5]


def exported(kind: str, tmp_path: Path) -> Path:
    path = tmp_path / kind
    FORMATS[kind].write(growing(), path)
    return path


def test_csv_and_json_have_what_came_late(tmp_path: Path) -> None:
    with exported("csv", tmp_path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [each["accuracy"] for each in rows] == ["", "", "", "0.3", "0.4", "0.5"]
    assert [each["silent_fraction/codes"] != "" for each in rows] == [False] * 3 + [True] * 3
    told = json.loads(exported("json", tmp_path).read_text())
    assert [each["name"] for each in told["start"]["network"]["layers"]] == ["h1", "codes"]
    assert [each["values"].get("accuracy") for each in told["steps"]] == [None, None, None, 0.3, 0.4, 0.5]
    assert "codes" in told["looks"][0]["layers"]


def test_parquet_says_last_of_which_network_it_is(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    found = parquet.read_table(exported("parquet", tmp_path))
    assert found["accuracy"].to_pylist() == [None, None, None, 0.3, 0.4, 0.5]
    said = json.loads(found.schema.metadata[b"deadrelu_tui.start"])
    assert [each["name"] for each in said["network"]["layers"]] == ["h1", "codes"]


def test_tensorboard_has_what_came_late(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    reader: Any = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = reader.EventAccumulator(str(exported("tensorboard", tmp_path)))
    found.Reload()
    assert [each.step for each in found.Scalars("accuracy")] == STEPS
    assert [each.step for each in found.Scalars("silent_fraction/codes")] == STEPS
    assert len(found.Tensors("settings")) == 1


def test_the_page_has_a_chart_of_each_logged_number_and_tells_of_entries(tmp_path: Path) -> None:
    page = exported("html", tmp_path).read_text()
    assert "<b>accuracy</b><small>as the training has logged it" in page
    assert "entries of tables: are chosen no more" in page


def summary(tmp_path: Path) -> tuple[Summary, Any]:
    path = tmp_path / "run.run"
    path.write_bytes(dump(growing()))
    return whole(path)


def test_show_and_compare_tell_the_last_of_it_and_json_keeps_its_own_names(tmp_path: Path) -> None:
    short, history = summary(tmp_path)
    text = "\n".join(showing.lines(showing.Shown(short, history), Paper(100, 40)))
    assert "accuracy 0.5" in text
    assert any(line.split()[:3] == ["codes", "3", "chosen"] for line in text.splitlines())
    table = list(comparing.lines([short, short._replace(run="20260101-000000-0000")], Paper(100, 40)))
    assert any(line.split() == ["accuracy", "0.500", "0.500"] for line in table)
    row = short.as_row()
    assert row["accuracy"] == pytest.approx(0.5)
    assert row["status"] == "finished"
    assert list(row)[-1] == "bytes"
