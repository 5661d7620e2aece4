"""Who has remedies tried, beside a run whose verdict is bad, and tells among its events what came of it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import closing, suppress
from typing import Any

from deadrelu_tui.diagnosis.trials import Trial, Trials
from deadrelu_tui.diagnosis.verdict import BAD, verdict
from deadrelu_tui.errors import in_a_line
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Event, Live
from deadrelu_tui.run.gate import Controls

Parameters = Callable[[], list[Any] | None]
"""Returns, of a training that runs, a copy of its parameters."""
Attempt = Callable[[Mapping[str, Any], Parameters, Callable[[], float]], tuple[int, Generator[Trial, None, None]]]
"""Given settings, what copies the parameters, and what tells at any time which share of a processor's time may be
taken, or ends it all with an exception: how many steps a trial has, and the trials, each of which comes when it is
done. To close the iterator ends them."""
SPARING = 0.05
"""Share of the time that is taken beside a training that leaves no processor free: threads that wait for each other
lose half of their speed to a third one, of whatever priority, that computes all the time (benchmarks/trials.py)."""
EVERY = 0.5
"""Seconds between two looks at the verdict. It has to be bad at two of them: a moment is no reason."""
OVER = 0.5
"""Seconds over which it is measured how many processors the training takes."""
PATIENCE = 5.0
"""Seconds within which a training hands over its parameters; beyond, only fresh ones are tried."""


class Advisor:
    """A thread that looks at a run now and then. Only what tries the remedies computes, and only if it is needed."""

    def __init__(self, history: History, controls: Controls, tell: Callable[[Event], object], attempt: Attempt) -> None:
        """Take a run's history and controls, what puts an event among its records, and what tries remedies."""
        self._history, self._controls, self._tell, self._attempt = history, controls, tell, attempt
        self._closed = threading.Event()
        self._hurry = threading.Event()
        self._done: set[tuple[Any, ...]] = set()
        self._thread = threading.Thread(target=self._watch, name="advisor", daemon=True)

    def begin(self) -> None:
        """Look at the run from now on."""
        self._thread.start()

    def settle(self) -> None:
        """Wait until all that is to be tried of a run that has ended was tried, or it was told to stop."""
        self._hurry.set()
        self._thread.join()

    def close(self) -> None:
        """Break off what is tried, and look no more."""
        self._closed.set()
        self._hurry.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        try:
            self._look_on()
        except Exception as error:  # the training has nothing to do with it
            self._tell(Event(self._now, "untried", {"error": in_a_line(error)}))

    def _look_on(self) -> None:
        was_bad = False
        while not self._over():
            history = self._history.frozen()
            ended = history.end is not None
            bad = self._is_bad(history) and self._is_set_so(history.live)
            if bad and (was_bad or ended) and self._key(history.live) not in self._done:
                self._try_out(history)
            was_bad = bad
            if ended and self._hurry.is_set():
                return
            self._hurry.wait(EVERY)

    def _over(self) -> bool:
        end = self._history.end
        return self._closed.is_set() or self._controls.stopped or (end is not None and end.how != "finished")

    def _is_bad(self, history: History) -> bool:
        found = verdict(history) if history.start is not None and history.start.choices else None
        return found is not None and found.word in BAD

    def _is_set_so(self, live: Live) -> bool:
        """Return whether the next step will be taken as the last one was; after the end there is none."""
        return self._history.end is not None or dict(self._controls.live) == live

    def _key(self, live: Live) -> tuple[Any, ...]:
        return tuple(sorted(live.items()))

    def _try_out(self, history: History) -> None:
        """Have remedies tried for the run as it is; break off as soon as it is set otherwise."""
        live, start = dict(history.live), history.start
        assert start is not None

        def parameters() -> list[Any] | None:
            if history.end is None:
                with suppress(FutureTimeoutError):  # it may just have ended
                    return self._controls.ask_parameters().result(PATIENCE)
            return None

        def share() -> float:
            if self._over() or not self._is_set_so(live):
                raise _Broken
            return spare.share()

        spare, rows = Spare(self._rests), list[Trial]()
        try:
            steps, trials = self._attempt({**start.settings, **live}, parameters, share)
            with closing(trials):
                for trial in trials:
                    share()
                    rows.append(trial)
        except _Broken:
            return
        self._done.add(self._key(live))
        if rows:
            self._tell(Trials(live, steps, tuple(rows)).event(self._now))

    def _rests(self) -> bool:
        return self._history.end is not None or (self._controls.paused and not self._controls.permits)

    @property
    def _now(self) -> int:
        last = self._history.last
        return 0 if last is None else last


class _Broken(Exception):  # noqa: N818 - it ends what is no longer wanted, and is no error
    """The trials are of no use any more."""


class Spare:
    """Whether this process leaves a processor free."""

    def __init__(self, rests: Callable[[], bool]) -> None:
        """Take what tells whether the training takes no steps now."""
        self._rests = rests
        self._wall, self._busy = time.monotonic(), time.process_time()
        self._share = SPARING

    def share(self) -> float:
        """Return the share of a processor's time that may be taken, from what this process took since asked before."""
        wall, busy = time.monotonic() - self._wall, time.process_time() - self._busy
        if self._rests():
            self._share = 1.0
        elif wall >= OVER:
            self._share = 1.0 if busy / wall + 1 <= processors() else SPARING
        else:
            return self._share
        self._wall, self._busy = time.monotonic(), time.process_time()
        return self._share


def processors() -> int:
    """Return on how many processors this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
