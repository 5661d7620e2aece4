"""What a run of a million steps costs: a whole frame, the memory of a step, the verdict. Nothing is trained.

Records like those of a real training (16 metrics at every step, a look at the probe set every 100 steps, the test at
the end of each epoch of 235) go through a Run into its History, as a training's do.

Frames: a run of a thousand steps and one of a million, in one process, shown in turn by the monitor at 160×48, without
a terminal. Both fill their charts alike: 1 000 of 1 024 steps, 1 000 000 of 1 048 576. Before each frame the run gets
two more steps, which are not in the time. In the time is the processor time of the screen's thread for the whole
frame: the lines, the verdict, all panels, what Textual makes of them, and the bytes for the terminal, which then go
nowhere. A turn is ten frames, after one that is not counted, and its figure is their mean.

Memory: what Python and NumPy have allocated (tracemalloc) since before the run, its peaks included, by the steps
recorded so far, at the worst moment from 200 000 steps on: that is when columns have just grown. The looks that are
kept at hand are in it, each with arrays of its own, as a training makes them; those moved out to the unnamed file are
not. The screen's questions to the history are asked meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
from report import Row, Spread, ratios, show
from terminal import HEIGHT, WIDTH
from textual.drivers.headless_driver import HeadlessDriver

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.record.metrics import OF_A_LAYER, OF_A_PARAMETER, Quantity, all_of, quantity
from deadrelu_tui.record.network import mlp
from deadrelu_tui.record.records import Live, Record, Start, Step, changes
from deadrelu_tui.record.units import Units
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run
from deadrelu_tui.tui.app import MonitorApp
from deadrelu_tui.tui.wire.pace import Pace

SHORT, LONG = 1_000, 1_000_000
FRAME_AT_MOST, BYTES_AT_MOST = 1.3, 120.0
STEPS_A_FRAME, FRAMES_A_TURN = 2, 10
LOOKED_FROM, BLOCK = 200_000, 1_000
"""From so many steps on the memory of a step counts; it is looked at every so many steps."""
BATCHES, UNITS, LOOK_EVERY = 235, 300, 100
EPOCHS = 2 * LONG // BATCHES
SETTINGS = replace(PRESETS["low-lr"], epochs=EPOCHS)
STEPS_A_SECOND = 150
NETWORK = mlp(784, (UNITS,), 10, "relu")
PARAMETERS = tuple(each.name for each in NETWORK.parameters)
ALL = (
    quantity("loss"),
    *(quantity(metric, layer) for metric in OF_A_LAYER for layer in NETWORK.names),
    *(quantity(metric, name) for metric in OF_A_PARAMETER for name in PARAMETERS),
)
TWELVE = ALL[:12]
"""All but the update ratios."""
NEVER = Pace(frames=1e-6)
"""The screen draws only when it is told to."""


class Source:
    """A training made of numbers that goes on only when it is let."""

    def __init__(self, metrics: tuple[Quantity, ...], steps: int) -> None:
        self.metrics, self.allowed = metrics, steps
        self._go, self._there = threading.Semaphore(0), threading.Semaphore(0)
        random = np.random.RandomState(0)
        self._noise: list[list[float]] = (1 + 0.1 * random.standard_normal((4096, len(metrics)))).tolist()
        self._sizes = [{"loss": 0.45, "grad_sum": 3e3, "pre_mean": -60.0}.get(each.metric, 0.5)
                       for each in metrics]  # fmt: skip
        self._units = [_units(random) for _ in range(8)]

    def advance(self, steps: int) -> None:
        """Let the training take so many steps, and return when they have been recorded."""
        self.allowed += steps
        self._go.release()
        self._there.acquire()

    def wait(self) -> None:
        """Wait for the steps that were let from the start."""
        self._there.acquire()

    def end(self) -> None:
        """Let the training end."""
        self.allowed = -1
        self._go.release()

    def __call__(self, promised: Start, controls: Controls) -> Iterator[Record]:
        """Yield what a training yields."""
        now_and_then = (each for each in all_of(NETWORK) if not each.every_step)
        yield replace(
            promised, device="cpu", network=NETWORK, metrics=(*self.metrics, *now_and_then), probe=2_000,
            facts={**promised.facts, "source": "embedded", "sha256": "0" * 64, "train": 60_000, "test": 10_000,
                   "input_mean": 72.9, "input_std": 90.0, "batch": 256},
            steps=BATCHES * EPOCHS, steps_per_epoch=BATCHES,
        )  # fmt: skip
        live, step = SETTINGS.live, 0
        while True:
            if step == self.allowed:
                self._there.release()
                self._go.acquire()
                if self.allowed < 0:
                    return
            if step == SHORT // 2:
                before, live = live, {**live, "lr": 2 * live["lr"]}
                yield from changes(before, live, step)
            yield self._record(step, live)
            step += 1

    def _record(self, step: int, live: Live) -> Step:
        noise = self._noise[step % len(self._noise)]
        values = {each.name: size * part for each, size, part in zip(self.metrics, self._sizes, noise, strict=True)}
        values["loss"] += 2 * math.exp(-step / 100)
        units = self._units[step // LOOK_EVERY % len(self._units)]
        ends = (step + 1) % BATCHES == 0
        looked = step % LOOK_EVERY == 0 or ends
        if looked:
            dead, inactive = float((units.firing == 0).mean()), float((units.firing < 0.01).mean())
            values |= {"dead_fraction/h1": dead, "inactive_fraction/h1": inactive, "dormant_fraction/h1": inactive}
            values |= {"bias_mean/h1": 0.01, **{f"grad_mean_abs/{name}": noise[0] for name in PARAMETERS}}
        if ends:
            values |= {"loss/test": values["loss"], "accuracy/test": 0.84}
        looks = {"h1": _copied(units)} if looked else {}
        at = (step + 1) / STEPS_A_SECOND
        return Step(step, at, step // BATCHES + 1, live, values, {"h1": units.batch > 0}, looks, ends)


def _units(random: np.random.RandomState) -> Units:
    """Return units some of which are dead, not always the same ones."""
    shares = random.random_sample(UNITS).astype(np.float32)
    shares[:3], shares[3:6] = 0, np.where(random.random_sample(3) < 0.1, 0, 0.5)
    other = dict.fromkeys(("activity", "pre_mean", "pre_max", "bias", "weight_norm", "gradient", "batch"), shares)
    return Units("relu", firing=shares, unsaturated=np.ones_like(shares), **other)


def _copied(units: Units) -> Units:
    """Return units with arrays of their own, as every look makes them."""
    arrays = {each.name: getattr(units, each.name).copy() for each in fields(Units) if each.name != "activation"}
    return Units(units.activation, **arrays)


class Nowhere(HeadlessDriver):
    """A terminal of a fixed size that takes everything at once: unlike Textual's own, it has all bytes made."""

    written = 0

    @property
    def is_headless(self) -> bool:
        """Return False: then what is drawn is also written."""
        return False

    def write(self, data: str) -> None:
        """Count what would go to the terminal."""
        Nowhere.written += len(data)


class Played:
    """A run of so many steps that waits to be let go on."""

    def __init__(self, steps: int) -> None:
        self.source, self.pool = Source(ALL, steps), ThreadPoolExecutor(1)
        self.run = Run(promise(SETTINGS), self.source, self.pool, SETTINGS.live)

    def __enter__(self) -> Played:
        self.run.begin()
        self.source.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.end()
        self.pool.shutdown()


async def frame_times(long: Played, rounds: int) -> dict[int, list[float]]:
    """Return the milliseconds of a frame at a thousand steps and of a long run, turn by turn."""
    taken: dict[int, list[float]] = {SHORT: [], LONG: []}
    first = Played(0)  # the monitor itself starts this one, and it takes no step
    app = MonitorApp(first.run, lambda _settings, _paused: first.run, pace=NEVER, when_ready=first.run.begin)
    app.driver_class = Nowhere
    try:
        async with app.run_test(headless=False, size=(WIDTH, HEIGHT)):
            for turn in range(rounds + 1):
                with Played(SHORT) as short:
                    for steps, played in ((SHORT, short), (LONG, long)):
                        milliseconds = await frame_time(app, played)
                        if turn:  # the first loads plotext
                            taken[steps].append(milliseconds)
                if turn:
                    line = "  ".join(f"{steps} steps {each[-1]:.1f} ms" for steps, each in taken.items())
                    print(f"round {turn}/{rounds}  a frame at {line}", file=sys.__stderr__)  # Textual has the other one
    finally:
        first.source.end()
        first.pool.shutdown()
    return taken


async def frame_time(app: MonitorApp, played: Played) -> float:
    """Return the milliseconds of a frame of a run: the mean of some."""
    assert app.monitor is not None
    app.session.in_hand = played.run
    spent = 0.0
    for frame in range(FRAMES_A_TURN + 1):
        played.source.advance(STEPS_A_FRAME)
        before, began = Nowhere.written, time.thread_time()
        app.monitor.draw()
        await shown(before)
        if frame:  # the first changes from one run to the other
            spent += time.thread_time() - began
    return 1000 * spent / FRAMES_A_TURN


async def shown(before: int) -> None:
    """Wait until a frame has been written, whole: nothing more comes for a tenth of a second."""
    for _ in range(20):
        written = Nowhere.written
        await asyncio.sleep(0.1)
        if Nowhere.written == written > before:
            return
    raise SystemExit("the monitor drew nothing within 2 s, or did not cease to")


def bytes_a_step(metrics: tuple[Quantity, ...], steps: int) -> float:
    """Return the bytes of a step of so many metrics, at the worst moment from LOOKED_FROM steps on."""
    source, worst = Source(metrics, 0), 0.0
    with ThreadPoolExecutor(1) as pool:
        run = Run(promise(SETTINGS), source, pool, SETTINGS.live)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        run.begin()
        source.wait()
        for done in range(BLOCK, steps + 1, BLOCK):
            source.advance(BLOCK)
            if done >= LOOKED_FROM:
                worst = max(worst, (tracemalloc.get_traced_memory()[1] - before) / done)
            tracemalloc.reset_peak()
            if done % (10 * BLOCK) == 0:
                ask(run)
        tracemalloc.stop()
        source.end()
    return worst


def ask(run: Run) -> None:
    """Ask a history what the screen asks."""
    verdict(run.history)
    for name in run.history.names:
        run.history.outline(name, 0, len(run.history), 100)
        run.history.gaps(name, 0, len(run.history))


def verdict_time(run: Run) -> float:
    """Return the milliseconds of a verdict: the median of some."""
    taken = []
    for _ in range(11):
        began = time.thread_time()
        verdict(run.history)
        taken.append(1000 * (time.thread_time() - began))
    return statistics.median(taken)


def frame_rows(rounds: int) -> Iterator[Row]:
    """Yield the lines of the frame and of the verdict."""
    with Played(LONG) as long, Played(SHORT) as short:
        drawn = asyncio.run(frame_times(long, rounds))
        pairs = [(verdict_time(short.run), verdict_time(long.run)) for _ in range(rounds)]
    ratio, text = ratios(drawn[LONG], drawn[SHORT])
    what = "a whole frame at 1 000 000 steps, peer: at 1 000"
    yield Row(what, *spreads(drawn, "ms"), text, f"≤ {FRAME_AT_MOST:.2f}", ratio <= FRAME_AT_MOST)
    judged = {SHORT: [few for few, _ in pairs], LONG: [many for _, many in pairs]}
    text = ratios(judged[LONG], judged[SHORT])[1]
    yield Row("the verdict at 1 000 000 steps, peer: at 1 000", *spreads(judged, "ms"), text)


def spreads(taken: dict[int, list[float]], unit: str) -> tuple[str, str]:
    """Return what was measured at many steps, and at few."""
    return str(Spread(tuple(taken[LONG]), unit)), str(Spread(tuple(taken[SHORT]), unit))


def memory_rows(_rounds: int) -> Iterator[Row]:
    """Yield the lines of the memory. Once each: nothing of it depends on chance."""
    steps = 2**19 + 2 * BLOCK  # just past the last growth before a million
    for metrics, limit in ((TWELVE, BYTES_AT_MOST), (ALL, None)):
        spread = Spread((bytes_a_step(metrics, steps),), "bytes", 0)
        print(f"memory of a step of {len(metrics)} metrics: {spread}", file=sys.stderr)
        target = ("", None) if limit is None else (f"≤ {limit:.0f} bytes", spread.median <= limit)
        yield Row(f"memory of a recorded step of {len(metrics)} metrics, at worst", str(spread), "", "", *target)


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {"frame": frame_rows, "memory": memory_rows}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10, help="turns of each run [10]")
    parser.add_argument("--only", choices=list(PARTS), help="measure one part alone")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    rows = [row for name, part in PARTS.items() if given.only in (None, name) for row in part(given.rounds)]
    show(rows, given.markdown)
