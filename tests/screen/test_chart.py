from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import start
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.columns import Column
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.units import DEFINITIONS
from deadrelu_tui.tui.plot import chart
from deadrelu_tui.tui.plot.chart import ROLES, Line, Plot, Span, draw, peaks
from deadrelu_tui.tui.plot.charts import LEDGER, ChartSpec, chart_specs, plot_of, title_of
from deadrelu_tui.tui.plot.scale import fit, share_axis
from deadrelu_tui.tui.plot.view import SMOOTHING, WINDOWS, View


def plot(values: list[float], kind: str = "linear", **more: object) -> Plot:
    array = np.array(values, np.float64)
    lines = (Line(np.arange(len(array)), array, "train"),) if len(array) else ()
    return Plot(lines, fit(kind, array, 12), 0, max(1, len(array)), **more)  # type: ignore[arg-type]


def text(rows: list[list[Span]]) -> list[str]:
    return ["".join(part for part, _ in row) for row in rows]


def dots(rows: list[list[Span]], role: str) -> int:
    return sum(len(part) for row in rows for part, each in row if each == role)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(width=64, allow_nan=True, allow_infinity=True), max_size=60),
    st.sampled_from(["linear", "log", "symlog"]),
    st.integers(0, 90),
    st.integers(0, 30),
)
def test_any_series_at_any_size_gives_rows_of_that_size(
    values: list[float], kind: str, width: int, height: int
) -> None:
    rows = draw(plot(values, kind, marks=(1,), rules=(math.log(10),)), width, height)
    assert len(rows) == height
    assert {len(row) for row in text(rows)} <= {width}
    assert all(role in ROLES for row in rows for _, role in row)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf], [3.0], [5.0] * 9, [1e300, -1e300], [5e-324]])
def test_the_awkward_ones_are_drawn_without_complaint(values: list[float]) -> None:
    for kind in ("linear", "log", "symlog"):
        assert len(draw(plot(values, kind), 60, 12)) == 12


def test_a_rising_line_rises() -> None:
    rows = draw(plot([float(i) for i in range(100)]), 60, 12)
    columns = [max(x for x, cell in enumerate(cells(row)) if cell == "train") for row in rows if "train" in cells(row)]
    assert columns == sorted(columns, reverse=True)


def cells(row: list[Span]) -> list[str]:
    return [role for part, role in row for _ in part]


def test_nan_is_left_out_and_the_rest_is_drawn() -> None:
    rows = draw(plot([1.0, math.nan, 2.0, math.inf, 3.0]), 60, 12)
    assert dots(rows, "train") > 0


def test_a_mark_is_a_vertical_line_and_a_rule_a_horizontal_one() -> None:
    rows = draw(Plot((), share_axis(12), 0, 100, marks=(50,), rules=(0.5,)), 60, 12)
    marked = [cells(row).index("mark") for row in rows if "mark" in cells(row)]
    assert len(marked) >= 8
    assert len(set(marked)) == 1
    assert sum("rule" in cells(row) for row in rows) == 1


def test_marks_and_the_cursor_stand_on_the_axis_and_behind_the_rules() -> None:
    rows = draw(Plot((), share_axis(12), 0, 100, marks=(20, 50), rules=(0.5,), cursor=20), 60, 12)
    foot = text(rows)[-2]
    at_20, at_50 = foot.index("┴"), foot.index("┼", foot.index("┴"))  # a tick of the axis is at 50, none at 20
    rule = next(row for row in rows if "rule" in cells(row))
    for x, role in ((at_20, "cursor"), (at_50, "mark")):
        assert {cells(row)[x] for row in rows[:-2]} == {role, "rule"}
        assert {line[x] for line in text(rows)[:-2]} == {"│", "┼"}
        assert (text([rule])[0][x], cells(rule)[x]) == ("┼", "rule")
    assert {role for row in rows[-2:] for role in cells(row)} == {"axis"}


def test_scattered_points_are_not_joined() -> None:
    line = Line(np.array([0, 99]), np.array([0.0, 1.0]), "test", scattered=True)
    assert dots(draw(Plot((line,), share_axis(12), 0, 100), 60, 12), "test") == 2


def test_the_axis_says_its_ticks_and_its_steps() -> None:
    shown = "\n".join(text(draw(plot([0.0, 1.0] * 100, marks=()), 80, 12)))
    assert "0.5" in shown
    assert "100" in shown


def test_without_utf8_every_character_is_ascii() -> None:
    rows = text(draw(plot([1.0, -2e-5, 3e6], "symlog", marks=(1,), rules=(0.5,)), 60, 12, ascii_only=True))
    assert all(row.isascii() for row in rows)
    assert any("*" in row for row in rows)


# Charts of a history


FLOATS = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-45, 3.4e38, -3.4e38, math.log(10)]),
)
SERIES = st.one_of(
    st.lists(FLOATS, max_size=80),
    st.builds(lambda value, count: [value] * count, FLOATS, st.integers(1, 300)),
    st.builds(lambda good, bad, rest: [1.0] * good + [math.nan] * bad + [2.0] * rest,
              st.integers(0, 90), st.integers(0, 90), st.integers(0, 90)),
)  # fmt: skip
VIEWS = st.builds(
    View, st.sampled_from(WINDOWS), st.integers(0, 5), st.none() | st.integers(0, 400), st.booleans(),
    st.sampled_from(SMOOTHING), st.integers(0, 4),
)  # fmt: skip
SPECS = [*chart_specs(start())[0], chart_specs(start())[1][0], LEDGER]
GRADIENT = SPECS[3]


def column(values: Sequence[float] | npt.NDArray[Any], dtype: type = np.float32) -> Column:
    """Return a column that is filled at once; one by one a million takes a second."""
    filled = Column(dtype)
    with np.errstate(over="ignore"):
        filled._values = np.array(values, np.float64).astype(dtype)
    filled._count = len(values)
    return filled


def history_of(values: Sequence[float] | npt.NDArray[Any], sparse: Sequence[float] = ()) -> History:
    """Return a history in which every metric of every step has these values, and every other one those at times."""
    history, steps = History(), len(values)
    history.add(start(batches=max(1, -(-steps // 3)), epochs=3))
    if steps:
        kept = history._kept
        kept.at = column(np.arange(1, steps + 1), np.float64)
        kept.dense = {name: column(values) for name in ("loss", "grad_sum/w1", "zero_fraction/h1")}
        at = np.linspace(0, steps - 1, min(len(sparse), steps)).astype(np.int64)
        for name in ("loss/test", "deaths", "revivals", *(f"{each.metric}/h1" for each in DEFINITIONS)):
            if len(at):
                kept.sparse[name] = (column(at, np.int64), column(sparse[: len(at)]))
        names = (*kept.dense, *kept.sparse)
        kept._now = kept._now._replace(rows=steps, last=steps - 1, names=names)
        kept.live.set(0, RunSettings().live)
        history.add(Event(steps // 2, "change", {"setting": "lr", "before": 0.1, "now": 0.2}))
    return history


def drawn(spec: ChartSpec, history: History, view: View, width: int, height: int) -> list[list[Span]]:
    return draw(plot_of(spec, history, view, (), max(1, width - 7), height, None), width, height)


@settings(deadline=None, max_examples=150)
@given(SERIES, st.lists(FLOATS, max_size=9), st.none() | SERIES, VIEWS, st.sampled_from(SPECS), st.integers(0, 90),
       st.integers(0, 30), st.booleans())  # fmt: skip
def test_any_history_seen_in_any_way_gives_rows_of_the_size_and_a_title(
    values: list[float], sparse: list[float], earlier: list[float] | None, view: View, spec: ChartSpec, width: int,
    height: int, ascii_only: bool,
) -> None:  # fmt: skip
    history, ghosts = history_of(values, sparse), [] if earlier is None else [history_of(earlier, sparse)]
    axis = None
    for _ in range(2):  # the second time with the axis of the first
        plot = plot_of(spec, history, view, ghosts, max(1, width - 7), height, axis)
        axis = plot.axis
        rows = draw(plot, width, height, ascii_only)
        assert len(rows) == height
        assert {len(row) for row in text(rows)} <= {width}
        assert all(role in ROLES for row in rows for _, role in row)
        assert not ascii_only or all(row.isascii() for row in text(rows))
    parts = title_of(spec, history, view, ghosts, axis)
    assert parts[0][0].endswith(spec.label)
    assert {role for _, role in parts} <= {*ROLES, "name"}
    assert all(part and "\n" not in part for part, _ in parts)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=12), VIEWS, st.integers(30, 120))
def test_gaps_are_marked_where_there_is_no_number_and_nowhere_else(
    stretches: list[tuple[bool, int]], view: View, width: int
) -> None:
    values = np.concatenate([np.full(count, math.nan if bad else 3.0) for bad, count in stretches])
    history = history_of(values)
    plot = plot_of(GRADIENT, history, view, (), width - 7, 12, None)
    rows = draw(plot, width, 12)
    marked = {x - 7 for row in rows for x, cell in enumerate(cells(row)) if cell == "gap"}
    assert all("gap" not in cells(row) for row in rows[:-3])  # above the lowest row, the axis and its numbers
    bad = [step for step in np.flatnonzero(np.isnan(values)) if plot.first <= step <= plot.stop]
    places = {step: float(plot.across.places(step)) * (width - 8) for step in bad}
    for place in places.values():
        assert any(abs(x - place) <= 1 for x in marked)
    for x in marked:  # between two steps without a number there is none either
        assert any(place - 1 <= x <= places.get(step + 1, place) + 1 for step, place in places.items())


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 60)), min_size=1, max_size=12), VIEWS)
def test_the_title_tells_the_last_gap_in_view_by_its_true_first_and_last_step(
    stretches: list[tuple[bool, int]], view: View
) -> None:
    values = np.concatenate([np.full(count, math.nan if bad else 3.0) for bad, count in stretches])
    history = history_of(values)
    first, stop = view.extent(history)
    runs, begun = [], None
    for step, bad in enumerate([*np.isnan(values), False]):
        if bad and begun is None:
            begun = step
        if not bad and begun is not None:
            runs.append((begun, step - 1))
            begun = None
    seen = [run for run in runs if run[0] < stop and run[1] >= first]
    told = [part for part, role in title_of(GRADIENT, history, view, (), None) if role == "gap"]
    if not seen:
        assert told == []
        return
    low, high = seen[-1]
    if low == high:
        assert told == [f"× no number at {low}"]
    elif high == len(values) - 1:
        assert told == [f"× no number since {low}"]
    else:
        assert told == [f"× no number at {low}–{high}"]


@pytest.mark.parametrize("at", [0, 123_457, 500_000, 999_999])
def test_in_a_million_points_one_spike_and_one_gap_stay_in_sight(at: int) -> None:
    values = np.full(1_000_000, 2.0)
    values[at] = 1e6
    place = 112 * float(View().across(history_of(values)).places(at))
    rows = drawn(GRADIENT, history_of(values), View(), 120, 16)
    top = text(rows)[0]
    if at < 999_999:
        assert [x - 7 for x, cell in enumerate(top) if cell == "↑"] == [pytest.approx(place, abs=1)]
        assert "↑1e6" in top
    else:  # the newest one is where the line has gone
        assert "↑" not in top
        highest = [x - 7 for row in rows[:3] for x, cell in enumerate(cells(row)) if cell == "band"]
        assert highest
        assert all(abs(x - place) <= 2 for x in highest)
    values[at] = math.nan
    history = history_of(values)
    marked = [
        x - 7 for row in drawn(GRADIENT, history, View(), 120, 16) for x, c in enumerate(cells(row)) if c == "gap"
    ]
    assert len(marked) == 1
    assert abs(marked[0] - place) <= 1
    said = [part for part in title_of(GRADIENT, history, View(), (), None) if part[1] == "gap"]
    assert said == [(f"× no number at {at:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"), "gap")]


def test_plotext_is_loaded_without_its_manual() -> None:
    code = (
        "import sys\nfrom deadrelu_tui.tui.plot import chart\nchart.preload()\n"
        "print(chart.loaded(), 'plotext' in sys.modules, any('plotext._doc.sections' in name for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True", "False"]


# What leaves the axis


def spiked(low: float, high: float, at: int, kind: str = "linear", role: str = "train") -> Plot:
    """Return a plot of values between two limits with a spike of 1e6 above, and one of −1e6 below, if there is room."""
    values = np.linspace(low, high, 40)
    axis = fit(kind, values, 12)
    values[at] = 1e6
    return Plot((Line(np.arange(40), values, role),), axis, 0, 39)


@pytest.mark.parametrize(("at", "told"), [(0, "↑1e6"), (20, "↑1e6"), (39, "1e6↑"), (37, "↑1e6")])
def test_a_spike_beyond_the_axis_is_an_arrow_with_its_value_beside_it(at: int, told: str) -> None:
    plot = spiked(0.9, 2.3, at)
    rows = draw(plot, 60, 12)
    assert told in text(rows)[0]
    assert [sum(row.count("↑") for row in text(rows)), *(row.count("↓") for row in text(rows))] == [1] + [0] * 12
    (peak,) = peaks(plot)
    assert (peak.told, peak.above) == ("1e6", True)
    assert peak.farthest == pytest.approx(at / 39)
    assert "1e6" not in "".join(text(draw(spiked(0.9, 2.3, at, role="ghost"), 60, 12)))
    assert draw(plot, 60, 12, ascii_only=True)[0] == [
        (part.replace("↑", "^").replace("┤", "+"), role) for part, role in draw(plot, 60, 12, ascii_only=True)[0]
    ]
    assert told.replace("↑", "^") in text(draw(plot, 60, 12, ascii_only=True))[0]


def test_where_a_line_stays_beyond_the_axis_arrows_stand_in_a_row_and_the_farthest_value_is_told() -> None:
    values = np.full(60, 1.0)
    values[10:20], values[13] = 500.0, -7e4
    values[14] = 900.0
    plot = Plot((Line(np.arange(60), values, "train"),), fit("linear", np.array([0.0, 2.0]), 12), 0, 59)
    rows = text(draw(plot, 7 + 61, 12))
    assert re.search(r"↑{3,4} *↑{6,7}900", rows[0])
    assert "↓−7e4" in rows[9]
    assert [peak.told for peak in peaks(plot)] == ["900", "−7e4"]


def test_within_the_axis_there_is_no_peak_and_what_is_no_number_is_none() -> None:
    values = np.array([math.nan, 1.0, math.inf, 0.0, 2.0])
    axis = fit("linear", np.array([0.0, 2.0]), 12)
    assert list(peaks(Plot((Line(np.arange(5), values, "train"),), axis, 0, 4))) == []
    outside = Line(np.array([-3, 2, 9]), np.array([99.0, 1.0, 99.0]), "train")
    assert list(peaks(Plot((outside,), axis, 0, 4))) == []


def test_a_dotted_line_ends_the_first_steps_behind_everything_else() -> None:
    line = Line(np.arange(1_000), np.full(1_000, 0.5), "zeros")
    rows = draw(Plot((line,), share_axis(12), 0, 1_000, milestones=(508,), apart=True), 7 + 81, 12)
    dotted = [row.index("┊") for row in text(rows) if "┊" in row]
    assert set(dotted) == {dotted[0]}
    assert abs(dotted[0] - 7 - 20) <= 1
    assert len(dotted) >= 8
    assert sum("│" in row[7:] for row in text(rows)) >= 9  # the milestone
    assert "┊" not in "".join(text(draw(Plot((line,), share_axis(12), 0, 1_000), 88, 12)))
    assert ":" in text(draw(Plot((line,), share_axis(12), 0, 1_000, apart=True), 88, 12, ascii_only=True))[2]


def test_the_number_of_a_peak_is_the_farthest_one_and_that_of_one_line_does_not_cover_another_s() -> None:
    axis = fit("linear", np.array([2.0, 4.0]), 12)
    below = np.array([2.3] * 40)
    below[10:13], below[20:23] = 1.0, 0.3
    (peak,) = peaks(Plot((Line(np.arange(40), below, "train"),), axis, 0, 39))
    assert (peak.told, peak.above) == ("0.300", False)
    train, test = np.full(40, 2.3), np.full(40, 2.3)
    train[10], test[10] = 3e7, 4e6
    lines = (Line(np.arange(40), train, "train"), Line(np.arange(40), test, "test"))
    top = text(draw(Plot(lines, axis, 0, 39), 60, 12))[0]
    assert "3e7" in top
    assert "4e6" in top
    assert top.count("↑") == 1  # in one column


def test_between_two_points_that_are_not_joined_there_is_no_arrow() -> None:
    points = Line(np.array([40, 90]), np.array([50.0, 80.0]), "test", scattered=True)
    top = text(draw(Plot((points,), fit("linear", np.array([2.0, 4.0]), 12), 0, 100), 80, 12))[0]
    assert top.count("↑") == 2
    assert "80.0" in top


def test_a_chart_that_was_drawn_has_loaded_plotext() -> None:
    chart.preload()
    assert chart.loaded()


def test_what_belongs_to_no_line_is_of_the_axis() -> None:
    rows = draw(Plot((), share_axis(13), 0, 77), 61, 13)
    assert {role for row in rows for _, role in row} == {"axis"}
