"""What a network is made of: every ReLU, under the user's own names, and what makes and reads it."""

from __future__ import annotations

import pytest
import torch
from networks import NETWORKS, TopK, made
from torch import nn

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_torch.sketch import Sketch, sketch


def drawn(name: str) -> Sketch:
    model, batch = made(name)
    return sketch(model, lambda: model(batch), {})


EXPECTED = {
    "functions": [("conv1", 4, "relu", "conv1.weight", ()), ("conv2", 6, "relu", "conv2.weight", ("conv1",)),
                  ("fc1", 20, "relu", "fc1.weight", ("conv2",))],
    "residual": [("0.conv1", 3, "relu", "0.conv1.weight", ()), ("0.conv2", 3, "relu", "0.conv2.weight", ("0.conv1",)),
                 ("1.conv1", 3, "relu", "1.conv1.weight", ("0.conv2",)),
                 ("1.conv2", 3, "relu", "1.conv2.weight", ("0.conv2", "1.conv1"))],
    # The same units however often they are used; what reads them with the other sign sees others.
    "shared": [("inner", 6, "relu", "inner.weight", ()), ("inner:2", 6, "relu", "inner.weight", ("inner",))],
    "squared": [("up", 24, "relu", "up.weight", ())],
    "recurrent": [("rnn", 8, "relu", "rnn.weight_ih_l0", ())],
    "transformer": [("linear1", 10, "relu", "linear1.weight", ())],
    "conv1d": [("0", 5, "relu", "0.weight", ()), ("2", 4, "relu", "2.weight", ("0",))],
    "deep": [("0", 6, "relu", "0.weight", ()), ("2", 6, "relu", "2.weight", ("0",)),
             ("4", 6, "relu", "4.weight", ("2",)), ("6", 6, "relu", "6.weight", ("4",))],
    "transposed": [("0", 5, "relu", "0.weight", ())],
    "leaky": [("0", 9, "leaky_relu", "0.weight", ()), ("3", 9, "gelu", "3.weight", ("0",)),
              ("5", 4, "tanh", "5.weight", ("3",))],
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_every_activation_is_a_layer_with_its_weight_and_what_feeds_it(name: str) -> None:
    told = [(each.name, each.units, each.activation, each.weight, each.inputs) for each in drawn(name).network.layers]
    assert told == EXPECTED[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_to_look_at_a_network_leaves_nothing_on_it(name: str) -> None:
    model, batch = made(name)
    model.train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    random = torch.get_rng_state()
    sketch(model, lambda: model(batch), {})
    assert torch.equal(torch.get_rng_state(), random)
    assert all(each.training for each in model.modules())
    assert all(torch.equal(value, model.state_dict()[key]) for key, value in before.items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
    assert all(each.grad is None for each in model.parameters())


def test_a_layer_tells_of_its_batches_at_one_module_of_its_own() -> None:
    taps = {name: (tap.module, tap.before) for name, tap in drawn("residual").taps.items()}
    assert taps == {
        "0.conv1": ("0.bn1", True), "0.conv2": ("0", False), "1.conv1": ("1.bn1", True), "1.conv2": ("1", False),
    }  # fmt: skip


def test_what_normalises_a_layer_is_known() -> None:
    assert drawn("residual").norms == ("0.bn1", "0.bn2", "1.bn1", "1.bn2")


def test_units_that_fire_otherwise_are_named() -> None:
    model = nn.Sequential(nn.Linear(6, 9), TopK(), nn.Linear(9, 6))
    batch = torch.randn(8, 6)
    network = sketch(model, lambda: model(batch), {"codes": model[1]}).network
    assert [(each.name, each.units, each.activation, each.weight) for each in network.layers] == [
        ("codes", 9, "own", "0.weight")
    ]


def test_what_is_computed_within_units_that_are_named_is_no_layer_of_its_own() -> None:
    class Coded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encode = nn.Linear(6, 9)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            values, places = torch.relu(self.encode(rows)).topk(3)
            return torch.zeros(len(rows), 9).scatter(-1, places, values)

    model = nn.Sequential(Coded(), nn.Linear(9, 6))
    network = sketch(model, lambda: model(torch.randn(8, 6)), {"codes": model[0]}).network
    assert network.names == ("codes",)


def test_a_network_without_activations_is_told_of() -> None:
    model = nn.Linear(6, 3)
    with pytest.raises(InputError, match="no ReLU"):
        sketch(model, lambda: model(torch.randn(2, 6)), {})


def test_gates_and_what_a_network_ends_with_are_no_layers_of_units() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.value, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            return torch.sigmoid(self.out(torch.sigmoid(self.gate(rows)) * torch.relu(self.value(rows))))

    model = Gated()
    names = sketch(model, lambda: model(torch.randn(2, 6)), {}).network.names
    assert names == ("value",)


def test_of_a_large_network_the_parameters_are_told_that_make_units() -> None:
    model = nn.Sequential(*(each for _ in range(200) for each in (nn.Linear(4, 4), nn.LayerNorm(4), nn.ReLU())))
    network = sketch(model, lambda: model(torch.randn(2, 4)), {}).network
    told = {each.name for each in network.parameters}
    assert len(network.layers) == 200
    assert len(told) == 300
    assert {"0.weight", "0.bias", "597.bias", "598.weight"} >= {"0.weight"} <= told
