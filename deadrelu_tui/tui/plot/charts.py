"""Which charts there are, as rows of data, and the plot that each of them is of a history."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import CHOSEN, OWN, SATURATING
from deadrelu_tui.record.columns import Gap, Series
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import is_logged, quantity
from deadrelu_tui.record.records import Start
from deadrelu_tui.tui.plot.across import BEGINNING, Across
from deadrelu_tui.tui.plot.chart import GHOSTS, Line, Plot
from deadrelu_tui.tui.plot.scale import Axis, fit, share_axis, within_fences
from deadrelu_tui.tui.plot.view import GRADIENTS, View
from deadrelu_tui.wording import count, number, percent, printable

MANY, SLOTS = 8, 4
"""Layers up to which each has a chart of its own; of more, so many at a time, with so many parameters of the layer in
focus."""


TESTS = ("loss/test", "accuracy/test")
BAND = 4
"""Steps to a column from which on its least and its greatest value are drawn as a band, and their mean as the line."""
SOON = 3
"""Steps after which what is told of every step has been told."""
POINTS = 12
"""Tests that are drawn as points; as many as can be told from each other."""


@dataclass(frozen=True)
class ChartSpec:
    """A chart: its series as (name, role), its scale, its horizontal lines."""

    id: str
    label: str
    series: tuple[tuple[str, str], ...]
    layer: str = ""
    """The layer whose zeros and deaths it shows; empty for any other chart."""
    parameter: str = ""
    """The parameter whose gradient it shows, in the words that the view has for it; empty for any other chart."""
    scale: str = "linear"
    """'share' for 0–100 %, else what `y` switches to and from: 'log', 'symlog' or 'count', a symlog of what is added to
    a total. 'linear' is the other way round: `y` makes it logarithmic."""
    rules: tuple[float, ...] = ()
    held: bool = False
    """A value holds until it is measured again."""


def layer_chart(id: str, layer: str) -> ChartSpec:
    """Return the chart of a layer's zeros and dead."""
    return ChartSpec(id, layer, ((quantity("zero_fraction", layer).name, "zeros"),), layer, scale="share", held=True)


def gradient_chart(id: str, parameter: str) -> ChartSpec:
    """Return the chart of a parameter's gradient."""
    series = (quantity(GRADIENTS[0], parameter).name, "gradient")
    return ChartSpec(id, parameter, (series,), parameter=parameter, scale="symlog")


def loss_chart(classes: int | None) -> ChartSpec:
    """Return the chart of the losses, with that of guessing if there are classes."""
    rules = () if classes is None else (math.log(classes),)
    return ChartSpec("loss", "loss", (("loss", "train"), ("loss/test", "test")), scale="log", rules=rules)


def accuracy_chart(classes: int | None) -> ChartSpec:
    """Return the chart of the accuracies, with that of choosing by lot if there are classes."""
    series = (("accuracy/probe", "train"), ("accuracy/test", "test"))
    return ChartSpec("accuracy", "accuracy", series, scale="share", rules=() if classes is None else (1 / classes,))


def logged_chart(id: str, name: str) -> ChartSpec:
    """Return the chart of a number that the training logs itself."""
    return ChartSpec(id, printable(name), ((name, "train"),))


def chart_specs(start: Start) -> tuple[tuple[ChartSpec, ...], tuple[ChartSpec, ...]]:
    """Return the charts of what a run announces: (dead ReLU per layer, loss, accuracy, what is logged beside them),
    (gradient per parameter).
    """
    network = start.network
    dead = (layer_chart(_id("dead", index, name), name) for index, name in enumerate(network.names[:MANY]))
    parameters = [each.name for each in network.parameters]
    if len(network) > MANY:
        parameters = parameters[:SLOTS]
    gradients = (gradient_chart(_id("gradient", index, name), name) for index, name in enumerate(parameters))
    told = {each.name for each in start.metrics}
    accuracy = accuracy_chart(start.choices)
    accuracies = [accuracy] if any(name in told for name, _ in accuracy.series) else []
    names = [each.name for each in start.metrics if is_logged(each)][:MANY]
    others = (logged_chart(f"logged-{index}", name) for index, name in enumerate(names))
    return (*dead, loss_chart(start.choices), *accuracies, *others), tuple(gradients)


def _id(kind: str, index: int, name: str) -> str:
    """Return a name for a panel; what the network calls things may hold any character."""
    plain = name.isascii() and name.isalnum() and not name[0].isdigit()  # a name "1" would be another one's number
    return f"{kind}-{name}" if plain else f"{kind}-{index}"


LEDGER = ChartSpec("ledger", "ledger", (("deaths", "dead"), ("revivals", "zeros")), scale="count")
"""Deaths and revivals of all layers, so far."""


def lacking(spec: ChartSpec, history: History) -> str:
    """Return why a chart of somebody's own network has nothing to show; empty if it has, or may come to have."""
    start = history.start
    if start is None or not start.facts.get("guest") or len(history) < SOON:
        return ""
    if spec.id == "loss" and not any(len(history.series(name).steps) for name, _ in spec.series):
        return "no loss is told: monitor.log(loss=loss)"
    return ""


def plot_of(
    spec: ChartSpec,
    history: History,
    view: View,
    ghosts: Sequence[History],
    columns: int,
    rows: int,
    before: Axis | None,
) -> Plot:
    """Return what a chart of so many columns shows; `before` is its last vertical axis."""
    across = view.across(history)
    first, stop = across.first, across.stop
    lines: list[Line] = []
    for name, role, _ in shown(spec, history, view):
        lines += [_line(spec, each, name, under, across, columns) for each, under in zip(ghosts, GHOSTS, strict=False)]
        line = _line(spec, history, name, role, across, columns)
        if view.smoothing and len(line.steps) and history.quantity(name).every_step:
            smooth = history.smooth(name, np.unique(line.steps), view.smoothing)
            lines += [replace(line, role="raw"), replace(line, steps=np.unique(line.steps), values=smooth)]
        elif history.quantity(name).every_step and (inner := _means(history, name, across, columns)) is not None:
            band = replace(line, role="band", marked=line.role)
            lines += [band, replace(line, steps=inner.steps, values=inner.values)]
        else:
            lines.append(line)
    if spec.scale == "share":
        axis = share_axis(rows)
    else:
        counted = spec.scale == "count"
        scale = spec.scale if not spec.parameter or view.gradient == GRADIENTS[0] else "log"  # no norm is negative
        if scale == "linear":
            kind = "linear" if view.logarithmic else _powers(lines)
        else:
            kind = "linear" if not view.logarithmic else "symlog" if counted else scale
        # The first steps are looked at for what happens there, spikes and all.
        whole = counted or stop - first <= 2 * BEGINNING
        seen = [line.values if whole else within_fences(kind, line.values) for line in lines]
        axis = fit(kind, np.concatenate([*seen, (0.0, 1.0)] if counted else seen or [np.empty(0)]), rows, before)
    marks, milestones = (
        tuple(event.step for event in events if first <= event.step <= stop)
        for events in (history.marks, history.milestones)
    )
    return Plot(tuple(line for line in lines if len(line.steps) or line.gaps), axis, first, stop, marks, spec.rules,
                view.cursor, milestones, across.bend is not None)  # fmt: skip


def _powers(lines: Sequence[Line]) -> str:
    """Return the logarithmic scale on which some lines have a place: that of numbers below zero has no decades below
    one.
    """
    return "log" if all((line.values[np.isfinite(line.values)] > 0).all() for line in lines) else "symlog"


def _means(history: History, name: str, across: Across, columns: int) -> Series | None:
    """Return the mean of each column, where there are so many steps to a column that its least and its greatest value
    make a band; the first steps, where they are apart, each by itself. None where there are fewer.
    """
    stretches = list(across.stretches(columns))
    banded = [stop - first >= BAND * wide for first, stop, wide in stretches]
    if not any(banded):
        return None
    means = [
        history.means(name, *stretch) if thick else history.window(name, *stretch[:2])
        for thick, stretch in zip(banded, stretches, strict=True)
    ]
    steps, values = means[0] if len(means) == 1 else map(np.concatenate, zip(*means, strict=True))
    return Series(steps, values)


def _line(spec: ChartSpec, history: History, name: str, role: str, across: Across, columns: int) -> Line:
    first, stop = across.first, across.stop
    outlines = [history.outline(name, *stretch) for stretch in across.stretches(columns)]
    steps, values = outlines[0] if len(outlines) == 1 else map(np.concatenate, zip(*outlines, strict=True))
    if spec.scale == "count":
        return Line(*_bars(steps, values, history.at(name, first - 1) or 0.0, -1 if name == "revivals" else 1), role)
    if spec.held and not history.quantity(name).every_step:
        # As it was last measured: from before the first step shown up to the present, and level from look to look.
        earlier, latest = history.at(name, first), history.latest(name)
        if earlier is not None and math.isfinite(earlier) and (not len(steps) or steps[0] > first):
            steps, values = np.append(first, steps), np.append(np.float32(earlier), values)
        last = history.last
        now = min(stop if last is None else last, stop)
        if latest is not None and math.isfinite(latest) and len(steps) and steps[-1] < now:
            steps, values = np.append(steps, now), np.append(values, values[-1])
        turns = np.flatnonzero(values[1:] != values[:-1]) + 1
        steps, values = np.insert(steps, turns, steps[turns]), np.insert(values, turns, values[turns - 1])
    gaps = history.gaps(name, first, stop + 1) if role not in GHOSTS else ()
    return Line(steps, values, role, scattered=name in TESTS and few_tests(history, across), gaps=gaps)


def _bars(
    steps: npt.NDArray[np.int64], totals: npt.NDArray[np.float32], before: float, side: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return what each point of a total adds to it as a bar on one side of zero; before the first it had some value."""
    with np.errstate(invalid="ignore"):
        added = np.diff(totals, prepend=np.float32(before))
    there = np.flatnonzero(added > 0)
    places, heights = np.repeat(steps[there], 3), np.zeros(3 * len(there), np.float32)
    heights[1::3] = side * added[there]
    if len(steps):  # and the line of zero, as far as it is known
        places, heights = np.concatenate((steps[:1], places, steps[-1:])), np.concatenate(([0], heights, [0]))
    return places, heights.astype(np.float32)


def more_deaths_than_units(history: History, view: View) -> str:
    """Return, if the ledger has more deaths than there are units, what that means; at the cursor, if there is one."""
    deaths = history.latest("deaths") if view.cursor is None else history.at("deaths", view.cursor)
    units = sum(layer.units for layer in history.network.layers)
    return f"{count(units)} units, some died again" if deaths is not None and deaths > units else ""


def few_tests(history: History, across: Across) -> bool:
    """Return whether there are so few tests in sight that each is a point; more of them are a line."""
    return len(history.window("loss/test", across.first, across.stop + 1).steps) <= POINTS


def title_of(
    spec: ChartSpec, history: History, view: View, ghosts: Sequence[History], axis: Axis | None
) -> list[tuple[str, str]]:
    """Return a chart's title as (text, role): its name, and each series' value now or at the cursor."""
    label = spec.label
    if spec.layer:
        label = f"{words_for(history.activation(spec.layer))[0]} {spec.label}".lstrip()
    if spec.parameter:
        label = GRADIENT_WORDS[view.gradient].format(spec.parameter)
    parts = [(label, "name")]
    if axis is not None and axis.kind != "linear" and spec.scale != "count":
        parts.append((axis.kind, "axis"))

    def value_of(history: History, name: str) -> float | None:
        return history.latest(name) if view.cursor is None else history.at(name, view.cursor)

    first, stop = view.extent(history)
    told = [name for name, *_ in shown(spec, history, view)]
    gaps = [history.whole_gap(name, gap) for name in told for gap in history.gaps(name, first, stop)[-1:]]
    newest = 0 if history.last is None else history.last
    gap = max(gaps, key=lambda gap: (gap.last, -gap.first), default=None)
    said = [] if gap is None else [(_gap_text(gap, newest), "gap")]
    if gap is not None and gap.last >= newest:  # there is no other value to tell
        parts, said = parts + said, []
    # Where there is no room for both, the dead tell more than the zeros.
    series = sorted(shown(spec, history, view), key=lambda each: each[1] != "dead")
    for name, role, word in series:
        value = value_of(history, name)
        if value is not None:
            form = _form(spec, bool(word))
            parts.append((f"{word} {form(value)}" if word else form(value), role))
            earlier = value_of(ghosts[0], name) if len(ghosts) == 1 and view.cursor is not None else None
            if earlier is not None:
                parts.append((f"was {form(earlier)}", "ghost"))
    parts += said
    if spec.rules and spec.scale == "share":
        parts.append((f"─ by lot {percent(spec.rules[0])}", "rule"))
    elif spec.rules and history.start is not None and history.start.classes is not None:
        parts.append((f"─ ln {history.start.classes} = {spec.rules[0]:.3f}", "rule"))
    return parts


def _form(spec: ChartSpec, named: bool) -> Callable[[float], str]:
    if spec.scale == "share":
        return percent
    if spec.scale == "count":
        return lambda value: count(round(value)) if math.isfinite(value) else number(value)
    return lambda value: number(value, 4 if named else 3)


def _gap_text(gap: Gap, last: int) -> str:
    """Return where the last stretch without a finite number lies."""
    if gap.last >= last and gap.last > gap.first:
        return f"× no number since {count(gap.first)}"
    return f"× no number at {count(gap.first)}" + (f"–{count(gap.last)}" if gap.last > gap.first else "")


GRADIENT_WORDS = {"grad_sum": "Σ∂L/∂{}", "grad_norm": "‖∂L/∂{}‖", "update_ratio": "‖Δ{0}‖/‖{0}‖"}
"""What the chart of a parameter is called, by the metric that it shows."""
WORDS = {
    "relu": ("dead ReLU", "zeros"),
    "leaky_relu": ("leaky ReLU", "h ≤ 0"),
    "sigmoid": ("sigmoid", "h ≤ 0"),
    "tanh": ("tanh", "h ≤ 0"),
    OWN: ("", "zeros"),
    CHOSEN: ("table", "not chosen"),
}
"""What a layer's chart and its share of h ≤ 0 are called. Only ReLU makes zeros of it, and only ReLU kills."""


def words_for(activation: str) -> tuple[str, str]:
    """Return what a layer's chart and its share of h ≤ 0 are called, for any activation."""
    return WORDS.get(activation, (activation, "h ≤ 0"))


def shown(spec: ChartSpec, history: History, view: View) -> Iterator[tuple[str, str, str]]:
    """Yield (name, role, word) of the series; of the definitions of death the one that the view follows."""
    activation = history.activation(spec.layer)
    died, revived = ("saturated", "left it") if activation in SATURATING else ("died", "revived")
    words = {
        "zero_fraction": words_for(activation)[1], "loss": "train", "loss/test": "test", "deaths": died,
        "accuracy/probe": "probe", "accuracy/test": "test",
        "revivals": revived,
    }  # fmt: skip
    series = spec.series
    if spec.parameter:
        series = ((quantity(view.gradient, spec.parameter).name, "gradient"),)
    for name, role in series:
        points = "◆ " if name in TESTS and few_tests(history, view.across(history)) else ""
        yield name, role, points + words.get(name, words.get(history.quantity(name).metric, ""))
    if spec.layer:
        definition = view.definition_for(activation)
        yield (
            quantity(definition.metric, spec.layer).name,
            "dead",
            definition.name + (":" if definition.name[-1] in "%0123456789" or view.silence else ""),
        )


def worst_first(history: History, view: View) -> list[str]:
    """Return the names of the layers: first those that the view looks for, and of these the ones with most dead, by the
    definition that it follows; of equals the first in the network.
    """

    activations = history.activations

    def dead(layer: str) -> float:
        metric = view.definition_for(activations[layer]).metric
        share = history.latest(quantity(metric, layer).name)
        return -share if share is not None and math.isfinite(share) else 0.0

    return sorted(history.network.names, key=lambda name: (not view.wants(name), dead(name)))


def arranged(
    history: History, view: View, layers: Sequence[str], parameters: Sequence[str], focus: str, chosen: str = ""
) -> tuple[list[ChartSpec], list[ChartSpec]]:  # fmt: skip
    """Return the charts that some panels, named by their ids, are to show of a network that has more than panels: the
    worst layers, after one that was chosen; the parameters that the view looks for, then those of the layer in focus,
    then of the output.
    """
    network, order = history.network, worst_first(history, view)
    if chosen in order:
        order = [chosen, *(name for name in order if name != chosen)]
    looked_for = [each.name for each in network.parameters if view.wanted and view.wants(each.name)]
    focus = focus if network.layer(focus) is not None else next(iter(order), "")
    shown = dict.fromkeys((*looked_for, *network.parameters_of(focus), *network.parameters_after(),
                           *(each.name for each in network.parameters)))  # fmt: skip
    return (
        [layer_chart(id, name) for id, name in zip(layers, order, strict=False)],
        [gradient_chart(id, name) for id, name in zip(parameters, shown, strict=False)],
    )
