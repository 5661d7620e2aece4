"""What a network is made of: layers of units and what belongs to them, under the user's own names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import OWN, SATURATING
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.watching.by_gluon.graph import Entry, Graph, drawn
from deadrelu_tui.watching.by_gluon.passing import Args, arrays, blocks, first_device
from deadrelu_tui.watching.by_gluon.tracing import Place, Trace
from deadrelu_tui.watching.quantities import parameters_told

SIGNED = frozenset({"relu", "leaky_relu", "tanh", "gelu", "elu", "silu", OWN})
"""Activations whose result has the sign of h: it tells whether a unit fires."""


@dataclass(frozen=True)
class Tap:
    """Where a training batch tells for which units it fires: at what a block gives."""

    block: Any
    around: tuple[Any, ...]
    """The blocks that it stands in: if one of them is hybridised nothing is told."""
    along: int
    before: bool
    """It gives h, else what comes of it."""

    def fires(self) -> bool:
        """Return whether a hook there is called for every batch."""
        return not any(getattr(each, "_active", False) for each in self.around)


@dataclass(frozen=True)
class Sketch:
    """The network, and how its layers are met again."""

    network: Network
    graph: Graph
    places: Mapping[str, Place]
    """By the names of the layers, in order."""
    taps: Mapping[str, Tap]
    parameters: Mapping[str, Any]
    """Those that are told of, by name."""
    everything: Mapping[str, Any]
    norms: tuple[str, ...]
    """What normalises what goes into a layer."""
    heads: tuple[Entry, ...]
    """What the network gives; nothing if that cannot be computed without drawing random numbers."""

    def parameter(self, variable: str) -> Any:
        """Return a parameter by its variable in the graph."""
        return self.graph.parameters[variable]


def own_blocks(net: Any, units: Mapping[str, Any]) -> dict[str, Any]:
    """Return the blocks that somebody has named as units. Raises InputError for one that the network has not."""
    every = {path: block for path, block, _ in blocks(net)}
    found = {}
    for name, wanted in units.items():
        block = every.get(wanted) if isinstance(wanted, str) else wanted
        if not any(block is each for each in every.values()):
            raise InputError(f"units={{{name!r}: …}}: the network has no block {wanted!r}")
        found[name] = block
    return found


def sketch(net: Any, args: Args, own: Mapping[str, Any]) -> Sketch:
    """Return what a network is made of; `own` names blocks whose output is units of their own kind.

    Raises InputError for a network in which no units are found, and what the network itself raises.
    """
    graph = drawn(net, args)
    paths = _paths(net)
    trace = Trace(graph, graph.shapes(list(arrays(args))), _own_nodes(graph, own), _sites(net, graph))
    places = [each for each in trace.places.values() if _counts(each, trace)]
    if not places and trace.blind:
        raise InputError(
            "its activations depend on random numbers that the network draws, or on arrays that it makes, which a look "
            "would draw and make, too"
        )
    if not places:
        raise InputError(
            "no ReLU, nor any other activation that is known, is in this network; units= names blocks whose units "
            "fire otherwise"
        )
    names = {variable: paths[id(each)] for variable, each in graph.parameters.items()}
    _name(places, names, net)
    everything = {paths[id(each)]: each for each in net.collect_params().values() if first_device(each) is not None}
    taps = {each.name: tap for each in places if (tap := _tap(each, graph, net)) is not None}
    norms = dict.fromkeys(_norm(graph, index, names) for each in places for index in each.tag.norms)
    heads = graph.heads if not any(trace.of(each).blind for each in graph.heads) else ()
    return _drawn(places, graph, names, everything, taps, tuple(norms), heads)


def _counts(place: Place, trace: Trace) -> bool:
    """Return whether a layer is one of units: gates and what the network ends with are none, unless they can die."""
    return place.activation not in SATURATING or (bool(place.readers) and place.key not in trace.gates)


def _paths(net: Any) -> dict[int, str]:
    """Return the name of each parameter by its identity: its path, as save_parameters has it, else its own."""
    paths: dict[int, str] = {}
    for path, each in net._collect_params_with_prefix().items():
        paths.setdefault(id(each), path)
    for name, each in net.collect_params().items():
        paths.setdefault(id(each), name)
    return paths


def _own_nodes(graph: Graph, own: Mapping[str, Any]) -> dict[int, str]:
    found = {}
    for name, block in own.items():
        nodes = [node for node, said in graph.said.items() if any(each is block for each in said)]
        if len(nodes) != 1:
            raise InputError(f"units={{{name!r}: …}}: this block is not called once, with one array that it gives")
        found[nodes[0]] = name
    return found


def _sites(net: Any, graph: Graph) -> dict[int, str]:
    """Return for a node the path of the block that computes it."""
    paths = {id(block): path for path, block, _ in reversed(list(blocks(net)))}
    return {node: paths.get(id(said[0]), "") for node, said in graph.said.items()}


def _name(places: Sequence[Place], names: Mapping[str, str], net: Any) -> None:
    """Give each layer the name that the network has for it: the block that makes its pre-activations, else that in
    which it is computed.
    """
    used = Counter[str]()
    for each in places:
        makers = {names[one.variable].rpartition(".")[0] for one in each.tag.makers}
        found = makers.pop() if len(makers) == 1 else ""
        wanted = each.name or found or each.site or (net.name if each.tag.makers else "") or each.activation
        used[wanted] += 1
        each.name = wanted if used[wanted] == 1 else f"{wanted}:{used[wanted]}"


def _norm(graph: Graph, index: int, names: Mapping[str, str]) -> str:
    node = graph.nodes[index]
    variables = [graph.nodes[each[0]].name for each in node.inputs[1:]]
    owner = next((names[each].rpartition(".")[0] for each in variables if each in names), "")
    return owner or node.name


def _tap(place: Place, graph: Graph, net: Any) -> Tap | None:
    """Return where this layer can be heard at every batch; None where it cannot."""
    if len(place.calls) != 1:
        return None
    call = place.calls[0]
    entries = [(call.out, False)] if place.activation in SIGNED else []
    if call.pre is not None:
        entries.append((call.pre, True))
    for entry, before in entries:
        for block in reversed(graph.said.get(entry[0], ())):
            found = [around for _, each, around in blocks(net) if each is block]
            tap = Tap(block, tuple(one for each in found for one in each), call.along, before)
            if id(block) in graph.once and tap.fires():
                return tap
    return None


def _drawn(
    places: Sequence[Place], graph: Graph, names: Mapping[str, str], everything: Mapping[str, Any],
    taps: Mapping[str, Tap], norms: tuple[str, ...], heads: tuple[Entry, ...],
) -> Sketch:  # fmt: skip
    by_key = {each.key: each.name for each in places}
    order = list(by_key)
    layers = []
    for each in places:
        weight = next((names[one.variable] for one in reversed(each.tag.makers)
                       if each.units in graph.parameters[one.variable].shape[:2]), "")  # fmt: skip
        owner = weight.rpartition(".")[0]
        biases = [names[one] for one in each.tag.biases]
        bias = next((one for one in biases if one.rpartition(".")[0] == owner), None) if weight else None
        feeding = tuple(by_key[key] for key in sorted(each.feeds & by_key.keys(), key=order.index))
        layers.append(Layer(each.name, each.units, each.activation, weight, bias, feeding))
    trained = {name: each for name, each in everything.items() if each.grad_req != "null"}
    making = [name for each in layers for name in (each.weight, each.bias) if name]
    wanted = [name for name in parameters_told(list(everything), making) if name in trained]
    network = Network(tuple(layers), tuple(Parameter(name, tuple(everything[name].shape)) for name in wanted))
    return Sketch(
        network, graph, {each.name: each for each in places}, taps, {name: everything[name] for name in wanted},
        everything, norms, heads,
    )  # fmt: skip
