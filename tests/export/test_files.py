"""A file is there whole or not at all, nothing is overwritten unasked, and what fails is told in a line."""

from __future__ import annotations

import builtins
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from exports import awkward, begun_only, odd, plain_run

from deadrelu_tui.errors import InputError
from deadrelu_tui.export.files import OURS, placed
from deadrelu_tui.export.formats import FORMATS, format_of
from deadrelu_tui.record.records import Record

LIBRARIES = {"parquet": "pyarrow", "tensorboard": "tensorboardX", "png": "matplotlib", "svg": "matplotlib"}


def refused(kind: str, path: Path, **how: Any) -> str:
    with pytest.raises(InputError) as caught:
        FORMATS[kind].write(plain_run(), path, **how)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_there_is_not_overwritten_unasked(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    path.write_text("mine")
    assert "is there already" in refused("csv", path)
    assert path.read_text() == "mine"
    FORMATS["csv"].write(plain_run(), path, overwrite=True)
    assert path.read_text().startswith("step,")
    assert list(tmp_path.glob(".*.part")) == []


def test_what_a_link_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    FORMATS["csv"].write(plain_run(), tmp_path / "link.csv", overwrite=True)
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("step,")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    assert f"there is no folder {tmp_path / 'none'}" in refused("csv", tmp_path / "none" / "run.csv")


def test_a_folder_is_no_file_and_a_device_is_none(tmp_path: Path) -> None:
    assert "is a folder" in refused("csv", tmp_path, overwrite=True)
    assert "is no plain file" in refused("csv", Path(os.devnull), overwrite=True)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_disk_that_is_full_or_read_only_leaves_nothing_behind(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    (tmp_path / "run.csv").write_text("mine")
    assert os.strerror(number) in refused("csv", tmp_path / "run.csv", overwrite=True)
    assert [each.name for each in tmp_path.iterdir() if each.name != "private"] == ["run.csv"]
    assert (tmp_path / "run.csv").read_text() == "mine"


def test_a_folder_that_may_not_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", fail)
    assert "name a file in a folder that you may write to" in refused("json", tmp_path / "run.json")


def test_what_is_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    def break_off() -> None:
        with placed(tmp_path / "run.csv") as beside:
            beside.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert [each.name for each in tmp_path.iterdir()] == ["private"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path: Path) -> None:
    FORMATS["csv"].write(plain_run(), tmp_path / f"{'x' * 251}.csv")


def folder_of_events(path: Path) -> None:
    with placed(path, folder=True) as beside:
        (beside / f"{OURS}1").write_text("old")


def replace(path: Path, overwrite: bool = True) -> None:
    with placed(path, folder=True, overwrite=overwrite) as beside:
        (beside / f"{OURS}2").write_text("new")


def test_a_folder_of_events_is_replaced_only_when_asked(tmp_path: Path) -> None:
    folder_of_events(tmp_path / "run")
    with pytest.raises(InputError, match="is there already"):
        replace(tmp_path / "run", overwrite=False)
    replace(tmp_path / "run")
    assert [each.name for each in (tmp_path / "run").iterdir()] == [f"{OURS}2"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["private", "run"]


def test_a_folder_with_anything_else_in_it_is_never_replaced(tmp_path: Path) -> None:
    folder_of_events(tmp_path / "run")
    (tmp_path / "run" / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match=r"thesis\.tex"):
        replace(tmp_path / "run")
    assert len(list((tmp_path / "run").iterdir())) == 2


def test_an_empty_folder_is_used_and_a_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    replace(tmp_path / "empty", overwrite=False)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        replace(tmp_path / "file")


@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_library_that_is_missing_is_named_with_what_to_type(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_import = builtins.__import__

    def without(name: str, *more: Any) -> Any:
        if name.partition(".")[0] == LIBRARIES[kind]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return plain_import(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    told = refused(kind, tmp_path / "run")
    assert LIBRARIES[kind] in told
    assert "pip install 'deadrelu-tui[export]'" in told
    assert [each.name for each in tmp_path.iterdir()] == ["private"]


def test_a_library_that_cannot_be_loaded_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain_import = builtins.__import__

    def broken(name: str, *more: Any) -> Any:
        if name == "pyarrow":
            raise ImportError("libarrow.so: cannot open shared object file")
        return plain_import(name, *more)

    monkeypatch.setattr(builtins, "__import__", broken)
    assert "libarrow.so: cannot open" in refused("parquet", tmp_path / "run.parquet")


def test_records_without_a_start_are_no_run(tmp_path: Path) -> None:
    for kind in FORMATS.values():
        with pytest.raises(InputError, match="nothing is recorded"):
            kind.write(plain_run()[1:], tmp_path / "run")


def test_records_that_no_run_can_have_left_are_told(tmp_path: Path) -> None:
    twice = plain_run()
    with pytest.raises(InputError, match="step 0 comes after step 11"):
        FORMATS["json"].write([*twice, *twice[1:]], tmp_path / "run.json")
    assert [each.name for each in tmp_path.iterdir()] == ["private"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_end_of_a_name_says_which_format_it_is(name: str) -> None:
    assert format_of(Path(f"some/run{FORMATS[name].suffix}")) is FORMATS[name]
    assert format_of(Path(f"RUN{FORMATS[name].suffix.upper()}")) is FORMATS[name]


@pytest.mark.parametrize("name", ["run", "run.txt", "csv", "run.csv.gz"])
def test_another_end_says_which_there_are(name: str) -> None:
    with pytest.raises(InputError, match=r"\.csv, \.parquet"):
        format_of(Path(name))


@pytest.mark.parametrize("records", [begun_only(), awkward(), odd()], ids=["begun", "awkward", "odd"])
@pytest.mark.parametrize("name", FORMATS)
def test_any_run_can_be_written_in_every_format(name: str, records: list[Record], tmp_path: Path) -> None:
    if name in LIBRARIES:
        pytest.importorskip(LIBRARIES[name])
    FORMATS[name].write(records, tmp_path / f"run{FORMATS[name].suffix}")
    assert {each.name for each in tmp_path.iterdir()} == {"private", f"run{FORMATS[name].suffix}"}
