"""Rules over a History: what state the run is in, by which numbers, and what would mend it.

A rule looks at the newest measurements and never at how they were made, so a verdict on a recorded run is the
verdict the live run had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deadrelu_tui.history import Floats, History, Series
from deadrelu_tui.metrics import gone
from deadrelu_tui.records import Event, Live, StepRecord
from deadrelu_tui.settings import SATURATING
from deadrelu_tui.wording import count, number, percent

LAYER_DEAD = 0.5
"""Share of dead units from which a layer counts as dead (Amazon SageMaker Debugger, DeadRelu: threshold_layer)."""
LAYER_DYING = 0.1
LAYER_SPARSE = 0.7
"""Share of zeros called sparse. The article's two healthy runs have 0.72 to 0.82."""
VANISHING = 1e-7
"""Of a mean absolute gradient (SageMaker Debugger, VanishingGradient); here of the L2 norm, which is larger."""
GUESSING_BAND, GUESSING_STEPS = 0.01, 50
CLASSES = 10
LARGE_INPUT = 0.2
"""Absolute input mean above which inputs count as not normalised (SageMaker Debugger, CheckInputImages)."""


@dataclass(frozen=True)
class Verdict:
    """One word for the run as it stands, and why."""

    word: str
    reason: str
    remedy: str = ""
    rule: str = ""
    value: float = math.nan
    threshold: float = math.nan
    step: int = 0
    """The step since which it holds."""
    layer: str = ""


def verdict(history: History) -> Verdict | None:
    """Return the verdict on a run, the gravest first; None before the first step."""
    last = history.last
    if last is None:
        return None
    return next(found for rule in _RULES if (found := rule(history, last)) is not None)


def notices(history: History, now: StepRecord) -> Iterator[Event]:
    """Yield what deserves a line among the events in a step that is about to be appended to the history."""
    before, looked = history.last, history.firing
    for name, value in now.values.items():
        metric, _, layer = name.partition("/")
        if metric == "silent_fraction" and (before.values[name] if before else 0.0) < LAYER_DEAD <= value:
            yield Event(now.step, f"{layer}: {percent(value)} of the units silent on the batch")
    for layer, rates in now.firing.items():
        dead = float(np.mean(gone(rates, now.live.activation)))
        earlier = float(np.mean(gone(looked.layers[layer], now.live.activation))) if looked else 0.0
        if earlier <= LAYER_DEAD < dead:
            units = f"{count(round(dead * len(rates)))} of {count(len(rates))} units"
            if now.live.activation == "relu":
                yield Event(now.step, f"{layer} died: {units} fire for no probe image")
            elif now.live.activation in SATURATING:
                yield Event(now.step, f"{layer} saturated: {units} are so on 99 % of the probe images")
    broken = _not_finite(now)
    if broken is not None and _not_finite(before) is None:
        yield Event(now.step, f"{broken} is {number(now.values[broken])}: the run diverged")
    if now.ends_epoch:
        accuracy, test_loss = percent(now.values["accuracy/test"]), number(now.values["loss/test"])
        yield Event(now.step, f"epoch {now.epoch}: test accuracy {accuracy}, loss {test_loss}")


def _since(series: Series, sick: Callable[[Floats], npt.NDArray[np.bool_]]) -> int:
    """Return the first step of the unbroken stretch of sick values that reaches to the end of the series."""
    well = np.flatnonzero(~sick(series.values))
    first = int(well[-1]) + 1 if len(well) else 0
    return int(series.steps[min(first, len(series.steps) - 1)])


def _layers(history: History, metric: str) -> Iterator[tuple[str, str, float]]:
    for name in history.names:
        kind, _, layer = name.partition("/")
        latest = history.latest(name)
        if kind == metric and latest is not None:
            yield name, layer, latest


def _input_mean(history: History, live: Live) -> float:
    raw = history.start.input_mean if history.start else 0.0
    return raw / 255 if live.normalise else raw


def _cause(history: History, last: StepRecord, layer: str) -> str:
    """Return what made the layer what it is, in numbers: the scale of the input and the largest early update."""
    raw = history.start.input_mean if history.start else 0.0
    if last.live.normalise and _normalised_since(history):
        scale = f"Input averaged {number(raw)} then"
    else:
        scale = f"Input averages {number(_input_mean(history, last.live))}"
    weights = f"w{layer.removeprefix('h')}"
    updates = history.series(f"update_ratio/{weights}").values[:50]
    finite = np.nan_to_num(updates, nan=0.0, posinf=0.0)
    if not len(finite):
        return scale
    worst = int(np.argmax(finite))
    return f"{scale}; update {worst} was {number(float(finite[worst]), 2)} × {weights}"


def _normalised_since(history: History) -> bool:
    """Whether normalisation was turned on after the start, so that the damage was done on raw input."""
    return any(event.mark and event.text == "normalise on" for event in history.events)


def _not_finite(record: StepRecord | None) -> str | None:
    """Return the name of a loss, pre-activation or gradient of the step that is no finite number, if any is."""
    watched = ("loss", "pre_mean", "grad_norm")
    for name, value in (record.values if record else {}).items():
        if name.partition("/")[0] in watched and not name.endswith("/test") and not math.isfinite(value):
            return name
    return None


def _diverged(history: History, last: StepRecord) -> Verdict | None:
    name = _not_finite(last)
    if name is None:
        return None
    step = _since(history.series(name), lambda values: ~np.isfinite(values))
    value = last.values[name]
    return Verdict(
        "diverged", f"{name} is {number(value)} since step {step}; the parameters are no longer numbers",
        "- (smaller lr), then r", "ExplodingTensor", value, math.inf, step,
    )  # fmt: skip


def _dead(history: History, last: StepRecord) -> Verdict | None:
    if last.live.activation != "relu":
        return None
    for name, layer, share in sorted(_layers(history, "dead_fraction"), key=lambda row: row[2], reverse=True):
        if share > LAYER_DYING:
            step = _since(history.series(name), lambda values: values > LAYER_DYING)
            units, probe = _units(history, layer), history.start.probe if history.start else 0
            mostly = share > LAYER_DEAD
            if mostly:
                step = _since(history.series(name), lambda values: values > LAYER_DEAD)
            scale = _input_mean(history, last.live)
            remedy = "n, then r" if abs(scale) > LARGE_INPUT and not last.live.normalise else "- (smaller lr), then r"
            if last.live.normalise and _normalised_since(history):
                remedy = "r (the dead stay dead)"
            many = "more than half" if mostly else "over a tenth"
            return Verdict(
                "dead" if mostly else "dying",
                f"{layer}: {_so_many(share, units)} of {count(units)} units fire for none of "
                f"{count(probe)} probe images, {many} since step {step}. {_cause(history, last, layer)}.",
                remedy, "DeadRelu", share, LAYER_DEAD if mostly else LAYER_DYING, step, layer,
            )  # fmt: skip
    return None


def _so_many(share: float, units: int) -> str:
    return count(round(share * units)) if math.isfinite(share * units) else number(share)


def _units(history: History, layer: str) -> int:
    return len(history.firing.layers.get(layer, ())) if history.firing else 0


def _saturated(history: History, last: StepRecord) -> Verdict | None:
    if last.live.activation not in SATURATING:
        return None
    for name, layer, share in _layers(history, "saturated_fraction"):
        if share > LAYER_DEAD:
            step = _since(history.series(name), lambda values: values > LAYER_DEAD)
            remedy = "- (smaller lr), then r" if last.live.normalise else "n, then r"
            return Verdict(
                "saturated",
                f"{layer}: {percent(share)} of the units are saturated (gradient below 1e-7 on 99 % of the probe), "
                f"more than half since step {step}. {_cause(history, last, layer)}.",
                remedy, "SaturatedActivation", share, LAYER_DEAD, step, layer,
            )  # fmt: skip
    return None


def _guessing(history: History, last: StepRecord) -> Verdict | None:
    losses = history.series("loss")
    even = math.log(CLASSES)
    if len(losses.values) < GUESSING_STEPS:
        return None
    if np.all(np.abs(losses.values[-GUESSING_STEPS:] - even) <= GUESSING_BAND * even):
        step = _since(losses, lambda values: np.abs(values - even) <= GUESSING_BAND * even)
        return Verdict(
            "guessing", f"loss is within 1 % of ln {CLASSES} = {even:.3f} since step {step}: all classes look alike",
            "+ (larger lr) or another init, then r", "Guessing", float(losses.values[-1]), even, step,
        )  # fmt: skip
    return None


def _vanishing(history: History, last: StepRecord) -> Verdict | None:
    for name, value in last.values.items():
        if name.startswith("grad_norm/w") and value < VANISHING:
            step = _since(history.series(name), lambda values: values < VANISHING)
            parameter = name.partition("/")[2]
            return Verdict(
                "vanishing", f"the whole gradient of {parameter} measures {number(value)}, since step {step}",
                "another init or activation, then r", "VanishingGradient", value, VANISHING, step, parameter,
            )  # fmt: skip
    return None


def _alive(history: History, last: StepRecord) -> Verdict:
    dead = {layer: share for _, layer, share in _layers(history, "dead_fraction")}
    worst = max(dead, key=lambda layer: dead[layer], default="")
    units = _units(history, worst)
    probe = history.start.probe if history.start else 0
    zeros = [
        (layer, float(np.mean(history.series(name).values[-50:])))
        for name, layer, _ in _layers(history, "zero_fraction")
    ]
    silent = ""
    if dead and last.live.activation == "relu":
        if dead[worst]:
            silent = f"{_so_many(dead[worst], units)} of {count(units)} units of {worst} fire for none of "
            silent += f"{count(probe)} probe images"
        else:
            silent = f"every unit fires for some of {count(probe)} probe images"
    for layer, share in zeros:
        if share >= LAYER_SPARSE and last.live.activation == "relu":
            return Verdict(
                "sparse", f"{layer}: {percent(share)} zeros is sparsity, not death; {silent}",
                rule="ZeroFraction", value=share, threshold=LAYER_SPARSE, layer=layer,
            )  # fmt: skip
    mean = ", ".join(f"{layer} {percent(share)}" for layer, share in zeros)
    return Verdict("healthy", "; ".join(filter(None, (silent, f"pre-activations at or below 0: {mean}"))))


_RULES = (_diverged, _dead, _saturated, _guessing, _vanishing, _alive)
