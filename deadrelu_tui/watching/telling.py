"""What a guest tells, as the records of a run: an iterator, drained in a thread of its own beside the training."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from deadrelu_tui.errors import in_a_line
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import Event, Record, Start, Step
from deadrelu_tui.record.units import DEFINITIONS, Units
from deadrelu_tui.watching.governor import Governor
from deadrelu_tui.watching.told import Over, Taken, Told
from deadrelu_tui.watching.window import Window

TOGETHER = 0.05
"""Seconds for which what is told is gathered: to be woken at every step would cost the training more than the work."""
MOST_FIRED = 20_000
"""Units of a network up to which each step's firings are recorded."""


class Teller:
    """Takes what the training's thread tells, and makes records of it."""

    def __init__(self, start: Start, governor: Governor, window: Window | None) -> None:
        self._start, self._governor, self._window = start, governor, window
        self._told: queue.SimpleQueue[Told] = queue.SimpleQueue()
        self._urgent = threading.Event()
        self._activations = {each.name: each.activation for each in start.network.layers}
        self._fires = sum(each.units for each in start.network.layers) <= MOST_FIRED
        self._worked = 0.0
        self.fault = ""
        """Why no more can be made of what is told; empty while it can."""

    def tell(self, told: Told, urgent: bool = False) -> None:
        """Take what comes next, without waiting for anything; what is urgent is not gathered."""
        self._told.put(told)
        if urgent:
            self._urgent.set()

    def records(self) -> Iterator[Record]:
        """Yield the Start, then all that is told, until it is over. Raises what ended the training."""
        yield self._start
        self._worked = time.thread_time()
        while True:
            told = self._told.get()
            if isinstance(told, Over):
                if told.error is not None:
                    raise told.error
                return
            try:
                made = list(self._made(told))
            except Exception as error:  # it is the guest's, and no end of the training
                self.fault = self.fault or f"what was measured could not be read: {in_a_line(error)}"
                made = []
            yield from made
            worked = time.thread_time()  # what is done with each record is done in this thread, too
            self._governor.beside += worked - self._worked
            self._worked = worked
            if self._told.empty():
                self._urgent.wait(TOGETHER)
                self._urgent.clear()

    def _made(self, told: Taken | Event) -> Iterator[Record]:
        if isinstance(told, Event):
            yield told
            return
        if self.fault:
            return
        read = told.read()
        values = {name: mean(each[:1] if told.searches else each) for name, each in told.scalars.items()}
        for others in (*(each() for each in told.more), read):
            values.update(others.values)
        values.update(told.values)
        looks = told.looks
        if self._window is not None:
            for layer, fired in read.fired.items():
                self._window.batch(layer, fired, read.samples.get(layer, 0))
            if told.look:
                looks = self._window.look(self._activations, looks)
        for layer, units in looks.items():
            values.update(defined(layer, units))
        yield Step(told.step, told.at, None, told.live, values, read.fired if self._fires else {}, looks)


def number(value: Any) -> float:
    """Return a number that somebody has told, whatever it is; NaN for what is none."""
    with suppress(Exception):
        return float(value)
    return math.nan


def mean(values: list[Any]) -> float:
    """Return the mean of numbers that belong to one step. Beside a finite one others do not count: a batch that told
    none was left out of the step, or nothing will be finite from now on.
    """
    numbers = [number(each) for each in values]
    finite = [each for each in numbers if math.isfinite(each)]
    return sum(finite) / len(finite) if finite else numbers[-1] if numbers else math.nan


def defined(layer: str, units: Units) -> dict[str, float]:
    """Return the share of a layer's units for which each definition holds that applies to them."""
    shares = {
        f"{each.metric}/{layer}": each.share(units)
        for each in DEFINITIONS
        if not each.on_batch and each.applies(units.activation)
    }
    # Of a layer of NaN that is news; of what no look has measured nothing is told.
    broken = np.isnan(units.firing).any()
    return {name: share for name, share in shares.items() if broken or not math.isnan(share)}


def widths(network: Network) -> int:
    """Return how many units there are in all."""
    return sum(each.units for each in network.layers)
