"""A training without MXNet: the protocol of engine.train over numbers made up by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from conftest import units

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.metrics import layer_names, parameter_names
from deadrelu_tui.record.records import Event, Start, StepRecord
from deadrelu_tui.record.units import DEFINITIONS
from deadrelu_tui.run.run import Controls, Training

Values = Callable[[int], Mapping[str, float]]

BATCHES, TRAIN, TEST, PROBE = 50, 12_800, 2_000, 2_000


def healthy(step: int) -> dict[str, float]:
    return {"loss": 2.3 * 0.99**step + 0.4, "zero_fraction": 0.5, "silent_fraction": 0.0, "dead_fraction": 0.0}


def dying(step: int) -> dict[str, float]:
    share = min(1.0, step / 10)
    return {"loss": 2.3026, "zero_fraction": share, "silent_fraction": share, "dead_fraction": share}


def diverging(step: int) -> dict[str, float]:
    return {**healthy(step), "loss": float("nan") if step > 20 else 1e30}


def step_values(settings: RunSettings, step: int, numbers: Mapping[str, float]) -> dict[str, float]:
    values = {"loss": numbers["loss"]}
    for layer in layer_names(len(settings.hidden)):
        values |= {f"{name}/{layer}": numbers[name] for name in ("zero_fraction", "silent_fraction")}
        values[f"pre_mean/{layer}"] = -1.0
    for parameter in parameter_names(len(settings.hidden)):
        values |= {f"grad_sum/{parameter}": (-1.0) ** step * 1e3, f"grad_norm/{parameter}": 1.0}
        values[f"update_ratio/{parameter}"] = 1e-3
    return values


def canned(numbers: Values = healthy, fail_at: int | None = None) -> Training:
    """Return a training that takes its numbers from a function of the step, and may fail at one."""

    def training(settings: RunSettings, controls: Controls) -> Iterator[Start | StepRecord | Event]:
        start = Start("cpu", "embedded", "0" * 64, TRAIN, TEST, PROBE, 72.9, 90.0, BATCHES, settings.epochs, 256)
        yield start
        live, paused = controls.live, False
        for step in range(start.steps):
            go = controls.proceed(wait=False)
            if go is None:
                if not paused:
                    yield Event(step, "pause")
                paused = True
                go = controls.proceed()
            if not go:
                return
            if paused and not controls.paused:
                yield Event(step, "resume")
                paused = False
            for text in controls.live.changes_from(live):
                yield Event(step, text, mark=True)
            live = controls.live
            if controls.revival():
                yield Event(step, "revive 3 units of h1", mark=True)
            if step == fail_at:
                raise RuntimeError("the engine broke\nsecond line")
            made = numbers(step)
            values, ends = step_values(settings, step, made), (step + 1) % BATCHES == 0
            looked, fired = {}, {}
            if step % 8 == 0 or ends:
                for layer, count in zip(layer_names(len(settings.hidden)), settings.hidden, strict=True):
                    dead = round(made["dead_fraction"] * count)
                    shares = np.concatenate([np.zeros(dead), np.linspace(0.1, 1, count - dead)])
                    saturating = live.activation in SATURATING
                    looked[layer] = units(shares, live.activation, **({"unsaturated": shares} if saturating else {}))
                    for definition in DEFINITIONS:
                        if not definition.on_batch and (saturating or definition.metric != "saturated_fraction"):
                            values[f"{definition.metric}/{layer}"] = definition.share(looked[layer])
                    fired[layer] = shares > 0
            if ends:
                values |= {"loss/test": made["loss"], "accuracy/test": 0.1}
            yield StepRecord(step, step // BATCHES + 1, live, values, fired, looked, ends)

    return training
