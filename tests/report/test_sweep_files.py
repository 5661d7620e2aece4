"""Sweeps as files: rows that read back as they were, and maps that say what they show."""

from __future__ import annotations

import csv
import math
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from made_up_charts import DIVERGED, FAILED, axis, by_limit, filled, grid, limit, outcome, phases

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.report import sweep_files
from deadrelu_tui.report.sweep_words import places
from deadrelu_tui.sweep.chart import Chart
from deadrelu_tui.sweep.grid import Cell
from deadrelu_tui.sweep.outcome import Outcome

THIRD = 1 / 3


def rows(chart: Chart, folder: Path) -> list[dict[str, str]]:
    path = folder / "sweep.csv"
    sweep_files.write(chart, "dead", path, limit=limit, overwrite=True)
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def mixed(seeds: int = 2) -> Chart:
    """Return a chart with everything in it: pages, cells that diverged, failed or were not computed, some in part."""

    def tell(cell: Cell) -> Outcome | None:
        x, y, page = cell.place
        if (x, y) == (4, 0) or (x, y, cell.seed) == (3, 0, 1):
            return DIVERGED
        if (x, y) == (0, 2) or (x, y, cell.seed) == (1, 1, 0):
            return FAILED
        return None if (x, y, page) == (2, 2, 1) else by_limit(cell)

    return filled(grid(axis("lr", "0.001,0.01,0.1,1,10"), axis("hidden", "20", "30", "30,10"),
                       axis("activation", "relu,tanh"), seeds=seeds), tell)  # fmt: skip


def mapped(chart: Chart, metric: str = "dead") -> Any:
    """Return the figure that is drawn of a chart."""
    matplotlib: Any = pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from deadrelu_tui.export.map_sheet import MapSheet

    figure = Figure()
    with matplotlib.rc_context({"text.parse_math": False}):
        MapSheet(figure, sweep_files.map_of(chart, metric, limit)).draw()
    return figure


def words(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def test_a_row_per_run_has_its_settings_what_became_of_it_and_its_metrics(tmp_path: Path) -> None:
    chart = filled(grid(axis("lr", "0.1,0.01"), axis("hidden", "20", "30,10")), lambda cell: outcome(0.25, cell))
    found = rows(chart, tmp_path)
    assert [(each["lr"], each["hidden"]) for each in found] == [
        ("0.01", "20"), ("0.01", "30,10"), ("0.1", "20"), ("0.1", "30,10"),
    ]  # fmt: skip
    assert list(found[0]) == ["lr", "hidden", "seed", "run", "status", "verdict", "error", "steps", "seconds", "loss",
                              "dead_fraction/h1"]  # fmt: skip
    assert found[1] == {
        "lr": "0.01", "hidden": "30,10", "seed": "0", "run": "run-0-1-0", "status": "finished", "verdict": "healthy",
        "error": "", "steps": "200", "seconds": "1.5", "loss": "2.3", "dead_fraction/h1": "0.25",
    }  # fmt: skip


def test_every_number_reads_back_to_its_last_bit(tmp_path: Path) -> None:
    values = [THIRD, 5e-324, -0.0, 1.7976931348623157e308, 0.1 + 0.2]
    chart = filled(grid(axis("lr", "log:1/3:1e5/3:5")), lambda cell: outcome(THIRD, odd=values[cell.place[0]]))
    found = rows(chart, tmp_path)
    assert [float(each["lr"]) for each in found] == list(chart.grid.axes[0].values)
    assert [float(each["odd"]).hex() for each in found] == [each.hex() for each in values]


def test_numbers_that_are_not_finite_are_words(tmp_path: Path) -> None:
    values = [math.nan, math.inf]
    found = rows(filled(grid(axis("lr", "1,2")), lambda cell: outcome(0, odd=values[cell.place[0]])), tmp_path)
    assert [each["odd"] for each in found] == ["nan", "inf"]


def test_every_setting_can_be_given_again_as_it_stands_in_its_column(tmp_path: Path) -> None:
    axes = axis("normalise", "on,off"), axis("epochs", "1,endless"), axis("hidden", "20", "30,10")
    chart = filled(grid(*axes), lambda _: None)
    found = rows(chart, tmp_path)
    assert {each["normalise"] for each in found} == {"true", "false"}
    for row, cell in zip(found, (chart.grid.cell(place) for place in places(chart.grid)), strict=True):
        again = RunSettings(normalise=row["normalise"] == "true", epochs=row["epochs"], hidden=row["hidden"])  # type: ignore[arg-type]
        assert again == cell.settings


def test_runs_that_failed_or_were_not_computed_have_a_row_with_what_is_known(tmp_path: Path) -> None:
    ends = [FAILED, None, outcome(0.5)]
    found = rows(filled(grid(axis("lr", "1,2,3")), lambda cell: ends[cell.place[0]]), tmp_path)
    assert [(each["status"], each["error"], each["loss"]) for each in found] == [
        ("failed", "no memory is left", ""), ("", "", ""), ("finished", "", "2.3"),
    ]  # fmt: skip
    assert all(value == "" for name, value in found[1].items() if name not in ("lr", "seed"))


def test_seeds_are_told_as_they_are_and_follow_one_another(tmp_path: Path) -> None:
    of = grid(axis("lr", "1,2"), seeds=2, base=RunSettings(seed=7))
    found = rows(filled(of, lambda cell: outcome(0.0, cell)), tmp_path)
    assert [(each["lr"], each["seed"], each["run"]) for each in found] == [
        ("1.0", "7", "run-0-0"), ("1.0", "8", "run-0-1"), ("2.0", "7", "run-1-0"), ("2.0", "8", "run-1-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["map.txt", "map", "map.csv.gz"])
def test_another_ending_is_refused_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    allowed = r"end the name of a sweep's file in \.csv, \.png or \.svg"
    with pytest.raises(InputError, match=allowed):
        sweep_files.check(tmp_path / name)
    with pytest.raises(InputError, match=allowed):
        sweep_files.write(phases(), "dead", tmp_path / name, limit=limit)
    assert not (tmp_path / name).exists()


def test_what_is_in_the_way_is_told_before_anything_is_computed_and_may_be_overwritten(tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text("old")
    with pytest.raises(InputError, match="is there already"):
        sweep_files.check(tmp_path / "map.csv")
    sweep_files.check(tmp_path / "map.csv", overwrite=True)
    with pytest.raises(InputError, match="is there already"):
        sweep_files.write(phases(), "dead", tmp_path / "map.csv", limit=limit)
    assert (tmp_path / "map.csv").read_text() == "old"
    with pytest.raises(InputError, match="there is no folder"):
        sweep_files.check(tmp_path / "nowhere" / "map.csv")


def test_a_missing_library_is_told_before_anything_is_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    sweep_files.check(tmp_path / "map.csv")
    for name in ("map.png", "map.SVG"):
        with pytest.raises(InputError, match="matplotlib, which is not installed; type: pip install"):
            sweep_files.check(tmp_path / name)


def test_a_map_says_what_was_swept_and_what_it_shows() -> None:
    figure = mapped(phases(seeds=2))
    told = words(figure)
    assert [each.get_text() for each in figure.texts] == [
        "Dead units by learning rate and batch size",
        "7 × 3 cells with 2 seeds each; mean over the seeds",
        "raw input 0–255, relu, 300 hidden, 5 epochs, seeds 0–1",
        "Units that fire for no image of the probe set: death",
    ]
    assert {"learning rate", "batch size", "dead units", "0.001", "100 %", "10\N{NARROW NO-BREAK SPACE}000"} <= {*told}
    assert {"dead units: 50 %", "half of layer 1 dies beyond, by theory"} <= {*told}
    assert not {"diverged", "failed", "not computed", "some seeds diverged", "some seeds failed"} & {*told}


def test_a_map_has_a_panel_for_each_page_and_a_sign_for_all_that_has_no_value() -> None:
    figure = mapped(mixed())
    told = words(figure)
    assert {"activation relu", "activation tanh", "hidden units", "30,10"} <= {*told}
    assert {"diverged", "some seeds diverged", "failed", "some seeds failed", "not computed"} <= {*told}
    hatched = [each for axes in figure.axes for each in axes.patches if each.get_hatch()]
    assert len(hatched) == 2 + 1  # one cell of each page, and that beside the word


def test_the_boundary_is_drawn_between_the_cells_and_theory_s_limit_through_them() -> None:
    figure = mapped(phases())
    lines = {line.get_color(): line.get_xydata().tolist() for line in figure.axes[0].get_lines()}
    boundary, theory = lines["#000000"], lines["#D55E00"]
    assert {tuple(each) for each in boundary if each == each and each[0] == 4.5} == {(4.5, -0.5), (4.5, 0.5)}
    assert theory[1] == pytest.approx([4, 0])  # 10 / 100 is 0.1, the fifth value
    assert theory[2] == pytest.approx([2, 1])
    assert theory[0] == pytest.approx([5, -0.5])


def test_where_learning_rates_go_up_theory_s_limit_is_found_for_each_column() -> None:
    chart = filled(grid(axis("batch_size", "10,100,1000"), axis("lr", "0.01,0.1,1")), by_limit)
    shown = sweep_files.map_of(chart, "dead", limit)
    assert shown.limited == 1
    assert shown.panels[0].limits == (1.0, 0.1, 0.01)


def test_a_sweep_without_learning_rates_has_no_limit() -> None:
    chart = filled(grid(axis("batch_size", "10,100"), axis("hidden", "20", "30")), by_limit)
    assert sweep_files.map_of(chart, "dead", limit).panels[0].limits == ()


def test_a_sweep_over_one_setting_is_a_course_above_its_cells() -> None:
    chart = filled(grid(axis("lr", "log:0.001:1:7"), seeds=2), by_limit)
    figure = mapped(chart)
    course, cells, *_ = figure.axes
    assert {"dead units", "learning rate", "80 %"} <= {*words(figure)}
    assert course.get_xlim() == cells.get_xlim() == (-0.5, 6.5)
    assert any(line.get_color() == "#000000" for line in course.get_lines())


def test_of_more_pages_than_can_be_told_apart_the_first_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_files, "MAPS", 1)
    told = words(mapped(mixed()))
    assert (
        "5 × 3 × 2 cells with 2 seeds each; mean over the seeds; 58 of 60 runs are done; of 2 maps the first 1" in told
    )
    assert "activation tanh" not in told


@pytest.mark.parametrize("name", ["phases", "mixed", "course", "kinds", "many", "pages", "loss", "nothing"])
def test_nothing_that_is_written_on_a_map_lies_over_anything_else(name: str) -> None:
    charts: dict[str, Callable[[], Chart]] = {
        "phases": phases,
        "mixed": mixed,
        "course": lambda: filled(grid(axis("lr", "log:1e-7:1:40"), seeds=2), by_limit),
        "kinds": lambda: filled(grid(axis("activation", "relu,leaky_relu,tanh,sigmoid")), by_limit),
        "many": lambda: filled(grid(axis("lr", "log:1e-4:10:60"), axis("batch_size", "lin:1:1000:41"),
                                    axis("init", "he", "xavier", "normal:1")), by_limit),
        "pages": lambda: filled(grid(axis("lr", "log:1e-2:1:21"), axis("batch_size", "10,100"),
                                     axis("init", "he", "xavier", "normal:1")), by_limit),
        "loss": lambda: filled(grid(axis("lr", "log:1e-2:10:7"), axis("batch_size", "64,128")),
                               lambda cell: outcome(0, loss=2 + 1000 * cell.settings.lr)),
        "nothing": lambda: filled(grid(axis("lr", "1,2"), axis("batch_size", "64,128")), lambda _: None),
    }  # fmt: skip
    figure = mapped(charts[name](), "loss" if name == "loss" else "dead")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [
        (each.get_text(), each.get_window_extent(canvas.get_renderer()).padded(-1))
        for each in figure.findobj(Text)
        if each.get_text().strip("!") and each.get_visible()
    ]
    over = [(one, two) for (one, first), (two, second) in combinations(boxes, 2) if first.overlaps(second)]
    assert over == []
    for words_, box in boxes:
        assert box.x0 >= 0, words_
        assert box.y0 >= 0, words_
        assert box.x1 <= figure.bbox.x1, words_
        assert box.y1 <= figure.bbox.y1, words_


@pytest.mark.filterwarnings("error")
def test_an_svg_is_well_formed_the_same_each_time_and_has_no_date(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one.svg", "two.SVG"):
        sweep_files.write(mixed(), "dead", tmp_path / name, limit=limit)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.SVG").read_text(encoding="utf-8")
    assert "dc:date" not in text
    assert ElementTree.fromstring(text).tag.endswith("svg")


def test_a_png_is_an_image(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sweep_files.write(phases(), "accuracy", tmp_path / "map.png", limit=limit)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
