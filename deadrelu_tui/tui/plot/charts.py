"""Which charts there are, as rows of data, and the plot that each of them is of a history."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from deadrelu_tui.diagnosis.verdict import CLASSES
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Gap
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import is_extra, layer_names, parameter_names
from deadrelu_tui.tui.plot.chart import Line, Plot
from deadrelu_tui.tui.plot.scale import Axis, fit, share_axis
from deadrelu_tui.tui.plot.view import View
from deadrelu_tui.wording import count, number, percent


@dataclass(frozen=True)
class ChartSpec:
    """A chart: its series as (name, role), its scale, its horizontal lines."""

    id: str
    label: str
    series: tuple[tuple[str, str], ...]
    scale: str = "linear"
    """'share' for 0–100 %, 'count' for whole numbers, else what `y` switches to and from: 'log' or 'symlog'."""
    rules: tuple[float, ...] = ()
    held: bool = False
    """A value holds until it is measured again."""


def chart_specs(hidden: int) -> tuple[tuple[ChartSpec, ...], tuple[ChartSpec, ...]]:
    """Return the charts for so many hidden layers: (dead ReLU per layer and loss), (gradient per parameter)."""
    dead = tuple(
        ChartSpec(
            f"dead-{layer}",
            layer,
            ((f"zero_fraction/{layer}", "zeros"),),
            "share",
            held=True,
        )
        for layer in layer_names(hidden)
    )  # fmt: skip
    loss = ChartSpec("loss", "loss", (("loss", "train"), ("loss/test", "test")), "log", (math.log(CLASSES),))
    gradients = tuple(
        ChartSpec(f"gradient-{name}", f"Σ∂L/∂{name}", ((f"grad_sum/{name}", "gradient"),), "symlog")
        for name in parameter_names(hidden)
    )
    return (*dead, loss), gradients


LEDGER = ChartSpec("ledger", "ledger", (("deaths", "dead"), ("revivals", "zeros")), "count", held=True)
"""Deaths and revivals of all layers, so far."""


def plot_of(
    spec: ChartSpec, history: History, view: View, ghost: History | None, columns: int, rows: int, before: Axis | None
) -> Plot:
    """Return what a chart of so many columns shows; `before` is its last vertical axis."""
    first, stop = view.extent(history)
    lines: list[Line] = []
    for name, role, _ in shown(spec, history, view):
        if ghost is not None:
            lines.append(_line(spec, ghost, name, "ghost", first, stop, columns))
        line = _line(spec, history, name, role, first, stop, columns)
        if view.smoothing and len(line.steps) and not is_extra(name):
            smooth = history.smooth(name, np.unique(line.steps), view.smoothing)
            lines += [replace(line, role="raw"), replace(line, steps=np.unique(line.steps), values=smooth)]
        else:
            lines.append(line)
    if spec.scale == "share":
        axis = share_axis(rows)
    else:
        seen = np.concatenate([line.values for line in lines]) if lines else np.empty(0, np.float32)
        if spec.scale == "count":
            seen = np.append(seen, (0, 1))
        bent = view.logarithmic and spec.scale != "count"
        axis = fit(spec.scale if bent else "linear", seen, rows, before)
    marks = tuple(event.step for event in history.marks if first <= event.step <= stop)
    return Plot(tuple(line for line in lines if len(line.steps) or line.gaps), axis, first, stop, marks, spec.rules,
                view.cursor)  # fmt: skip


def _line(spec: ChartSpec, history: History, name: str, role: str, first: int, stop: int, columns: int) -> Line:
    steps, values = history.outline(name, first, stop + 1, columns)
    if spec.held and is_extra(name):  # as it was last measured, from before the first step shown up to the present
        earlier, latest = history.at(name, first), history.latest(name)
        if earlier is not None and math.isfinite(earlier) and (not len(steps) or steps[0] > first):
            steps, values = np.append(first, steps), np.append(np.float32(earlier), values)
        now = min(len(history) - 1, stop)
        if latest is not None and math.isfinite(latest) and len(steps) and steps[-1] < now:
            steps, values = np.append(steps, now), np.append(values, values[-1])
    gaps = history.gaps(name, first, stop + 1) if role != "ghost" else ()
    return Line(steps, values, role, scattered=name.endswith("/test"), gaps=gaps)


def title_of(
    spec: ChartSpec, history: History, view: View, ghost: History | None, axis: Axis | None
) -> list[tuple[str, str]]:
    """Return a chart's title as (text, role): its name, and each series' value now or at the cursor."""
    label = spec.label
    if spec.scale == "share":
        label = f"{WORDS[activation_of(history)][0]} {spec.label}"
    parts = [(label, "name")]
    if axis is not None and axis.kind != "linear":
        parts.append((axis.kind, "axis"))

    def value_of(history: History, name: str) -> float | None:
        return history.latest(name) if view.cursor is None else history.at(name, view.cursor)

    gaps: list[Gap] = []
    # Where there is no room for both, the dead tell more than the zeros.
    series = sorted(shown(spec, history, view), key=lambda each: each[1] != "dead")
    for name, role, word in series:
        value = value_of(history, name)
        if value is not None:
            form = _form(spec, bool(word))
            parts.append((f"{word} {form(value)}" if word else form(value), role))
            earlier = value_of(ghost, name) if ghost is not None and view.cursor is not None else None
            if earlier is not None:
                parts.append((f"was {form(earlier)}", "ghost"))
        gaps += [_whole(history, name, gap) for gap in history.gaps(name, *view.extent(history))[-1:]]
    if spec.id == "loss":
        parts.append((f"─ ln {CLASSES} = {math.log(CLASSES):.3f}", "rule"))
    if gaps:
        parts.append((_gap_text(max(gaps, key=lambda gap: (gap.last, -gap.first)), len(history)), "gap"))
    return parts


def _form(spec: ChartSpec, named: bool) -> Callable[[float], str]:
    if spec.scale == "share":
        return percent
    if spec.scale == "count":
        return lambda value: count(round(value)) if math.isfinite(value) else number(value)
    return lambda value: number(value, 4 if named else 3)


def _whole(history: History, name: str, gap: Gap) -> Gap:
    """Return a gap from where it begins to where it ends, which may lie outside of what is shown."""
    steps, values = history.series(name)
    well = steps[np.isfinite(values)]
    before, after = np.searchsorted(well, gap.first), np.searchsorted(well, gap.last)
    first = np.searchsorted(steps, well[before - 1], side="right") if before else 0
    last = np.searchsorted(steps, well[after]) - 1 if after < len(well) else len(steps) - 1
    return Gap(int(steps[first]), int(steps[last]))


def _gap_text(gap: Gap, steps: int) -> str:
    """Return where the last stretch without a finite number lies."""
    if gap.last >= steps - 1 and gap.last > gap.first:
        return f"× no number since {count(gap.first)}"
    return f"× no number at {count(gap.first)}" + (f"–{count(gap.last)}" if gap.last > gap.first else "")


WORDS = {
    "relu": ("dead ReLU", "zeros"),
    "leaky_relu": ("leaky ReLU", "h ≤ 0"),
    "sigmoid": ("sigmoid", "h ≤ 0"),
    "tanh": ("tanh", "h ≤ 0"),
}
"""What a layer's chart and its share of h ≤ 0 are called. Only ReLU makes zeros of it, and only ReLU kills."""


def activation_of(history: History) -> str:
    """Return the activation that the newest step was taken with."""
    return history.last.live.activation if history.last else "relu"


def shown(spec: ChartSpec, history: History, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield (name, role, word) of the series; of the definitions of death the one that the view follows."""
    activation = activation_of(history)
    died, revived = ("saturated", "left it") if activation in SATURATING else ("died", "revived")
    words = {
        "zero_fraction": WORDS[activation][1], "loss": "train", "loss/test": "◆ test", "deaths": died,
        "revivals": revived,
    }  # fmt: skip
    for name, role in spec.series:
        yield name, role, words.get(name, words.get(name.partition("/")[0], ""))
    if spec.scale == "share":
        definition = view.definition_for(activation)
        yield (
            f"{definition.metric}/{spec.label}",
            "dead",
            definition.name + (":" if definition.name[-1] in "%0123456789" else ""),
        )
