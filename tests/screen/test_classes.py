"""What a network takes the images for: the strip against what NumPy counts, and its words."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import record, start
from hypothesis import given
from hypothesis import strategies as st

from deadrelu_tui.builtin.dataset import CLASS_NAMES
from deadrelu_tui.engine.measures import predicted
from deadrelu_tui.record.history import History
from deadrelu_tui.tui.panels.classes import class_rows
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.tui.plot.charts import accuracy_chart, chart_specs, plot_of, title_of
from deadrelu_tui.tui.plot.view import View


def flat(rows: list[Row]) -> list[str]:
    return ["".join(text for text, _ in row) for row in rows]


def told(*shares: dict[str, float]) -> History:
    """Return a run that predicted these shares of the classes, a look at every step."""
    history = History()
    history.add(start())
    for step, each in enumerate(shares):
        values = {f"predicted_fraction/{name}": each.get(name, 0.0) for name in CLASS_NAMES} if each else {}
        history.add(record(step, values))
    return history


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_shares_are_those_that_numpy_counts(images: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores, right = random.normal(size=(images, 10)).astype(np.float32), random.integers(0, 10, images).astype(np.uint8)
    found = dict(predicted(scores, right))
    chosen = [int(np.argmax(row)) for row in scores]
    assert found["accuracy/probe"] == pytest.approx(np.mean([a == b for a, b in zip(chosen, right, strict=True)]))
    for label, name in enumerate(CLASS_NAMES):
        assert found[f"predicted_fraction/{name}"] == pytest.approx(chosen.count(label) / images)


def test_of_scores_with_nan_nothing_is_predicted() -> None:
    scores = np.zeros((3, 10), np.float32)
    scores[1, 4] = np.nan
    assert all(np.isnan(value) for _, value in predicted(scores, np.zeros(3, np.uint8)))


@pytest.mark.parametrize(("shares", "width", "sentence"), [
    ({"Bag": 1.0}, 50, "predicts Bag 100 %, 9 classes never"),
    ({"Bag": 0.9, "Coat": 0.1}, 50, "predicts Bag 90.0 %, Coat 10.0 %, 8 classes never"),
    ({"Bag": 0.9, "Coat": 0.1}, 48, "predicts Bag 90.0 %, 8 classes never"),
    (dict.fromkeys(CLASS_NAMES, 0.1), 50, "predicts T-shirt 10.0 %, Trouser 10.0 % …"),
    (dict.fromkeys(CLASS_NAMES[1:], 1 / 9), 40, "predicts Trouser 11.1 %, 1 class never"),
])  # fmt: skip
def test_the_sentence_tells_the_most_predicted_and_how_many_are_never(
    shares: dict[str, float], width: int, sentence: str
) -> None:
    assert flat(class_rows(told(shares), View(), width, 1)) == [sentence]


def test_with_three_rows_there_is_a_bar_for_each_class_with_its_name() -> None:
    bars, names, sentence = flat(class_rows(told({"Bag": 0.8, "Coat": 0.2}), View(), 40, 3))
    assert names.split() == [name[:3] for name in CLASS_NAMES]
    assert (bars[names.index("Bag")], bars[names.index("Coa")], bars.replace("█", "").split()) == ("█", "▂", ["▂▂▂"])
    assert sentence.startswith("predicts Bag 80.0 %")
    assert len(class_rows(told({"Bag": 1.0}), View(), 39, 3)) == len(class_rows(told({"Bag": 1.0}), View(), 40, 2)) == 1
    assert all(text.isascii() for text in flat(class_rows(told({"Bag": 1.0}), View(), 40, 3, ascii_only=True)))


def test_one_class_for_most_images_stands_out_and_a_mixture_does_not() -> None:
    assert class_rows(told({"Bag": 0.51, "Coat": 0.49}), View(), 60, 1)[0][0][1] == "dead"
    assert class_rows(told({"Bag": 0.5, "Coat": 0.5}), View(), 60, 1)[0][0][1] == "strong"


def test_before_the_first_look_and_without_rows_nothing_is_told() -> None:
    assert class_rows(told({}), View(), 60, 3) == class_rows(told({"Bag": 1.0}), View(), 60, 0) == []


def test_the_cursor_reads_what_was_predicted_then() -> None:
    history = told({"Bag": 1.0}, {}, {"Coat": 1.0})
    assert flat(class_rows(history, View(cursor=1), 60, 1)) == ["predicts Bag 100 %, 9 classes never"]
    assert flat(class_rows(history, View(), 60, 1)) == ["predicts Coat 100 %, 9 classes never"]


def test_the_accuracy_stands_beside_the_loss_with_that_of_choosing_by_lot() -> None:
    assert [spec.id for spec in chart_specs(start())[0]] == ["dead-h1", "loss", "accuracy"]
    history = told({"Bag": 1.0})
    history.add(record(1, {"accuracy/probe": 0.25, "accuracy/test": 0.125}))
    plot = plot_of(accuracy_chart(10), history, View(), (), 40, 10, None)
    assert {line.role: line.values.tolist() for line in plot.lines} == {"train": [0.25], "test": [0.125]}
    title = title_of(accuracy_chart(10), history, View(), (), plot.axis)
    assert [text for text, _ in title] == ["accuracy", "probe 25.0 %", "◆ test 12.5 %", "─ by lot 10.0 %"]
