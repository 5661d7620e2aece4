"""An epoch of ours by each engine, with and without its metrics, beside one of the article's loop (and of PyTorch).

Each loop lives in a process of its own, because two frameworks in one process would share threads and
memory. All are started first and warmed up by a turn that is not counted; then they take turns, A B C A B
C …, a few epochs each, so that a slow minute of the machine hits all. Whoever is not on turn waits for a
line of input and computes nothing. An epoch is 235 steps of the article's network and its test on the 10
000 test images, as each loop does it: ours tests beside the next epoch's steps, also looks at the probe
set every 100 steps, and keeps every number in a History. With --busy other processes compute
meanwhile; with --threads every loop has so many threads, else as many as its framework takes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import math
import os
import queue
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from report import Row, Spread, ratios, show

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.engine.pick import pick
from deadrelu_tui.engine.train import train
from deadrelu_tui.record.commands import Pause, Take
from deadrelu_tui.record.records import Event, Record, Start, Step
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run

PRESET = "low-lr"
MXNET_ITSELF = {"MXNET_CPU_TEMP_COPY": "4"}
"""What our runtime sets for MXNet, as MXNet has it: for the peer."""
TURN = 3
"""Epochs of a turn."""
WITHIN_ARTICLE, WITHIN_METRICS, WITHIN_PYTORCH, NUMPY_WITHIN_PYTORCH = 0.30, 1.05, 1.30, 1.15
BY_TORCH_WITHIN = 1.10
WITHIN_PYTORCH_ALONE = 1.0
"""With one thread each."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""By which MXNet, NumPy and PyTorch are told their number of threads."""


def ours(n: int, metrics: bool = True, engine: str = "mxnet") -> Iterator[float]:
    """Yield the seconds of n turns of a run of ours, in its own thread and drained into its History.

    The run is paused, and a turn is so many steps that it may take all the same: a training that has to wait reads back
    all that is under way first. So each turn begins and ends with nothing under way, and no step is computed, for
    nothing, between two turns.
    """
    dataset, settings = data.find(full=True), replace(PRESETS[PRESET], device="cpu", epochs=n * TURN)
    steps = TURN * math.ceil(len(dataset.train_labels) / settings.batch_size)
    reached: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def training(promised: Start, controls: Controls) -> Iterator[Record]:
        try:
            for record in train(pick(engine).engine, settings, dataset, controls, metrics, promised):
                yield record
                # Kept by now. The last step of a turn is read back only when the training has been told to wait.
                paused = isinstance(record, Event) and record.kind == "pause"
                if paused or (isinstance(record, Step) and (record.step + 1) % steps == 0):
                    reached.put(None)
        except BaseException as error:
            reached.put(error)
            raise

    def wait() -> None:
        if error := reached.get():
            raise error

    with ThreadPoolExecutor(1, "training") as executor:
        run = Run(promise(settings), training, executor, settings.live)
        run.controls.send(Pause())
        run.begin()
        try:
            wait()
            for _ in range(n):
                began = time.perf_counter()
                run.controls.send(Take(steps))
                wait()
                yield time.perf_counter() - began
        finally:
            run.close()


def bare(n: int) -> Iterator[float]:
    """Yield the seconds of n turns of our training without its metrics; the loss and the test stay."""
    return ours(n, metrics=False)


def by_numpy(n: int) -> Iterator[float]:
    """Yield the seconds of n turns of our training by NumPy."""
    return ours(n, engine="numpy")


def by_torch(n: int) -> Iterator[float]:
    """Yield the seconds of n turns of our training by PyTorch."""
    return ours(n, engine="torch")


def article(n: int) -> Iterator[float]:
    """Yield the seconds of n turns of the article's loop."""
    article_loop = importlib.import_module("article_loop")
    return turns(article_loop.epochs(n * TURN))


def pytorch(n: int) -> Iterator[float]:
    """Yield the seconds of n turns of eager PyTorch: same network, same batches, nothing monitored."""
    return turns(pytorch_epochs(n * TURN))


def turns(epochs: Iterator[float]) -> Iterator[float]:
    """Yield the seconds of turns, of those of epochs."""
    while turn := list(itertools.islice(epochs, TURN)):
        yield sum(turn)


def pytorch_epochs(n: int) -> Iterator[float]:
    """Yield the seconds of n epochs of the plain eager loop."""
    torch = importlib.import_module("torch")  # no dependency of this project: its types are not known here
    cross_entropy = torch.nn.functional.cross_entropy
    images, settings = data.find(full=True), PRESETS[PRESET]
    pixels, test_pixels = (
        torch.tensor(each, dtype=torch.float32) for each in (images.train_images, images.test_images)
    )
    labels, test_labels = (torch.tensor(each, dtype=torch.int64) for each in (images.train_labels, images.test_labels))
    net = torch.nn.Sequential(torch.nn.Linear(784, 300), torch.nn.ReLU(), torch.nn.Linear(300, 10))
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter) if parameter.ndim == 1 else torch.nn.init.normal_(parameter, std=0.01)
    optimiser = torch.optim.SGD(net.parameters(), lr=settings.lr)
    random, order = np.random.RandomState(settings.seed), np.arange(len(labels))
    for _ in range(n):
        began = time.perf_counter()
        order[:] = np.arange(len(order))
        random.shuffle(order)
        for low in range(0, len(order), settings.batch_size):
            batch = torch.from_numpy(order[low : low + settings.batch_size])
            optimiser.zero_grad()
            loss = cross_entropy(net(pixels[batch]), labels[batch], reduction="sum") / settings.batch_size
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            right = (net(test_pixels).argmax(1) == test_labels).float().mean().item()
        print(f"Accuracy: {right}", file=sys.stderr)
        yield time.perf_counter() - began


LOOPS: dict[str, Callable[[int], Iterator[float]]] = {
    "ours": ours, "ours, no metrics": bare, "ours by NumPy": by_numpy, "ours by PyTorch": by_torch, "article": article,
    "PyTorch eager": pytorch,
}  # fmt: skip


class Worker:
    """A loop in its own process, a turn at a time."""

    def __init__(self, name: str, turns: int, threads: int | None) -> None:
        self.command = [sys.executable, __file__, "--worker", name, "--rounds", str(turns)]
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={
                **os.environ, **(MXNET_ITSELF if name == "article" else {}),
                **(dict.fromkeys(THREADS, str(threads)) if threads else {}),
            },
        )  # fmt: skip

    def turn(self) -> float:
        """Let it train a turn; return the seconds of an epoch."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"a loop failed; its own words: echo | {shlex.join(self.command)}")
        return float(answer) / TURN


def work(name: str, n: int) -> None:
    """Train a turn for each line of input; print its seconds."""
    seconds = LOOPS[name](n)
    for _ in sys.stdin:
        print(next(seconds), flush=True)


def compare(rounds: int, threads: int | None) -> dict[str, Spread]:
    """Return what an epoch of each loop took in each of its turns, in seconds."""
    names = list(LOOPS)
    if importlib.util.find_spec("torch") is None:
        print("PyTorch cannot be imported here: left out", file=sys.stderr)
        names = [name for name in names if "PyTorch" not in name]
    workers = {name: Worker(name, rounds + 1, threads) for name in names}
    for worker in workers.values():
        worker.turn()
    taken: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name, worker in workers.items():
            taken[name].append(worker.turn())
        line = "  ".join(f"{name} {seconds[-1]:.2f} s" for name, seconds in taken.items())
        print(f"round {number + 1}/{rounds}  {line}", file=sys.stderr)
    for worker in workers.values():
        worker.process.communicate(timeout=60)
    return {name: Spread(tuple(seconds), "s") for name, seconds in taken.items()}


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Have so many other processes compute all the time."""
    until_orphaned = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    started = [subprocess.Popen([sys.executable, "-c", until_orphaned]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def rows(taken: dict[str, Spread], busy: int, threads: int | None) -> Iterator[Row]:
    """Yield the table's lines; the targets are for a machine that does nothing else."""
    beside = f" · {threads} thread{'s' if threads > 1 else ''} each" if threads else ""
    beside += f" · beside {busy} busy process{'es' if busy > 1 else ''}" if busy else ""
    within_pytorch = WITHIN_PYTORCH_ALONE if threads == 1 else WITHIN_PYTORCH
    for what, name, peer, limit in (
        ("epoch, peer: the article's loop", "ours", "article", WITHIN_ARTICLE),
        ("epoch, peer: ours without metrics", "ours", "ours, no metrics", WITHIN_METRICS),
        ("epoch, peer: PyTorch eager, no monitoring", "ours", "PyTorch eager", within_pytorch),
        ("epoch by NumPy, peer: PyTorch eager, no monitoring", "ours by NumPy", "PyTorch eager", NUMPY_WITHIN_PYTORCH),
        ("epoch by NumPy, peer: by MXNet", "ours by NumPy", "ours", None),
        ("epoch by PyTorch, peer: PyTorch eager, no monitoring", "ours by PyTorch", "PyTorch eager", BY_TORCH_WITHIN),
        ("epoch by PyTorch, peer: by MXNet", "ours by PyTorch", "ours", None),
    ):
        if name in taken and peer in taken:
            ratio, text = ratios(taken[name].values, taken[peer].values)
            target = () if busy or limit is None else (f"≤ {limit:.2f}", ratio <= limit)
            yield Row(what + beside, str(taken[name]), str(taken[peer]), text, *target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help=f"turns of {TURN} epochs of each loop that count [5]")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="other processes that compute meanwhile [0]")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each loop [as its framework chooses]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    parser.add_argument("--worker", choices=list(LOOPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.busy < 0:
        parser.error("--busy takes a number of processes, 0 or more")
    if given.threads is not None and given.threads < 1:
        parser.error("--threads takes a number of threads, 1 or more")
    if given.worker:
        work(given.worker, given.rounds)
    else:
        with busy_processes(given.busy):
            taken = compare(given.rounds, given.threads)
        show(list(rows(taken, given.busy, given.threads)), given.markdown)
