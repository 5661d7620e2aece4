"""`deadrelu-tui sweep` as one types it, killed, interrupted and begun again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from deadrelu_tui.run.folder import ids

pytest.importorskip("distributed")
pytest.importorskip("cryptography")

WORDS = (
    "--lr", "log:1e-3:10:5", "--activation", "relu,tanh", "--hidden", "12", "--batch-size", "128", "--steps", "60",
    "--engine", "numpy", "--embedded",
)  # fmt: skip
CELLS = 10


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "XDG_DATA_HOME": str(home)}


def begun(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "deadrelu_tui", "sweep", *WORDS, *words], env=environment(home), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ran(home: Path, *words: str, command: tuple[str, ...] = ("sweep", *WORDS)) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deadrelu_tui", *command, *words], env=environment(home), capture_output=True, text=True,
        timeout=150, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def folder(home: Path) -> Path:
    return home / "deadrelu-tui" / "runs"


def recorded(home: Path) -> int:
    return len(ids(folder(home)))


def cells(told: str) -> list[Any]:
    """Return the cells of the JSON object, but for ids and times, which are no numbers of theirs."""
    found = json.loads(told)["cells"]
    for each in found:
        for run in each["runs"]:
            run.pop("run")
    return list(found)


def children(pid: int) -> list[int]:
    """Return the processes that a process has begun, and those of them."""
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for each in map(int, task.read_text().split()):
            found += [each, *children(each)]
    return found


def reaches(process: subprocess.Popen[str], home: Path, count: int) -> None:
    """Wait until so many runs are recorded, or the process has ended."""
    until = time.monotonic() + 120
    while recorded(home) < count and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_killed_twice_and_begun_again_it_computes_what_is_missing_and_comes_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ran(tmp_path / "whole", "--json")
    assert whole.returncode == 0, whole.stderr
    home, scratch = tmp_path / "killed", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    for count in (2, 5):
        process = begun(home, "--json")
        reaches(process, home, count)
        there = children(process.pid)
        process.kill()
        process.communicate()
        until = time.monotonic() + 30
        while any(os.path.exists(f"/proc/{each}") for each in there):  # the workers do not outlive it
            assert time.monotonic() < until
            time.sleep(0.05)
    before = set(ids(folder(home)))
    assert len(before) < CELLS
    assert not [each for each in os.listdir(folder(home)) if each.startswith(".") and each.endswith(".run")]
    again = ran(home, "--json")
    assert again.returncode == 0, again.stderr
    assert before < set(ids(folder(home)))
    assert recorded(home) == CELLS, "each cell is recorded once"
    assert not list(scratch.rglob("*worker*")), "what the killed ones laid down"
    assert cells(again.stdout) == cells(whole.stdout)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])
def test_interrupted_it_says_how_much_is_kept_and_exits_with_130(tmp_path: Path, how: signal.Signals) -> None:
    process = begun(tmp_path, "--seeds", "50")
    reaches(process, tmp_path, 1)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "of 500 runs are recorded; the same command goes on with the others" in err
    assert "Traceback" not in err
    assert "leaked" not in err
    assert out


def test_where_no_worker_comes_that_is_said(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    nowhere = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, *words], stdout=nowhere, stderr=nowhere) as scheduler:
        until, there = time.monotonic() + 60, False
        while not there:
            assert time.monotonic() < until
            with socket.socket() as link:
                there = link.connect_ex(("127.0.0.1", int(port))) == 0
        process = begun(tmp_path, "--scheduler", f"tcp://127.0.0.1:{port}")
        assert process.stderr is not None
        assert process.stderr.readline() == "deadrelu-tui: no worker has come yet\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 130
        scheduler.kill()


def test_its_runs_are_listed_by_its_name_and_a_map_is_printed_and_written(tmp_path: Path) -> None:
    files = [tmp_path / f"map.{kind}" for kind in ("csv", "svg")]
    words = [word for each in files for word in ("--export", str(each))]
    done = ran(tmp_path, "--name", "mine", *words)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("runs in") >= 1
    assert "learning rate" in done.stdout
    listed = ran(tmp_path, "runs", "sweep=mine", "--json", command=())
    assert len(listed.stdout.splitlines()) == CELLS
    assert len(files[0].read_text().splitlines()) == 1 + CELLS
    assert "<svg" in files[1].read_text()
    again = ran(tmp_path, "--name", "mine", *words)
    assert again.returncode == 2
    assert f"{files[0]} is there already" in again.stderr


def test_without_a_store_nothing_is_recorded(tmp_path: Path) -> None:
    done = ran(tmp_path, "--no-store", "--json")
    assert done.returncode == 0, done.stderr
    assert len(cells(done.stdout)) == CELLS
    assert not folder(tmp_path).exists()


def test_where_every_run_fails_the_exit_code_is_1_and_the_reason_is_told(tmp_path: Path) -> None:
    done = ran(tmp_path, "--device", "gpu:7")
    assert done.returncode == 1
    assert "gpu:7" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lr", "log:0:1"), "lr must be log:LOW:HIGH:N"),
        (("--lr", "0.1"), "nothing is varied"),
        ((), "nothing is varied"),
        (("--lr", "log:1e-3:1:1000", "--batch-size", "lin:1:1000:1000"), "1000000 runs; 100000 are the most"),
        (("--lr", "1,2", "--show", "beauty"), "show must be dead, zeros"),
        (("--lr", "1,2", "--scheduler", "host"), "scheduler must be an address"),
        (("--lr", "1,2", "--scheduler", "tcp://h:1", "--workers", "2"), "give one of the two"),
        (("--lr", "1,2", "--workers", "0"), "--workers"),
        (("--lr", "1,2", "--epochs", "endless"), "endless runs make no sweep"),
        (("--epochs", "1,2", "--steps", "3"), "give --steps or --epochs"),
        (("--normalise", "on,off", "--input-scale", "0.1,0.2"), "vary one of the two"),
        (("--lr", "1,2", "--export", "map.pdf"), ".csv"),
        (("--lr", "1,2", "--export", "a.csv", "--export", "a.csv"), "--export names a.csv twice"),
        (("--lr", "1,2", "--seeds", "2", "--seed", str(2**32 - 1)), "seed must be at most"),
        (("--engine", "numpy,cntk"), "engine must be one of"),
        (("--name", "", "--lr", "1,2"), "name"),
    ],
)
def test_what_cannot_be_swept_is_told_in_a_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = ran(tmp_path, *words, command=("sweep",))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
