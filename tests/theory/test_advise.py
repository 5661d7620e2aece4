"""The command that says what to expect of a network before it is trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deadrelu_tui.cli import main_command
from deadrelu_tui.theory.advice import CANNOT_DIE, DIES, LIVES, SOME_DIE

COMMAND = [sys.executable, "-m", "deadrelu_tui", "advise"]


def told(*given: str) -> dict[str, Any]:
    done = CliRunner().invoke(main_command, ["advise", "--embedded", "--json", *given])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def text(*given: str) -> str:
    done = CliRunner().invoke(main_command, ["advise", "--embedded", *given])
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_the_article_s_network_is_never_born_dead_and_dies_of_its_rate() -> None:
    found = told()
    assert found["born_dead"] == pytest.approx(2.0**-300)
    assert found["safe_depth"] == {"width": 300, "probability": 0.01, "depth": None}
    assert found["expected"] == DIES
    assert found["rates"]["half_dies"] == pytest.approx(10 / found["data"]["norm"])
    assert found["first_update"]["w2"]["ratio"] > 10
    said = text()
    assert "born dead at most 4.91e-91" in said
    assert "safe depth any" in said
    assert "WeightUpdateRatio" in said
    assert "(CheckInputImages): normalise it" in said


@pytest.mark.parametrize(("given", "expected"), [
    (["--preset", "low-lr", "--lr", "0.0005"], LIVES), (["--preset", "normalised"], SOME_DIE),
    (["--lr", "5", "--normalise"], DIES), (["--preset", "tanh"], CANNOT_DIE),
    (["--activation", "leaky_relu"], CANNOT_DIE),
])  # fmt: skip
def test_what_is_expected_follows_the_rate(given: list[str], expected: str) -> None:
    assert told(*given)["expected"] == expected


def test_all_is_there_as_json() -> None:
    found = told("--hidden", "4,8", "--init", "he", "--input-scale", "1/16", "--batch-size", "32")
    assert found.keys() == {
        "settings", "data", "born_dead", "safe_depth", "start", "first_update", "rates", "expected", "formulas",
    }  # fmt: skip
    assert found["settings"] == {
        "lr": 0.1, "activation": "relu", "hidden": [4, 8], "batch_size": 32, "init": "he",
    }  # fmt: skip
    assert found["data"].keys() == {
        "source", "sha256", "sample", "inputs", "classes", "input_scale", "input_mean", "input_std", "norm",
    }  # fmt: skip
    assert found["data"]["input_scale"] == 1 / 16
    assert found["born_dead"] == pytest.approx(1 - (1 - 2**-4) * (1 - 2**-8))
    assert found["safe_depth"]["depth"] == 1
    assert list(found["first_update"]) == ["w1", "w2", "w3"]
    assert found["rates"].keys() == {"one_step", "few_die", "half_dies"} <= found["formulas"].keys()


def test_what_cannot_die_is_not_said_to_be_born_dead_but_may_saturate() -> None:
    found = told("--preset", "tanh")
    assert found["born_dead"] is found["safe_depth"] is None
    assert 0.5 < found["start"]["saturated"] < 1
    assert told("--preset", "tanh", "--normalise")["start"]["saturated"] < 1e-9
    assert "tanh does not die" in text("--preset", "tanh")
    assert told()["start"]["saturated"] is None


def test_an_input_that_is_normalised_is_the_same_as_one_of_that_scale() -> None:
    first, second = told("--normalise"), told("--input-scale", "1/255")
    assert first == second
    assert "subtract it" in text("--normalise")
    assert told("--preset", "normalised", "--input-scale", "1/16")["data"]["input_scale"] == 1 / 16


def test_the_environment_and_the_file_count_as_they_do_for_a_run(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "--embedded", "--json"], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path,
        env={**os.environ, "DEADRELU_LR": "0.002", "DEADRELU_NORMALISE": "1"},
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["settings"]["lr"] == 0.002
    assert found["data"]["input_scale"] == 1 / 255
    assert found["expected"] == LIVES


@pytest.mark.parametrize(("given", "said"), [
    (["--input-scale", "0"], "input-scale must be a number from 1e-12 to 1e12"),
    (["--input-scale", "1/0"], "input-scale"),
    (["--input-scale", "x" * 5000], "input-scale"), (["--input-scale", "2", "--normalise"], "give one of the two"),
    (["--input-scale", "1_0"], "input-scale"),
    (["--lr", "-1"], "lr must be"), (["--epochs", "3"], "--epochs"), (["--data-dir", "/nowhere"], "/nowhere"),
    (["--embedded", "--init", "normal:9e5", "--hidden", ",".join(["1000"] * 50)], "take smaller ones"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(given: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *given], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stderr) < 400
    assert said in done.stderr
