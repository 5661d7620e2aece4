"""Real trainings, their controls turned at given steps, and the same ones in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy_reference import Floats, Network, Step, batches

from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.engine.network import initial_parameters
from deadrelu_tui.engine.train import train
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Live, Start, StepRecord
from deadrelu_tui.record.units import Units
from deadrelu_tui.run.run import Controls

SMALL = RunSettings(lr=0.001, hidden=(20,), batch_size=64, epochs=1, seed=7)
"""300 images make four batches of 64 and a short one of 44."""


Script = Mapping[int, Callable[[Controls], None]]
"""What is done with the controls just before a step, by its number."""


class Scripted(Controls):
    """Controls that are turned by a script."""

    def __init__(self, settings: RunSettings, script: Script) -> None:
        super().__init__(Live.of(settings))
        self.script, self.steps = dict(script), 0

    def proceed(self, wait: bool = True) -> bool | None:
        if self.steps in self.script:
            self.script.pop(self.steps)(self)
        go = super().proceed(wait)
        self.steps += go is not None
        return go


def normalise(controls: Controls) -> None:
    controls.change(normalise=True)


def trained(settings: RunSettings, dataset: Dataset, script: Script | None = None) -> list[Any]:
    return list(train(settings, dataset, Scripted(settings, script or {})))


def recorded(settings: RunSettings, dataset: Dataset, script: Script | None = None) -> History:
    history = History()
    for item in trained(settings, dataset, script):
        if isinstance(item, StepRecord):
            history.append(item)
        elif isinstance(item, Start):
            history.begin(item)
        elif isinstance(item, Event):
            history.add_event(item)
    return history


def records(items: list[Any]) -> list[StepRecord]:
    return [each for each in items if isinstance(each, StepRecord)]


def events(items: list[Any]) -> list[Event]:
    return [each for each in items if isinstance(each, Event)]


def reference(settings: RunSettings, dataset: Dataset) -> Network:
    drawn = initial_parameters(settings, 784, 10)
    return Network(settings, [each.asnumpy().T if each.ndim == 2 else each.asnumpy() for each in drawn])


def content(record: StepRecord) -> tuple[Any, ...]:
    fired = {layer: each.tobytes() for layer, each in record.fired.items()}
    units = {layer: [each.tobytes() for each in fields_of(units).values()] for layer, units in record.units.items()}
    return record.step, record.epoch, record.live, dict(record.values), fired, units, record.ends_epoch


def fields_of(units: Units) -> dict[str, npt.NDArray[np.float32]]:
    return {each.name: getattr(units, each.name) for each in fields(Units) if each.name != "activation"}


@dataclass
class Side:
    """A record, and what NumPy finds at the same step."""

    record: StepRecord
    values: dict[str, float]
    units: dict[str, dict[str, Floats]]
    step: Step


def side_by_side(settings: RunSettings, dataset: Dataset, items: list[Any] | None = None) -> Iterator[Side]:
    """Yield every step twice: as it was recorded, and as it is in NumPy."""
    network = reference(settings, dataset)
    taken = records(trained(settings, dataset) if items is None else items)
    for record, batch in zip(taken, batches(settings, len(dataset.train_labels)), strict=True):
        network.live = record.live
        step = network.measure(dataset.train_images[batch], dataset.train_labels[batch], settings.batch_size)
        looked, units = network.look(dataset, step)
        network.update(step, settings.batch_size)
        if record.ends_epoch:
            looked, units = network.look(dataset, step)
        yield Side(record, step.values | looked, units, step)


def at_step(items: list[Any], step: int) -> StepRecord:
    return next(record for record in records(items) if record.step == step)
