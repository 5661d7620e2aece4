"""Which units a training batch makes fire: a number for each unit, above 0 if it did, at what some blocks give."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from deadrelu_tui.record.activations import OWN
from deadrelu_tui.watching.by_gluon.owed import Owed
from deadrelu_tui.watching.by_gluon.sketch import Sketch, Tap
from deadrelu_tui.watching.by_gluon.theirs import mx

Within = Callable[[Callable[[], Any]], Any]
"""Does something of ours such that nothing that goes wrong reaches the training."""


class Taps:
    """Hooks on blocks that are called for every batch."""

    def __init__(
        self, known: Sketch, owed: Owed, wanted: Callable[[], bool], spent: Callable[[float], None], within: Within
    ) -> None:
        """Put them on; `spent` is told since when one of them has computed."""
        self._owed, self._wanted, self._spent, self._within = owed, wanted, spent, within
        self._told: dict[str, Any] = {}
        self._samples: dict[str, int] = {}
        self._ones: dict[tuple[int, Any, Any], Any] = {}
        self._costs: dict[str, float] = {}
        self._handles = [
            tap.block.register_forward_hook(self._hook(name, tap, "" if tap.before else known.places[name].activation))
            for name, tap in known.taps.items()
        ]

    def _hook(self, layer: str, tap: Tap, activation: str) -> Callable[..., None]:
        def hook(_block: Any, _given: Any, out: Any) -> None:
            # What is being hybridised hands on symbols; and a pass that is no training tells of no batch.
            if not isinstance(out, mx.nd.NDArray) or not mx.autograd.is_training() or not self._wanted():
                return
            if layer not in self._costs:
                self._owed.wait_for([out])
            began = time.perf_counter()
            self._within(lambda: self._take(layer, tap.along, activation, out))
            self._spent(began - self._costs.get(layer, 0.0))

        return hook

    def _take(self, layer: str, along: int, activation: str, out: Any) -> None:
        with mx.autograd.pause():
            out = out.detach()
            began = time.perf_counter()
            told = self._reduced(out, along, activation)
            if layer not in self._costs:  # elsewhere it costs as much each time, though nobody waits for it
                told.wait_to_read()
                self._costs[layer] = time.perf_counter() - began
            before = self._told.get(layer)
            self._told[layer] = told if before is None else mx.nd.maximum(before, told)
        samples = out.shape[0] if out.ndim == 4 else out.size // max(out.shape[along], 1)
        self._samples[layer] = self._samples.get(layer, 0) + samples

    def _reduced(self, out: Any, along: int, activation: str) -> Any:
        """Return the sum for each unit of what is above 0, or its mean: by way of products and means over pictures,
        which take MXNet a twentieth of the time of its sums.
        """
        if hasattr(out, "as_nd_ndarray"):
            out = out.as_nd_ndarray()
        if activation == OWN:
            out = mx.nd.abs(out)
        elif activation != "relu":
            out = mx.nd.relu(out)
        if out.dtype not in (np.float32, np.float64):
            out = out.astype(np.float32)  # in half precision MXNet multiplies on no CPU
        units = out.shape[along]
        if along == 1 and out.ndim > 2:
            out = mx.nd.Pooling(out.reshape((0, 0, 1, -1)), global_pool=True, pool_type="avg", kernel=(1, 1))
        elif along != out.ndim - 1:
            return mx.nd.sum(out, axis=along, exclude=True)
        out = out.reshape((-1, units))
        return mx.nd.dot(self._of_ones(out), out).reshape((units,))

    def _of_ones(self, out: Any) -> Any:
        key = out.shape[0], out.context, out.dtype
        if key not in self._ones:
            if len(self._ones) > 8:
                self._ones.clear()
            self._ones[key] = mx.nd.ones((1, out.shape[0]), ctx=out.context, dtype=out.dtype)
        return self._ones[key]

    def take(self) -> tuple[Mapping[str, Any], Mapping[str, int]]:
        """Return what was told since the last time: per layer a number for each unit, above 0 if it fired, and how
        many samples that is of.
        """
        told, samples = self._told, self._samples
        self._told, self._samples = {}, {}
        return told, samples

    def leave(self) -> None:
        """Take them off."""
        for each in self._handles:
            each.detach()
        self._handles.clear()
        self._told.clear()
