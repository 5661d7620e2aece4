"""What it costs a training that remedies are tried beside it, and what the trials themselves take.

A run of the tragedy trains in its own thread, as in the product. By turns, a few seconds each, nothing else happens, or
remedies are tried one after the other by the process that the product starts for that, its output read by a thread.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from report import Row, Spread, ratios, show

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.engine.pick import pick
from deadrelu_tui.engine.train import train
from deadrelu_tui.engine.trials import attempt, sample
from deadrelu_tui.record.records import Record, Start
from deadrelu_tui.record.telling import engine_name
from deadrelu_tui.run.advisor import Spare
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run

AT_LEAST = 0.95
TURN, WARM_UP = 8.0, 3.0
"""Seconds of a turn, and of training before the first."""


def measure(engine: str, rounds: int) -> Iterator[Row]:
    """Train, and yield the lines of the table."""
    images, settings = data.find(full=True), replace(PRESETS["tragedy"], epochs=100_000, engine=engine)

    def training(promised: Start, controls: Controls) -> Iterator[Record]:
        return train(pick(engine).engine, settings, images, controls, promised=promised)

    alone, beside = list[float](), list[float]()
    with ThreadPoolExecutor(1, "training") as executor:
        run = Run(promise(settings), training, executor, settings.live)
        run.begin()
        time.sleep(WARM_UP)
        weights = run.controls.ask_parameters().result(60)
        for _ in range(rounds):
            alone.append(speed(run))
            done = threading.Event()

            def keep_trying(done: threading.Event = done) -> None:
                spare = Spare(lambda: False)
                while not done.is_set():
                    for _ in attempt(sample(settings, images), lambda: weights, spare.share):
                        if done.is_set():
                            return

            thread = threading.Thread(target=keep_trying)
            thread.start()
            beside.append(speed(run))
            done.set()
            thread.join()
        run.close()
    ratio, text = ratios(tuple(beside), tuple(alone))
    what = f"training by {engine_name(engine)} while remedies are tried, peer: alone"
    yield Row(what, str(Spread(tuple(beside), "steps/s", 0)), str(Spread(tuple(alone), "steps/s", 0)), text,
              f"≥ {AT_LEAST:.2f}", ratio >= AT_LEAST)  # fmt: skip
    for kind, copied in (("that goes on", lambda: weights), ("that has ended", lambda: None)):
        took, number = list[float](), 0
        for _ in range(rounds):
            began = time.perf_counter()
            number = len(list(attempt(sample(settings, images), copied)))
            took.append(time.perf_counter() - began)
        yield Row(f"the {number} trials of a run {kind}, on a free processor", str(Spread(tuple(took), "s", 1)))


def speed(run: Run) -> float:
    """Return the steps that a run takes a second, over a turn."""
    first, began = len(run.history), time.perf_counter()
    time.sleep(TURN)
    return (len(run.history) - first) / (time.perf_counter() - began)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="turns of each kind [5]")
    parser.add_argument("--engine", choices=("mxnet", "numpy"), default="mxnet", help="what trains [mxnet]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    show(list(measure(given.engine, given.rounds)), given.markdown)
