"""Layers that no module tells of: what autograd has saved of them tells for which units a batch fires."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint
from watches import guest_of, history_of, watched

relu = functional.relu


class Network(nn.Module):
    """Two layers, with something in between."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        with torch.no_grad():
            self.a.bias[:3] = -50.0
            self.b.bias[4:6] = -50.0
        self.met: dict[str, torch.Tensor] = {}

    def see(self, name: str, h: torch.Tensor) -> torch.Tensor:
        """Keep what a layer is given, for the test alone."""
        fired = (h.detach() > 0).flatten(0, -2).any(0) if h.ndim < 4 else (h.detach() > 0).any(0).flatten(1).any(1)
        self.met[name] = self.met[name] | fired if name in self.met else fired
        return h


class Residual(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = relu(self.see("a", self.a(x) + 0.0))
        return self.c(relu(self.see("b", first + self.b(first))))


class InPlace(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.a(x) * 1.0
        self.see("a", h)
        h = h.relu_()
        h = self.b(h) - 0.0
        self.see("b", h)
        return self.c(torch.relu_(h))


class Clamped(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.clamp(self.see("a", self.a(x) * 1.0), min=0)
        h = torch.clamp(h, max=1e6)  # none
        return self.c(functional.relu6(self.see("b", self.b(h) * 1.0)))


class Twice(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = relu(self.see("a", self.a(x) * 1.0))
        for _ in range(2):
            h = relu(self.see("b", self.b(h) * 1.0))
        return self.c(h)


class Branches(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.a(x) * 1.0
        one, other = relu(self.see("a", h)), relu(self.see("a:2", -h))
        return self.c(relu(self.see("b", self.b(one + other) * 1.0)))


class Convolutional(Network):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3)
        with torch.no_grad():
            self.a.bias[:3] = -50.0
        self.c = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = relu(self.see("a", self.a(x.reshape(-1, 1, 6, 1).expand(-1, 1, 6, 6)) * 1.0))
        return self.c(relu(self.see("b", self.b(h) + h[:, :, 1:-1, 1:-1])).mean((2, 3)))


class Sequences(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = torch.stack([x, -x], 1)
        h = relu(self.see("a", self.a(rows) * 1.0))
        return self.c(functional.leaky_relu(self.see("b", self.b(h) * 1.0))).mean(1)


KINDS = (Residual, InPlace, Clamped, Twice, Branches, Convolutional, Sequences)


def step(model: nn.Module, optimizer: torch.optim.Optimizer, **given: Any) -> None:
    optimizer.zero_grad()
    model(torch.randn(5, 6), **given).square().mean().backward()
    optimizer.step()


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
def test_units_fire_for_a_batch_as_the_network_itself_has_it(kind: type[Network]) -> None:
    model = kind()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    monitor = watched(model, optimizer, window=12)
    seen = []
    for _ in range(12):
        model.met = {}
        step(model, optimizer)
        seen.append({name: each.numpy() for name, each in model.met.items()})
    guest = guest_of(monitor)
    assert set(seen[0]) == set(guest.run.start.network.names)
    history = history_of(monitor)
    for name in seen[0]:
        told = history.series(f"silent_fraction/{name}")
        assert told.steps.tolist() == list(range(12))
        wanted = [np.mean(~each[name]) for each in seen]
        np.testing.assert_allclose(told.values, wanted, atol=1e-6)
    dead = history.units("a")
    assert dead is not None
    assert dead.lost[:3].all()


class Checkpointed(Network):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def part(given: torch.Tensor) -> torch.Tensor:
            return relu(self.b(relu(self.a(given) * 1.0)) + 0.0)

        return self.c(checkpoint(part, x, use_reentrant=False))


def test_what_is_computed_anew_in_place_of_being_saved_is_not_read() -> None:
    ends = []
    for watching in (False, True):
        model = Checkpointed()
        calls = []
        model.a.register_forward_hook(lambda *_: calls.append(1))  # noqa: B023
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        monitor = watched(model, optimizer, probe=torch.randn(8, 6)) if watching else None
        torch.manual_seed(1)
        before = len(calls)
        for _ in range(5):
            step(model, optimizer)
        if monitor is not None:
            assert not monitor.fault
            monitor.close()
        ends.append(([each.detach().clone() for each in model.parameters()], len(calls) - before))
    assert all(torch.equal(one, other) for one, other in zip(ends[0][0], ends[1][0], strict=True))
    assert ends[0][1] == 10  # each twice


def test_what_somebody_keeps_in_a_way_of_his_own_is_not_read() -> None:
    model = Residual()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watched(model, optimizer, probe=torch.randn(8, 6))
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autograd.graph.save_on_cpu():
            model(torch.randn(5, 6)).square().mean().backward()
        optimizer.step()
    assert not monitor.fault
    assert "silent_fraction/b" not in history_of(monitor).names


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
def test_a_training_that_is_read_so_keeps_its_numbers(kind: type[Network]) -> None:
    ends = []
    for watching in (False, True):
        model = kind()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        monitor = watched(model, optimizer, window=100) if watching else None
        torch.manual_seed(1)
        for _ in range(10):
            step(model, optimizer)
        if monitor is not None:
            assert not monitor.fault
            monitor.close()
        ends.append([each.detach().clone() for each in model.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*ends, strict=True))
