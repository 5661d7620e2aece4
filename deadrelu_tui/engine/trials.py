"""Remedies tried by NumPy in a process of its own, which computes only while nobody else wants the processor.

A process and not a thread: it has its own number of threads of BLAS, and never holds the interpreter lock of the
training.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from deadrelu_tui.builtin import kernels
from deadrelu_tui.builtin.dataset import Dataset
from deadrelu_tui.builtin.promise import promise
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.finding import Remedy
from deadrelu_tui.diagnosis.trials import Trial, search
from deadrelu_tui.engine.by_numpy.model import Model
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.commands import Change, Restart, Revive, as_data, of_data

TRAINED, PROBED = 8_192, 1_000
"""Images of the fixed sample: every so manieth of the training set, and the first ones of the probe set."""
FEWEST_STEPS, STEPS, MOST_STEPS, SEEN = 10, 60, 240, 15_360
"""Steps of a trial; more where batches are small, until so many images were seen; fewer where the run itself has fewer
from its first to its last."""
BATCH = 256
"""Images of a step at most."""
PATIENCE = 60.0
"""Seconds of the processor after which no further change is tried."""
TOO_LARGE = 4e11
"""Operations of a trial, from which on nothing is tried: many seconds of one core, of which it would take dozens."""
ASK_EVERY = 0.1
"""Seconds between two questions which share of the time may be taken."""
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Sample:
    """What a trial trains on, and what it is measured by."""

    settings: RunSettings
    images: Dataset
    steps: int
    """Steps of a trial."""
    parameters: Sequence[Floats] | None = None
    """Of a training that runs; None after its end."""


def sample(settings: RunSettings, dataset: Dataset) -> Sample:
    """Return what is tried of a run with these settings."""
    count = len(dataset.train_labels)
    chosen = np.linspace(0, count - 1, min(TRAINED, count)).astype(np.intp)
    images = replace(
        dataset,
        train_images=dataset.train_images[chosen], train_labels=dataset.train_labels[chosen],
        test_images=dataset.probe_images[:PROBED], test_labels=dataset.test_labels[:PROBED],
    )  # fmt: skip
    gentle = replace(
        settings, batch_size=min(BATCH, settings.batch_size), engine="numpy", device="cpu", epochs=1, steps=None
    )
    steps = min(MOST_STEPS, max(STEPS, SEEN // gentle.batch_size))
    if settings.steps is not None:
        steps = max(FEWEST_STEPS, min(steps, settings.steps))
    elif settings.epochs is not None:
        steps = max(FEWEST_STEPS, min(steps, settings.epochs * -(-count // settings.batch_size)))
    return Sample(gentle, images, steps)


def operations(settings: RunSettings, inputs: int, classes: int) -> float:
    """Return about how many multiplications and additions a trial takes."""
    widths = (inputs, *settings.hidden, classes)
    weights = sum(above * below for above, below in pairwise(widths))
    return 6.0 * weights * SEEN


def tried(given: Sample, remedy: Remedy, between: Callable[[], object] = lambda: None) -> Trial:
    """Try a remedy; something may be done between two steps."""
    settings, revive = given.settings, False
    for command in remedy:
        if isinstance(command, (Change, Restart)):
            changes: Mapping[str, Any] = command.fields if isinstance(command, Change) else command.settings
            settings = replace(settings, **changes)
        revive |= isinstance(command, Revive)
    model, live = Model(settings, promise(settings), given.images, metrics=False), settings.live
    if given.parameters is not None and not any(isinstance(each, Restart) for each in remedy):
        for own, copied in zip(model.network.parameters, given.parameters, strict=True):
            own[...] = copied
    if revive:
        model.revive(live)
    taken = 0
    while True:
        for batch in model.batches.epoch():
            between()
            taken += 1
            done = model.step(taken, 1, live, batch, test=taken == given.steps)
            if taken == given.steps:
                return Trial(remedy, done.step.values["accuracy/test"])


def attempt(
    given: Sample, parameters: Callable[[], Sequence[Floats] | None], share: Callable[[], float] = lambda: 1.0
) -> Generator[Trial, None, None]:
    """Yield one trial after the other, each as soon as it is done; to close it ends the process that tries.

    Takes a sample, what copies the parameters of a training that runs, and what is asked again and again which share
    of a processor's time may be taken. Nothing is tried of a network that is too large.
    """
    if operations(given.settings, given.images.train_images.shape[1], given.images.classes) > TOO_LARGE:
        return
    given = replace(given, parameters=parameters())
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), **kernels.for_others()}, start_new_session=True, bufsize=0,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    said = 1.0
    try:
        with suppress(BrokenPipeError):
            packed = pickle.dumps(given)
            _write(process.stdin.fileno(), _LENGTH.pack(len(packed)) + packed)
            while True:
                now = share()
                if now != said:
                    _write(process.stdin.fileno(), _SHARE.pack(now))
                    said = now
                if not select.select([process.stdout], [], [], ASK_EVERY)[0]:
                    continue
                line = process.stdout.readline()
                if not line:
                    break
                row = json.loads(line)
                yield Trial(tuple(map(of_data, row["remedy"])), row["accuracy"])
        if process.wait():
            raise RuntimeError(f"the process that tries them ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()


_LENGTH, _SHARE = struct.Struct("<q"), struct.Struct("<d")


def _write(to: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(to, rest) :]


def _read(size: int) -> bytes:
    """Read so many bytes of standard input; end the process where there are no more: nobody waits for it."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(0, size - len(data))
        if not piece:
            raise SystemExit(0)
        data += piece
    return bytes(data)


class _Pace:
    """The time that may be taken: after each step a rest, so long that the steps take a share of the time."""

    def __init__(self) -> None:
        self._share, self._since = 1.0, time.perf_counter()

    def rest(self) -> None:
        """Rest, unless all of the time may be taken. Ends the process when nobody is there any more to be told."""
        now = time.perf_counter()
        until = now + (now - self._since) * (1 / self._share - 1)
        while select.select([0], [], [], max(0.0, until - time.perf_counter()))[0]:
            (self._share,) = _SHARE.unpack(_read(_SHARE.size))
            until = now if self._share >= 1 else until
        self._since = time.perf_counter()


def serve() -> None:
    """Try what the search wants of the sample on standard input; write a line for each trial."""
    _yield_to_all()
    given: Sample = pickle.loads(_read(*_LENGTH.unpack(_read(_LENGTH.size))))
    now = {**given.settings.as_dict(), **given.settings.live}
    wanted, pace = search(now, given.parameters is not None, given.images.classes), _Pace()
    remedy = next(wanted)
    with suppress(StopIteration, BrokenPipeError):
        while time.process_time() < PATIENCE:
            found = tried(given, remedy, pace.rest)
            print(json.dumps({"remedy": [as_data(each) for each in remedy], "accuracy": found.accuracy}), flush=True)
            remedy = wanted.send(found.accuracy)


def _yield_to_all() -> None:
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
