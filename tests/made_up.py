"""A network that nobody of ours built: sixty layers, some of them convolutions, steps with gaps, no end, no classes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from conftest import units

from deadrelu_tui.diagnosis.happenings import happenings
from deadrelu_tui.record.commands import Command, Speed
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import Quantity, all_of
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.record.records import Live, Record, Start, Step
from deadrelu_tui.run.source import Status

LAYERS, FIRST, STRIDE, STEPS = 60, 12_000, 10, 300
SICK = {7: 0.6, 31: 0.95}
"""Share of dead units, by the number of the layer."""


def network() -> Network:
    layers, parameters = list[Layer](), list[Parameter]()
    for index in range(LAYERS):
        conv = index < 6
        name = f"stem.{index}/relu" if conv else f"encoder.{index}.mlp.act"
        weight, count = f"{name}.weight", 16 if conv else 48
        parameters.append(Parameter(weight, (count, 16, 3, 3) if conv else (count, 48)))
        bias = None if index % 5 == 0 else f"{name}.bias"
        parameters += [Parameter(bias, (count,))] if bias else []
        layers.append(Layer(name, count, "relu", weight, bias, (layers[-1].name,) if layers else ()))
    parameters.append(Parameter("head.weight", (7, 48)))
    return Network(tuple(layers), tuple(parameters))


def start() -> Start:
    made = network()
    metrics = tuple(each for each in all_of(made) if each.name not in ("loss/test", "accuracy/test"))
    return Start("somebody's", 1_700_000_000.0, "train.py", "cuda:0", made, (*metrics, Quantity("reward", "reward")),
                 probe=512, can=frozenset({"pause", "lr"}), first=FIRST)  # fmt: skip


def stream() -> Iterator[Record]:
    said = start()
    yield said
    for row in range(STEPS):
        step, shares = FIRST + row * STRIDE, {}
        values = {"loss": 900.0 + 80 * math.exp(-row / 50), "reward": float(row)}
        for index, layer in enumerate(said.network.layers):
            dead = SICK.get(index, 0.0) * min(1.0, row / 40)
            values |= {f"zero_fraction/{layer.name}": 0.5 + dead / 2, f"pre_mean/{layer.name}": -dead}
            values[f"silent_fraction/{layer.name}"] = dead
            firing = np.linspace(0.05, 0.9, layer.units, dtype=np.float32)
            firing[: round(dead * layer.units)] = 0
            shares[layer.name] = units(firing)
        for parameter in said.network.parameters:
            values |= {f"grad_sum/{parameter.name}": math.sin(row / 9), f"grad_norm/{parameter.name}": 1.0}
            values[f"update_ratio/{parameter.name}"] = 1e-3
        if row % 7 == 3:
            del values["loss"]
        looks = shares if row % 10 == 0 else {}
        for name, each in looks.items():
            values[f"dead_fraction/{name}"] = float((each.firing == 0).mean())
        fired = {name: each.firing > 0 for name, each in shares.items()}
        yield Step(step, row / 20, None, {"lr": 3e-4}, values, fired, looks)


LONG = "vision_tower.encoder.layers.layer_11.feed_forward.activation"
ODD = {"0": "gelu", "1": "relu", "head.act": "tanh", LONG: "silu"}
"""Another network, with an activation of its own for each layer, and names that are numbers or long."""


def odd_stream() -> Iterator[Record]:
    """Yield a run that numbers its steps from 1, chooses between no classes, tells its loss at every other step, warms
    its rate up from 0, and has settings that are none of ours.
    """
    layers = tuple(Layer(name, 8, activation, f"{name}.weight") for name, activation in ODD.items())
    made = Network(layers, tuple(Parameter(layer.weight, (8, 8)) for layer in layers))
    yield Start(
        "odd", 1_700_000_000.0, "odd.py", "cpu", made, all_of(made), classes=1, steps=400, steps_per_epoch=100, first=1,
        settings={"hidden": [512], "activation": "gelu", "lr": 0.0, "batch_size": "all"},
        can=frozenset({"stop", "lr", "restart"}),
    )  # fmt: skip
    for step in range(1, 301):
        silent = min(step, 8)
        firing = np.linspace(0.1, 0.9, 8, dtype=np.float32)
        firing[:silent] = 0
        looks = {
            layer.name: units(firing if layer.name == "1" else firing * 0, layer.activation, batch=firing)
            for layer in layers
        }
        values = {"loss": 0.7 - step / 1_000, f"update_ratio/{layers[0].weight}": 0.5}
        for layer in layers:
            values |= {f"dead_fraction/{layer.name}": float((looks[layer.name].firing == 0).mean())}
            values |= {f"saturated_fraction/{layer.name}": 0.0, f"zero_fraction/{layer.name}": 0.5}
        if step % 2:
            del values["loss"]
        at_look = looks if step % 10 == 1 else {}
        yield Step(step, step / 50, 1 + (step - 1) // 100, {"lr": (step - 1) * 1e-3}, values, {}, at_look,
                   ends_epoch=step % 100 == 0)  # fmt: skip


class MadeUp:
    """A Source of such a run, at its newest step."""

    error = None
    speed = Speed()

    here, lack, successor, unrecorded, unwritten = True, "", "", "", ""

    def __init__(self, records: Iterator[Record] | None = None) -> None:
        self.history, self.sent = History(), list[Command]()
        for record in records or stream():
            entries = self.history.add(record)
            if isinstance(record, Step):
                for event in happenings(self.history, record, entries):
                    self.history.add(event)

    @property
    def start(self) -> Start:
        assert self.history.start is not None
        return self.history.start

    @property
    def status(self) -> Status:
        return Status.RUNNING

    @property
    def can(self) -> frozenset[str]:
        return self.start.can

    @property
    def live(self) -> Live:
        return self.history.live

    def parameters(self) -> None:
        return None

    def send(self, command: Command) -> None:
        self.sent.append(command)

    def close(self) -> None:
        pass
