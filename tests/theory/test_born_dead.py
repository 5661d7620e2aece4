"""Networks that are born dead: draws against formulas, and against a slow loop that knows nothing of them."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from deadrelu_tui.cli import main_command
from deadrelu_tui.report import born_dead as report
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.theory.born_dead import (
    DEPTHS,
    PUBLISHED,
    WIDTHS,
    Drawn,
    draw,
    judged,
    safe_depth,
    silent_somewhere,
    single_input,
    table,
)
from deadrelu_tui.theory.intervals import may_be_alike

COMMAND = [sys.executable, "-m", "deadrelu_tui", "reproduce", "--paper", "born-dead"]


def outputs(width: int, depth: int, inputs: list[float], drawn: random.Random) -> list[float]:
    """Return what one network says of some inputs: neuron by neuron, by the standard library alone."""
    layers = []
    before = 1
    for units in [*[width] * (depth - 1), 1]:
        layers.append([[drawn.gauss(0, math.sqrt(2 / before)) for _ in range(before)] for _ in range(units)])
        before = units
    told = []
    for value in inputs:
        taken = [value]
        for index, layer in enumerate(layers):
            sums = [sum(weight * each for weight, each in zip(row, taken, strict=True)) for row in layer]
            taken = sums if index == len(layers) - 1 else [max(0.0, each) for each in sums]
        told.append(taken[0])
    return told


@pytest.mark.parametrize(("width", "depth"), [(2, 5), (3, 10), (4, 5)])
def test_two_inputs_decide_of_all_and_as_many_are_dead_as_a_slow_loop_over_many_inputs_finds(
    width: int, depth: int
) -> None:
    drawn, nets = random.Random(width * depth), 1_500
    inputs = [-3.0, -1.0, -0.2, 0.0, 0.01, 0.7, 1.0, 2.5]
    told = [outputs(width, depth, inputs, drawn) for _ in range(nets)]
    constant = sum(len(set(each)) == 1 for each in told)
    assert constant == sum(each[1] == each[6] == 0 for each in told)
    (found,) = draw(width, [depth], 20_000, np.random.default_rng(1))
    assert may_be_alike(constant / nets, nets, found.dead / 20_000, 20_000, 1e-4, 0)
    silent = sum(each[6] == 0 for each in told)
    assert may_be_alike(silent / nets, nets, single_input(width, depth), 10**9, 1e-4, 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_published_table_holds(seed: int) -> None:
    cells = list(table(10_000, seed))
    assert [(each.drawn.width, each.drawn.depth) for each in cells] == list(PUBLISHED)
    assert [each for each in cells if not each.holds] == []


def test_one_draw_serves_all_depths() -> None:
    alone = draw(3, [5], 3_000, np.random.default_rng(5))[0]
    first, second = draw(3, [5, 9], 3_000, np.random.default_rng(5))
    assert first.nets == second.nets == 3_000
    assert first.dead <= second.dead
    assert first.silent <= second.silent
    assert first.dead <= first.silent
    assert alone == first


def test_a_layer_that_may_not_be_silent_for_both_inputs_is_never_so() -> None:
    (found,) = draw(1, [2], 2_000, np.random.default_rng(0))
    assert found.dead == 0  # a unit fires for 1 or for −1
    assert 900 < found.silent < 1_100


def test_a_cell_fails_that_is_not_as_published_above_the_bound_or_not_as_the_formula() -> None:
    right = Drawn(4, 10, 40_000, round(0.293 * 40_000), round(single_input(4, 10) * 40_000))
    error = 1e-5
    assert judged(right, error).holds
    assert not judged(replace(right, dead=round(0.33 * 40_000)), error).as_published
    assert not judged(replace(right, dead=round(0.47 * 40_000)), error).below_bound
    assert not judged(replace(right, silent=round(0.41 * 40_000)), error).as_the_formula
    assert judged(replace(right, width=5), error).published is None


def test_formulas_are_those_of_the_paper() -> None:
    for width in WIDTHS:
        for depth in DEPTHS:
            bound = 1 - (1 - 2.0**-width) ** (depth - 1)
            assert single_input(width, depth) == pytest.approx(bound, rel=1e-12)
            assert PUBLISHED[width, depth] <= bound + 0.0005
            deepest = safe_depth(width, bound * (1 + 1e-9))
            assert deepest == depth
            assert safe_depth(width, bound * (1 - 1e-9)) == depth - 1
    assert silent_somewhere([300]) == pytest.approx(2.0**-300)
    assert silent_somewhere([2, 3]) == pytest.approx(1 - 0.75 * 0.875)
    assert safe_depth(300, 0.01) is None


def test_progress_is_told_to_its_end() -> None:
    told: list[float] = []
    list(table(25_000, 0, told.append, widths=[2, 3], depths=[5]))
    assert sum(told) == pytest.approx(2)
    assert len(told) == 6


def test_the_command_prints_one_json_object_and_is_the_same_with_the_same_seed() -> None:
    first, second, other = (
        subprocess.run(
            [*COMMAND, "--nets", "2000", "--json", "--seed", seed],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for seed in ("3", "3", "4")
    )
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert first.stdout == second.stdout != other.stdout
    found = json.loads(first.stdout)
    assert found.keys() == {"paper", "source", "nets", "seed", "confidence", "holds", "cells"}
    assert (found["paper"], found["nets"], found["seed"], found["holds"]) == ("born-dead", 2000, 3, True)
    assert len(found["cells"]) == 20
    for cell in found["cells"]:
        low, high = cell["interval"]
        assert 0 <= low <= cell["born_dead"] <= high <= 1
        assert cell["holds"] is (cell["as_published"] and cell["below_bound"] and cell["as_the_formula"])


def test_the_table_fits_a_terminal_and_says_that_all_cells_hold() -> None:
    cells = list(table(2_000, 0))
    printed = list(report.lines(cells, 2_000, Paper(width=79)))
    assert max(map(len, printed)) <= 79
    assert printed[-1] == "all 20 cells hold"


def test_a_cell_that_fails_is_named_and_the_exit_code_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLISHED, (2, 5), 0.6)
    told = CliRunner().invoke(main_command, ["reproduce", "--paper", "born-dead", "--nets", "5000"])
    assert told.exit_code == 1
    assert "fails: not as published" in told.output
    assert told.output.splitlines()[-1] == "1 of 20 cells fail"


@pytest.mark.parametrize(("given", "said"), [
    (["--nets", "3"], "nets"), (["--seed", "-1"], "seed"), (["--paper", "born-again"], "born-dead"),
])  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(given: list[str], said: str) -> None:
    done = subprocess.run([*COMMAND, *given], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
