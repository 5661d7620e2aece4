"""Dead units brought back in a user's network: verified on the probe, or taken back with the reason.

Fresh incoming weights, outgoing ones zero, so that the network says what it said before: ReDo (Sokar et al. 2023) for
units that never fire. Of a layer whose output is read in a way that cannot be followed nothing is left changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from deadrelu_tui.errors import in_a_line
from deadrelu_tui.watching import reviving
from deadrelu_tui.watching.by_torch.looking import rows_of
from deadrelu_tui.watching.by_torch.passing import undisturbed
from deadrelu_tui.watching.by_torch.sketch import Place, counted
from deadrelu_tui.watching.reviving import MOVED, Refused

if TYPE_CHECKING:
    from deadrelu_tui.watching.by_torch.sight import TorchSight

_random = torch.Generator()
"""Ours: the training's own draws are left alone."""


def revive(sight: TorchSight, wanted: str | None) -> tuple[dict[str, int], dict[str, str]]:
    """Revive the dead units of a layer, or of all; return how many of each came back, and why none did."""
    return reviving.revive(sight.known.places, wanted, lambda place: _Layer(sight, place).revive())


class _Layer:
    """One layer while its units are revived."""

    def __init__(self, sight: TorchSight, place: Place) -> None:
        self._sight, self._place = sight, place
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        """Tensors that are changed, each with a copy of what it was."""

    def revive(self) -> int:
        """Revive the layer's dead units; return how many fire now. Raises Refused with nothing changed."""
        if self._sight.passed is None:
            raise Refused("there is no probe on which that could be verified")
        dead, before = self._dead()
        if not dead.numel():
            return 0
        weight, rows = self._incoming()
        outgoing = list(self._outgoing(dead))
        try:
            with torch.no_grad():
                self._draw(weight, rows, dead)
                for each, columns in outgoing:
                    self._keep(each)
                    each.detach()[:, columns] = 0
                self._normalise(dead)
                still, now = self._dead()
                again = still[torch.isin(still, dead)]
                if again.numel():  # with the other sign they are as likely
                    rows[again.to(rows.device)] *= -1
                    self._normalise(again)
                    still, now = self._dead()
                moved = _moved(before, now)
                if not moved <= MOVED:
                    raise Refused(
                        f"what the network says on the probe would move by {moved:.1%}: others read its units, too"
                    )
                for each, columns in outgoing:
                    self._forget(each, (slice(None), columns))
                self._forget(weight, (dead,))
        except Refused:
            self._roll_back()
            raise
        except Exception as error:
            self._roll_back()
            raise Refused(in_a_line(error)) from error
        return int(dead.numel() - torch.isin(dead, still).sum())

    def _dead(self) -> tuple[torch.Tensor, Any]:
        """Return which units fire for no place of the probe, and what the network says."""
        sight = self._sight
        assert sight.passed is not None
        counts, out = counted(sight.model, sight.known, sight.passed, sight.own)
        fired = counts[self._place.name].fired
        assert fired is not None
        return (fired == 0).nonzero().reshape(-1).cpu(), out

    def _incoming(self) -> tuple[torch.nn.Parameter, torch.Tensor]:
        layer = self._sight.known.network.layer(self._place.name)
        if layer is None or not layer.weight or len(self._place.makers) > 1:
            raise Refused("it is not known which weights alone make its units")
        weight = self._sight.known.everything[layer.weight]
        rows = rows_of(weight, self._place.units)
        if rows is None or rows.data_ptr() != weight.data_ptr() or weight.shape[0] != self._place.units:
            raise Refused(f"{layer.weight} has no row for each unit")
        return weight, rows

    def _outgoing(self, dead: torch.Tensor) -> Iterator[tuple[torch.nn.Parameter, torch.Tensor]]:
        """Yield each weight that reads the layer, and the columns that read its dead units."""
        if not self._place.readers:
            raise Refused("no weight reads its units")
        for reader in self._place.readers:
            weight = self._sight.known.everything[reader.weight]
            repeats, rest = divmod(weight.shape[1], self._place.units)
            if rest or not repeats:
                raise Refused(f"{reader.weight} does not read its units one by one")
            yield weight, (dead[:, None] * repeats + torch.arange(repeats)).reshape(-1).to(weight.device)

    def _draw(self, weight: torch.nn.Parameter, rows: torch.Tensor, dead: torch.Tensor) -> None:
        """Draw weights at the scale of the living units', or He's (2015) where nobody lives; biases are zero."""
        self._keep(weight)
        here = dead.to(rows.device)
        lives = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        lives[here] = False
        scale = (2 / rows.shape[1]) ** 0.5
        if lives.any() and torch.isfinite(rows[lives]).all():
            scale = float(rows[lives].square().mean().sqrt()) or scale
        drawn = torch.randn((len(dead), rows.shape[1]), generator=_random) * scale
        rows[here] = drawn.to(rows)
        for name in self._place.biases:
            bias = self._sight.known.everything[name]
            if bias.shape == (self._place.units,):
                self._keep(bias)
                bias.detach()[here] = 0
                self._forget(bias, (here,))

    def _normalise(self, dead: torch.Tensor) -> None:
        """Have what normalises the units treat the dead ones as it treats units that were just drawn."""
        modules = dict(self._sight.model.named_modules())
        for name in self._place.norms:
            module = modules[name]
            here = dead
            for parameter, value in ((getattr(module, "weight", None), 1.0), (getattr(module, "bias", None), 0.0)):
                if isinstance(parameter, torch.Tensor) and parameter.shape == (self._place.units,):
                    self._keep(parameter)
                    here = dead.to(parameter.device)
                    lives = torch.ones(len(parameter), dtype=torch.bool, device=parameter.device)
                    lives[here] = False
                    usual = parameter.detach()[lives].median() if value and lives.any() else torch.tensor(value)
                    parameter.detach()[here] = usual.to(parameter)
                    self._forget(parameter, (here,))
            mean, variance = getattr(module, "running_mean", None), getattr(module, "running_var", None)
            if isinstance(mean, torch.Tensor) and isinstance(variance, torch.Tensor):
                taken = self._taken_by(module)
                others = [each for each in range(taken.ndim) if each != 1]
                self._keep(mean)
                self._keep(variance)
                mean[here] = taken.mean(others)[here].to(mean)
                variance[here] = taken.var(others, unbiased=False)[here].to(variance)

    def _taken_by(self, module: torch.nn.Module) -> torch.Tensor:
        """Return what a module is fed on the probe."""
        taken: list[torch.Tensor] = []
        handle = module.register_forward_pre_hook(lambda _, given: taken.append(given[0].detach().clone()))
        try:
            with undisturbed(self._sight.model):
                assert self._sight.passed is not None
                self._sight.passed()
        finally:
            handle.remove()
        return taken[0]

    def _forget(self, parameter: torch.Tensor, where: tuple[Any, ...]) -> None:
        """Have the optimizers remember nothing of some values. What divides the step takes the median of the others: of
        a zero there the first steps would be so large as to kill again.
        """
        for optimizer in self._sight.optimizers:
            for name, value in optimizer.state.get(parameter, {}).items():
                if isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.ndim:
                    self._keep(value)
                    divides = "sq" in name or name in ("square_avg", "sum")
                    value[where] = _median(value, where) if divides else 0

    def _keep(self, tensor: torch.Tensor) -> None:
        if not any(tensor is each for each, _ in self._kept):
            self._kept.append((tensor, tensor.detach().clone()))

    def _roll_back(self) -> None:
        with torch.no_grad():
            for tensor, was in self._kept:
                tensor.copy_(was)


def _median(values: torch.Tensor, where: tuple[Any, ...]) -> torch.Tensor:
    others = torch.ones_like(values, dtype=torch.bool)
    others[where] = False
    return values[others].median() if others.any() else values.median()


def _moved(before: Any, now: Any) -> float:
    """Return by which share of its largest value what a network says has changed."""
    worst = 0.0
    for one, other in zip(_floats(before), _floats(now), strict=True):
        if one.shape != other.shape:
            return float("inf")
        size = float(one.abs().max()) if one.numel() else 0.0
        change = float((one - other).abs().max()) if one.numel() else 0.0
        moved = change / size if size else change
        if not math.isfinite(moved):  # of what is no number nobody can say that it stays as it was
            return math.inf
        worst = max(worst, moved)
    return worst


def _floats(values: Any) -> Iterator[torch.Tensor]:
    if isinstance(values, torch.Tensor):
        if values.is_floating_point():
            yield values
    elif isinstance(values, dict):
        for each in values.values():
            yield from _floats(each)
    elif isinstance(values, (tuple, list)):
        for each in values:
            yield from _floats(each)
    elif hasattr(values, "__dict__"):
        yield from _floats(vars(values))
