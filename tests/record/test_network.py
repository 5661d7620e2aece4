"""A network is layers and parameters under whatever names it has; nothing is read out of a name."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deadrelu_tui.record.network import Layer, Network, Parameter, mlp, outline

CONV = Network(
    (
        Layer("features.0/relu", 8, "relu", "features.0.weight", "features.0.bias"),
        Layer("features.3/relu", 16, "relu", "features.3.weight", "features.3.bias", ("features.0/relu",)),
        Layer("skip", 16, "tanh", "skip.weight", None, ("features.0/relu",)),
        Layer("head", 32, "relu", "head.weight", "head.bias", ("features.3/relu", "skip")),
    ),
    (
        Parameter("features.0.weight", (8, 3, 5, 5)),
        Parameter("features.0.bias", (8,)),
        Parameter("norm.scale", (8,)),
        Parameter("features.3.weight", (16, 8, 3, 3)),
        Parameter("features.3.bias", (16,)),
        Parameter("skip.weight", (16, 8, 1, 1)),
        Parameter("head.weight", (32, 400)),
        Parameter("head.bias", (32,)),
        Parameter("out.weight", (10, 32)),
        Parameter("out.bias", (10,)),
    ),
)
"""Two convolutions, one beside the second, and a dense layer that both of these feed."""
NAMELESS = Network((Layer("a", 3, "relu"), Layer("b", 4, "relu", inputs=("a", "elsewhere"))))
"""Layers of which nothing but their units is known, one fed by something that is not watched, too."""


def test_a_weight_has_more_than_one_dimension_and_as_many_inputs_as_come_into_a_unit() -> None:
    found = {each.name: (each.is_weight, each.inputs) for each in CONV.parameters}
    assert found["features.0.weight"] == (True, 75)  # 3 channels × 5 × 5
    assert found["features.3.weight"] == (True, 72)
    assert found["skip.weight"] == (True, 8)
    assert found["head.weight"] == (True, 400)
    assert not any(found[name][0] for name in ("features.0.bias", "norm.scale", "out.bias"))
    assert Parameter("temperature", ()).inputs == 1
    assert not Parameter("temperature", ()).is_weight


def test_layers_and_parameters_are_found_by_their_names_whatever_stands_in_them() -> None:
    assert len(CONV) == 4
    assert CONV.names == ("features.0/relu", "features.3/relu", "skip", "head")
    layer = CONV.layer("features.3/relu")
    assert layer is not None
    assert (layer.units, layer.activation, layer.weight) == (16, "relu", "features.3.weight")
    parameter = CONV.parameter("features.3.weight")
    assert parameter is not None
    assert parameter.shape == (16, 8, 3, 3)
    assert CONV.is_weight("skip.weight")
    assert not CONV.is_weight("norm.scale")
    for name in ("features", "features.3", "relu", "", "w1"):
        assert CONV.layer(name) is None
        assert CONV.parameter(name) is None
        assert not CONV.is_weight(name)


def test_before_a_layer_stand_those_that_feed_it() -> None:
    assert CONV.before("features.0/relu") == ()
    assert CONV.before("features.3/relu") == CONV.before("skip") == ("features.0/relu",)
    assert CONV.before("head") == ("features.3/relu", "skip")
    assert CONV.before("not there") == ()


def test_the_weights_up_to_a_layer_are_its_own_and_those_of_all_that_lead_to_it() -> None:
    every = ("features.0.weight", "features.3.weight", "skip.weight", "head.weight")
    assert CONV.weights() == (*every, "out.weight")
    assert CONV.weights(upto="features.0/relu") == every[:1]
    assert CONV.weights(upto="features.3/relu") == every[:2]
    assert CONV.weights(upto="skip") == ("features.0.weight", "skip.weight")  # not those of its neighbour
    assert CONV.weights(upto="head") == every
    assert CONV.weights(upto="not there") == ()
    assert NAMELESS.weights(upto="b") == NAMELESS.weights() == ()


def test_layers_that_feed_each_other_in_a_circle_are_walked_through_once() -> None:
    circle = Network(
        (Layer("a", 2, "tanh", "wa", None, ("b",)), Layer("b", 2, "tanh", "wb", None, ("a",))),
        (Parameter("wa", (2, 2)), Parameter("wb", (2, 2))),
    )
    assert circle.weights(upto="a") == circle.weights(upto="b") == ("wa", "wb")


def test_every_parameter_is_a_layers_own_or_the_outputs() -> None:
    assert CONV.parameters_of("features.0/relu") == ("features.0.weight", "features.0.bias")
    assert CONV.parameters_of("skip") == ("skip.weight",)
    assert CONV.parameters_of("not there") == NAMELESS.parameters_of("a") == ()
    assert CONV.parameters_after() == ("norm.scale", "out.weight", "out.bias")


def test_the_articles_network_is_a_chain() -> None:
    network = mlp(784, (300, 100), 10, "relu")
    assert network.layers == (
        Layer("h1", 300, "relu", "w1", "b1", ()),
        Layer("h2", 100, "relu", "w2", "b2", ("h1",)),
    )
    assert network.parameters == (
        Parameter("w1", (300, 784)), Parameter("b1", (300,)), Parameter("w2", (100, 300)), Parameter("b2", (100,)),
        Parameter("w3", (10, 100)), Parameter("b3", (10,)),
    )  # fmt: skip
    assert network.weights() == ("w1", "w2", "w3")
    assert [network.weights(upto=name) for name in network.names] == [("w1",), ("w1", "w2")]
    assert network.parameters_after() == ("w3", "b3")


def test_two_networks_of_the_same_layers_are_equal_however_they_were_asked() -> None:
    one, other = mlp(4, (3,), 2, "tanh"), mlp(4, (3,), 2, "tanh")
    assert one.names == ("h1",)
    assert one.is_weight("w1")
    assert one == other
    assert one != mlp(4, (3,), 2, "relu")


@pytest.mark.parametrize(
    ("network", "ways"),
    [
        (lambda: mlp(784, (300,), 10, "relu"), ["784–300–10", "784–1 hidden layer–10", "1 layer"]),
        (
            lambda: mlp(784, (300, 200, 100), 10, "relu"),
            ["784–300–200–100–10", "784–3 hidden layers–10", "3 layers"],
        ),
        (lambda: CONV, ["4 layers"]),
        (lambda: NAMELESS, ["2 layers"]),
        # Dense, but a path beside it: no chain of widths.
        (
            lambda: Network(
                (Layer("a", 3, "relu", "wa"), Layer("b", 3, "relu", "wb")),
                (Parameter("wa", (3, 4)), Parameter("wb", (3, 3)), Parameter("gate", (5, 4)), Parameter("out", (2, 3))),
            ),
            ["2 layers"],
        ),
        (Network, ["0 layers"]),
    ],
    ids=["one", "three", "convolutions", "nameless", "beside", "none"],
)
def test_a_network_is_outlined_the_fullest_way_first(network: Callable[[], Network], ways: list[str]) -> None:
    assert list(outline(network())) == ways


@pytest.mark.parametrize("units", [0, -1])
def test_a_layer_without_units_is_none(units: int) -> None:
    with pytest.raises(ValueError, match="layer flat has no units"):
        Network((Layer("a", 3, "relu"), Layer("flat", units, "relu")))


def test_a_name_is_one_layer_s_and_one_parameter_s() -> None:
    with pytest.raises(ValueError, match="two layers are called a"):
        Network((Layer("a", 3, "relu"), Layer("a", 4, "relu")))
    with pytest.raises(ValueError, match="two parameters are called w"):
        Network(parameters=(Parameter("w", (3,)), Parameter("w", (3, 3))))
