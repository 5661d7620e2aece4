"""`watch` for a network of Gluon's: what is watched, and when it begins."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deadrelu_tui import __version__
from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.record.records import Start, new_id
from deadrelu_tui.run.origin import origin
from deadrelu_tui.watching.by_gluon import passing
from deadrelu_tui.watching.by_gluon.owed import Owed
from deadrelu_tui.watching.by_gluon.rates import Rates
from deadrelu_tui.watching.by_gluon.sight import GluonSight
from deadrelu_tui.watching.by_gluon.sketch import Sketch, own_blocks, sketch
from deadrelu_tui.watching.by_gluon.steps import Steps
from deadrelu_tui.watching.by_gluon.taps import Taps
from deadrelu_tui.watching.by_gluon.theirs import mx
from deadrelu_tui.watching.guest import Guest, Watch
from deadrelu_tui.watching.quantities import told_of
from deadrelu_tui.watching.tables import Counted, Counts, Table, counts_of
from deadrelu_tui.watching.watched import Watched

KEPT_SAMPLES = 512
"""Samples of the first batch that are kept where no probe is given."""


class GluonWatch(Watched):
    """Everything that is put on a training. It begins at once if it can: with a probe, and parameters that have their
    values; else at the first step. Gluon draws first weights when the first batch comes, and nobody is to draw before.
    """

    def __init__(
        self, net: Any, trainers: list[Any], probe: Any, units: Mapping[str, Any] | None, classes: int | None,
        name: str | None, watch: Watch,
    ) -> None:  # fmt: skip
        """Take what is trained and what is wanted. Raises InputError for what cannot be watched."""
        super().__init__()
        self._net = net
        self._classes, self._name, self._watch = classes, name, watch
        self._own = own_blocks(net, units or {})
        self._kept: tuple[Any, ...] | None = None
        self._hook: Any = None
        self._sight: GluonSight | None = None
        self._given = probe
        self._probe = passing.prober(net, probe) if probe is not None else None
        self._rates, self._owed = Rates(trainers), Owed()
        ready = all(passing.first_device(each) is not None for each in net.collect_params().values())
        self._known = self._sketched(self._probe()) if self._probe is not None and ready else None
        self._steps = Steps(trainers, self._before, self._around, self._after)
        try:
            if self._known is not None:
                self._begin(self._known)
            elif self._probe is None:
                self._hook = net.register_forward_pre_hook(self._first_batch)
        except BaseException:
            self._leave()
            raise

    def _first_batch(self, _net: Any, args: Any) -> None:
        if mx.autograd.is_training() and self._kept is None and self.guest is None:
            with contextlib.suppress(Exception):
                self._kept = passing.kept(tuple(args), KEPT_SAMPLES)

    def _sketched(self, calls: list[passing.Args]) -> Sketch:
        try:
            return sketch(self._net, calls[0], self._own)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"the network cannot be run on the probe: {in_a_line(error)}") from error

    def _begin_late(self) -> None:
        """Begin at the first step."""
        try:
            if self._probe is None and self._kept is None:
                raise InputError("the network was not called before the first step; give a probe")
            kept = self._kept or ()
            probe = self._probe or (lambda: [kept])
            self._begin(self._sketched(probe()))
        except Exception as error:
            self._leave()
            self.fault = in_a_line(error)
            self._watch.say(f"deadrelu-tui: not watching, the training goes on: {self.fault}")

    def _begin(self, known: Sketch) -> None:
        kind = "probe" if self._probe is not None else "window" if self._watch.window is not None else "batch"
        if self._watch.window is not None and known.taps.keys() != known.places.keys():
            raise InputError(
                "window= needs every batch to be seen, which a hybridised network does not allow; give a probe"
            )
        kept = self._kept or ()
        probe = self._probe or ((lambda: [kept]) if kind == "batch" else None)
        sight = self._sight = GluonSight(self._net, self._steps, self._rates, known, probe, self._owed)
        sight.needs_taps = self._watch.window is not None
        first = (self._probe() if self._probe is not None else [kept])[0]
        guest = self.guest = Guest(sight, self._start(known, kind, first), self._watch)
        self.tell_early(guest)
        took = guest.governor.took
        sight.gradients.spent = lambda seconds: took("step", time.perf_counter() - seconds, whole=False)
        if known.taps:
            sight.taps = Taps(
                known, self._owed, lambda: guest.counts,
                lambda began: took("step", began, whole=False),
                lambda action: guest.guarded("a batch could not be measured", action),
            )  # fmt: skip
        sight.hooks.append(self._net.register_forward_pre_hook(self._forward))
        self._drop_hook()

    # What the training's thread calls

    def _before(self) -> None:
        if self.guest is None and self.fault is None:
            self._begin_late()
        if (guest := self.guest) is not None:
            guest.guarded("a step could not be measured", guest.before_step)
        self._owed.hand_over()

    def _around(self, trainer: Any) -> contextlib.AbstractContextManager[None]:
        guest = self.guest
        if guest is None or guest.over or guest.fault is not None:
            return contextlib.nullcontext()
        return self._rates.multiplied(trainer, guest.orders.factor)

    def _after(self) -> None:
        if (guest := self.guest) is not None:
            guest.guarded("a step could not be measured", guest.after_step)
        self._owed.hand_over()

    def _forward(self, _net: Any, _args: Any) -> None:
        guest = self.guest
        if guest is not None and mx.autograd.is_training():
            guest.guarded("a step could not be told", guest.passed)
        self._owed.hand_over()

    def _start(self, known: Sketch, kind: str, first: passing.Args) -> Start:
        at, device = time.time(), passing.device_of(self._net)
        fed = list(passing.arrays(first))
        facts: dict[str, Any] = {**origin(__version__), "probe": kind, "guest": True, "engine": "gluon"}
        facts["versions"] = {**facts["versions"], "mxnet": mx.__version__}
        numbers = next((each for each in fed if np.dtype(each.dtype).kind == "f" and each.size), None)
        if numbers is not None:
            wide = numbers.asnumpy()
            facts |= {"input_mean": float(wide.mean(dtype=np.float64)), "input_std": float(wide.std(dtype=np.float64))}
        if self._watch.window is not None:
            facts["window"] = self._watch.window
        if known.norms:
            facts["norms"] = list(known.norms)
        return Start(
            run=new_id(at), at=at, title=self._name or type(self._net).__name__,
            device="cpu" if device.device_type.startswith("cpu") else f"{device.device_type}:{device.device_id}",
            network=known.network, metrics=tuple(told_of(known.network, known.taps)),
            probe=fed[0].shape[0] if fed and fed[0].shape else 0, facts=facts, classes=self._classes,
        )  # fmt: skip

    def _drop_hook(self) -> None:
        if self._hook is not None:
            self._hook.detach()
            self._hook = None

    def _leave(self) -> None:
        self._drop_hook()
        self._steps.leave()
        if self._sight is not None:
            self._sight.leave()

    def held(self, value: Any) -> Any:
        """Return a number as it stands now."""
        return Later(value, self._owed) if isinstance(value, mx.nd.NDArray) else value

    def table(self, size: int) -> Table:
        """Return what counts the choices from a table of so many entries."""
        return Chosen(size, self._owed)

    def close(self, error: BaseException | None = None) -> None:
        """End the watching."""
        if self.guest is not None:
            self.guest.close(error or self._owed.take())
        self._leave()


class Chosen:
    """Counts choices that are still to be computed when they are told, or are at hand."""

    def __init__(self, size: int, owed: Owed) -> None:
        """Take how many entries there are."""
        self._size, self._owed = size, owed
        self._here, self._arrays = Counted(size), list[Any]()

    def add(self, indices: Any) -> None:
        """Count choices. Raises InputError for what is no whole number."""
        if not isinstance(indices, mx.nd.NDArray):
            self._here.add(indices)
        elif indices.size:  # MXNet's argmax tells whole numbers as float32
            self._arrays.append(indices.detach().astype("int64"))

    def take(self) -> Callable[[], Counts]:
        """Return what reads back the counts since the last time."""
        here, arrays, self._arrays = self._here.take(), self._arrays, []

        def read() -> Counts:
            counts = here()
            with self._owed.kept():
                for each in arrays:
                    counts = counts + counts_of(each.asnumpy(), self._size)
            return counts

        return read


class Later:
    """An array that is taken as it is, and waited for where it is told: the mean of a loss for each sample."""

    def __init__(self, array: Any, owed: Owed) -> None:
        self._array, self._owed = array.detach(), owed

    def __float__(self) -> float:
        found = float("nan")
        with self._owed.kept():
            found = float(self._array.asnumpy().mean(dtype=np.float64))
        return found
