"""Streams that are closed, homes that are not ours, files with a mark, libraries that print, processes that hang."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import zlib
from pathlib import Path

import pytest
from terminals import COMMAND, environment

from deadrelu_tui.builtin import fashion_mnist, needs

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
    done = shell(f"cd {tmp_path}; unset HOME; {RUN}", tmp_path, XDG_DATA_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for home in ("/proc/nowhere/at/all", "/dev/null", "/proc/1"):
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


SET = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
needs_full_set = pytest.mark.skipif(not DEBIAN.is_dir(), reason="dataset-fashion-mnist is not installed")
LONG = RUN.replace(" --embedded", "").replace("--batch-size 2000", "--batch-size 60000 --json")


def source(home: Path, options: str = "", **more: str) -> tuple[str, str]:
    """Return which images a run takes, and which `data status` says that it would."""
    start = json.loads(shell(f"{LONG} {options}", home, **more).stdout.splitlines()[0])
    rows = json.loads(shell(f"{COMMAND} data status --json {options}", home, **more).stdout)["places"]
    [used] = [each["path"] if each["label"] != "embedded" else "embedded" for each in rows if each["used"]]
    return start["dataset"]["source"], used


@needs_full_set
def test_doctor_and_data_status_name_what_a_run_takes_wherever_it_is_set(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for each in DEBIAN.iterdir():
        (copy / each.name).symlink_to(each)
    config = tmp_path / ".config/deadrelu-tui/config.toml"
    config.parent.mkdir(parents=True)
    assert source(tmp_path) == (str(DEBIAN), str(DEBIAN))
    config.write_text("full = false\n")
    assert source(tmp_path) == ("embedded", "embedded")
    assert source(tmp_path, f"--data-dir {copy}") == ("~/copy", "~/copy")
    assert source(tmp_path, DEADRELU_DATA_DIR=str(copy)) == ("~/copy", "~/copy")
    config.write_text(f'data_dir = "{copy}"\n')
    assert source(tmp_path) == ("~/copy", "~/copy")
    assert source(tmp_path, DEADRELU_FULL="0") == ("embedded", "embedded")
    assert source(tmp_path, DEADRELU_DATA_DIR=str(DEBIAN)) == (str(DEBIAN), str(DEBIAN))
    checks = json.loads(shell(f"{COMMAND} doctor --json --embedded", tmp_path).stdout)["checks"]
    assert "embedded subset" in next(each["found"] for each in checks if each["name"] == "data")


def test_data_status_says_by_its_exit_code_whether_a_run_would_stop(tmp_path: Path) -> None:
    assert shell(f"{COMMAND} data status", tmp_path).returncode == 0
    for before, after in (("--data-dir /nowhere", ""), ("", "--data-dir /nowhere")):
        done = shell(f"{COMMAND} {before} data status {after}", tmp_path)
        assert done.returncode == 2
        assert "! --data-dir" in done.stdout


def test_a_bad_value_is_told_with_its_source_and_reported_by_doctor(tmp_path: Path) -> None:
    done = shell(f"{COMMAND} run", tmp_path, DEADRELU_LR="abc")
    assert done.returncode == 2
    assert done.stderr.startswith("deadrelu-tui: DEADRELU_LR='abc': lr must be a number above 0")
    for name in ("DEADRELU_LR", "DEADRELU_FPS", "DEADRELU_PRESET", "DEADRELU_FULL"):
        done = shell(f"{COMMAND} doctor", tmp_path, **{name: "abc"})
        assert done.returncode == 1
        assert f"{name}='abc'" in done.stdout
        assert shell(f"{COMMAND} --help", tmp_path, **{name: "abc"}).returncode == 0
    config = tmp_path / ".config/deadrelu-tui/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("# mine\n\nepochs = -1\n")
    for command in ("run", "data"):
        done = shell(f"{COMMAND} {command}", tmp_path)
        assert done.returncode == 2
        assert "config.toml, line 3: epochs must be" in done.stderr
    assert "line 3: epochs must be" in shell(f"{COMMAND} doctor", tmp_path).stdout


@needs_full_set
def test_sets_as_people_have_them_are_found(tmp_path: Path) -> None:
    def made(name: str, files: dict[str, Path]) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for to, of in files.items():
            (folder / to).symlink_to(of)
        return folder

    plain = {name: DEBIAN / f"{name}.gz" for name in SET}
    gzip = {f"{name}.gz": of for name, of in plain.items()}
    folders = [
        made("packed without its ending", plain),
        made("torchvision/FashionMNIST/raw", gzip).parents[1],
        made("keras/fashion-mnist", gzip).parent,
        made("dotted", {name.replace("-idx", ".idx"): of for name, of in gzip.items()}),
        made("UPPER", {name.upper(): of for name, of in gzip.items()}),
    ]
    first = folders[0]
    (first / "round").symlink_to(first / "round")
    (first / "nowhere").symlink_to("/nowhere")
    for folder in folders:
        done = shell(f"{COMMAND} data status --data-dir '{folder}'", tmp_path)
        assert done.returncode == 0, done.stdout
        assert "full set, verified" in done.stdout.splitlines()[0]
    (first / SET[0]).unlink()
    (first / SET[0]).write_text("<!DOCTYPE html><title>404</title>")
    assert "it is a web page" in shell(f"{COMMAND} data status --data-dir '{first}'", tmp_path).stdout
    (first / f"{SET[0]}.gz").write_bytes(b"cut")  # broken, and beside it stands a whole file
    (first / SET[0]).unlink()
    (first / SET[0]).symlink_to(plain[SET[0]])
    assert shell(f"{COMMAND} data status --data-dir '{first}'", tmp_path).returncode == 0


@needs_full_set
def test_a_broken_set_does_not_hide_a_whole_one_and_is_told_of(tmp_path: Path) -> None:
    for home in (tmp_path / ".mxnet", tmp_path / "other"):
        folder = home / "datasets/fashion-mnist"
        folder.mkdir(parents=True)
        (folder / f"{SET[0]}.gz").write_bytes((DEBIAN / f"{SET[0]}.gz").read_bytes()[:9_999])
    for place, more in ((".mxnet", {}), ("other", {"MXNET_HOME": str(tmp_path / "other")})):
        done = shell(LONG, tmp_path, **more)
        assert json.loads(done.stdout.splitlines()[0])["dataset"]["source"] == str(DEBIAN)
        assert f"passed over: ~/{place}/datasets/fashion-mnist lacks" in done.stderr


def test_gzip_of_many_tiny_members_is_unpacked_piece_by_piece() -> None:
    tiny = zlib.compressobj(wbits=zlib.MAX_WBITS + 16)
    member = tiny.compress(b"x") + tiny.flush()
    for packed, content in ((member * 200_000, b"x" * 200_000), (member + b"\0" * 512 + member, b"xx")):
        assert fashion_mnist._unpacked(packed, 300_000) == content


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
    done = shell(f"{RUN} --steps-json -", tmp_path)
    assert [json.loads(line)["step"] for line in done.stdout.splitlines()] == [0, 1, 2, 3]
    assert "epoch 1/1" in done.stderr
    done = shell(f"{RUN} --json --steps-json /dev/full", tmp_path)
    assert done.returncode == 1
    assert "no more steps are written: No space left on device" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["status"] == "finished"


@pytest.mark.parametrize(("activation", "word"), [("tanh", "saturated"), ("sigmoid", "saturated"), ("relu", "dead")])
def test_people_are_told_what_units_of_this_activation_do(tmp_path: Path, activation: str, word: str) -> None:
    line = shell(f"{RUN} --activation {activation}", tmp_path).stdout.splitlines()[0]
    assert f"  {word} h1 " in line
    assert {"dead", "saturated", "zeros"} & set(line.split()) == ({"zeros", "dead"} if word == "dead" else {word})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", ["--help", "run --help", "data status"])
def test_a_full_disk_behind_stdout_is_told_as_that(tmp_path: Path, command: str) -> None:
    done = shell(f"{COMMAND} {command} > /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (1, "deadrelu-tui: the disk is full\n")


def test_escape_characters_in_a_path_do_not_reach_the_terminal(tmp_path: Path) -> None:
    for option in ("--data-dir", "--steps-json"):
        done = shell(f"{COMMAND} run {option} $'/nowhere/\\x1b[31mred'", tmp_path)
        assert done.returncode == 2
        assert "\x1b" not in done.stderr
        assert r"\x1b[31mred" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("stuck", ["fifo", "pipe", "steps"])
def test_a_signal_ends_a_run_wherever_it_is(tmp_path: Path, number: int, stuck: str) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("hangups are ignored here, as under nohup, and so by what is started here")
    os.mkfifo(tmp_path / "fifo")
    more = {"fifo": f"--steps-json {tmp_path / 'fifo'}", "pipe": "--json --steps-json - --batch-size 1",
            "steps": "--hidden 6000,6000 --batch-size 2000"}[stuck]  # fmt: skip
    more += " --on-hangup stop"
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


def test_a_variable_that_mxnet_would_not_survive_is_told_and_another_engine_trains(tmp_path: Path) -> None:
    command = RUN.replace("--engine numpy", "")
    for name, value in (("OMP_NUM_THREADS", "abc"), ("OMP_NUM_THREADS", "1000000"), ("DMLC_ROLE", "server"),
                        ("MXNET_CPU_WORKER_NTHREADS", "0"), ("MXNET_ENGINE_TYPE", "Foo")):  # fmt: skip
        done = shell(command, tmp_path, **{name: value})
        assert done.returncode == 0
        other = "NumPy" if name == "OMP_NUM_THREADS" or needs.torch_lack() is not None else "PyTorch"
        assert f"{other} trains: {name} is {value!r}" in done.stderr
    assert shell(command, tmp_path, OMP_NUM_THREADS="2,1").returncode == 0
