"""What is watched: layers of units in their order, and the parameters, under whatever names the network has for them.

Nothing is ever read out of a name. Which weight belongs to a layer, what comes before it, and how many inputs a unit
has are told here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Parameter:
    """An array that the training changes."""

    name: str
    shape: tuple[int, ...]
    """Of a weight (units, inputs, …), as PyTorch and Gluon have it."""

    @property
    def is_weight(self) -> bool:
        """Whether it multiplies what comes in: biases and the scales of normalisation have one dimension."""
        return len(self.shape) > 1

    @property
    def inputs(self) -> int:
        """The number of values that come into a unit: of a convolution, channels × the places of the kernel."""
        return math.prod(self.shape[1:])


@dataclass(frozen=True)
class Layer:
    """Units that share an activation."""

    name: str
    units: int
    """Of a convolution, its channels."""
    activation: str
    """At the start; a training may change it."""
    weight: str = ""
    """The name of the parameter that makes its pre-activations; empty if none is known."""
    bias: str | None = None
    inputs: tuple[str, ...] = ()
    """The names of the layers that feed it; none for what the network itself is fed."""


@dataclass(frozen=True)
class Network:
    """Layers in the order in which the data pass them, and parameters in the network's own."""

    layers: tuple[Layer, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a name that two layers, or two parameters, have, as records are told by names, and for a
        layer of no units.
        """
        for kind, each in (("layers", self.layers), ("parameters", self.parameters)):
            names = Counter(one.name for one in each)
            if twice := [name for name, times in names.items() if times > 1]:
                raise ValueError(f"two {kind} are called {twice[0]}")
        if empty := [layer.name for layer in self.layers if layer.units < 1]:
            raise ValueError(f"layer {empty[0]} has no units")

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.layers)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the layers, in order."""
        return tuple(layer.name for layer in self.layers)

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        return {layer.name: layer for layer in self.layers}

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}

    def layer(self, name: str) -> Layer | None:
        """Return a layer by its name; None if there is none of it."""
        return self._layers.get(name)

    def parameter(self, name: str) -> Parameter | None:
        """Return a parameter by its name; None if there is none of it."""
        return self._parameters.get(name)

    def is_weight(self, name: str) -> bool:
        """Return whether a parameter of that name is a weight."""
        found = self.parameter(name)
        return found is not None and found.is_weight

    def before(self, name: str) -> tuple[str, ...]:
        """Return the names of the layers that feed a layer directly."""
        layer = self.layer(name)
        return layer.inputs if layer is not None else ()

    def weights(self, upto: str = "") -> tuple[str, ...]:
        """Return the names of the weights, in order: of all, or of those that make a layer's pre-activations, its own
        and those of every layer before it.
        """
        if not upto:
            return tuple(each.name for each in self.parameters if each.is_weight)
        seen: set[str] = set()
        wanted = [upto]
        while wanted:
            name = wanted.pop()
            if name not in seen:
                seen.add(name)
                wanted += self.before(name)
        makers = {self._layers[name].weight for name in seen if name in self._layers}
        return tuple(each.name for each in self.parameters if each.name in makers)

    def parameters_of(self, name: str) -> tuple[str, ...]:
        """Return the names of a layer's own parameters."""
        layer = self.layer(name)
        return tuple(filter(None, (layer.weight, layer.bias))) if layer is not None else ()

    def parameters_after(self) -> tuple[str, ...]:
        """Return the names of the parameters that belong to no layer: those of the output."""
        owned = {name for layer in self.layers for name in (layer.weight, layer.bias)}
        return tuple(each.name for each in self.parameters if each.name not in owned)


def mlp(inputs: int, widths: tuple[int, ...], classes: int, activation: str) -> Network:
    """Return the article's network: layers h1, h2, …, parameters w1, b1, w2, b2, …, the output's last."""
    layers, parameters, fan_in = list[Layer](), list[Parameter](), inputs
    for index, units in enumerate((*widths, classes), 1):
        weight, bias = f"w{index}", f"b{index}"
        parameters += [Parameter(weight, (units, fan_in)), Parameter(bias, (units,))]
        if index <= len(widths):
            feeding = (layers[-1].name,) if layers else ()
            layers.append(Layer(f"h{index}", units, activation, weight, bias, feeding))
        fan_in = units
    return Network(tuple(layers), tuple(parameters))


def outline(network: Network) -> Iterator[str]:
    """Yield the network in words, the fullest first: 784–300–10, 784–3 hidden layers–10, 3 layers."""
    weights = [each for each in network.parameters if each.is_weight]
    widths = [layer.units for layer in network.layers]
    chain = all(len(each.shape) == 2 for each in weights) and [each.shape[0] for each in weights[:-1]] == widths
    layers = f"{len(widths)} layer{'' if len(widths) == 1 else 's'}"
    if weights and widths and chain:
        first, last = weights[0].inputs, weights[-1].shape[0]
        yield "–".join(map(str, (first, *widths, last)))
        yield f"{first}–{layers.replace('layer', 'hidden layer')}–{last}"
    yield layers
