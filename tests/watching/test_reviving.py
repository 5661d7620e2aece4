"""Dead units brought back in a user's network: what it says stays as it was, or all is taken back."""

from __future__ import annotations

import pytest
import torch
from networks import Block, Functions
from torch import nn
from torch.nn import functional
from watches import guest_of, history_of, watched

from deadrelu_tui.builtin import fashion_mnist
from deadrelu_tui.diagnosis.verdict import verdict


def kill(bias: nn.Parameter, *units: int) -> None:
    with torch.no_grad():
        bias[list(units)] = -1000


def fired(model: nn.Module, module: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """Return which units of a module fire for some of a batch."""
    taken: list[torch.Tensor] = []
    handle = module.register_forward_hook(lambda _module, _given, out: taken.append(out.detach()))
    model.eval()
    with torch.no_grad():
        model(batch)
    model.train()
    handle.remove()
    return (taken[0] > 0).flatten(2).any(2).any(0) if taken[0].ndim > 2 else (taken[0] > 0).any(0)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc1"])
def test_revived_units_fire_and_the_network_says_what_it_said(layer: str) -> None:
    torch.manual_seed(0)
    model, batch = Functions(), torch.randn(32, 1, 12, 12)
    kill(getattr(model, layer).bias, 0, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    monitor = watched(model, optimizer, probe=batch)
    functional.nll_loss(model(batch), torch.zeros(32, dtype=torch.long)).backward()
    optimizer.step()
    model.eval()
    before, state = model(batch).detach(), torch.get_rng_state()
    model.train()
    assert not fired(model, getattr(model, layer), batch)[[0, 2]].any()
    assert monitor.revive(layer)[layer] >= 2
    assert fired(model, getattr(model, layer), batch)[[0, 2]].all()
    model.eval()
    assert torch.allclose(model(batch).detach(), before, atol=1e-6)
    assert torch.equal(torch.get_rng_state(), state)
    monitor.close()


def test_units_behind_a_normalisation_come_back_with_statistics_of_their_own() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.Flatten(),
                          nn.Linear(4 * 16, 3))  # fmt: skip
    batch = torch.randn(32, 1, 8, 8)
    with torch.no_grad():
        model[1].weight[1], model[1].bias[1] = 0.1, -10.0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, momentum=0.9)
    monitor = watched(model, optimizer, probe=batch)
    model(batch).square().mean().backward()
    optimizer.step()
    assert not fired(model, model[1], batch)[1]
    assert monitor.revive() == {"0": 1}
    assert fired(model, model[1], batch)[1]
    monitor.close()


def test_adam_remembers_nothing_of_a_revived_unit_and_its_first_steps_are_no_larger_than_the_rate() -> None:
    torch.manual_seed(0)
    model, batch = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), torch.randn(64, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    monitor = watched(model, optimizer, probe=batch)

    def step() -> None:
        optimizer.zero_grad()
        (model(batch) - 1).square().mean().backward()
        optimizer.step()

    for _ in range(200):
        step()
    kill(model[0].bias, 3)
    for _ in range(50):
        step()
    assert monitor.revive()["0"] >= 1
    moments = optimizer.state[model[0].weight]
    assert not moments["exp_avg"][3].any()
    assert (moments["exp_avg_sq"][3] > 0).all()
    for _ in range(15):
        before = model[0].weight[3].detach().clone()
        step()
        assert (model[0].weight[3].detach() - before).abs().max() <= 0.01 * 1.1
    assert fired(model, model[0], batch)[3]
    monitor.close()


def test_units_that_are_read_in_ways_nobody_can_follow_are_left_and_the_reason_is_told() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.out = nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            hidden = torch.relu(self.inner(rows))
            return self.out(hidden) + hidden.sum(1, keepdim=True)

    torch.manual_seed(0)
    for model, batch, layer in (
        (Twice(), torch.randn(16, 6), "inner"),
        (nn.Sequential(nn.Linear(6, 6), nn.ReLU()), torch.randn(16, 6), "0"),
    ):
        kill(dict(model.named_parameters())[f"{layer}.bias"], 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        monitor = watched(model, optimizer, probe=batch)
        model(batch).sum().backward()
        optimizer.step()
        before = {name: each.clone() for name, each in model.state_dict().items()}
        assert monitor.revive() == {}
        assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
        told = [each for each in history_of(monitor).events if each.kind == "not_revived"]
        assert [each.facts["layer"] for each in told] == [layer]
        assert told[0].facts["why"]


def test_of_a_network_that_says_no_numbers_nothing_is_changed() -> None:
    torch.manual_seed(0)
    model, batch = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 3)), torch.randn(16, 6)
    kill(model[0].bias, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    monitor = watched(model, optimizer, probe=batch)
    model(batch).sum().backward()
    optimizer.step()
    with torch.no_grad():
        model[2].bias[0] = float("nan")
    before = model[0].weight.detach().clone()
    assert monitor.revive() == {}
    assert torch.equal(model[0].weight, before)
    assert [each.kind for each in history_of(monitor).events].count("not_revived") == 1


def test_units_of_a_residual_block_are_revived_where_they_are_read_by_one_weight_alone() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), Block(3), nn.Flatten(), nn.Linear(3 * 36, 3))
    batch = torch.randn(16, 1, 8, 8)
    with torch.no_grad():
        model[1].bn1.bias[0], model[1].bn1.weight[0] = -50.0, 0.1
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    monitor = watched(model, optimizer, probe=batch)
    model(batch).sum().backward()
    optimizer.step()
    assert monitor.revive() == {"1.conv1": 1}
    assert not monitor.fault
    monitor.close()


def test_a_dead_network_of_convolutions_is_called_dead_where_it_is_and_learns_once_revived() -> None:
    torch.manual_seed(0)
    found = fashion_mnist.find(None, False)
    images = torch.from_numpy(found.train_images[:2000].reshape(-1, 1, 28, 28).copy()).float() / 255
    labels = torch.from_numpy(found.train_labels[:2000].astype("int64"))
    held, right = (
        torch.from_numpy(found.test_images[:500].reshape(-1, 1, 28, 28).copy()).float() / 255,
        torch.from_numpy(found.test_labels[:500].astype("int64")),
    )
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 10),
    )  # fmt: skip
    with torch.no_grad():
        model[3].bias.fill_(-20.0)  # as a step that was far too large leaves it
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    monitor = watched(model, optimizer, probe=held, classes=10)

    def epoch() -> float:
        for first in range(0, 2000, 50):
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(images[first : first + 50]), labels[first : first + 50])
            loss.backward()
            optimizer.step()
            monitor.log(loss=loss)
        with torch.no_grad():
            return float((model(held).argmax(1) == right).float().mean())

    dead = epoch()
    guest = guest_of(monitor)
    guest.finish()
    assert dead < 0.2
    assert monitor.revive() == {"3": 16}
    epoch()
    alive = epoch()
    print(f"right before {dead:.3f}, two epochs after {alive:.3f}")
    assert alive > 0.6
    history = history_of(monitor)
    judged = verdict(history.until(39))
    assert judged is not None
    assert (judged.word, judged.layer) == ("dead", "3")
    assert judged.cause is not None
    assert history.latest("dead_fraction/3") == 0
