"""Compiled networks: the numbers of a compiled training are its own, and nothing is compiled for our sake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from networks import made
from torch import nn
from torch._dynamo.utils import counters
from watches import guest_of, history_of, watched

from deadrelu_tui.watching import begin

HOW = [
    *((how, backend) for how in ("whole", "in place", "a part") for backend in ("eager", "aot_eager")),
    *([("whole", "inductor")] if shutil.which("g++") else []),
]


class Deep(nn.Sequential):
    """PyTorch's own forward is left out where it compiles in place."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        for each in self:
            rows = each(rows)
        return rows


def deep() -> tuple[nn.Module, torch.Tensor]:
    model, batch = made("deep")
    return Deep(*model), batch


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def compiled(how: str, model: Any, backend: str) -> Any:
    if how == "in place":
        model.compile(backend=backend, fullgraph=True)
        return model
    if how == "a part":
        for index in range(0, 8, 2):
            model[index] = torch.compile(model[index], backend=backend, fullgraph=True)
        return model
    return torch.compile(model, backend=backend, fullgraph=True)


def trained(how: str, backend: str, first: str, probed: bool = True) -> tuple[list[torch.Tensor], int, Any]:
    """Train, watched before it is compiled, after it or not at all; return parameters, compilations and the monitor."""
    torch._dynamo.reset()
    counters.clear()
    model, batch = deep()
    torch.manual_seed(0)
    monitor = None
    probe = batch if probed else None
    if first == "watch":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        monitor = watched(model, optimizer, probe=probe)
    called = compiled(how, model, backend)
    if first != "watch":
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    if first == "compile":
        monitor = watched(called, optimizer, probe=probe)
    for _ in range(8):
        optimizer.zero_grad()
        loss = called(batch + 0.1 * torch.randn_like(batch)).square().mean()
        loss.backward()
        optimizer.step()
        if monitor is not None:
            monitor.log(loss=loss)
    return [each.detach().clone() for each in model.parameters()], counters["stats"]["unique_graphs"], monitor


@pytest.mark.parametrize(("how", "backend"), HOW)
def test_a_compiled_network_trains_as_if_nobody_watched(how: str, backend: str) -> None:
    plain, graphs, _ = trained(how, backend, "neither")
    for first in ("watch", "compile"):
        seen, graphs_too, monitor = trained(how, backend, first)
        assert graphs_too == graphs, first
        history = history_of(monitor)
        assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True)), first
        assert len(history) == len(history.series("loss").values) == 8
        assert history.latest(f"dead_fraction/{history.network.layers[0].name}") is not None
        assert [each for each in history.events if each.kind == "unwatched"] == []


def test_without_a_probe_the_first_batch_of_a_compiled_network_is_kept() -> None:
    plain, _, _ = trained("whole", "eager", "neither")
    seen, _, monitor = trained("whole", "eager", "compile", probed=False)
    assert len(history_of(monitor)) == 8
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))


@pytest.mark.parametrize(("how", "first"), [("in place", "compile"), ("in place", "watch"), ("whole", "watch")])
def test_where_no_batch_can_be_kept_a_probe_is_asked_for_in_a_sentence(
    how: str, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, _, _ = trained(how, "eager", "neither")
    seen, _, monitor = trained(how, "eager", first, probed=False)
    assert monitor.fault == "no batch was seen that is passed through the network itself; give a probe"
    assert capsys.readouterr().err.count("the training goes on") == 1
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))


def test_a_window_needs_batches_that_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = made("deep")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    called = torch.compile(model, backend="eager")
    assert "give a probe" in begin(called, optimizer, window=10).fault
    monitor = watched(model, optimizer, probe=batch, window=10)
    guest = guest_of(monitor)
    for _ in range(3):
        called(batch).sum().backward()
        optimizer.step()
    assert monitor.fault.endswith("window= needs every batch to be seen, and none is: is the code compiled?")
    assert guest.run.history.start is not None
    monitor.close()


def test_a_compiled_step_is_left_alone() -> None:
    def train(watch: bool) -> list[torch.Tensor]:
        torch._dynamo.reset()
        model, batch = made("deep")
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        monitor = watched(model, optimizer, probe=batch) if watch else None
        step = torch.compile(optimizer.step, backend="eager")
        for _ in range(6):
            optimizer.zero_grad()
            model(batch).square().mean().backward()
            step()
        if monitor is not None:
            assert not monitor.fault
            monitor.close()
        return [each.detach().clone() for each in model.parameters()]

    assert all(torch.equal(one, other) for one, other in zip(train(False), train(True), strict=True))


def test_what_follows_a_network_in_other_ways_than_by_numbers_meets_none_of_our_work() -> None:
    model, batch = made("deep")
    model.train()
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.1), probe=batch)
    graph = torch.fx.symbolic_trace(model)
    assert {each.op for each in graph.graph.nodes} == {"placeholder", "call_module", "output"}
    exported = torch.export.export(model, (batch,))
    assert not [each for each in exported.graph.nodes if "amax" in str(each.target) or "sum" in str(each.target)]
    traced = torch.jit.trace(model.eval(), batch)
    assert torch.equal(traced(batch), model(batch))
    model.train()
    nn.utils.parameters_to_vector(torch.func.grad(
        lambda given: torch.func.functional_call(model, given, batch).square().mean()
    )(dict(model.named_parameters())).values())  # fmt: skip
    model(batch).square().mean().backward()
    optimizer.step()
    monitor.close()
    assert not monitor.fault
