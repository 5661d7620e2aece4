"""A look at the units: the user's network on the probe, every activation measured as it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.columns import Floats
from deadrelu_tui.record.spread import spread
from deadrelu_tui.record.units import UNSATURATED, Units
from deadrelu_tui.watching.by_torch.tracing import Call

SPREAD_OVER = 200_000
"""Values of h of which the spread is told, at most: of the first samples of the probe."""
MANY = 65_536
"""Units of a layer from which on no more is told of each than whether it fires, and how much it says."""


@dataclass
class Counts:
    """What a layer's units did in a pass, all of its calls together. A place is a sample, or one of its positions.

    Tensors have the shape (units,) and stay where the network is.
    """

    activation: str
    places: int = 0
    fired: torch.Tensor | None = None
    inside: torch.Tensor | None = None
    size: torch.Tensor | None = None
    total: torch.Tensor | None = None
    highest: torch.Tensor | None = None
    spreads: list[Floats] = field(default_factory=list)

    def take(self, call: Call) -> Callable[[torch.Tensor], None]:
        """Measure h before it is activated; return what measures the result."""
        pre = call.pre.detach()
        along = [each for each in range(pre.ndim) if each != call.along]
        self.places += pre.numel() // max(pre.shape[call.along], 1)
        self.fired = _added(self.fired, _counted(pre > 0, along))
        self.total = _added(self.total, _summed(pre, along))
        top = pre.amax(along) if along else pre
        self.highest = top.clone() if self.highest is None else torch.maximum(self.highest, top)
        if self.activation in SATURATING:
            low, high = UNSATURATED[self.activation]
            self.inside = _added(self.inside, _counted((pre > low) & (pre < high), along))
        if not self.spreads and pre.numel():
            each = max(1, pre.numel() // max(pre.shape[0], 1))
            self.spreads.append(spread(_array(pre[: max(1, SPREAD_OVER // each)].float())))

        def activated(out: torch.Tensor) -> None:
            self.size = _added(self.size, _summed(out.detach().abs(), along))

        return activated

    def give(self, out: torch.Tensor, along: int) -> None:
        """Measure what a module has said that is no activation: it fires where it is not 0."""
        out = out.detach()
        others = [each for each in range(out.ndim) if each != along]
        self.places += out.numel() // max(out.shape[along], 1)
        self.fired = _added(self.fired, _counted(out != 0, others))
        self.size = _added(self.size, _summed(out.abs(), others))

    def units(self, weight: torch.Tensor | None, bias: torch.Tensor | None) -> Units:
        """Return what a look tells of each unit, given the weights that make it, a row for each unit, and the bias."""
        assert self.fired is not None
        assert self.size is not None
        count = len(self.fired)
        lacking = np.full(count, np.nan, np.float32)
        firing, size = (_array(each.double() / self.places) for each in (self.fired, self.size))
        mean = lacking if self.total is None else _array(self.total.double() / self.places)
        known = np.nan if np.isnan(mean).any() and self.total is not None else 1.0
        inside = np.ones(count) if self.inside is None else _array(self.inside.double() / self.places)
        rows = _rows(weight, count) if weight is not None else None
        gradient = _rows(weight.grad, count) if weight is not None and weight.grad is not None else None
        return Units(
            self.activation,
            firing=(firing * known).astype(np.float32),
            unsaturated=(inside * known).astype(np.float32),
            activity=size.astype(np.float32),
            pre_mean=mean.astype(np.float32),
            pre_max=lacking if self.highest is None else _array(self.highest.float()),
            bias=_array(bias.detach().float().clone()) if bias is not None and bias.numel() == count else lacking,
            weight_norm=lacking if rows is None else rows,
            gradient=lacking if gradient is None else gradient,
            batch=lacking,
            spread=self.spreads[0] * np.float32(known) if self.spreads else np.empty(0, np.float32),
        )


def _counted(holds: torch.Tensor, along: list[int]) -> torch.Tensor:
    return holds.sum(along) if along else holds.long()


def _summed(values: torch.Tensor, along: list[int]) -> torch.Tensor:
    # In double precision: a mean of millions in float32 is not right to the last digit.
    wide = torch.float64 if values.device.type != "mps" else torch.float32
    return values.sum(along, dtype=wide) if along else values.to(wide)


def _added(before: torch.Tensor | None, more: torch.Tensor) -> torch.Tensor:
    return more if before is None else before + more


def _array(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().numpy()


def rows_of(weight: torch.Tensor, units: int) -> torch.Tensor | None:
    """Return a weight as a row for each unit, (units, inputs); None where it has none. Transposed convolutions have
    their units second.
    """
    weight = weight.detach()
    if weight.is_sparse or weight.ndim < 2:
        return None
    if weight.shape[0] == units:
        return weight.reshape(units, -1)
    return weight.transpose(0, 1).reshape(units, -1) if weight.shape[1] == units else None


def _rows(weight: torch.Tensor, units: int) -> Floats | None:
    rows = rows_of(weight, units)
    if rows is None:
        return None
    norms: Floats = _array(torch.linalg.vector_norm(rows.float(), dim=1))
    return norms
