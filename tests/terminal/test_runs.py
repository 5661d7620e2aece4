"""The commands on recorded runs as a script or a person meets them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from files import HERE, aged, begun, changed, finished, put, told
from terminals import Terminal, environment
from test_cli import command, main, refused, strict_json

from deadrelu_tui.cli import main_command
from deadrelu_tui.cli.recorded import complete_run
from deadrelu_tui.places import runs_folder
from deadrelu_tui.run.index import NAME

__all__ = ["main"]  # the fixture
A, B, C = "20261129-120000-aaaa", "20261129-120001-bbbb", "20261129-120002-cccc"
Main = Callable[..., Any]


@pytest.fixture
def folder(private_home: Path) -> Path:
    """Three runs: the second learns best, the newest is being recorded by this process."""
    folder = runs_folder()
    finished(folder, A, 0.3, at=1.7e9)
    finished(folder, B, 0.9, lr=0.05)
    put(folder, told(begun(C, facts=HERE), 5, changed(3, "lr", 0.5)))
    return folder


def ask(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(main_command, list(arguments), **more)


def listed(*arguments: str) -> list[str]:
    outcome = ask("runs", *arguments)
    assert outcome.exit_code == 0, outcome.output
    return [line.split()[0] for line in outcome.output.splitlines()[1:]]


# runs


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        ([], [C, B, A]), (["--reverse"], [A, B, C]), (["-n", "1"], [C]), (["--limit", "all"], [C, B, A]),
        (["--sort", "accuracy"], [B, C, A]), (["--sort", "lr"], [B, C, A]), (["lr=0.05"], [B]),
        (["status=running"], [C]), (["accuracy>0.5", "status=finished"], [B]), (["lr=0.1", "--sort", "date"], [C, A]),
        (["--sort", "accuracy", "-n", "1", "status=finished"], [B]), (["finished", "--reverse"], [A, B]),
        (["bbbb"], [B]), (["steps=5"], [C]),
    ],
)  # fmt: skip
def test_runs_are_listed_sifted_sorted_and_limited(arguments: list[str], runs: list[str]) -> None:
    assert listed(*arguments) == runs


def test_without_a_run_it_is_said_how_to_record_one() -> None:
    outcome = ask("runs")
    assert (outcome.exit_code, outcome.output.count("\n")) == (0, 1)
    assert "To record one: deadrelu-tui run" in outcome.output


@pytest.mark.usefixtures("folder")
def test_where_no_run_is_as_wanted_that_is_said() -> None:
    assert ask("runs", "lr=7").output == "No run is as you want it.\n"
    assert ask("runs", "lr=7", "--json").output == ""


@pytest.mark.usefixtures("folder")
def test_runs_as_json_are_a_line_each() -> None:
    rows = [strict_json(line) for line in ask("runs", "--json").output.splitlines()]
    assert [row["run"] for row in rows] == [C, B, A]
    assert [row["status"] for row in rows] == ["running", "finished", "finished"]
    assert (rows[1]["accuracy/test"], rows[1]["settings"]["lr"], rows[1]["preset"]) == (0.9, 0.05, None)
    assert rows[0]["done"] == "lr=0.5@3"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "nosuch=3"], "nothing called 'nosuch' in runs; allowed are run, date,"),
        (["runs", "lr=x"], "lr is a number"), (["runs", "--sort", "nosuch"], "nothing called 'nosuch'"),
        (["runs", "--sort", ""], "nothing called ''"), (["runs", "date<foo"], "date is a year,"),
        (["runs", "rm", "date<2026-9-1"], "not '2026-9-1'"), (["runs", "status=x"], "there is no status 'x'"),
        (["runs", "-n", "0"], "limit must be all or a whole number from 1"), (["runs", "--nosuch"], "--nosuch"),
        (["show"], "RUN"), (["show", "2025"], "there is no run '2025'; allowed are an id, the beginning of one, or"),
        (["show", "2026"], "2026 may be any of 3 runs"), (["show", ""], "there is no run ''"),
        (["compare"], "2 to 6 runs can be compared, not 0"), (["compare", "last"], "not 1"),
        (["compare", *["last"] * 7], "not 7"), (["compare", "last", C], f"{C} is named twice"),
        (["runs", "rm"], "say which runs"), (["runs", "rm", "nosuch"], "there is no run 'nosuch'"),
        *((["runs", "rm", "--older-than", text], f"hours, days or weeks, such as 12h, 30d or 8w, not '{text}'")
          for text in ("30", "1m", "1y", "30s", "")),
        (["runs", "rm", "--keep", "-1"], "-1"), (["runs", "rm", A], "nobody can be asked without a terminal"),
        (["runs", "rm", "lr=x"], "lr is a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told_in_a_line(folder: Path, main: Main, arguments: list[str], said: str) -> None:
    outcome = main(*arguments)
    listing, outcome.out = outcome.out, ""
    refused(outcome, said)
    assert not listing or A in listing  # what is asked of, before it is asked
    assert sorted(each.stem for each in folder.glob("*.run")) == [A, B, C]


def test_a_terminal_gets_as_many_as_it_has_lines_and_is_told_so(tmp_path: Path) -> None:
    for number in range(30):
        finished(tmp_path / "data" / "deadrelu-tui" / "runs", f"20261129-1200{number:02}-aaaa")
    terminal = Terminal(["runs"], (80, 24), {**environment(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")})
    try:
        assert terminal.ends() == 0
        text = terminal.text
        assert "21 of 30 runs; -n all lists all" in text
        assert text.startswith("run ")
        assert "20261129-120029" in text
        assert b"\x1b[" in terminal.raw
    finally:
        terminal.close()


def test_colours_are_left_out_where_nobody_wants_them(tmp_path: Path) -> None:
    finished(tmp_path / "data" / "deadrelu-tui" / "runs", A)
    told_so = {**environment(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "NO_COLOR": "1", "LANG": "C"}
    terminal = Terminal(["runs"], (80, 24), told_so)
    try:
        assert terminal.ends() == 0
        assert b"\x1b[" not in terminal.raw
        assert terminal.raw.isascii()
    finally:
        terminal.close()


def test_a_folder_that_cannot_be_read_is_told_in_a_line(private_home: Path, main: Main) -> None:
    runs_folder().parent.mkdir(parents=True)
    runs_folder().write_text("in the way")
    refused(main("runs"), "cannot be read: Not a directory")


# show, compare


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("word", ["last", C, "20261129-120002"])
def test_a_run_is_meant_by_its_id_the_beginning_of_one_or_last(word: str) -> None:
    assert ask("show", word).output.startswith(C)


@pytest.mark.usefixtures("folder")
def test_a_run_is_shown_as_text_and_as_json() -> None:
    text, row = ask("show", B).output, strict_json(ask("show", B, "--json").output)
    assert "lr 0.05" in text
    assert "90.0 %" in text
    assert (row["run"], row["accuracy/test"], len(row["epochs"])) == (B, 0.9, 2)


@pytest.mark.usefixtures("folder")
def test_runs_are_compared_as_text_and_as_json() -> None:
    text, row = ask("compare", A, "last", B).output, strict_json(ask("compare", A, "last", B, "--json").output)
    assert text.splitlines()[0].split() == ["run", A, C, B]
    assert [each["run"] for each in row["runs"]] == [A, C, B]
    assert row["differing"] == ["lr"]


def test_a_file_that_is_none_is_told_in_a_line(folder: Path, main: Main) -> None:
    (folder / "bad.run").write_text("not ours")
    refused(main("show", "bad"), "bad.run: these are no records of a run")
    refused(main("compare", "bad", A), "no records of a run")
    (folder / "b d.run").write_text("not ours")  # no id: nobody can mean it
    refused(main("show", "b d"), "there is no run 'b d'")


# runs rm


def left(folder: Path) -> list[str]:
    return sorted(each.stem for each in folder.glob("*.run"))


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [
        ([A], [A]), ([A, B], [A, B]), (["lr=0.05"], [B]), (["--older-than", "30d"], [A]),
        (["--older-than", "12h"], [A]),
        (["--keep", "2"], [A]), (["--keep", "1"], [A, B]), (["--keep", "0"], [A, B]),
        (["--keep", "3"], []), (["accuracy<50%", "--keep", "0"], [A]), ([A, B, "lr=0.05"], [B]), (["last"], []),
        (["status=running"], []), (["20261129-120001"], [B]),
    ],
)  # fmt: skip
def test_what_is_meant_is_removed_and_nothing_that_still_runs(
    folder: Path, arguments: list[str], gone: list[str]
) -> None:
    outcome = ask("runs", "rm", "--yes", *arguments)
    assert outcome.exit_code == ("last" in arguments), outcome.output  # which still runs
    assert left(folder) == sorted({A, B, C} - set(gone))
    assert listed() == [run for run in (C, B, A) if run not in gone]


def test_a_run_that_goes_on_stays_and_that_is_said(folder: Path) -> None:
    outcome = ask("runs", "rm", "last", "--yes")
    assert outcome.output == f"{C} is still running: it stays\nnothing is to be removed\n"
    assert outcome.exit_code == 1
    assert left(folder) == [A, B, C]


def test_a_dry_run_tells_and_removes_nothing(folder: Path) -> None:
    outcome = ask("runs", "rm", "--keep", "1", "--dry-run")
    assert "would remove 2 runs, " in outcome.output
    assert left(folder) == [A, B, C]


@pytest.mark.parametrize(("answer", "code", "gone"), [("y", 0, [A]), ("n", 1, []), ("", 1, [])])
def test_a_person_is_asked_first(tmp_path: Path, answer: str, code: int, gone: list[str]) -> None:
    folder = tmp_path / "data" / "deadrelu-tui" / "runs"
    finished(folder, A)
    finished(folder, B)
    terminal = Terminal(["runs", "rm", A], (80, 24), {**environment(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")})
    try:
        terminal.until("Remove 1 run, ")
        terminal.press(f"{answer}\r")
        assert terminal.ends() == code
        assert left(folder) == sorted({A, B} - set(gone))
    finally:
        terminal.close()


def test_what_changes_while_it_is_asked_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deadrelu_tui.report import removing

    remove = removing.remove

    def later(where: Path, runs: Any) -> Any:
        aged(folder / f"{A}.run", 5.0)
        (folder / f"{B}.run").unlink()
        return remove(where, runs)

    monkeypatch.setattr(removing, "remove", later)
    outcome = ask("runs", "rm", A, B, "--yes")
    assert outcome.exit_code == 1
    assert f"{A} has changed meanwhile: it stays" in outcome.output
    assert left(folder) == [A, C]


def test_what_cannot_be_removed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, *_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    outcome = ask("runs", "rm", A, "--yes")
    assert (outcome.exit_code, left(folder)) == (1, [A, B, C])
    assert f"{A} cannot be removed: Permission denied" in outcome.output


@pytest.mark.usefixtures("folder")
def test_rm_is_the_command_and_a_word_after_another_is_a_word() -> None:
    assert "say which runs" in str(ask("runs", "rm").exception)
    assert ask("runs", "finished", "rm").output == "No run is as you want it.\n"


# Completion


def offered(text: str) -> list[str]:
    context: Any = None
    return [each.value for each in complete_run(context, context, text)]


def test_ids_are_completed(folder: Path) -> None:
    assert offered("") == ["last", C, B, A]
    assert offered("20261129-120001") == [B]
    assert offered("l") == ["last"]
    for each in folder.iterdir():
        each.unlink()
    assert offered("") == []


def test_where_nothing_can_be_read_nothing_is_completed(private_home: Path) -> None:
    runs_folder().parent.mkdir(parents=True)
    runs_folder().write_text("in the way")
    assert offered("") == []


# As a process


def test_a_run_that_was_just_made_is_listed_shown_and_removed(tmp_path: Path) -> None:
    assert command(tmp_path, "run", "--embedded", "--epochs", "1", "--engine", "numpy", "--no-trials").code == 0
    (row,) = command(tmp_path, "runs", "--json").rows
    assert (row["preset"], row["verdict"], row["status"], row["steps"]) == ("tragedy", "dead", "finished", 32)
    assert row["host"] == socket.gethostname()
    shown = command(tmp_path, "show", "last")
    assert (shown.code, shown.err) == (0, "")
    assert "--normalise" in shown.out
    removed = command(tmp_path, "runs", "rm", "last", "--yes")
    assert (removed.code, removed.err) == (0, "")
    assert command(tmp_path, "runs").out.startswith("No run is recorded yet")


def test_who_reads_no_further_is_told_nothing_more(tmp_path: Path) -> None:
    for number in range(50):
        finished(tmp_path / "data" / "deadrelu-tui" / "runs", f"20261129-1200{number:02}-aaaa")
    outcome = command(tmp_path, "runs", PYTHONUNBUFFERED="1")
    assert (outcome.code, outcome.out.count("\n")) == (0, 51)
    assert (tmp_path / "data" / "deadrelu-tui" / "runs" / NAME).exists()
