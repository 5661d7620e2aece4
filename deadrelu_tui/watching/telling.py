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
from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import Event, Record, Start, Step
from deadrelu_tui.record.steps import Steps, together
from deadrelu_tui.record.units import DEFINITIONS, Units
from deadrelu_tui.watching.governor import Governor
from deadrelu_tui.watching.tables import silence
from deadrelu_tui.watching.told import Over, Taken, Told
from deadrelu_tui.watching.window import Window

TOGETHER = 0.2
"""Seconds for which what is told is gathered: to be woken at every step would cost the training more than the work."""
MOST_AT_ONCE = 1_024
"""Things told that are made records of before any of them is kept."""
MOST_FIRED = 20_000
"""Units of a network up to which each step's firings are recorded."""


class Teller:
    """Takes what the training's thread tells, and makes records of it."""

    def __init__(self, start: Start, governor: Governor, window: int | None) -> None:
        """Take what the run tells first, and after how many silent samples its units are dead, if that is how."""
        self._start, self._governor, self._samples = start, governor, window
        self._window: Window | None = None
        self._told: queue.SimpleQueue[Told | threading.Event] = queue.SimpleQueue()
        self._urgent = threading.Event()
        self._of(start)
        self._worked = 0.0
        self.over = False
        """Whether nobody reads any more what is told."""
        self.fault = ""
        """Why no more can be made of what is told; empty while it can."""

    def _of(self, start: Start) -> None:
        layers = start.network.layers
        self._activations = {each.name: each.activation for each in layers}
        self._fires = widths(start.network) <= MOST_FIRED
        tables = {each.name for each in layers if each.activation == CHOSEN}
        judged = layers if self._samples is not None else [each for each in layers if each.name in tables]
        samples = {
            each.name: silence(each.units, self._samples) if each.name in tables else self._samples or 0
            for each in judged
        }  # fmt: skip
        if self._window is not None:
            self._window.samples = samples
        elif samples:
            self._window = Window(samples)

    def tell(self, told: Told | threading.Event, urgent: bool = False) -> None:
        """Take what comes next, without waiting for anything; what is urgent is not gathered."""
        self._told.put(told)
        if urgent:
            self._urgent.set()

    def settle(self, patience: float) -> None:
        """Wait until all that was told so far was made records of, but no longer than so many seconds."""
        reached = threading.Event()
        self.tell(reached, urgent=True)
        if not self.over:
            reached.wait(patience)

    def records(self) -> Iterator[Record | Steps]:
        """Yield the Start, then all that is told, until it is over; steps of which there is nothing special as one.
        Raises what ended the training.
        """
        try:
            yield self._start
            yield from self._told_so_far()
        finally:
            self.over = True

    def _told_so_far(self) -> Iterator[Record | Steps]:
        self._worked = time.thread_time()
        over: Over | None = None
        while over is None:
            told, made = [self._told.get()], list[Record]()
            while len(told) < MOST_AT_ONCE and not self._told.empty():
                told.append(self._told.get())
            reached = [each for each in told if isinstance(each, threading.Event)]
            for each in told:
                if isinstance(each, threading.Event):
                    continue
                if isinstance(each, Over):
                    over = each
                    break
                try:
                    made += self._made(each)
                except Exception as error:  # it is the guest's, and no end of the training
                    self.fault = self.fault or f"what was measured could not be read: {in_a_line(error)}"
            yield from together(made)
            for one in reached:
                one.set()
            worked = time.thread_time()  # what is done with each record is done in this thread, too
            self._governor.beside += worked - self._worked
            self._worked = worked
            if over is None and self._told.empty():
                self._urgent.wait(TOGETHER)
                self._urgent.clear()
        if over.error is not None:
            raise over.error

    def _made(self, told: Taken | Start | Event) -> Iterator[Record]:
        if isinstance(told, Start):
            self._of(told)
        if isinstance(told, (Start, Event)):
            yield told
            return
        if self.fault:
            return
        read = told.read()
        values = {name: mean(each[:1] if told.searches else each) for name, each in told.scalars.items()}
        fired = dict(read.fired)
        for others in (*(each() for each in told.more), read):
            values.update(others.values)
            for table, times in others.chosen.items():
                fired[table] = times > 0
                if self._window is not None:
                    self._window.batch(table, times, int(times.sum()), int(times.sum()))
        values.update(told.values)
        looks = told.looks
        if self._window is not None:
            for layer, each in read.fired.items():
                if layer in self._window.samples:
                    self._window.batch(layer, each, read.samples.get(layer, 0))
            if told.look:
                looks = self._window.look(self._activations, looks)
        for layer, units in looks.items():
            values.update(defined(layer, units))
        yield Step(told.step, told.at, None, told.live, values, fired if self._fires else {}, looks)


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
