"""The picture: every chart that the article has, labelled truly, and no label over another."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from conftest import record, start
from exports import awkward, begun_only, made_up, odd, plain_run, real
from trainings import asking, normalise

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.export.curves import Epochs
from deadrelu_tui.export.formats import FORMATS
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.record.commands import Change
from deadrelu_tui.record.records import Event, Record
from deadrelu_tui.wording import GROUP

matplotlib: Any = pytest.importorskip("matplotlib")


def sheet(records: list[Record]) -> Any:
    from matplotlib.figure import Figure

    from deadrelu_tui.export.sheet import Sheet

    figure = Figure()
    with matplotlib.rc_context({"text.parse_math": False}):
        Sheet(figure, history_of(records), Epochs.of(records)).draw()
    return figure


@pytest.fixture(autouse=True)
def few_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the first parameters of a large network alone: it takes its time."""
    monkeypatch.setattr("deadrelu_tui.export.sheet.MOST", 6)


@pytest.fixture(scope="module")
def dead(tiny: Dataset) -> Any:
    """Return the picture of a network that dies."""
    return sheet(real(tiny))


def words(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def deep(dataset: Dataset) -> list[Record]:
    return real(dataset, {3: normalise, 4: asking(Change({"lr": 0.01}))}, hidden=(12, 9))


def busy() -> list[Record]:
    """Return a run in which something is changed at every other step."""
    records: list[Record] = [start(batches=40)]
    for step in range(40):
        if step % 2:
            records.append(Event(step, "change", {"setting": "lr", "before": 0.1, "now": 0.2}))
        records.append(record(step, {"loss": 1.0 + step % 3, "grad_sum/w1": (-10.0) ** (step % 9)}, batches=40))
    return records


def test_the_picture_has_the_charts_of_the_article_and_those_of_death(dead: Any) -> None:
    told = words(dead)
    assert {"Zeros", "Dead", "Loss", "Accuracy", "Gradient sums", "w1", "b1", "w2", "b2"} <= set(told)
    assert "share of h ≤ 0 in the batch, the article's relu_rate: sparsity, not death" in told
    assert "share of units that fire for none of 200 probe samples" in told
    assert "epoch" in told


def test_its_title_has_the_settings_and_the_verdict(dead: Any) -> None:
    title, verdict, *_ = (each.get_text() for each in dead.texts)
    assert "raw input 0–255, lr 0.1, relu, 20 hidden, seed 7" in title
    assert verdict.startswith("dead — h1: ")


def test_a_deeper_network_has_a_chart_for_every_parameter_and_what_was_changed_is_marked(tiny: Dataset) -> None:
    told = words(sheet(deep(tiny)))
    assert {"w1", "b1", "w2", "b2", "w3", "b3"} <= set(told)
    assert "1  step 3: normalise on" in told
    assert "2  step 4: lr 0.1 → 0.01" in told
    assert "2" in told


def test_of_many_changes_some_are_told() -> None:
    told = words(sheet(busy()))
    assert "1  step 1: lr 0.1 → 0.2" in told
    assert "and 13 more changes" in told


def test_units_of_a_tanh_are_said_to_saturate(tiny: Dataset) -> None:
    told = words(sheet(real(tiny, activation="tanh", lr=0.5)))
    assert "Saturated" in told
    assert "Dead" not in told


def test_a_run_without_epochs_is_drawn_over_its_steps() -> None:
    told = words(sheet(made_up()))
    assert "step" in told
    assert "epoch" not in told
    assert f"12{GROUP}100" in told
    assert any("of 109 parameters the first 6" in each for each in told)


def test_where_there_is_no_number_the_chart_says_so() -> None:
    losses = [1.0, 2.0, *[float("nan")] * 9]
    records: list[Record] = [start(batches=40), *(record(at, {"loss": each}) for at, each in enumerate(losses))]
    assert "not finite" in words(sheet(records))


def test_a_run_without_a_step_is_its_title() -> None:
    assert words(sheet(begun_only()))[1:] == ["no step was recorded"]


@pytest.mark.parametrize("name", ["deep", "busy", "made_up", "odd", "awkward"])
def test_no_label_lies_over_another(name: str, tiny: Dataset) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    runs = {"deep": lambda: deep(tiny), "busy": busy, "made_up": made_up, "odd": odd, "awkward": awkward}
    figure = sheet(runs[name]())
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [
        (each.get_text(), each.get_window_extent(canvas.get_renderer()).padded(-1))
        for each in figure.findobj(Text)
        if each.get_text() and each.get_visible()
    ]
    over = [(one, two) for (one, first), (two, second) in combinations(boxes, 2) if first.overlaps(second)]
    assert over == []
    for words_, box in boxes:
        assert box.x0 >= 0, words_
        assert box.y0 >= 0, words_
        assert box.x1 <= figure.bbox.x1, words_


def test_a_png_is_an_image_of_the_right_size(tiny: Dataset, tmp_path: Path) -> None:
    FORMATS["png"].write(real(tiny), tmp_path / "run.png")
    data = (tmp_path / "run.png").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert int.from_bytes(data[16:20], "big") == 1760


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("records", [awkward(), busy()], ids=["awkward", "busy"])
def test_an_svg_is_well_formed_and_the_same_each_time(records: list[Record], tmp_path: Path) -> None:
    for name in ("one", "two"):
        FORMATS["svg"].write(records, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert ElementTree.parse(tmp_path / "one.svg").getroot().tag.endswith("svg")


def test_drawing_leaves_no_trace_in_matplotlib(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    FORMATS["svg"].write(plain_run(), tmp_path / "run.svg")
    assert dict(matplotlib.rcParams) == before
