"""A look at the probe: each unit as an independent, slow count has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from networks import NETWORKS, made, trained
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from watches import history_of, watched

RELUS = {"functions", "residual", "squared", "transformer", "conv1d", "deep", "transposed"}


class Slow(TorchFunctionMode):
    """Notes what goes into each ReLU, one level above ours: at the functions that somebody calls."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[torch.Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name = getattr(func, "__name__", "")
        if name in ("relu", "relu_", "relu6", "threshold", "hardtanh", "_threshold"):
            self.taken.append(args[0].detach().clone())
        return func(*args, **(kwargs or {}))


@contextmanager
def eval_of(model: nn.Module) -> Iterator[None]:
    model.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    with torch.no_grad():
        yield
    torch.backends.mha.set_fastpath_enabled(True)
    model.train()


@pytest.mark.parametrize("name", sorted(RELUS))
def test_a_unit_fires_as_often_as_a_slow_count_says(name: str) -> None:
    model, batch = made(name)
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    model(batch).sum().backward()
    with eval_of(model), Slow() as slow:
        model(batch)
    optimizer.step()
    looked = history_of(monitor).looked
    assert looked is not None
    assert len(slow.taken) == len(looked.layers)
    for pre, (layer, units) in zip(slow.taken, looked.layers.items(), strict=True):
        count = len(units)
        along = 1 if pre.ndim != 3 or name == "conv1d" else 2
        assert pre.shape[along] == count, layer
        rows = np.moveaxis(pre.double().numpy(), along, -1).reshape(-1, count)
        np.testing.assert_allclose(units.firing, (rows > 0).mean(0), rtol=1e-6)
        np.testing.assert_allclose(units.pre_mean, rows.mean(0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(units.pre_max, rows.max(0), rtol=1e-6)
        top = 6.0 if name == "conv1d" and layer == "0" else np.inf
        np.testing.assert_allclose(units.activity, np.clip(rows, 0, top).mean(0), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_training_that_is_watched_ends_with_the_same_parameters_bit_for_bit(name: str) -> None:
    plain = trained(made(name)[0], made(name)[1], 20)
    model, batch = made(name)
    monitors = []

    def told(optimizer: torch.optim.Optimizer):  # type: ignore[no-untyped-def]
        monitors.append(watched(model, optimizer, probe=batch))
        return monitors[0]

    torch.manual_seed(0)
    _ = torch.randn(0)
    model, batch = made(name)
    seen = trained(model, batch, 20, told)
    assert not monitors[0].fault
    monitors[0].close()
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())


def test_the_bias_and_the_weights_of_a_unit_are_its_own() -> None:
    model, batch = made("functions")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    functional.nll_loss(model(batch), torch.zeros(8, dtype=torch.long)).backward()
    bias, weight = model.conv2.bias.detach().clone(), model.conv2.weight.detach().clone()
    gradient = model.conv2.weight.grad.clone()
    optimizer.step()
    units = history_of(monitor).units("conv2")
    assert units is not None
    np.testing.assert_allclose(units.bias, bias.numpy())
    np.testing.assert_allclose(units.weight_norm, weight.flatten(1).norm(dim=1).numpy(), rtol=1e-6)
    np.testing.assert_allclose(units.gradient, gradient.flatten(1).norm(dim=1).numpy(), rtol=1e-5)


def test_smooth_units_are_dormant_at_most() -> None:
    model, batch = made("leaky")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    model(batch).sum().backward()
    optimizer.step()
    history = history_of(monitor)
    assert history.latest("dormant_fraction/3") is not None
    assert history.latest("dead_fraction/3") is None
    assert history.latest("saturated_fraction/5") is not None


@pytest.mark.parametrize("how", ["tuple", "dict", "callable", "array"])
def test_a_probe_may_be_given_in_any_way_that_a_network_is_called(how: str) -> None:
    model, batch = made("deep")
    probe = {"tuple": (batch,), "dict": {"input": batch}, "callable": lambda: model(batch), "array": batch.numpy()}[how]
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=probe)
    model(batch).sum().backward()
    optimizer.step()
    assert history_of(monitor).looked is not None


def test_without_a_probe_the_first_batch_is_kept() -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1))
    assert not monitor.run
    model(batch).sum().backward()
    optimizer.step()
    start = history_of(monitor).start
    assert start is not None
    assert start.facts["probe"] == "batch"
    assert start.probe == 8
