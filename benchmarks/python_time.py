"""What Python itself takes for a step of the training, every metric on, with the work of MXNet's engine left out.

An epoch of the article's network on the full set is trained as in the product: in the training thread, with all
metrics, the probe set every 100 steps, everything kept in a History. The clock is the processor time of that thread
alone: what MXNet computes in its own threads is not in it, and neither is any waiting, for a result or for the
interpreter's lock.

For Python's own time the engine's work is removed, so that Python has caches and memory to itself, as where a GPU
computes: graphs return at once what they returned before, updates and read-backs do nothing. What passes inside
MXNet's library all the same is taken off: every function of it that Python calls is given a clock of its own. What is
left, less the time of the clocks themselves, is the loop, batches, records, metrics, notices, the History, NumPy and
looks at the probe set. Epochs of both kinds take turns; the first of each are not counted.
"""

from __future__ import annotations

import argparse
import ctypes
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

from report import Row, Spread, show

from deadrelu_tui.builtin import fashion_mnist as data
from deadrelu_tui.builtin.presets import PRESETS
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.record.records import Record, Start, Step
from deadrelu_tui.run.gate import Controls
from deadrelu_tui.run.run import Run

OWN_AT_MOST = 0.4
"""Milliseconds."""
CLOCKS = 20_000
"""Clocks of which the mean is taken to be what one takes."""


class Library:
    """MXNet's library; while that is wanted, with a clock in every call of it and without the engine's work."""

    def __init__(self, calls: Any) -> None:
        self.module, self.library = calls, calls._LIBRARY
        self.seconds, self.calls = 0.0, 0
        self._plain: dict[str, Any] = {}
        self._twin_of = self.library.MXShallowCopyNDArray
        self._returned: dict[int, list[ctypes.c_void_p]] = {}
        """What each graph returned when it was called first."""
        self._handed_out: Any = None

    def take_away(self) -> None:
        """Leave out the engine's work, and give every function that was called so far a clock.

        There must have been an epoch before.
        """
        self._plain = {name: each for name, each in vars(self.library).items() if name.startswith("MX")}
        for name, function in self._plain.items():
            setattr(self.library, name, self._clocked(function))
        self.module._LIBRARY = SimpleNamespace(
            MXInvokeCachedOpEx=self._clocked(self._invoke),
            MXImperativeInvokeEx=self._clocked(nothing),
            MXNDArraySyncCopyToCPU=self._clocked(nothing),
            MXNDArrayReshape64=self.library.MXNDArrayReshape64,
        )

    def restore(self) -> None:
        """Take the clocks away and let the engine work."""
        for name, function in self._plain.items():
            setattr(self.library, name, function)
        self.module._LIBRARY = self.library

    def _clocked(self, function: Callable[..., int]) -> Callable[..., int]:
        def call(*arguments: Any) -> int:
            began = time.thread_time()
            result = function(*arguments)
            self.seconds += time.thread_time() - began
            self.calls += 1
            return result

        return call

    def clock_seconds(self) -> float:
        """Return what the clock of a call takes that it does not see itself."""
        seconds, calls, idle = self.seconds, self.calls, self._clocked(nothing)
        began = time.thread_time()
        for _ in range(CLOCKS):
            idle()
        unseen = time.thread_time() - began - (self.seconds - seconds)
        self.seconds, self.calls = seconds, calls
        return unseen / CLOCKS

    def _invoke(self, graph: Any, inputs: Any, arrays: Any, count: Any, made: Any, kinds: Any) -> int:
        """Return what the graph returned before, as arrays that may be freed."""
        if graph.value not in self._returned:
            failed: int = self._plain["MXInvokeCachedOpEx"](graph, inputs, arrays, count, made, kinds)
            handles = (ctypes.c_void_p * count._obj.value).from_address(made._obj.value)
            self._returned[graph.value] = [self._twin(ctypes.c_void_p(each)) for each in handles]
            return failed
        twins = [self._twin(each) for each in self._returned[graph.value]]
        self._handed_out = (ctypes.c_void_p * len(twins))(*twins)
        count._obj.value, made._obj.value = len(twins), ctypes.addressof(self._handed_out)
        return 0

    def _twin(self, handle: ctypes.c_void_p) -> ctypes.c_void_p:
        twin = ctypes.c_void_p()
        self._twin_of(handle, ctypes.byref(twin))
        return twin


def nothing(*_: Any) -> int:
    """Do as little as a function of the library can, and report success."""
    return 0


class Mark(NamedTuple):
    """What the training thread had computed, in seconds, when it had taken so many steps."""

    steps: int
    whole: float
    inside: float
    """In MXNet's library and the clocks, as far as it had any."""
    kept: float
    """After a record was made: by the History, the ledgers and the notices."""
    calls: int

    def since(self, before: Mark) -> Mark:
        """Return the milliseconds and calls of a step since an earlier mark, and the steps."""
        steps = self.steps - before.steps
        whole, inside, kept = (1000 * (now - then) / steps for now, then in zip(self[1:4], before[1:4], strict=True))
        return Mark(steps, whole, inside, kept, (self.calls - before.calls) // steps)


def train_epochs(epochs: int) -> list[Mark]:
    """Train in a run's own thread, with clocks in every second epoch; return what a step of each epoch took."""
    settings, dataset = replace(PRESETS["low-lr"], device="cpu", epochs=epochs), data.find(full=True)
    marks: list[Mark] = []

    def training(promised: Start, controls: Controls) -> Iterator[Record]:
        from deadrelu_tui.engine.by_mxnet import calls, runtime  # MXNet: in the thread that trains
        from deadrelu_tui.engine.by_mxnet.model import Model
        from deadrelu_tui.engine.train import train

        library, kept = Library(calls), 0.0
        clock = library.clock_seconds()
        for item in train(Model, settings, dataset, controls, promised=promised):
            began = time.thread_time()
            yield item
            kept += time.thread_time() - began
            if isinstance(item, Start):
                marks.append(Mark(0, time.thread_time(), 0.0, kept, 0))
            elif isinstance(item, Step) and item.ends_epoch and item.epoch is not None:
                inside = library.seconds + library.calls * clock
                marks.append(Mark(item.step + 1, time.thread_time(), inside, kept, library.calls))
                runtime.mx.nd.waitall()  # steps of the next epoch are under way already
                library.restore()
                if item.epoch % 2:
                    library.take_away()

    with ThreadPoolExecutor(1) as pool:
        run = Run(promise(settings), training, pool, settings.live)
        run.begin()
        run.join()
    if run.error is not None:
        raise run.error
    return [now.since(before) for before, now in pairwise(marks)]


def measure(rounds: int) -> Iterator[Row]:
    """Train epochs of both kinds in turns; yield the table's lines."""
    epochs = train_epochs(2 * rounds + 2)[2:]
    whole, own, kept = [], [], []
    for turn, (plain, clocked) in enumerate(zip(epochs[::2], epochs[1::2], strict=True), 1):
        whole.append(plain.whole)
        kept.append(plain.kept)
        own.append(clocked.whole - clocked.inside)
        line = f"a step {plain.whole:.2f} ms  Python's own {own[-1]:.2f} ms, beside {clocked.calls} calls of MXNet"
        print(f"round {turn}/{rounds}  {line}  keeping the record {plain.kept:.2f} ms", file=sys.stderr)
    yield Row("processor time of the training thread, a step", str(Spread(tuple(whole), "ms")))
    spread = Spread(tuple(own), "ms")
    what = "of that Python's own: all but MXNet's library"
    yield Row(what, str(spread), "", "", f"≤ {OWN_AT_MOST:.2f} ms", spread.median <= OWN_AT_MOST)
    yield Row("of that keeping the record: History, ledgers, notices", str(Spread(tuple(kept), "ms")))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="epochs of each kind that count [5]")
    parser.add_argument("--markdown", action="store_true", help="print the rows of README.md")
    given = parser.parse_args()
    show(list(measure(given.rounds)), given.markdown)
