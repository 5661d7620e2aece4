"""The article's experiments, run again by the command: a process of its own, one epoch of the embedded images."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from deadrelu_tui.article.claims import CLAIMS, LATER
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.cli import main_command
from deadrelu_tui.errors import InputError
from deadrelu_tui.places import runs_folder
from deadrelu_tui.run.folder import ids

COMMAND = [sys.executable, "-m", "deadrelu_tui", "reproduce"]
QUICK = ["--quick", "--seeds", "1", "--engine", "numpy"]


def test_a_quick_one_holds_and_tells_all_of_it_as_json_with_a_report_and_recorded_runs(tmp_path: Path) -> None:
    page = tmp_path / "claims.html"
    done = subprocess.run(
        [*COMMAND, *QUICK, "--seed", "1", "--json", "--report", str(page)], capture_output=True, text=True, timeout=150,
        check=False, env={**os.environ, "DEADRELU_LR": "7"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found.keys() == {
        "article", "quick", "seeds", "epochs", "source", "train", "engine", "device", "holds", "claims", "runs",
    }  # fmt: skip
    assert (found["quick"], found["seeds"], found["epochs"], found["source"]) == (True, [1], 1, "embedded")
    assert found["holds"] is True
    assert len(found["claims"]) == len(CLAIMS)
    for row, claim in zip(found["claims"], CLAIMS, strict=True):
        assert row["verdict"] == ("cannot be judged" if claim.whole else "holds")
        assert bool(row["why"]) is claim.whole
        assert (row["mean"] is None) is claim.whole
    guessing = next(each for each in found["claims"] if "ln 10" in each["claim"])
    assert guessing["mean"] == pytest.approx(96 * math.log(10), rel=0.03)
    (told,) = found["runs"]
    assert list(told) == [*PRESETS, LATER]
    assert set(ids(runs_folder())) == set(told.values())

    text = page.read_text(encoding="utf-8")
    for name in told:
        assert f"<h3>{name} <small>" in text
    assert text.count("<figcaption><b>w1</b>") == len(told)
    assert text.count("<figcaption><b>Dead</b>") == 4  # sigmoid and tanh saturate
    assert not re.search(r"<script|https?://", text)


def test_without_a_terminal_there_is_a_table_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEADRELU_STORE", "0")
    done = subprocess.run([*COMMAND, *QUICK], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == (
        "all 8 that can be judged hold; 5 cannot be judged: not after 1 epoch of 8\N{NARROW NO-BREAK SPACE}000 images"
    )
    assert ids(runs_folder()) == []


@pytest.mark.skipif(find_spec("matplotlib") is None, reason="needs matplotlib")
def test_a_claim_that_fails_makes_the_exit_code_1_and_markdown_has_its_figures_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tragedy", PRESETS["low-lr"])
    done = CliRunner().invoke(
        main_command, ["reproduce", *QUICK, "--no-store", "--report", str(tmp_path / "claims.md")]
    )
    assert done.exit_code == 1, done.output
    text = (tmp_path / "claims.md").read_text(encoding="utf-8")
    assert re.search(r"^\| fails \| tragedy \| its ReLUs die \|", text, re.MULTILINE)
    pictures = re.findall(r"\((claims_figures/\d\.svg)\)", text)
    assert len(pictures) == 6
    for each in pictures:
        assert "<svg" in (tmp_path / each).read_text(encoding="utf-8")


@pytest.mark.parametrize(("given", "said"), [
    (["--seeds", "0"], "seeds"), (["--report", "claims.pdf"], ".html or .md"),
    (["--report", "/nowhere/claims.html"], "/nowhere"), (["--quick", "--data-dir", "/tmp"], "leave out --data-dir"),
    (["--nets", "500"], "--nets needs --paper"), (["--paper", "born-dead", "--quick"], "--quick is of the article"),
    (["--engine", "abacus"], "engine"), (["--data-dir", "/nowhere"], "/nowhere"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2_before_anything_is_trained(given: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *given], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_report_that_is_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    there = tmp_path / "claims.html"
    there.write_text("mine", encoding="utf-8")
    done = CliRunner().invoke(main_command, ["reproduce", *QUICK, "--report", str(there)])
    assert isinstance(done.exception, InputError)
    assert "is there already" in str(done.exception)
    assert there.read_text(encoding="utf-8") == "mine"
