"""Streams that are closed, homes that are not ours, files with a mark, libraries that print, processes that hang."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from terminals import COMMAND, environment

RUN = f"{COMMAND} run --embedded --epochs 1 --engine numpy --no-trials --batch-size 2000"


def shell(command: str, home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], env=environment(home, **more), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [RUN, f"{RUN} --json", f"{COMMAND} doctor", f"{COMMAND} data"])
def test_a_closed_stream_stops_no_command(tmp_path: Path, command: str, closed: str) -> None:
    done = shell(f"{command} {closed}", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_home_that_is_not_there_costs_no_run(tmp_path: Path) -> None:
    done = shell(f"cd {tmp_path}; unset HOME; {RUN}", tmp_path)
    assert done.returncode == 0, done.stderr
    for home in ("/nowhere/at/all", "/dev/null", "/proc/1"):
        assert shell(RUN, Path(home)).returncode == 0


def test_a_byte_order_mark_is_no_part_of_the_settings(tmp_path: Path) -> None:
    folder = tmp_path / ".config/deadrelu-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_bytes(b"\xef\xbb\xbflr = 0.05\n")
    start = json.loads(shell(f"{RUN} --json", tmp_path).stdout.splitlines()[0])
    assert start["settings"]["lr"] == 0.05


@pytest.mark.parametrize(
    "line", ["seed = " + "9" * 5000, "lr = 1" + "0" * 400, "lr = " + "[" * 3000 + "]" * 3000, 'data_dir = "a\\u0000b"',
             'init = "normal:1e-300"'],
    ids=["digits", "large", "deep", "nul", "tiny"],
)  # fmt: skip
def test_an_absurd_value_is_told_in_one_short_line(tmp_path: Path, line: str) -> None:
    folder = tmp_path / ".config/deadrelu-tui"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(line)
    done = shell(RUN, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("deadrelu-tui: ")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 400


def test_what_native_libraries_print_stays_out_of_the_lines(tmp_path: Path) -> None:
    command = RUN.replace("--engine numpy", "")
    done = shell(f"{command} --json", tmp_path, DNNL_VERBOSE="1", MKLDNN_VERBOSE="1")
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()][-1] == "summary"


def test_steps_may_go_to_stdout_and_a_full_disk_ends_nothing(tmp_path: Path) -> None:
    done = shell(f"{RUN} --json --steps-json -", tmp_path)
    events = [json.loads(line).get("event", "step") for line in done.stdout.splitlines()]
    assert events[0] == "start"
    assert events.count("step") == 4
    assert events[-1] == "summary"
    done = shell(f"{RUN} --json --steps-json /dev/full", tmp_path)
    assert done.returncode == 0
    assert "no more steps are written: No space left on device" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "finished"


def test_escape_characters_in_a_path_do_not_reach_the_terminal(tmp_path: Path) -> None:
    for option in ("--data-dir", "--steps-json"):
        done = shell(f"{COMMAND} run {option} $'/nowhere/\\x1b[31mred'", tmp_path)
        assert done.returncode == 2
        assert "\x1b" not in done.stderr
        assert r"\x1b[31mred" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("stuck", ["fifo", "pipe", "steps"])
def test_a_signal_ends_a_run_wherever_it_is(tmp_path: Path, number: int, stuck: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    more = {"fifo": f"--steps-json {tmp_path / 'fifo'}", "pipe": "--json --steps-json - --batch-size 1",
            "steps": "--hidden 6000,6000 --batch-size 2000"}[stuck]  # fmt: skip
    out = subprocess.PIPE if stuck == "pipe" else subprocess.DEVNULL
    with subprocess.Popen(
        [*RUN.split(), *more.split()], env=environment(tmp_path), stdout=out, stderr=subprocess.DEVNULL
    ) as run:
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(4)
        began = time.monotonic()
        run.send_signal(number)
        assert run.wait(30) == 130
        assert time.monotonic() - began < 10, "some two seconds on a machine that has nothing else to do"


def test_a_variable_that_mxnet_would_not_survive_is_told_and_numpy_trains(tmp_path: Path) -> None:
    command = RUN.replace("--engine numpy", "")
    for name, value in (("OMP_NUM_THREADS", "abc"), ("OMP_NUM_THREADS", "1000000"), ("DMLC_ROLE", "server"),
                        ("MXNET_CPU_WORKER_NTHREADS", "0"), ("MXNET_ENGINE_TYPE", "Foo")):  # fmt: skip
        done = shell(command, tmp_path, **{name: value})
        assert done.returncode == 0
        assert f"NumPy trains: {name} is {value!r}" in done.stderr
    assert shell(command, tmp_path, OMP_NUM_THREADS="2,1").returncode == 0
