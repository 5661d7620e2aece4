"""Lines are laid into a canvas dot for dot as plotext draws them, and nothing else is touched."""

from __future__ import annotations

import re

import numpy as np
import plotext
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadrelu_tui.tui.plot.raster import Canvas

BLANK = ord(" ")
SHARE = st.floats(0, 1, width=32) | st.sampled_from([0.0, 0.25, 0.5, 1.0])
POINTS = st.lists(st.tuples(SHARE, SHARE), min_size=1, max_size=30)


def blank(width: int, height: int) -> Canvas:
    return Canvas(np.full((height, width), BLANK, np.uint32), np.zeros((height, width), np.int8))


def of_plotext(width: int, height: int, lines: list[list[tuple[float, float]]], marker: str, joined: bool) -> list[str]:
    """Return rows of (character, colour) that plotext draws, without axes; lines have the colours 1, 2, …"""
    plotext.terminal.limit(False, False)
    figure = plotext.figure
    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless")
    figure.canvas("default")
    for axis in (0, 1):
        for side in (0, 1):
            figure.axes(False, axis=axis, side=side)
    for ruler in (figure.ruler("y", "left"), figure.ruler("x", "lower")):
        ruler.lim(0, 1)
        ruler.ticks([], [])
    for colour, points in enumerate(lines, 1):
        across, up = map(list, zip(*points, strict=True))
        figure.draw(figure.signal(across, up, marker=plotext.marker(marker, pixel=colour)).lines(joined))
    rows = []
    for row in figure.build().string().split("\n")[:height]:
        told, cells = "0", ""
        for index, part in enumerate(re.split(r"\x1b\[([0-9;]*)m", row)):
            if index % 2:
                told = part.removeprefix("38;5;") if part.startswith("38;5;") else "0"
            else:
                cells += "".join(each + (told if each != " " else "0") for each in part)
        rows.append(cells)
    return rows


def of_canvas(canvas: Canvas) -> list[str]:
    rows = zip(canvas.codes, canvas.roles, strict=True)
    return ["".join(f"{chr(code)}{role}" for code, role in zip(*row, strict=True)) for row in rows]


@settings(deadline=None, max_examples=150)
@given(st.integers(2, 70), st.integers(2, 24), st.lists(POINTS, min_size=1, max_size=3), st.sampled_from(["", "*"]))
def test_polylines_are_those_of_plotext(
    width: int, height: int, lines: list[list[tuple[float, float]]], character: str
) -> None:
    canvas = blank(width, height)
    for role, points in enumerate(lines, 1):
        across, up = np.array(points).T
        canvas.polyline(across, up, role, character=character)
    assert of_canvas(canvas) == of_plotext(width, height, lines, character or "braille", joined=True)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 70), st.integers(2, 24), st.lists(POINTS, min_size=1, max_size=3))
def test_points_are_those_of_plotext(width: int, height: int, lines: list[list[tuple[float, float]]]) -> None:
    canvas = blank(width, height)
    for role, points in enumerate(lines, 1):
        across, up = np.array(points).T
        canvas.points(across, up, "◆", role)
    assert of_canvas(canvas) == of_plotext(width, height, lines, "◆", joined=False)


@settings(deadline=None, max_examples=60)
@given(POINTS, st.data())
def test_a_broken_line_is_its_pieces(points: list[tuple[float, float]], data: st.DataObject) -> None:
    inside = st.integers(1, len(points) - 1) if len(points) > 1 else st.nothing()
    breaks = sorted(data.draw(st.sets(inside)))
    whole, pieces = blank(40, 12), blank(40, 12)
    across, up = np.array(points).T
    whole.polyline(across, up, 1, breaks)
    for piece in np.split(np.arange(len(points)), breaks):
        pieces.polyline(across[piece], up[piece], 1)
    assert of_canvas(whole) == of_canvas(pieces)


def test_a_line_goes_over_what_is_no_line_and_joins_dots_of_other_lines() -> None:
    canvas = blank(8, 4)
    canvas.points(np.array([0.0]), np.array([0.0]), "│", 3)
    canvas.polyline(np.array([0.0, 0.0]), np.array([0.0, 0.0]), 1)
    lower = chr(canvas.codes[3, 0])
    canvas.polyline(np.array([0.0, 0.0]), np.array([0.1, 0.1]), 2)
    assert canvas.roles[3, 0] == 2
    assert int(canvas.codes[3, 0]) & ord(lower) == ord(lower) != canvas.codes[3, 0]


@pytest.mark.parametrize("up", [0.0, 1.0])
def test_the_edges_lie_inside_the_canvas(up: float) -> None:
    canvas = blank(5, 3)
    canvas.polyline(np.array([0.0, 1.0]), np.array([up, up]), 1)
    drawn = canvas.codes != BLANK
    assert drawn[0 if up else -1].all()
    assert drawn.sum() == 5
