"""Which charts there are, as rows of data, and the plot that each of them is of a history."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.diagnosis import CLASSES
from deadrelu_tui.history import History, is_extra
from deadrelu_tui.metrics import layer_names, parameter_names
from deadrelu_tui.settings import SATURATING
from deadrelu_tui.tui.chart import Line, Plot
from deadrelu_tui.tui.scale import Axis, fit, share_axis
from deadrelu_tui.wording import number, percent

WINDOWS = ("all", "epoch", "last 200")
_LAST, _HOP = 200, 50
_FIRST_EXTENT = 64


@dataclass(frozen=True)
class ChartSpec:
    """A chart: its series as (name, role), its scale, its horizontal lines."""

    id: str
    label: str
    series: tuple[tuple[str, str], ...]
    scale: str = "linear"
    """'share' for 0–100 %, else what `y` switches to and from: 'log' or 'symlog'."""
    rules: tuple[float, ...] = ()


def chart_specs(hidden: int) -> tuple[tuple[ChartSpec, ...], tuple[ChartSpec, ...]]:
    """Return the charts for so many hidden layers: (dead ReLU per layer and loss), (gradient per parameter)."""
    dead = tuple(
        ChartSpec(
            f"dead-{layer}",
            layer,
            ((f"zero_fraction/{layer}", "zeros"), (f"dead_fraction/{layer}", "dead"),
             (f"saturated_fraction/{layer}", "dead")),
            "share",
        )
        for layer in layer_names(hidden)
    )  # fmt: skip
    loss = ChartSpec("loss", "loss", (("loss", "train"), ("loss/test", "test")), "log", (math.log(CLASSES),))
    gradients = tuple(
        ChartSpec(f"gradient-{name}", f"Σ∂L/∂{name}", ((f"grad_sum/{name}", "gradient"),), "symlog")
        for name in parameter_names(hidden)
    )
    return (*dead, loss), gradients


def extent(window: str, history: History) -> tuple[int, int]:
    """Return the steps at the left and right edge of the charts. They stand still while the line grows."""
    steps = len(history)
    total = history.start.steps if history.start else _FIRST_EXTENT
    if window == "epoch" and history.start is not None:
        first = max(0, steps - 1) // history.start.batches * history.start.batches
        return first, first + history.start.batches
    if window == "last 200":
        stop = max(_LAST, -(-steps // _HOP) * _HOP)
        return stop - _LAST, stop
    wide = _FIRST_EXTENT
    while wide < steps:
        wide *= 2
    return 0, min(wide, max(total, 1))


def plot_of(
    spec: ChartSpec, history: History, window: str, logarithmic: bool, columns: int, rows: int, before: Axis | None
) -> Plot:
    """Return what a chart of so many columns shows; `before` is its last vertical axis."""
    first, stop = extent(window, history)
    lines = []
    for name, role, _ in _shown(spec, history):
        steps, values = history.outline(name, first, stop + 1, columns)
        if len(steps):
            if spec.scale == "share" and is_extra(name):  # as it was last measured, up to the present step
                steps = np.append(steps, max(steps[-1], min(len(history) - 1, stop)))
                values = np.append(values, values[-1])
            lines.append(Line(steps, values, role, scattered=name.endswith("/test")))
    if spec.scale == "share":
        axis = share_axis(rows)
    else:
        seen = np.concatenate([line.values for line in lines]) if lines else np.empty(0, np.float32)
        axis = fit(spec.scale if logarithmic else "linear", seen, rows, before)
    marks = tuple(event.step for event in history.events if event.mark and first <= event.step <= stop)
    return Plot(tuple(lines), axis, first, stop, marks, spec.rules)


def title_of(spec: ChartSpec, history: History, axis: Axis | None) -> list[tuple[str, str]]:
    """Return a chart's title as (text, role): its name and the latest value of each of its series."""
    label = spec.label
    if spec.scale == "share":
        label = f"{WORDS[activation_of(history)][0]} {spec.label}"
    parts = [(label, "name")]
    for name, role, word in _shown(spec, history):
        value = history.latest(name)
        if value is not None:
            text = percent(value) if spec.scale == "share" else number(value, 4 if word else 3)
            parts.append((f"{word} {text}" if word else text, role))
    if spec.id == "loss":
        parts.append((f"─ ln {CLASSES} = {math.log(CLASSES):.3f}", "rule"))
    if axis is not None and axis.kind != "linear":
        parts.append((axis.kind, "axis"))
    return parts


WORDS = {
    "relu": ("dead ReLU", "zeros", "dead"),
    "leaky_relu": ("leaky ReLU", "h ≤ 0", "never fires"),
    "sigmoid": ("sigmoid", "h ≤ 0", "saturated"),
    "tanh": ("tanh", "h ≤ 0", "saturated"),
}
"""What a layer's chart, its zeros and its units without a gradient are called. Only ReLU kills."""


def activation_of(history: History) -> str:
    """Return the activation that the newest step was taken with."""
    return history.last.live.activation if history.last else "relu"


def _shown(spec: ChartSpec, history: History) -> Iterator[tuple[str, str, str]]:
    """Yield (name, role, word) of the series that mean something for the activation in force."""
    activation = activation_of(history)
    _, zeros, gone = WORDS[activation]
    words = {"zero_fraction": zeros, "dead_fraction": gone, "saturated_fraction": gone, "loss": "train"}
    hidden = "dead_fraction" if activation in SATURATING else "saturated_fraction"
    for name, role in spec.series:
        metric = name.partition("/")[0]
        if metric != hidden:
            yield name, role, "◆ test" if name.endswith("/test") else words.get(metric, "")
