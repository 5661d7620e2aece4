"""Trainings that look like real ones, made of a few rules and one seed, and runs of them that leave nothing to chance.

The numbers follow recorded runs on Fashion-MNIST. All randomness is uniform numbers of NumPy's legacy generator, whose
stream never changes, so that a picture of a story is the same on every machine.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import LIVE, RunSettings
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.commands import Change, Pause
from deadrelu_tui.record.network import Network
from deadrelu_tui.record.records import End, Event, Record, Start, Step, changes
from deadrelu_tui.record.spread import spread
from deadrelu_tui.record.units import DEFINITIONS, Units
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run, Training

P = ParamSpec("P")
T = TypeVar("T")
Floats = npt.NDArray[np.float64]
BATCHES = 235
EVEN = math.log(10)
NAN, INF = math.nan, math.inf
GUESS = 0.1


@dataclass(frozen=True)
class Story:
    """What becomes of a network. Functions of the step give the course, without its noise."""

    settings: RunSettings
    loss: Callable[[int], float]
    gradient: Callable[[int], float]
    """Size of the signed sum for w1; those of the others are in proportion."""
    update: Callable[[int], float]
    """Of the weights, against the weights."""
    zeros: float
    """Share of zeros that the living units come to."""
    doomed: float = 0.0
    """Share of the units of every layer that die (saturate)."""
    haste: float = 1.0
    """Steps, or so, in which they do."""
    noise: float = 0.06
    accuracy: float = GUESS
    depth: float = 1.0
    """How far below 0 the pre-activation of a dead unit is."""
    seed: int = 1
    known: Callable[[int], bool] = lambda step: True
    """Whether the pre-activations of a step are numbers."""


_FALL = (5.35, 3.02e4, 4.09e5, 1.54e6, 3.76e6, 2.13e5, 41.0)
_PUSH = (2.08e6, 2.53e8, 1.3e9, -4.5e8, 7.8e8, -3.1e7, 3.2e5)
_THROW = (2.45, 51.2, 11.8, 0.6, 1.1, 0.02, 4e-4)


def _then(first: tuple[float, ...], rest: Callable[[int], float]) -> Callable[[int], float]:
    return lambda step: first[step] if step < len(first) else rest(step - len(first))


def _fading(step: int) -> float:
    """Return the gradient of a layer whose last living units die out."""
    return 4e4 * math.exp(-step / 9) if step < 150 else 0.0


def _learning(step: int) -> float:
    return 0.42 + 1.88 * math.exp(-step / 35)


def _overflowing(step: int) -> float:
    """Return a loss that grows, is infinite for a while, comes back, and ends as no number at all."""
    if step >= 171:
        return NAN
    return INF if 60 <= step < 72 or step == 101 else 2.3 * math.exp(min(step, 60) / 4)


TRAGEDY = Story(RunSettings(), _then(_FALL, lambda step: EVEN), _then(_PUSH, _fading), _then(_THROW, lambda step: 1e-6),
                zeros=0.52, doomed=0.99, haste=2.4, noise=0.004, depth=4.3e5)  # fmt: skip
HEALTHY = Story(RunSettings(lr=0.2, normalise=True), _learning, lambda step: -1.2e4 * math.exp(-step / 90) - 900,
                lambda step: 0.02 + 0.2 * math.exp(-step / 30), zeros=0.58, accuracy=0.842, seed=2)  # fmt: skip
SPARSE = Story(RunSettings(lr=0.5, normalise=True), _learning, lambda step: -2.2e4 * math.exp(-step / 90) - 2e3,
               lambda step: 0.02 + 0.25 * math.exp(-step / 30), zeros=0.79, doomed=0.03, haste=160, noise=0.09,
               accuracy=0.838, seed=3)  # fmt: skip
DIVERGED = Story(RunSettings(lr=2.0), _overflowing, lambda step: _overflowing(step) ** 1.5 * (-1) ** step,
                 lambda step: 0.4 if step < 171 else NAN, zeros=0.45, doomed=0.05, haste=40, noise=0.3, seed=4,
                 known=lambda step: step < 171)  # fmt: skip
SATURATED = Story(RunSettings(lr=0.5, activation="sigmoid"), _then((2.34, 47.0, 21.2, 9.8), lambda step: 2.34),
                  _then((2.1e5, 6e4, -9e3), lambda step: 0.02), _then((0.9, 4.1, 0.3), lambda step: 1e-7),
                  zeros=0.5, doomed=0.94, haste=2.1, noise=0.02, depth=2.4e3, seed=5)  # fmt: skip


class _Layer:
    """The units of a layer: when each one dies, and how often it fires until then."""

    def __init__(self, story: Story, activation: str, count: int, random: np.random.RandomState) -> None:
        self.story, self.activation, self.count = story, activation, count
        self.wanted, self.when, self.bias, self.norm = (random.random_sample(count) for _ in range(4))
        order = random.random_sample(count).argsort()
        doomed = order < round(story.doomed * count)
        # Quick at first, ever slower: u/(1−u) has a long tail.
        late = 1 + np.floor(story.haste * self.when / (1.02 - self.when))
        self.dies_at = np.where(doomed, late, 10**9)

    def dead(self, step: int) -> npt.NDArray[np.bool_]:
        return self.dies_at <= step

    def firing(self, step: int) -> Floats:
        """Return the share of the images for which each unit fires."""
        mean = 1 - self.story.zeros + (self.story.zeros - 0.48) * math.exp(-step / 60)
        shares = np.clip(2 * mean * self.wanted, 0.004, 1.0)
        return shares if self.activation in SATURATING else np.where(self.dead(step), 0.0, shares)

    def look(self, step: int) -> Units:
        dead, rates = self.dead(step), self.firing(step)
        known = 1.0 if self.story.known(step) else NAN
        saturating = self.activation in SATURATING
        height = 0.2 + rates * 3
        sunk = -self.story.depth * (0.6 + self.norm)
        columns = {
            "firing": rates * known,
            "unsaturated": np.where(dead, 0.0, 1.0) * known if saturating else np.ones(self.count) * known,
            "activity": np.where(dead, 1.0 if saturating else 0.0, height * rates) * known,
            "pre_mean": np.where(dead, sunk, height - 1.1) * known,
            "pre_max": np.where(dead, sunk * 0.1, height * 4) * known,
            "bias": np.where(dead, -0.04 - 0.06 * self.bias, 0.08 * self.bias - 0.02) * known,
            "weight_norm": np.where(dead, 30 + 90 * self.norm, 0.27 + 0.1 * self.norm) * known,
            "gradient": np.where(dead, 0.0, 3.0 * self.bias + 0.4) * known,
            "batch": np.where(rates > 0.01, rates, 0.0) * known,
        }
        told = {name: values.astype(np.float32) for name, values in columns.items()}
        return Units(self.activation, **told, spread=spread(np.concatenate((told["pre_mean"], told["pre_max"]))))


def told(story: Story, promised: Start) -> Iterator[Start | Step]:
    """Yield a story as a training of it would be recorded, to the end of the settings' epochs."""
    random = np.random.RandomState(story.seed)
    layers = {layer.name: _Layer(story, layer.activation, layer.units, random) for layer in promised.network.layers}
    settings = promised.settings
    facts = {"source": "/usr/share/datasets", "sha256": "0" * 64, "train": 60_000, "test": 10_000, "input_mean": 72.9,
             "input_std": 90.0, "batch": settings["batch_size"]}  # fmt: skip
    start = replace(promised, title="Fashion-MNIST 60\N{NARROW NO-BREAK SPACE}000", device="cpu", probe=2_000,
                    facts={**promised.facts, **facts}, steps=BATCHES * settings["epochs"],
                    steps_per_epoch=BATCHES)  # fmt: skip
    yield start
    live = {name: settings[name] for name in LIVE}
    for step in range(BATCHES * settings["epochs"]):
        noise = iter((random.random_sample(64) + random.random_sample(64) - 1).tolist())
        ends = (step + 1) % BATCHES == 0
        values = _values(story, start.network, layers, step, noise)
        fired: dict[str, npt.NDArray[np.bool_]] = {name: layer.firing(step) > 0.004 for name, layer in layers.items()}
        looked: dict[str, Units] = {}
        if step & (step - 1) == 0 or step % 50 == 0 or ends:
            looked = {name: layer.look(step + ends) for name, layer in layers.items()}
            for name, units in looked.items():
                values |= {
                    f"{each.metric}/{name}": each.share(units)
                    for each in DEFINITIONS
                    if each.metric != "saturated_fraction" or settings["activation"] in SATURATING
                }
        if ends:
            score = story.accuracy - (0.0 if story.accuracy == GUESS else 10 / (step + 20))
            values |= {"loss/test": story.loss(step) * (1 + story.noise), "accuracy/test": score}
        yield Step(step, (step + 1) / SPEED, step // BATCHES + 1, live, values, fired, looked, ends)


def _values(
    story: Story, network: Network, layers: dict[str, _Layer], step: int, noise: Iterator[float]
) -> dict[str, float]:
    values = {"loss": story.loss(step) * (1 + story.noise * next(noise))}
    for name, layer in layers.items():
        firing = layer.firing(step)
        known = 1.0 if story.known(step) else NAN
        zeros = 1 - float(firing.mean()) * (1 + 0.05 * next(noise))
        values[f"zero_fraction/{name}"] = min(1.0, max(0.0, zeros)) * known
        values[f"silent_fraction/{name}"] = float((firing == 0).mean()) * known
        values[f"pre_mean/{name}"] = (0.1 - story.depth * float(layer.dead(step).mean())) * known
    for name in (each.name for each in network.parameters):
        share = {"w1": 1.0, "b1": 2e-5, "w2": 1e-3}.get(name, 3e-4)
        size = 4e-4 if name == f"b{len(layers) + 1}" and math.isfinite(story.gradient(step)) else story.gradient(step)
        values[f"grad_sum/{name}"] = size * (1 if size == 4e-4 else share) * (0.6 + next(noise))
        values[f"grad_norm/{name}"] = abs(size) * share * 0.05
        values[f"update_ratio/{name}"] = story.update(step) * (1 + 0.3 * next(noise))
    return values


SPEED = 187
"""Steps per second of every story."""


class Stage(Executor):
    """An executor whose submit() returns when the training has ended, or has come to where it is to rest."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._rests, self._curtain, self._steps = threading.Event(), threading.Event(), threading.Semaphore(0)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self._rests.clear()
        future = self._pool.submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._rests.set())
        self._rests.wait()
        return future

    def close(self) -> None:
        """Let a training that rests end."""
        self._curtain.set()
        self._steps.release()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.close()
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def training(
        self, story: Story, rest_at: int | None = None, paused: bool = False, rates: Mapping[int, float] | None = None
    ) -> Training:
        """Return a training of a story with some changes of its rate, to its end or up to a step from which it rests,
        running or paused.
        """

        def play(promised: Start, controls: Controls) -> Iterator[Record]:
            for item in told(story, promised):
                if isinstance(item, Step):
                    if item.step == rest_at:
                        if paused:
                            controls.send(Pause())
                            yield Event(item.step, "pause")
                        self._rests.set()
                        with controls.asked:
                            controls.asked.wait_for(lambda: controls.stopped or not controls.paused)
                        self._curtain.wait()
                        return
                    if rates and item.step in rates:
                        before = controls.live
                        controls.send(Change({"lr": rates[item.step]}))
                        yield from changes(before, controls.live, item.step)
                    item = replace(item, live=controls.live)  # noqa: PLW2901
                yield item

        return play

    def paced(self, story: Story) -> Training:
        """Return a training of a story that runs, but takes a step only when it is let."""

        def play(promised: Start, controls: Controls) -> Iterator[Record]:
            for item in told(story, promised):
                if isinstance(item, Step) and not self._steps.acquire(blocking=False):
                    self._rests.set()
                    self._steps.acquire()
                if self._curtain.is_set():
                    return
                yield item

        return play

    def advance(self, steps: int) -> None:
        """Let a paced training take so many steps, and return when it has."""
        self._rests.clear()
        self._steps.release(steps)
        self._rests.wait()


class Rehearsed(Run):
    """A run that always takes the same time."""

    def _end(self, began: float, how: str, error: str | None = None) -> None:
        self.history.add(End(self.history.seconds, how, error))


def runs(trainings: Iterator[tuple[Training, Stage]]) -> Callable[[RunSettings], Run]:
    """Return what makes run after run of some trainings, a minute apart."""
    numbers = itertools.count(2)

    def make(settings: RunSettings) -> Run:
        training, stage = next(trainings)
        at = time.mktime((2024, 3, 5, 14, next(numbers), 31, 0, 0, -1))
        promised = replace(promise(settings), run=f"20240305-{at:.0f}", at=at)
        return Rehearsed(promised, training, stage, settings.live)

    return make
