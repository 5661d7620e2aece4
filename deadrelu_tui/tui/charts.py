"""Which charts there are, as rows of data, and the plot that each of them is of a history."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from deadrelu_tui.diagnosis import CLASSES
from deadrelu_tui.history import History
from deadrelu_tui.metrics import layer_names, metric_of, parameter_names
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
            f"dead ReLU {layer}",
            ((f"zero_fraction/{layer}", "zeros"), (f"dead_fraction/{layer}", "dead"),
             (f"saturated_fraction/{layer}", "test")),
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
    for name, role in spec.series:
        steps, values = history.outline(name, first, stop + 1, columns)
        if len(steps):
            lines.append(Line(steps, values, role))
    if spec.scale == "share":
        axis = share_axis(rows)
    else:
        seen = np.concatenate([line.values for line in lines]) if lines else np.empty(0, np.float32)
        axis = fit(spec.scale if logarithmic else "linear", seen, rows, before)
    marks = tuple(event.step for event in history.events if event.mark and first <= event.step <= stop)
    return Plot(tuple(lines), axis, first, stop, marks, spec.rules)


def title_of(spec: ChartSpec, history: History, axis: Axis | None) -> list[tuple[str, str]]:
    """Return a chart's title as (text, role): its name and the latest value of each of its series."""
    parts = [(spec.label, "")]
    for name, role in spec.series:
        value = history.latest(name)
        if value is None:
            continue
        if spec.scale == "share":
            parts.append((f"{metric_of(name).title} {percent(value)}", role))
        elif len(spec.series) == 1:
            parts.append((number(value), role))
        else:
            parts.append((f"{'test' if name.endswith('/test') else 'train'} {number(value, 4)}", role))
    if spec.id == "loss":
        parts.append((f"─ ln {CLASSES} = {math.log(CLASSES):.3f}", "rule"))
    if axis is not None and axis.kind != "linear":
        parts.append((axis.kind, "axis"))
    return parts
