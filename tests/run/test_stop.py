"""`stop` ends a run of another process: by asking it, and where that has no effect by ending the process."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from files import HERE
from test_host import Process, runtime
from waiting import until

from deadrelu_tui.cli import main_command, stop
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.record.commands import Restart
from deadrelu_tui.run.listening import Caller, listening
from deadrelu_tui.run.origin import pid_here
from deadrelu_tui.run.source import Status

__all__ = ["runtime"]  # the fixture


@pytest.fixture
def process(private_home: Path) -> Iterator[Process]:
    with ThreadPoolExecutor(1) as executor:
        process = Process(runs_folder(), executor)
        until(lambda: len(process.run.history) > 3)
        yield process
        process.close()


@pytest.fixture
def killed(process: Process, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Note who is sent a signal, which ends the run."""
    told = list[tuple[int, int]]()

    def kill(pid: int, number: int) -> None:
        told.append((pid, number))
        process.run.controls.stopped = True

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(stop, "ENDED_WITHIN", 0.5)
    return told


def deaf(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no order reach the run."""
    monkeypatch.setattr(process.session, "send", lambda *_: None)


def ask(run: str) -> Result:
    return CliRunner().invoke(main_command, ["stop", run])


def test_a_run_that_obeys_is_stopped_and_its_process_left(process: Process, killed: list[tuple[int, int]]) -> None:
    done = ask(process.run.start.run)
    assert (done.exit_code, killed, process.run.status) == (0, [], Status.STOPPED)
    assert done.output == f"run {process.run.start.run} is stopped after {len(process.run.history)} steps\n"


def test_a_process_that_does_not_obey_is_ended(
    process: Process, killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf(process, monkeypatch)
    done = ask("last")
    assert (done.exit_code, killed) == (0, [(os.getpid(), signal.SIGTERM)]), done.output
    assert " is stopped after " in done.output


def test_a_process_that_trains_another_run_by_now_is_not_ended(
    process: Process, killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = process.run.start.run

    def order(*_: object) -> None:
        if process.run.start.run == before:
            monkeypatch.setattr(process.run, "send", lambda _: None)  # it goes on
            process.session.restart(Restart())

    monkeypatch.setattr(process.session, "send", order)
    done = ask(before)
    assert killed == []
    assert done.exit_code == 1
    process.session.earlier[0].close()


@pytest.mark.parametrize("deafly", [False, True])
def test_a_run_of_which_no_file_tells_is_stopped_by_its_socket(
    process: Process, killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch, deafly: bool
) -> None:
    run = process.run.start.run
    (runs_folder() / f"{run}.run").unlink()
    monkeypatch.setattr(process.store._writers[0], "_open", refuse)
    if deafly:
        deaf(process, monkeypatch)
    done = ask(run)
    assert (done.exit_code, len(killed)) == (0, int(deafly)), done.exception
    assert done.output.startswith(f"run {run} has ended")
    until(lambda: process.run.status is Status.STOPPED)


def refuse() -> None:
    raise OSError(28, "No space left on device")


def test_what_nobody_has_in_hand_is_told_as_ever(process: Process) -> None:
    assert [run for run, _ in listening()] == [process.run.start.run]
    done = ask("20201129")
    assert isinstance(done.exception, InputError)
    assert "there is no run '20201129'" in str(done.exception)


def test_only_a_process_that_is_certainly_meant_is_ended(process: Process, tmp_path: Path) -> None:
    facts = {**process.run.start.facts}
    assert pid_here(facts) == os.getpid() == pid_here(HERE)
    for more in (
        {"host": "elsewhere"},
        {"process": {**facts["process"], "began": 1}},
        {"process": {**facts["process"], "began": None}},
        {"process": {**facts["process"], "machine": "another"}},
        {"process": 7},
    ):
        assert pid_here({**facts, **more}) is None
    with Caller(process.host.path) as caller:
        assert caller.pid == os.getpid()
        caller.path = caller.path.with_name(f"{os.getpid()}-1.sock")
        assert caller.pid is None
