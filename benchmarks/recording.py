"""What recording a run costs its training, how large a step is in the file, how soon a run of a million steps is read.

Runs with a file and without one take turns in one process, A B A B …; of each the speed is that after its first epoch.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from report import Row, Spread, ratios, show

from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.engine.begin import make_run
from deadrelu_tui.record.codec import Encoder
from deadrelu_tui.record.history import History
from deadrelu_tui.record.metrics import all_of
from deadrelu_tui.record.network import mlp
from deadrelu_tui.record.records import Record, Start, Step
from deadrelu_tui.record.steps import together
from deadrelu_tui.record.units import OF_EACH, Units
from deadrelu_tui.run.file import Tail
from deadrelu_tui.run.store import Store

WITHIN, MOST_BYTES, READ_WITHIN = 0.98, 150, 1.0
EPOCHS = 4


def speed(executor: ThreadPoolExecutor, store: Store | None) -> float:
    """Return the steps per second of a run after its first epoch."""
    settings = replace(PRESETS["low-lr"], epochs=EPOCHS)
    run = make_run(settings, executor, trials=False, recorded=store.recorded if store else None)
    run.begin()
    run.join()
    history = run.history
    per_epoch = history.start.steps_per_epoch if history.start else None
    assert per_epoch is not None
    run.close()
    return (len(history) - per_epoch) / (history.seconds - history.seconds_at(per_epoch - 1))


def steps(count: int, metrics: int) -> Iterator[Record]:
    """Yield a long run of the article's network: a look every 100 steps, 300 units, so many metrics a step."""
    network = mlp(784, (300,), 10, "relu")
    told = [each for each in all_of(network) if each.every_step][:metrics]
    yield Start("long", time.time(), "a long run", "cpu", network, tuple(told), probe=2000, steps_per_epoch=235)
    chosen, live = np.random.default_rng(1), {"lr": 0.1, "normalise": True, "activation": "relu"}
    unit = chosen.random(300, np.float32)
    looked = {"h1": Units("relu", **dict.fromkeys(OF_EACH, unit), spread=np.zeros(258, np.float32))}
    for step in range(count):
        values = dict(zip([each.name for each in told], chosen.random(len(told), np.float32).tolist(), strict=True))
        yield Step(
            step, step / 1000, step // 235 + 1, live, values, {"h1": chosen.random(300) < 0.5},
            {} if step % 100 else looked, step % 235 == 234,
        )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1_000_000, help="of the long run")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    recorded, plain = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as executor:
        store = Store(Path(folder) / "runs")
        speed(executor, store)  # loads and warms up
        for _ in range(given.rounds):
            recorded.append(speed(executor, store))
            plain.append(speed(executor, None))
            print(f"recorded {recorded[-1]:.0f} steps/s  not recorded {plain[-1]:.0f} steps/s", flush=True)
        store.close()
        encoder = Encoder()
        many = [each for each in steps(2000, 12) if isinstance(each, Step) and not each.looks]
        size = sum(len(encoder.encode(each)) for each in together(many)) / len(many)
        long = Path(folder) / "long.run"
        with long.open("wb") as file:
            encoder = Encoder()
            file.write(encoder.header)
            for each in together(steps(given.steps, 16)):
                file.write(encoder.encode(each))
        print(f"{given.steps} steps are {long.stat().st_size / 1e6:.0f} MB", flush=True)
        taken = []
        for _ in range(3):
            began, history = time.monotonic(), History()
            for record in Tail(long).read():
                history.add(record)
            taken.append(time.monotonic() - began)
            assert len(history) == given.steps
    ratio, told = ratios(recorded, plain)
    rows = [
        Row("recorded / not recorded, steps per second", str(Spread(tuple(recorded), "/s", 0)),
            str(Spread(tuple(plain), "/s", 0)), told, f"≥ {WITHIN}", ratio >= WITHIN),
        Row("a step of 12 metrics in the file", f"{size:.0f} bytes", target=f"≤ {MOST_BYTES}", met=size <= MOST_BYTES),
        Row(f"a run of {given.steps} steps is read in", str(Spread(tuple(taken), "s")), target=f"≤ {READ_WITHIN} s",
            met=Spread(tuple(taken), "s").median <= READ_WITHIN),
    ]  # fmt: skip
    show(rows, given.markdown)


if __name__ == "__main__":
    main()
