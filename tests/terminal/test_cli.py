"""The command as a script meets it: what it prints, where, with which exit code, and what it says of bad input."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import private_environment

from deadrelu_tui import __version__, cli
from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin import needs
from deadrelu_tui.engine import begin

COMMAND = [sys.executable, "-m", "deadrelu_tui"]


@dataclass
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [strict_json(line) for line in self.out.splitlines()]


def strict_json(text: str) -> dict[str, Any]:
    """Read JSON as any parser would: Python's own words for numbers that are not finite are none of it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def environment(home: Path, **more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DEADRELU_")}
    return {**ours, **private_environment(home), "TERM": "xterm-256color", **more}


def command(home: Path, *arguments: str, **more: str) -> Outcome:
    """Run the command in a process of its own, far from its sources."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=home, env=environment(home, **more), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def refused(outcome: Outcome, *expected: str) -> None:
    """Check the contract for bad input: exit 2, nothing on stdout, one line that says what is wrong."""
    assert "Traceback" not in outcome.err
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.startswith("deadrelu-tui: ")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("\n")
    for text in expected:
        assert text in outcome.err, outcome.err


@pytest.fixture
def main(
    private_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Outcome]]:
    """Run the command in this process, for what ends before MXNet is needed."""

    def call(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["deadrelu-tui", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), out, err)

    handlers = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield call
    for each, handler in handlers.items():
        signal.signal(each, handler)


# A run as JSON


@dataclass
class Recorded:
    """A run with --json and its file of steps."""

    outcome: Outcome
    steps: list[dict[str, Any]]


def recorded(folder: Path, *arguments: str) -> Recorded:
    steps = folder / "steps.jsonl"
    outcome = command(folder, "run", "--embedded", "--json", "--steps-json", str(steps), *arguments)
    return Recorded(outcome, [strict_json(line) for line in steps.read_text().splitlines()])


@pytest.fixture(scope="module")
def tragedy(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("tragedy"), "--epochs", "2")


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("diverged"), "--epochs", "1", "--lr", "1e10", "--hidden", "30,20")


def test_a_run_prints_a_start_its_epochs_and_a_summary_and_nothing_else(tragedy: Recorded) -> None:
    assert (tragedy.outcome.code, tragedy.outcome.err) == (0, "")
    assert [row["event"] for row in tragedy.outcome.rows] == ["start", "epoch", "epoch", "summary"]


def test_the_summary_of_a_run_that_died_advises_what_was_tried_and_lists_all_of_it(tragedy: Recorded) -> None:
    summary = tragedy.outcome.rows[-1]
    assert summary["verdict"] == "dead"
    assert summary["tried"] > 0.5
    rows = summary["trials"]["rows"]
    assert {"remedy": summary["remedy"], "accuracy": summary["tried"]} in rows
    assert summary["tried"] >= max(row["accuracy"] for row in rows) - 0.08
    assert summary["remedy"][-1]["command"] == "restart"


def test_without_trials_the_rule_s_remedy_stands_and_is_marked_as_not_tried(tmp_path: Path) -> None:
    for arguments in (["--no-trials", "run"], ["run", "--no-trials"]):
        outcome = command(tmp_path, *arguments, "--embedded", "--json", "--epochs", "1")
        summary = outcome.rows[-1]
        assert (summary["verdict"], summary["tried"], summary["trials"]) == ("dead", None, None)
        assert summary["remedy"] == [{"command": "change", "normalise": True}, {"command": "restart"}]


def test_a_run_that_learns_waits_for_no_trials(tmp_path: Path) -> None:
    outcome = command(tmp_path, "run", "--embedded", "--json", "--epochs", "1", "--preset", "normalised")
    assert (outcome.rows[-1]["tried"], outcome.rows[-1]["trials"]) == (None, None)


def test_the_start_names_run_settings_data_and_device(tragedy: Recorded) -> None:
    start = tragedy.outcome.rows[0]
    assert list(start) == ["event", "run", "settings", "dataset", "engine", "device"]
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{4}", start["run"])
    assert start["settings"] == {
        "lr": 0.1, "normalise": False, "input_scale": 1.0, "activation": "relu", "hidden": [300],
        "batch_size": 256, "epochs": 2, "steps": None, "init": "normal:0.01", "seed": 0, "engine": "auto",
        "device": "auto", "data_dir": None, "full": False, "preset": "tragedy",
    }  # fmt: skip
    sha256 = data.EMBEDDED.sha256
    assert start["dataset"] == {"source": "embedded", "train": 8_000, "test": 2_000, "sha256": sha256}
    assert start["engine"] == next(each for each in ("mxnet", "torch", "numpy") if needs.lack_of(each) is None)
    assert start["device"] in ("cpu", "gpu:0")


def test_an_epoch_has_every_metric_by_its_name(tragedy: Recorded) -> None:
    for number, row in enumerate(tragedy.outcome.rows[1:3], 1):
        assert (row["epoch"], row["step"]) == (number, 32 * number - 1)
        assert {
            "loss", "loss/test", "accuracy/test", "zero_fraction/h1", "silent_fraction/h1", "dead_fraction/h1",
            "grad_sum/w1", "grad_sum/b1", "grad_sum/w2", "grad_sum/b2", "grad_norm/w1", "update_ratio/w1",
            "pre_mean/h1", "steps_per_s", "seconds",
        } <= set(row)  # fmt: skip
        assert row["seconds"] > 0
        assert row["steps_per_s"] == pytest.approx(32 / row["seconds"], abs=0.1)


def test_loss_and_zeros_of_an_epoch_are_means_the_others_its_last_values(tragedy: Recorded) -> None:
    for number, row in enumerate(tragedy.outcome.rows[1:3], 1):
        steps = [step for step in tragedy.steps if step["epoch"] == number]
        for name in ("loss", "zero_fraction/h1"):
            assert row[name] == pytest.approx(math.fsum(step[name] for step in steps) / 32, rel=1e-6)
        for name in ("silent_fraction/h1", "grad_sum/b2", "dead_fraction/h1", "accuracy/test", "loss/test"):
            assert row[name] == steps[-1][name]


def test_the_summary_says_how_it_ended_and_what_it_was(tragedy: Recorded) -> None:
    *_, last_epoch, summary = tragedy.outcome.rows
    assert list(summary) == [
        "event", "status", "verdict", "reason", "remedy", "tried", "trials", "findings", "steps",
        "seconds", "steps_per_s",
        "accuracy/test", "dead_fraction/h1",
    ]  # fmt: skip
    assert (summary["status"], summary["verdict"], summary["steps"]) == ("finished", "dead", 64)
    assert summary["accuracy/test"] == last_epoch["accuracy/test"] == pytest.approx(0.1, abs=0.02)
    assert summary["dead_fraction/h1"] == last_epoch["dead_fraction/h1"] > 0.9
    assert "of 300 units never fire on 2" in summary["reason"]


def test_every_step_is_in_the_file_of_steps(tragedy: Recorded) -> None:
    assert [row["step"] for row in tragedy.steps] == list(range(64))
    assert [row["epoch"] for row in tragedy.steps] == [1] * 32 + [2] * 32
    always = {"loss", "zero_fraction/h1", "silent_fraction/h1", "grad_sum/w1", "dead_fraction/h1", "probe_step"}
    assert all(always <= set(row) for row in tragedy.steps)
    assert [row["step"] for row in tragedy.steps if "accuracy/test" in row] == [31, 63]


def test_between_two_looks_a_step_has_the_last_dead_fraction_and_says_of_which_step(tragedy: Recorded) -> None:
    probed = [row["probe_step"] for row in tragedy.steps]
    assert probed[:10] == [0, 1, 2, 2, 4, 4, 4, 4, 8, 8]
    assert probed[31] == 31
    assert probed[40] == 32
    for row in tragedy.steps:
        assert row["dead_fraction/h1"] == tragedy.steps[row["probe_step"]]["dead_fraction/h1"]


def test_a_run_that_diverges_is_a_result_and_its_lines_are_valid_json(diverged: Recorded) -> None:
    assert (diverged.outcome.code, diverged.outcome.err) == (0, "")
    summary = diverged.outcome.rows[-1]
    assert (summary["status"], summary["verdict"], summary["steps"]) == ("finished", "diverged", 32)
    assert {"dead_fraction/h1", "dead_fraction/h2"} <= set(summary)
    assert diverged.outcome.rows[1]["loss"] == "nan"
    words = {value for row in diverged.steps for value in row.values() if isinstance(value, str)}
    assert {"nan"} <= words <= {"nan", "inf", "-inf"}


def test_without_json_there_is_a_line_per_epoch_and_a_verdict(tmp_path: Path) -> None:
    outcome = command(tmp_path, "run", "--embedded", "--epochs", "1", "--preset", "low-lr", PYTHONIOENCODING="latin-1")
    assert (outcome.code, outcome.err) == (0, "")
    epoch, verdict = outcome.out.splitlines()
    assert re.fullmatch(
        r"epoch 1/1  loss \S+  test accuracy [\d.]+ %  zeros h1 [\d.]+ %  dead h1 [\d.]+ %  \d+ steps/s", epoch
    )
    assert re.match(r"finished: (sparse|healthy) \? h1: ", verdict)  # the dash that Latin-1 lacks


def test_an_interrupt_ends_a_run_with_all_of_it_recorded(tmp_path: Path) -> None:
    steps = tmp_path / "steps.jsonl"
    arguments = ["run", "--embedded", "--json", "--epochs", "100000", "--steps-json", str(steps)]
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate(timeout=60)
    outcome = Outcome(process.returncode, "".join(lines) + rest, err)
    assert (outcome.code, err) == (130, "")
    summary = outcome.rows[-1]
    assert (summary["event"], summary["status"], summary["verdict"]) == ("summary", "stopped", "dead")
    assert summary["steps"] >= 32
    assert [strict_json(line)["step"] for line in steps.read_text().splitlines()] == list(range(summary["steps"]))


def test_a_reader_that_goes_away_ends_the_run_in_silence(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "run", "--embedded", "--json", "--epochs", "100000"],
        env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        assert strict_json(process.stdout.readline())["event"] == "start"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 1


# Bad input


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "--lr", "0"], ["--lr", "a number above 0", "'0'"]),
        (["run", "--lr", "-1"], ["--lr", "a number above 0", "'-1'"]),
        (["run", "--lr", "abc"], ["--lr", "a number above 0", "'abc'"]),
        (["run", "--lr", "nan"], ["--lr", "a number above 0"]),
        (["run", "--lr"], ["--lr", "requires an argument"]),
        (["run", "--hidden", "0"], ["--hidden", "1 to 50 layers of 1 to 10000 units", "'0'"]),
        (["run", "--hidden", ""], ["--hidden", "such as 300 or 300,100"]),
        (["run", "--hidden", "300;100"], ["--hidden", "'300;100'"]),
        (["run", "--batch-size", "0"], ["--batch-size", "a whole number from 1 to 60000"]),
        (["run", "--epochs", "1.5"], ["--epochs", "a whole number from 1 to 100000"]),
        (["run", "--seed", "-1"], ["--seed", "a whole number from 0 to 4294967295"]),
        (["run", "--activation", "gelu"], ["--activation", "relu, leaky_relu, sigmoid, tanh", "'gelu'"]),
        (["run", "--init", "normal:0"], ["--init", "a scale from 1e-30"]),
        (["run", "--device", "tpu"], ["--device", "auto, cpu or gpu:N"]),
        (["run", "--preset", "joy"], ["--preset", "'joy'", "'tragedy', 'low-lr', 'normalised', 'sigmoid', 'tanh'"]),
        (["run", "--rate", "1"], ["No such option", "--rate"]),
        (["run", "surplus"], ["unexpected extra argument", "surplus"]),
        (["walk"], ["No such command 'walk'"]),
        (["--lr", "0", "run"], ["--lr", "a number above 0"]),
        (["data", "status", "--colour"], ["No such option", "--colour"]),
        (["doctor", "me"], ["unexpected extra argument"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0] in ("run", "walk", "--lr") else None,
)
def test_bad_arguments_are_told_in_one_line(
    main: Callable[..., Outcome], arguments: list[str], expected: list[str]
) -> None:
    refused(main(*arguments), *expected)


def missing(folder: Path) -> None:
    (folder / f"{data.FILES[1]}.gz").unlink()


def cut(folder: Path) -> None:
    os.truncate(folder / f"{data.FILES[0]}.gz", 100_000)


def flipped(folder: Path) -> None:
    file = folder / f"{data.FILES[0]}.gz"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def another_shape(folder: Path) -> None:
    """Leave the embedded set as it is: it is not the full one."""


def not_images(folder: Path) -> None:
    (folder / f"{data.FILES[0]}.gz").write_bytes(gzip.compress(b"not at all images"))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (missing, f"lacks {data.FILES[1]}"),
        (cut, "it is cut short"),
        (flipped, "it is not gzip, or damaged"),
        (another_shape, "it holds 8000×28×28 values, expected 60000×28×28"),
        (not_images, "its magic number is"),
    ],
)
def test_bad_data_is_told_in_one_line(
    main: Callable[..., Outcome], tmp_path: Path, damage: Callable[[Path], None], expected: str
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in data.FILES:
        shutil.copy(data.EMBEDDED_FOLDER / f"{name}.gz", folder)
    damage(folder)
    refused(main("run", "--data-dir", str(folder)), str(folder), expected)


def test_a_data_folder_that_cannot_be_read_is_told_in_one_line(
    main: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(main("run", "--data-dir", str(tmp_path / "nowhere")), "nowhere cannot be read: No such file")

    def refuse(path: Path) -> None:  # as anyone but root would meet it
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    refused(main("run", "--data-dir", str(tmp_path)), "cannot be read: Permission denied")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("lr = ", ["cannot be read", "lr = 0.01"]),
        ("lr = 0", ["lr must be a number above 0"]),
        ("lr = true", ["lr must be a number above 0"]),
        ("hidden = [300, 0]", ["hidden must be 1 to 50 layers"]),
        ("colour = 'red'", ["colour = 'red' is not a setting; allowed are preset, lr, normalise"]),
        ("preset = 'joy'", ["preset must be one of tragedy, low-lr, normalised, sigmoid, tanh, not 'joy'"]),
        ("preset = ['tanh']", ["preset must be one of"]),
        ("normalise = 'perhaps'", ["normalise must be true or false, not 'perhaps'"]),
        ("fps = 0", ["fps must be a number from 0.1 to 30, not '0'"]),
        ("theme = 3", ["theme must be a name, not '3'"]),
        ("trials = 3", ["trials must be true or false, not '3'"]),
        ("[run]\nlr = 1", ["run = {'lr': 1} is not a setting"]),
        ("\xff", ["cannot be read"]),
    ],
)
def test_a_bad_config_file_is_named_with_what_is_wrong(
    main: Callable[..., Outcome], private_home: Path, content: str, expected: list[str]
) -> None:
    file = private_home / "config/deadrelu-tui/config.toml"
    file.parent.mkdir(parents=True)
    file.write_bytes(content.encode("latin-1"))
    refused(main("run"), str(file), *expected)


def test_the_config_file_sets_what_determines_no_number_too_and_what_is_nearer_beats_it(
    main: Callable[..., Outcome], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = private_home / "config/deadrelu-tui/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("trials = false\nfps = 2\nmouse = true\nlow-bandwidth = true\n")
    bad = ("run", "--lr", "5", "--epochs", "1", "--hidden", "10", "--engine", "numpy", "--embedded", "--json")

    def trials(*flags: str) -> object:
        return json.loads(main(*bad, *flags).out.splitlines()[-1])["trials"]

    assert trials() is None
    assert trials("--trials") is not None
    monkeypatch.setenv("DEADRELU_TRIALS", "1")
    assert trials() is not None


@pytest.mark.parametrize("flag", ["--lr", "--batch-size", "--hidden", "--epochs", "--seed", "--fps"])
def test_a_number_is_written_as_people_write_it(main: Callable[..., Outcome], flag: str) -> None:
    before, command = ((flag, "1_0"), ("run",)) if flag == "--fps" else ((), ("run", flag, "1_0"))
    refused(main(*before, *command), "1_0")


def test_a_config_file_that_is_a_folder_is_told_in_one_line(main: Callable[..., Outcome], private_home: Path) -> None:
    (private_home / "config/deadrelu-tui/config.toml").mkdir(parents=True)
    refused(main("run"), "config.toml cannot be read", "Is a directory")


def test_a_config_file_that_is_a_pipe_is_waited_for_by_nobody(main: Callable[..., Outcome], private_home: Path) -> None:
    (private_home / "config/deadrelu-tui").mkdir(parents=True)
    os.mkfifo(private_home / "config/deadrelu-tui/config.toml")
    refused(main("run"), "config.toml cannot be read", "it is a pipe, not a file")


def test_a_variable_with_a_bad_value_is_told_in_one_line(
    main: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEADRELU_LR", "fast")
    refused(main("run"), "lr must be a number above 0", "'fast'")


def test_a_gpu_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    refused(command(tmp_path, "run", "--embedded", "--device", "gpu:7"), "gpu:7", "Allowed here: auto, cpu")


def test_a_file_of_steps_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    outcome = command(tmp_path, "run", "--embedded", "--steps-json", str(tmp_path / "nowhere/steps.jsonl"))
    refused(outcome, "nowhere/steps.jsonl cannot be written (No such file or directory)", "folder")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            "raise OSError('libgomp.so.1: cannot open shared object file: No such file or directory')",
            ["libgomp.so.1 is missing", "apt-get install -y libgomp1 libquadmath0"],
        ),
        ("raise ImportError('no module of that kind')", ["MXNet cannot be imported", "mxnet 1.9.1"]),
    ],
)
def test_an_mxnet_that_does_not_load_is_told_in_one_line_and_another_engine_trains(
    tmp_path: Path, statement: str, expected: list[str]
) -> None:
    package = tmp_path / "fake/mxnet"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"{statement}\n")
    here = {"PYTHONPATH": str(package.parent)}
    refused(command(tmp_path, "run", "--embedded", "--engine", "mxnet", **here), *expected)
    outcome = command(tmp_path, "run", "--json", "--embedded", "--preset", "normalised", "--epochs", "1", **here)
    assert outcome.code == 0
    name, told = ("torch", "PyTorch") if needs.torch_lack() is None else ("numpy", "NumPy")
    assert outcome.rows[0]["engine"] == name
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith(f"deadrelu-tui: {told} trains: ")
    assert all(words in outcome.err for words in expected)


def test_without_a_terminal_the_screen_names_the_command_that_needs_none(tmp_path: Path) -> None:
    refused(command(tmp_path), "needs a terminal", "deadrelu-tui run")


def test_a_failure_that_nobody_expected_is_a_line_and_a_note_in_the_log(
    main: Callable[..., Outcome], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("of all things\nand more")

    monkeypatch.setattr(begin, "images", fail)
    outcome = main("run")
    assert outcome.code == 1
    log = private_home / "state/deadrelu-tui/log"
    assert outcome.err == (
        f"deadrelu-tui: the run failed: ZeroDivisionError: of all things and more; details in {log}\n"
    )
    assert "Traceback" in log.read_text()
    assert oct(log.stat().st_mode)[-3:] == "600"
    assert outcome.out == ""


def test_a_failure_without_a_place_for_the_log_is_still_one_line(
    main: Callable[..., Outcome], private_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(begin, "images", fail)
    (private_home / "state").write_text("not a folder")
    outcome = main("run")
    assert (outcome.code, outcome.err) == (1, "deadrelu-tui: the run failed: ZeroDivisionError\n")


# Help, doctor, data


def test_help_names_every_setting_with_its_values(main: Callable[..., Outcome]) -> None:
    for arguments in (["--help"], ["run", "-h"]):
        outcome = main(*arguments)
        assert outcome.code == 0
        for name in ("--preset", "--lr", "--normalise / --no-normalise", "--input-scale", "--activation", "--hidden",
                     "--batch-size", "--epochs", "--steps", "--init", "--seed", "--device", "--data-dir",
                     "--full / --embedded"):  # fmt: skip
            assert name in outcome.out


def test_the_installed_command_is_the_same_as_the_module(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("deadrelu-tui")
    if not script.exists():
        pytest.skip("the package is not installed beside this Python")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"deadrelu-tui {__version__}\n" == command(tmp_path, "--version").out


def test_doctor_finds_that_a_run_is_possible_here(tmp_path: Path) -> None:
    outcome = command(tmp_path, "doctor", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    (found,) = outcome.rows
    assert found["ok"] is True
    states = {check["name"]: check["state"] for check in found["checks"]}
    needed = ("Python", "engine NumPy", "native libraries", "engine MXNet", "devices", "data")
    assert {states[name] for name in needed} == {"ok"}
    assert states["terminal"] == "warning"
    mxnet = next(check["found"] for check in found["checks"] if check["name"] == "engine MXNet")
    assert re.match(r"1\.9\.1: OPENMP (on|off), ONEDNN (on|off), CUDA (on|off), BLAS \w+", mxnet)


def test_data_shows_each_place_and_the_one_that_is_used(
    main: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "DEBIAN_FOLDER", tmp_path / "debian")
    outcome = main("data")
    assert (outcome.code, outcome.err) == (0, "")
    assert [line[0] for line in outcome.out.splitlines()] == [" ", " ", " ", "→", "A"]
    assert data.EMBEDDED.sha256 in outcome.out
    (found,) = main("data", "status", "--json").rows
    assert [place["used"] for place in found["places"]] == [False, False, False, True]
    assert found["places"][-1]["train"] == 8_000

    outcome = main("data", "status", "--data-dir", str(tmp_path / "nowhere"))
    assert outcome.out.splitlines()[0].startswith("! --data-dir")
    assert "would stop" in outcome.out.splitlines()[-1]
    (found,) = main("data", "status", "--data-dir", str(tmp_path / "nowhere"), "--json").rows
    assert not any(place["used"] for place in found["places"])
