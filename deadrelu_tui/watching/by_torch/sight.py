"""What sees a network of PyTorch's: its units on the probe, and its parameters at each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.units import Units
from deadrelu_tui.watching.by_torch import reviving
from deadrelu_tui.watching.by_torch.gradients import NOTHING, Gradients, flat
from deadrelu_tui.watching.by_torch.passing import several
from deadrelu_tui.watching.by_torch.readback import later
from deadrelu_tui.watching.by_torch.sketch import Sketch, counted
from deadrelu_tui.watching.by_torch.taps import Taps
from deadrelu_tui.watching.quantities import shares
from deadrelu_tui.watching.told import Read, nothing

ALONE = "other processes train copies of this network, which would stay as they are"


class TorchSight:
    """Sees one model and what trains it."""

    def __init__(
        self, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], known: Sketch,
        passed: Callable[[], Any] | None, own: Mapping[str, torch.nn.Module],
    ) -> None:  # fmt: skip
        """Take the network, its optimizers, what it is made of, what passes the probe through it if there is one."""
        self.model, self.optimizers, self.known = model, optimizers, known
        self.passed, self.own = passed, own
        self.taps: Taps | None = None
        self.hooks: list[Any] = []
        """What else was put on, to be taken off."""
        self.stepping = self.left = False
        """Whether an optimizer's hooks are gone through; whether hooks are to be taken off as soon as they are not."""
        self.inside = False
        """Whether gradients are computed within the step that is about to be taken."""
        self.passes = 0
        """How often the network was passed through within it."""
        self.needs_taps = False
        """Whether every batch is to be seen, as a window needs it."""
        self._gradients: list[Gradients] = []
        self.divide()
        self._first = True
        self._rates: dict[int, list[tuple[dict[str, Any], Any]]] = {}

    def look(self) -> tuple[dict[str, Units], dict[str, float]]:
        """Pass the probe through; return what it tells of each layer's units, and of the network."""
        values, units = dict[str, float](), dict[str, Units]()
        if self.passed is not None:
            counts, _ = counted(self.model, self.known, self.passed, self.own)
            for name, each in counts.items():
                layer = self.known.network.layer(name)
                assert layer is not None
                everything = self.known.everything
                units[name] = each.units(everything.get(layer.weight), everything.get(layer.bias or ""))
            values = shares(units)
        for name, each in self.known.parameters.items():
            if each.grad is not None and each.grad.layout == torch.strided:
                values[f"grad_mean_abs/{name}"] = float(each.grad.detach().abs().mean())
            if self._first and each.ndim > 1 and each.numel() > 1:
                values[f"weight_variance/{name}"] = float(each.detach().float().var(unbiased=False))
        self._first = False
        return units, values

    def divide(self) -> None:
        """Have each optimizer's own parameters measured when it takes a step; all others when the first one does."""
        mine = [{id(one) for group in each.param_groups for one in group["params"]} for each in self.optimizers]
        owner = {one: which for which in reversed(range(len(mine))) for one in mine[which]}
        self._gradients = [
            Gradients({name: each for name, each in self.known.parameters.items() if owner.get(id(each), 0) == which})
            for which in range(max(len(mine), 1))  # of a training that has none all are measured at its own steps
        ]

    def before(self, measure: bool) -> None:
        """Measure the gradients and keep the parameters, if that is wanted."""
        if measure:
            self._gradients[0].before(next(iter(self.optimizers), None), self.inside)

    def part_before(self, which: int) -> None:
        """Do so for another optimizer."""
        self._gradients[which].before(self.optimizers[which], self.inside)

    def part(self, which: int) -> Callable[[], Read]:
        """Return what reads back what another optimizer has done."""
        names, told = self._gradients[which].after()
        numbers = later(flat(told))
        return lambda: Read(_named(names, numbers()), {}, {})

    def after(self, measure: bool) -> Callable[[], Read]:
        """Return what reads back the numbers of the step."""
        names, told = self._gradients[0].after() if measure else ([], [])
        fired, samples = self.taps.take() if self.taps is not None else ({}, {})
        if self.needs_taps and measure:
            self.needs_taps = False
            if not fired:
                raise InputError("window= needs every batch to be seen, and none is: is the code compiled?")
        if not told and not fired:
            return nothing
        numbers = later(flat(told))
        device = next(iter(fired.values())).device if fired else None
        masks = later(torch.cat([each.float().to(device) for each in fired.values()]) if fired else None)
        sizes = {layer: len(each) for layer, each in fired.items()}

        def read() -> Read:
            at = 0
            values = _named(names, numbers())
            every, split = masks(), dict[str, Any]()
            for layer, size in sizes.items():
                split[layer] = every[at : at + size] > 0
                values[f"silent_fraction/{layer}"] = 1.0 - float(np.count_nonzero(split[layer])) / size
                at += size
            return Read(values, split, samples)

        return read

    def listen(self, on: bool) -> None:
        """Count the batches that come, or let them pass."""
        if self.taps is not None:
            self.taps.listen(on)

    def rate(self) -> float | None:
        """Return the learning rate of the first group."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                if "lr" in group:
                    return float(group["lr"])
        return None

    def scale(self, optimizer: torch.optim.Optimizer, factor: float) -> None:
        """Have an optimizer take its step at a multiple of its learning rates."""
        self.unscale(optimizer)
        rates = self._rates[id(optimizer)] = [(each, each["lr"]) for each in optimizer.param_groups if "lr" in each]
        for group, rate in rates:
            group["lr"] = rate * factor

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Have its rates be what they were: schedulers find their own."""
        for group, rate in self._rates.pop(id(optimizer), ()):
            group["lr"] = rate

    def parameters(self) -> list[Any]:
        """Return copies of the parameters."""
        return [each.detach().float().cpu().numpy().copy() for each in self.known.parameters.values()]

    def revive(self, layer: str | None) -> tuple[dict[str, int], dict[str, str]]:
        """Revive dead units of a layer, or of all."""
        if several():
            return {}, {name: ALONE for name in self.known.places if layer in (None, name)}
        return reviving.revive(self, layer)

    def leave(self) -> None:
        """Take off all hooks; those of an optimizer that goes through them just now at the network's next pass."""
        for each in self.optimizers:
            self.unscale(each)
        if self.taps is not None:
            self.taps.leave()
        if self.stepping:
            self.left = True
            return
        for each in self.hooks:
            each.remove()
        self.hooks.clear()


def _named(names: list[str], numbers: Any) -> dict[str, float]:
    """Return numbers by their names, without those that there are none."""
    told = [] if numbers is None else numbers.tolist()
    return {name: each for name, each in zip(names, told, strict=True) if each != _NONE}


_NONE = float(np.float32(NOTHING))
