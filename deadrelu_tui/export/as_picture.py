"""A run as the article's picture: zeros and dead units, loss and accuracy, the sum of every parameter's gradient."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from deadrelu_tui.export.curves import Epochs, Span
from deadrelu_tui.export.libraries import needed
from deadrelu_tui.export.phases import Map
from deadrelu_tui.export.recorded import history_of
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Record

_DOTS = 160
"""Dots per inch of a PNG."""


def write_png(records: Sequence[Record], path: Path) -> None:
    """Write the picture as a PNG."""
    _write(records, path, "png", {})


def write_svg(records: Sequence[Record], path: Path) -> None:
    """Write the picture as an SVG in which letters are shapes, so that it looks alike everywhere."""
    _write(records, path, "svg", {"Date": None})


def _write(records: Sequence[Record], path: Path, kind: str, metadata: dict[str, Any]) -> None:
    _draw(history_of(records), Epochs.of(records), path, kind, metadata)


def write_history(history: History, path: Path) -> None:
    """Write the picture of a run that is at hand, whole, as an SVG."""
    start = history.start
    length = (start.steps_per_epoch or 0) if start is not None else 0
    firsts = range(0, history.next, length) if length else ()
    spans = tuple(Span(number, first, min(first + length, history.next) - 1) for number, first in enumerate(firsts, 1))
    _draw(history, Epochs(spans), path, "svg", {"Date": None})


def load() -> None:
    """Load what draws. Raises InputError where it is missing."""
    with needed("matplotlib"):
        import matplotlib.figure  # noqa: F401


def _draw(history: History, epochs: Epochs, path: Path, kind: str, metadata: dict[str, Any]) -> None:
    def draw(figure: Any) -> None:
        from deadrelu_tui.export.sheet import Sheet

        Sheet(figure, history, epochs).draw()

    _save(draw, path, kind, metadata)


def write_map(shown: Map, path: Path, kind: str) -> None:
    """Write a map of a grid of runs, as png or svg."""

    def draw(figure: Any) -> None:
        from deadrelu_tui.export.map_sheet import MapSheet

        MapSheet(figure, shown).draw()

    _save(draw, path, kind, {"Date": None} if kind == "svg" else {})


def _save(draw: Callable[[Any], None], path: Path, kind: str, metadata: dict[str, Any]) -> None:
    load()
    import matplotlib
    from matplotlib.figure import Figure

    style = {"font.family": "DejaVu Sans", "svg.hashsalt": "deadrelu-tui", "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings(), path.open("xb") as file:
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # of a name in a script that the font lacks
        figure = Figure()
        draw(figure)
        figure.savefig(file, format=kind, dpi=_DOTS, metadata=metadata)
