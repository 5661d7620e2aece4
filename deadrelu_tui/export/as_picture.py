"""A run as the article's picture: zeros and dead units, loss and accuracy, the sum of every parameter's gradient."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deadrelu_tui.export.curves import Epochs
from deadrelu_tui.export.libraries import needed
from deadrelu_tui.export.recorded import history_of
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
    with needed("matplotlib"):
        import matplotlib
        from matplotlib.figure import Figure

    from deadrelu_tui.export.sheet import Sheet

    history = history_of(records)
    style = {"font.family": "DejaVu Sans", "svg.hashsalt": "deadrelu-tui", "text.parse_math": False}
    with matplotlib.rc_context(style), warnings.catch_warnings(), path.open("xb") as file:
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # of a name in a script that the font lacks
        figure = Figure()
        Sheet(figure, history, Epochs.of(records)).draw()
        figure.savefig(file, format=kind, dpi=_DOTS, metadata=metadata)
