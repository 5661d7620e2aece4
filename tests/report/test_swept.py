"""What came of a sweep, as text that fits its paper and as plain values."""

from __future__ import annotations

import json
import math

import pytest
from made_up_charts import DIVERGED, FAILED, axis, by_limit, filled, grid, limit, outcome, phases

from deadrelu_tui import strict_json
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.report.paper import Paper, room
from deadrelu_tui.report.swept import data, lines
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.common import in_common
from deadrelu_tui.sweep.grid import Cell, Grid
from deadrelu_tui.sweep.outcome import Outcome
from deadrelu_tui.wording import GROUP


def text(chart: Chart, metric: str = "dead", width: int | None = None) -> list[str]:
    found = list(lines(chart, metric, limit, Paper(width=width)))
    assert width is None or max(map(room, found)) <= width
    return found


def cells(line: str) -> list[str]:
    """Return what stands in a line, its thousands together."""
    return line.replace(GROUP, "").split()


def odd() -> Chart:
    """Return a chart of 3 × 2 cells of which some have no value."""
    ends = {(0, 0): outcome(0.0), (1, 0): outcome(0.999), (2, 0): DIVERGED, (0, 1): FAILED, (1, 1): outcome(0.25)}
    return filled(
        grid(axis("lr", "0.1,1,10"), axis("batch_size", "100,1000")),
        lambda cell: ends.get((cell.place[0], cell.place[1])),
    )


def test_a_matrix_has_the_cells_with_the_highest_row_first_and_beside_them_the_boundary() -> None:
    found = text(phases())
    assert found[:2] == [
        "Dead units in %", "7 × 3 cells; raw input 0–255, relu, 300 hidden, 5 epochs, seed 0",
    ]  # fmt: skip
    assert [cells(each) for each in found[3:7]] == [
        ["batch-size", "\\", "lr", "0.001", "0.00316", "0.01", "0.0316", "0.1", "0.316", "1",
         "boundary", "at", "theory", "ratio"],
        ["10000", "25.0", *["75.0"] * 6, "0.001–0.00316", "0.00178", "0.00100", "1.8"],
        ["1000", *["25.0"] * 3, *["75.0"] * 4, "0.01–0.0316", "0.0178", "0.0100", "1.8"],
        ["100", *["25.0"] * 5, *["75.0"] * 2, "0.1–0.316", "0.178", "0.100", "1.8"],
    ]  # fmt: skip
    assert found[8:] == [
        "boundary: where dead units pass 50 %; at: halfway between; theory: the learning rate beyond which",
        "half of layer 1 dies; ratio: boundary / theory",
        "21 runs: 21 finished",
    ]


def test_what_has_no_value_has_a_sign_and_at_the_end_it_is_told_how_many_and_why() -> None:
    found = text(odd())
    assert cells(found[4])[:3] == ["1000", "!", "25.0"]
    assert cells(found[4])[3] == "·"
    assert cells(found[5])[:4] == ["100", "0", "99.9", "×"]
    assert found[-1] == ("6 runs: 3 finished, 1 diverged, 1 failed, 1 not computed; the first error: no memory is left")


def test_where_a_matrix_does_not_fit_its_shares_lose_their_decimals() -> None:
    wide = max(map(room, text(odd())[3:6]))
    for width, last in ((wide, "99.9"), (wide - 1, ">99")):
        found = next(cells(each) for each in text(odd(), width=width) if each.strip().startswith("100 "))
        assert found[1:4] == ["0", last, "×"]


def test_where_that_does_not_fit_either_each_row_is_a_line_of_bars_with_its_boundary() -> None:
    found = text(phases(), width=72)
    rows = [cells(each) for each in found if "▃" in each]
    assert [each[1:3] for each in rows] == [
        ["▃▇▇▇▇▇▇", "0.001–0.00316"], ["▃▃▃▇▇▇▇", "0.01–0.0316"], ["▃▃▃▃▃▇▇", "0.1–0.316"],
    ]  # fmt: skip
    assert "0.001 to 1" in found[3] + found[4]


def test_on_the_narrowest_paper_not_every_cell_has_a_bar() -> None:
    chart = filled(grid(axis("lr", "log:0.001:1:100"), axis("batch_size", "100,1000")), by_limit)
    found = text(chart, width=60)
    assert any("1 of " in each for each in found)


def test_a_row_on_one_side_of_the_boundary_says_on_which() -> None:
    chart = filled(grid(axis("lr", "0.1,1"), axis("batch_size", "1,1000")), by_limit)
    found = text(chart)
    assert "all above" in found[4]
    assert "none above" in found[5]


def test_of_a_row_that_crosses_the_boundary_again_and_again_the_first_crossing_is_told() -> None:
    shares = (0.2, 0.8, 0.2, 0.8)
    chart = filled(grid(axis("lr", "1,10,100,1000"), axis("batch_size", "100,200")),
                   lambda cell: outcome(shares[cell.place[0]]))  # fmt: skip
    assert any("1–10, 2 more" in each for each in text(chart))


def test_where_learning_rates_go_up_the_boundary_of_each_column_stands_below() -> None:
    chart = filled(grid(axis("batch_size", "10,100,1000"), axis("lr", "0.003,0.03,0.3,3")), by_limit)
    found = text(chart)
    below = found[found.index("", 3) + 1 :]
    assert cells(below[0]) == ["batch", "size", "boundary", "at", "theory", "ratio"]
    assert cells(below[1]) == ["10", "0.3–3", "0.949", "1.00", "0.95"]
    assert cells(below[3]) == ["1000", "0.003–0.03", "0.00949", "0.0100", "0.95"]


def test_each_page_has_a_table_of_its_own() -> None:
    chart = filled(
        grid(axis("lr", "0.01,1"), axis("batch_size", "100,1000"), axis("activation", "relu,tanh")), by_limit
    )
    found = text(chart)
    relu, tanh = found.index("activation relu"), found.index("activation tanh")
    assert "theory" in found[relu + 1]
    assert cells(found[tanh + 1]) == ["batch-size", "\\", "lr", "0.01", "1"]


def test_a_sweep_over_one_setting_has_a_line_for_each_value_with_the_range_of_its_seeds() -> None:
    shares = {0: (0.1, 0.3), 1: (0.6, 0.8)}
    chart = filled(grid(axis("lr", "0.1,1"), seeds=2), lambda cell: outcome(shares[cell.place[0]][cell.seed], cell))
    found = [cells(each) for each in text(chart) if each]
    heading = found.index(["learning", "rate", "mean", "of", "seeds", "verdict"])
    assert found[heading + 1 : heading + 5] == [
        ["0.1", "20.0", "10.0–30.0", "2", "healthy"],
        ["1", "70.0", "60.0–80.0", "2", "dead"],
        ["boundary", "at", "theory", "ratio"],
        ["0.1–1", "0.316", "0.0391", "8.1"],
    ]


def test_what_is_no_share_has_no_boundary() -> None:
    chart = filled(grid(axis("lr", "0.01,1"), axis("batch_size", "100,1000")), lambda _: outcome(0.5, loss=1234.5))
    found = text(chart, "loss")
    assert found[0] == "Loss"
    assert cells(found[3]) == ["batch-size", "\\", "lr", "0.01", "1"]
    assert cells(found[4]) == ["1000", "1234", "1234"]
    assert not any("boundary" in each for each in found)


def test_what_all_runs_have_in_common_is_told_and_nothing_that_is_varied() -> None:
    chart = filled(grid(axis("hidden", "20", "30,10"), axis("normalise", "on,off")), lambda _: None)
    assert text(chart)[1] == "2 × 2 cells; lr 0.1, relu, 5 epochs, seed 0"


def test_what_all_runs_have_in_common_is_told_also_beside_an_axis_of_the_same_kind() -> None:
    longest = Grid(RunSettings(steps=200), (axis("epochs", "1,2"),))
    assert in_common(longest)[-2:] == ["200 steps", "seed 0"]
    scaled = Grid(RunSettings(input_scale=1 / 64), (axis("normalise", "on,off"),))
    assert in_common(scaled)[0] == "input × 0.015625 unless normalised"
    assert in_common(Grid(RunSettings(), (axis("normalise", "on,off"),)))[0] == "lr 0.1"


def test_plain_values_have_every_cell_with_its_runs_and_every_row_with_its_boundary() -> None:
    found = data(phases(seeds=2), "dead", limit)
    assert found["axes"][0]["name"] == "lr"
    assert found["axes"][0]["values"][1] == 0.00316228
    assert found["axes"][1] == {"name": "batch_size", "values": [100, 1000, 10000]}
    assert (found["seeds"], found["metric"], found["runs"], found["finished"]) == ([0, 1], "dead", 42, 42)
    assert len(found["cells"]) == 21
    assert found["cells"][1] == {
        "at": {"lr": 0.001, "batch_size": 1000}, "mean": 0.25, "low": 0.25, "high": 0.25, "beyond": False,
        "runs": [
            {"seed": seed, "run": f"run-0-1-{seed}", "status": "finished", "verdict": "healthy", "error": None,
             "value": 0.25} for seed in (0, 1)
        ],
    }  # fmt: skip
    row = found["boundary"][1]
    assert (row["at"], row["along"], row["theory"]) == ({"batch_size": 1000}, "lr", 0.01)
    (crossing,) = row["crossings"]
    assert (crossing["low"], crossing["high"], crossing["beyond"]) == (0.01, 0.0316228, "high")
    assert crossing["at"] == pytest.approx(0.0177828)
    assert crossing["ratio"] == pytest.approx(1.77828)
    assert "lr" not in found["settings"]
    assert found["settings"]["activation"] == "relu"


def test_plain_values_say_what_is_not_known() -> None:
    found = data(odd(), "dead", limit)
    cells = {(each["at"]["lr"], each["at"]["batch_size"]): each for each in found["cells"]}
    assert (found["finished"], found["diverged"], found["failed"], found["missing"]) == (3, 1, 1, 1)
    assert cells[10, 1000] == {"at": {"lr": 10.0, "batch_size": 1000}, "mean": None, "low": None, "high": None,
                               "beyond": None, "runs": []}  # fmt: skip
    assert cells[0.1, 1000]["runs"][0]["error"] == "no memory is left"
    assert cells[10, 100]["beyond"] is True


def test_plain_values_are_what_any_json_has() -> None:
    def tell(cell: Cell) -> Outcome:
        return outcome(math.nan, cell)

    chart = filled(grid(axis("hidden", "20", "30,10"), axis("lr", "1,2")), tell)
    found = json.loads(strict_json.line(data(chart, "dead", lambda _: math.inf)))
    assert found["cells"][0]["runs"][0]["value"] == "nan"
    assert found["axes"][0]["values"] == [[20], [30, 10]]
    assert found["boundary"] == [
        {"at": {"hidden": hidden}, "along": "lr", "theory": None, "crossings": []} for hidden in ([20], [30, 10])
    ]
