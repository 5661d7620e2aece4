"""The index of all runs: it says what is in the files, reads no more than it has to, and is never in the way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from files import aged, begun, finished, put, told
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import dump
from deadrelu_tui.record.records import End
from deadrelu_tui.run import index, summing
from deadrelu_tui.run.folder import find
from deadrelu_tui.run.index import NAME, summaries
from deadrelu_tui.run.summary import Summary

RUNS = ("20261129-120000-aaaa", "20261129-120001-bbbb", "20261129-120002-cccc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for run in RUNS:
        finished(tmp_path / "runs", run)
    return tmp_path / "runs"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose files were read, in that order."""
    read, summed = list[str](), summing.summed

    def noted(path: Path, found: os.stat_result) -> Summary | None:
        read.append(path.stem)
        return summed(path, found)

    monkeypatch.setattr(summing, "summed", noted)
    return read


def anew(folder: Path) -> list[Summary]:
    (folder / NAME).unlink(missing_ok=True)
    return summaries(folder)


def test_runs_are_told_the_newest_first(folder: Path) -> None:
    assert [each.run for each in summaries(folder)] == sorted(RUNS, reverse=True)


def test_of_the_same_second_the_one_that_began_last_is_the_first_and_is_meant_by_last(folder: Path) -> None:
    for ending, at in (("0000", 0.2), ("ffff", 0.1), ("8888", 0.7), ("9999", 0.5)):
        finished(folder, f"20261129-120003-{ending}", at=1.8e9 + at)
    (folder / "20261129-120003-zzzz.run").write_bytes(b"not ours")
    (folder / "20261129-120003-yyyy.run").write_bytes(b"")
    runs = [each.run.rpartition("-")[2] for each in summaries(folder)]
    assert runs == ["8888", "9999", "0000", "ffff", "zzzz", "yyyy", "cccc", "bbbb", "aaaa"]
    assert find(folder, "last") == "20261129-120003-8888"


def test_what_has_not_changed_is_read_once(folder: Path, read: list[str]) -> None:
    first = summaries(folder)
    assert sorted(read) == sorted(RUNS)
    assert summaries(folder) == first
    assert len(read) == 3


def test_what_has_changed_is_read_again_and_nothing_else(folder: Path, read: list[str]) -> None:
    summaries(folder)
    read.clear()
    put(folder, told(begun(RUNS[1]), 5), old=100)
    assert [each.steps for each in summaries(folder)] == [8, 5, 8]
    assert read == [RUNS[1]]


def test_a_file_that_was_just_changed_is_read_again_as_its_time_may_stay_the_same(
    folder: Path, read: list[str]
) -> None:
    aged(folder / f"{RUNS[0]}.run", 0.0)
    summaries(folder)
    read.clear()
    summaries(folder)
    assert read == [RUNS[0]]


def test_of_the_newest_alone_no_other_file_is_read_and_none_forgotten(folder: Path, read: list[str]) -> None:
    assert [each.run for each in summaries(folder, newest=1)] == [RUNS[2]]
    assert read == [RUNS[2]]
    summaries(folder)
    summaries(folder, newest=1)
    summaries(folder)
    assert len(read) == 3


def test_a_run_whose_file_was_removed_vanishes_from_the_index_too(folder: Path) -> None:
    summaries(folder)
    (folder / f"{RUNS[0]}.run").unlink()
    assert [each.run for each in summaries(folder)] == [RUNS[2], RUNS[1]]
    assert RUNS[0] not in (folder / NAME).read_text()


def test_the_index_is_for_nobody_else_and_no_run(folder: Path) -> None:
    before = os.umask(0)
    try:
        summaries(folder)
    finally:
        os.umask(before)
    assert (folder / NAME).stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in folder.iterdir()) == sorted([NAME, *(f"{run}.run" for run in RUNS)])


def test_every_line_of_it_is_json(folder: Path) -> None:
    summaries(folder)
    for line in (folder / NAME).read_text().splitlines():
        json.loads(line)


@pytest.mark.parametrize("at", [0, 5, 60, 300, -40, -1])
def test_an_index_that_is_damaged_is_made_anew(folder: Path, at: int) -> None:
    first = summaries(folder)
    data = bytearray((folder / NAME).read_bytes())
    data[at] ^= 1
    (folder / NAME).write_bytes(bytes(data))
    assert summaries(folder) == first


@pytest.mark.parametrize("content", [b"", b"\n", b"{}\n", b"[]", b"\xff\xfe\n\n", b'{"index": 1}\n[[1,2],[3]]'])
def test_an_index_that_is_none_is_made_anew(folder: Path, content: bytes) -> None:
    first = summaries(folder)
    (folder / NAME).write_bytes(content)
    assert summaries(folder) == first


def test_an_index_that_was_cut_is_made_anew(folder: Path) -> None:
    first, data = summaries(folder), (folder / NAME).read_bytes()
    for length in range(0, len(data), 97):
        (folder / NAME).write_bytes(data[:length])
        assert summaries(folder) == first


def test_an_index_of_another_version_of_us_is_made_anew(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    summaries(folder)
    monkeypatch.setattr(index, "__version__", "99")
    summaries(folder)
    assert len(read) == 6


def test_an_index_that_cannot_be_written_costs_time_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    assert len(summaries(folder)) == 3
    assert not [each.name for each in folder.iterdir() if each.name.startswith(".")]


def test_an_index_that_cannot_be_read_costs_time_alone(folder: Path) -> None:
    (folder / NAME).mkdir()
    assert len(summaries(folder)) == 3


def test_what_was_read_before_somebody_broke_off_is_kept(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(count: int, _of: int) -> None:
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        summaries(folder, told=told)
    summaries(folder)
    assert sorted(read) == sorted(RUNS)


def test_how_far_reading_is_can_be_followed(folder: Path) -> None:
    heard = list[tuple[int, int]]()
    summaries(folder, told=lambda *counts: heard.append(counts))
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_no_folder_has_no_runs(tmp_path: Path) -> None:
    assert summaries(tmp_path / "none") == []


def test_what_is_no_folder_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be read: Not a directory"):
        summaries(tmp_path / "file")


def test_what_is_no_file_of_a_run_is_passed_over(folder: Path) -> None:
    (folder / "folder.run").mkdir()
    os.mkfifo(folder / "pipe.run")
    (folder / "dangling.run").symlink_to(folder / "nowhere")
    (folder / "notes.txt").write_text("")
    assert len(summaries(folder)) == 3


def test_a_file_that_is_no_run_is_listed_and_looked_at_again(folder: Path, read: list[str]) -> None:
    (folder / "x.run").write_text("not ours")
    aged(folder / "x.run")
    assert {each.run: each.status for each in summaries(folder)}["x"] == "unreadable"
    read.clear()
    summaries(folder)
    assert read == ["x"]


@pytest.mark.parametrize("name", ['a"b', "a],[b", "a b", "ü", "tab\there", os.fsdecode(b"\xff")])
def test_a_file_may_be_called_anything(folder: Path, name: str) -> None:
    (folder / f"{name}.run").write_bytes(dump(told(begun(), 8, End(1.0, "finished"))))
    aged(folder / f"{name}.run")
    first = summaries(folder)
    assert name in [each.run for each in first]
    assert summaries(folder) == first


def test_a_name_that_no_line_of_the_index_can_hold_costs_the_others_nothing(folder: Path, read: list[str]) -> None:
    (folder / "a],[b.run").write_bytes(dump(told(begun(), 8, End(1.0, "finished"))))
    aged(folder / "a],[b.run")
    summaries(folder)
    read.clear()
    summaries(folder)
    assert read == ["a],[b"]


CHANGES = some.lists(
    some.tuples(
        some.sampled_from(["add", "grow", "truncate", "remove", "spoil", "list", "list newest"]),
        some.integers(0, 3), some.integers(1, 9), some.booleans(),
    ),
    max_size=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_the_index_is_what_is_made_anew_from_the_files_after_any_changes(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int, int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    for what, which, much, old in changes:
        run = f"20261129-12000{which}-0000"
        path = folder / f"{run}.run"
        if what == "add":
            path.write_bytes(dump(told(begun(run, at=0.0), much, End(1.0, "finished"))))
        elif what == "list":
            summaries(folder)
        elif what == "list newest":
            summaries(folder, newest=much % 3)
        elif path.exists():
            data = path.read_bytes()
            if what == "remove":
                path.unlink()
            else:
                added = {"grow": data + data[-much:], "truncate": data[: -10 * much], "spoil": data[:-5] + b"\0" * 5}
                path.write_bytes(added[what])
        if old and what == "add":
            aged(path, 10.0 * much)
    kept = summaries(folder)
    assert list(map(repr, kept)) == list(map(repr, anew(folder)))
