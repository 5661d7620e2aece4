"""A training without MXNet: the protocol of engine.train over numbers made up by a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from conftest import units

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.commands import Pause
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import End, Event, Live, Record, Start, Step
from deadrelu_tui.record.units import DEFINITIONS
from deadrelu_tui.run.gate import Controls, Gate
from deadrelu_tui.run.run import Training

Values = Callable[[int], Mapping[str, float]]

BATCHES, TRAIN, TEST, PROBE = 50, 12_800, 2_000, 2_000


def healthy(step: int) -> dict[str, float]:
    return {"loss": 2.3 * 0.99**step + 0.4, "zero_fraction": 0.5, "silent_fraction": 0.0, "dead_fraction": 0.0}


def dying(step: int) -> dict[str, float]:
    share = min(1.0, step / 10)
    return {"loss": 2.3026, "zero_fraction": share, "silent_fraction": share, "dead_fraction": share}


def diverging(step: int) -> dict[str, float]:
    return {**healthy(step), "loss": float("nan") if step > 20 else 1e30}


def step_values(network: Network, step: int, numbers: Mapping[str, float]) -> dict[str, float]:
    values = {"loss": numbers["loss"]}
    for layer in network.names:
        values |= {f"{name}/{layer}": numbers[name] for name in ("zero_fraction", "silent_fraction")}
        values[f"pre_mean/{layer}"] = -1.0
    for parameter in (each.name for each in network.parameters):
        values |= {f"grad_sum/{parameter}": (-1.0) ** step * 1e3, f"grad_norm/{parameter}": 1.0}
        values[f"update_ratio/{parameter}"] = 1e-3
    return values


def found(promised: Start) -> Start:
    """Return what a canned training says first, given what was promised."""
    facts = {"source": "embedded", "sha256": "0" * 64, "train": TRAIN, "test": TEST, "input_mean": 72.9,
             "input_std": 90.0, "batch": 256}  # fmt: skip
    return replace(
        promised,
        title="Fashion-MNIST 12\N{NARROW NO-BREAK SPACE}800 embedded",
        device="cpu",
        probe=PROBE,
        facts={**promised.facts, **facts},
        steps=BATCHES * promised.settings["epochs"],
        steps_per_epoch=BATCHES,
    )


def canned(numbers: Values = healthy, fail_at: int | None = None) -> Training:
    """Return a training that takes its numbers from a function of the step, and may fail at one."""

    def training(promised: Start, controls: Controls) -> Iterator[Record]:
        start, gate = found(promised), Gate(controls)
        yield start
        step, epochs = 0, start.settings["epochs"]
        while True:
            if step == BATCHES * epochs:
                more = gate.more()
                if not more and controls.stays:
                    yield End(step / 100, "finished")
                    more = gate.more(list)
                if not more:
                    return
                epochs += more
                yield Event(step, "train_on", {"epochs": more, "steps": more * BATCHES})
            turn = gate.next(step)
            yield from turn.events
            while turn.go is None:
                turn = gate.next(step)
                yield from turn.events
            if not turn.go:
                return
            if turn.revive:
                yield Event(step, "revive", {"layers": {"h1": 3}})
            if step == fail_at:
                raise RuntimeError("the engine broke\nsecond line")
            yield canned_step(start, step, turn.live, numbers(step))
            step += 1

    return training


def waiting(promised: Start, controls: Controls) -> Iterator[Record]:
    """Say nothing, and wait for the end: a training that is still loading."""
    controls.send(Pause())
    gate = Gate(controls)
    while gate.next(0).go is None:
        pass
    yield from ()


def canned_step(start: Start, step: int, live: Live, made: Mapping[str, float]) -> Step:
    network = start.network
    values, ends = step_values(network, step, made), (step + 1) % BATCHES == 0
    looked, fired = {}, {}
    if step % 8 == 0 or ends:
        for layer in network.layers:
            activation = live.get("activation", layer.activation)
            dead = round(made["dead_fraction"] * layer.units)
            shares = np.concatenate([np.zeros(dead), np.linspace(0.1, 1, layer.units - dead)])
            saturating = activation in SATURATING
            looked[layer.name] = units(shares, activation, **({"unsaturated": shares} if saturating else {}))
            for definition in DEFINITIONS:
                if not definition.on_batch and (saturating or definition.metric != "saturated_fraction"):
                    values[f"{definition.metric}/{layer.name}"] = definition.share(looked[layer.name])
            fired[layer.name] = shares > 0
    if ends:
        values |= {"loss/test": made["loss"], "accuracy/test": 0.1 if made["loss"] > 2.2 else 0.7}
    return Step(step, (step + 1) / 100, step // BATCHES + 1, live, values, fired, looked, ends)
