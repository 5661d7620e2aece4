"""The command that writes a recorded run as files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import start
from fakes import canned, dying

from deadrelu_tui.cli import export, main_command
from deadrelu_tui.errors import InputError
from deadrelu_tui.export import formats
from deadrelu_tui.places import runs_folder
from deadrelu_tui.record.codec import dump
from deadrelu_tui.run.gate import Controls

RUN = "20261129-120000-abcd"
Call = Callable[..., Result]


@pytest.fixture
def call(private_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Record a run, and return what exports it into a folder of its own."""
    runs_folder().mkdir(parents=True)
    said = start(batches=50, epochs=1)
    (runs_folder() / f"{RUN}.run").write_bytes(dump([*canned(dying)(said, Controls({"lr": 0.1}))]))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return lambda *arguments: CliRunner().invoke(main_command, ["export", *arguments])


def test_the_end_of_a_name_says_in_which_format_a_run_is_written(call: Call) -> None:
    done = call("last", "a.csv", "b.json")
    assert (done.exit_code, done.output) == (0, "a.csv\nb.json\n")
    assert len(list(csv.DictReader(Path("a.csv").read_text().splitlines()))) == 50
    assert len(json.loads(Path("b.json").read_text())["steps"]) == 50


def test_a_format_alone_is_written_under_the_name_of_the_run(call: Call) -> None:
    assert call(RUN[:8], "--format", "csv", "--format", "json").exit_code == 0
    assert sorted(each.name for each in Path().iterdir()) == [f"{RUN}.csv", f"{RUN}.json"]


def test_a_file_that_is_there_is_replaced_only_if_that_is_said(call: Call) -> None:
    Path("a.csv").write_text("mine")
    done = call("last", "a.csv")
    assert isinstance(done.exception, InputError)
    assert Path("a.csv").read_text() == "mine"
    assert call("last", "a.csv", "--overwrite").exit_code == 0
    assert Path("a.csv").read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("last",), "name a file, such as last.csv, or a format: csv, parquet"), (("last", "a.doc"), "end its name in"),
        (("nobody", "a.csv"), "there is no run 'nobody'"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_in_a_line(call: Call, arguments: tuple[str, ...], why: str) -> None:
    done = call(*arguments)
    assert isinstance(done.exception, InputError)
    assert why in str(done.exception)
    assert list(Path().iterdir()) == []


def test_a_damaged_run_is_written_as_far_as_it_can_be_read_and_that_is_told(call: Call) -> None:
    path = runs_folder() / f"{RUN}.run"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    done = call("last", "a.csv")
    assert done.exit_code == 0
    assert f"{RUN}.run is damaged; it is written as far as it can be read" in done.output


def test_the_help_knows_every_format_and_what_it_is() -> None:
    assert {name: each.about for name, each in formats.FORMATS.items()} == export.FORMATS
