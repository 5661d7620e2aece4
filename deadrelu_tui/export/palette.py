"""Colours that people tell apart however they see them, and the words that stand above what is drawn."""

from __future__ import annotations

from collections.abc import Sequence

from deadrelu_tui.record.history import History
from deadrelu_tui.wording import count

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
"""Okabe and Ito (2008)."""
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
"""Of lines that are named, in their order; yellow is too light for a line on white."""
_DARK, _LIGHT = (0, 49, 92), (233, 200, 60)
"""The ends of a ramp whose lightness rises evenly: of lines that are too many to be named, the first and the last."""
RAMP = ((0.0, (246, 233, 92)), (0.45, (0, 158, 115)), (0.64, (0, 114, 178)), (1.0, (0, 34, 72)))
"""Of a share: from what lives to what is dead. Its lightness falls evenly, whatever colours somebody tells apart."""


def colours(many: int) -> Sequence[str]:
    """Return a colour for each of so many lines."""
    if many <= len(LINES):
        return LINES[:many]
    shares = [index / (many - 1) for index in range(many)]
    mixed = [[round(a + (b - a) * share) for a, b in zip(_DARK, _LIGHT, strict=True)] for share in shares]
    return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in mixed]


def definition(history: History, metric: str) -> str:
    """Return what the share says that a chart shows, with the size of the probe set."""
    probe = history.start.probe if history.start is not None else 0
    samples = f"{count(probe)} probe samples" if probe else "the probe samples"
    return {
        "zero_fraction": "share of h ≤ 0 in the batch, the article's relu_rate: sparsity, not death",
        "dead_fraction": f"share of units that fire for none of {samples}",
        "saturated_fraction": f"share of units with a gradient below 1e-7 on 99 % of {samples}",
    }[metric]
