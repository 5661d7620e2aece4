"""Real trainings, their controls turned at given steps, and the same ones in NumPy."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy_reference import Floats, Network, batches
from numpy_reference import Step as Reference

from deadrelu_tui.builtin import needs
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.by_numpy.model import Model as ByNumPy
from deadrelu_tui.engine.by_numpy.network import Draws
from deadrelu_tui.engine.model import Engine, Model
from deadrelu_tui.engine.train import train
from deadrelu_tui.record.commands import Change, Command
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Step
from deadrelu_tui.record.units import Units
from deadrelu_tui.run.gate import Controls, Gate, Turn

SMALL = RunSettings(lr=0.001, hidden=(20,), batch_size=64, epochs=1, seed=7)
"""300 images make four batches of 64 and a short one of 44."""

MXNET_IS_HERE, TORCH_IS_HERE = needs.mxnet_lack() is None, needs.torch_lack() is None


@dataclass(frozen=True)
class Trains:
    """An engine, and what a test has to know of it."""

    name: str

    @property
    def make(self) -> Engine:
        """What makes a model."""
        if self.name == "numpy":
            return ByNumPy
        if self.name == "torch":
            from deadrelu_tui.engine.by_torch.model import Model as ByTorch

            return ByTorch
        from deadrelu_tui.engine.by_mxnet.model import Model as ByMXNet

        return ByMXNet

    def drawn(self, settings: RunSettings, inputs: int = 784) -> list[npt.NDArray[np.float32]]:
        """Return the first parameters, weights of the shape (units, inputs)."""
        if self.name == "numpy":
            return Draws(settings.init, settings.seed).parameters((inputs, *settings.hidden, 10))
        if self.name == "torch":
            from deadrelu_tui.engine.by_torch.network import Draws as Drawn

            drawn = Drawn(settings.init, settings.seed).parameters((inputs, *settings.hidden, 10))
            return [each.numpy() for each in drawn]
        from deadrelu_tui.engine.by_mxnet.network import initial_parameters

        return [each.asnumpy() for each in initial_parameters(settings, inputs, 10)]

    def set(self, model: Model, index: int, values: npt.ArrayLike) -> None:
        """Give one of the parameters of a model other values."""
        given: Any = np.array(np.broadcast_to(np.asarray(values, np.float32), model.parameters_now()[index].shape))
        if self.name == "mxnet":
            model.parameters.arrays[index][:] = given  # type: ignore[attr-defined]
            return
        if self.name == "torch":
            given = importlib.import_module("torch").from_numpy(given)
        model.network.parameters[index][:] = given  # type: ignore[attr-defined]


MXNET = Trains("mxnet")


Script = Mapping[int, Callable[[Controls], None]]
"""What is done with the controls just before a step, by its number."""


class Scripted(Controls):
    """Controls that are turned by a script."""

    def __init__(self, settings: RunSettings, script: Script, stays: bool = False) -> None:
        super().__init__(settings.live, stays)
        self.script = dict(script)


def asking(*commands: Command) -> Callable[[Controls], None]:
    """Return what sends commands, for a script."""

    def ask(controls: Controls) -> None:
        for command in commands:
            controls.send(command)

    return ask


def noting(asked: list[int], steps: int) -> Script:
    """Return a script that notes for which of so many steps the training asks."""

    def note(step: int) -> Callable[[Controls], None]:
        return lambda _: asked.append(step)

    return {step: note(step) for step in range(steps)}


normalise = asking(Change({"normalise": True}))


def changed(step: int, setting: str, before: Any, now: Any) -> Event:
    """Return the event of a setting that was changed."""
    return Event(step, "change", {"setting": setting, "before": before, "now": now})


class _ScriptedGate(Gate):
    """A gate at which the script has its say before each step."""

    def next(self, step: int) -> Turn:
        controls = self._controls
        if isinstance(controls, Scripted) and step in controls.script:
            controls.script.pop(step)(controls)
        return super().next(step)


def played(engine: Trains, settings: RunSettings, dataset: Dataset, controls: Scripted) -> Iterator[Any]:
    """Yield what a training yields whose controls are turned by their script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deadrelu_tui.engine.train.Gate", _ScriptedGate)
        yield from train(engine.make, settings, dataset, controls)


def trained(engine: Trains, settings: RunSettings, dataset: Dataset, script: Script | None = None) -> list[Any]:
    return list(played(engine, settings, dataset, Scripted(settings, script or {})))


def recorded(engine: Trains, settings: RunSettings, dataset: Dataset, script: Script | None = None) -> History:
    history = History()
    for item in trained(engine, settings, dataset, script):
        history.add(item)
    return history


def records(items: list[Any]) -> list[Step]:
    return [each for each in items if isinstance(each, Step)]


def events(items: list[Any]) -> list[Event]:
    return [each for each in items if isinstance(each, Event)]


def reference(engine: Trains, settings: RunSettings) -> Network:
    return Network(settings, [each.T if each.ndim == 2 else each for each in engine.drawn(settings)])


def content(record: Step) -> tuple[Any, ...]:
    fired = {layer: each.tobytes() for layer, each in record.fired.items()}
    units = {layer: [each.tobytes() for each in fields_of(units).values()] for layer, units in record.looks.items()}
    return record.step, record.epoch, dict(record.live), dict(record.values), fired, units, record.ends_epoch


def fields_of(units: Units) -> dict[str, npt.NDArray[np.float32]]:
    return {each.name: getattr(units, each.name) for each in fields(Units) if each.name != "activation"}


@dataclass
class Side:
    """A record, and what NumPy finds at the same step."""

    record: Step
    values: dict[str, float]
    units: dict[str, dict[str, Floats]]
    step: Reference


def side_by_side(
    engine: Trains, settings: RunSettings, dataset: Dataset, items: list[Any] | None = None
) -> Iterator[Side]:
    """Yield every step twice: as it was recorded, and as it is in NumPy."""
    network = reference(engine, settings)
    taken = records(trained(engine, settings, dataset) if items is None else items)
    for record, batch in zip(taken, batches(settings, len(dataset.train_labels)), strict=True):
        network.live = SimpleNamespace(**record.live)
        step = network.measure(dataset.train_images[batch], dataset.train_labels[batch], settings.batch_size)
        looked, units = network.look(dataset, step)
        network.update(step, settings.batch_size)
        if record.ends_epoch:
            looked, units = network.look(dataset, step)
        yield Side(record, step.values | looked, units, step)


def at_step(items: list[Any], step: int) -> Step:
    return next(record for record in records(items) if record.step == step)
