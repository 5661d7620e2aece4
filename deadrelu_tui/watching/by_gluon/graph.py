"""A network as MXNet computes it: operations, each with what it takes, and which of the variables are parameters.

A network that takes symbols gives its graph for nothing. One that only computes is recorded, as for a gradient, while
it does so once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from deadrelu_tui.watching.by_gluon.passing import Args, arrays, replaced, silenced
from deadrelu_tui.watching.by_gluon.theirs import mx

Entry = tuple[int, int]
"""One of the values in a graph: which node's, and which of its outputs."""


class Node(NamedTuple):
    """An operation, or a variable, whose `op` is 'null'."""

    op: str
    name: str
    attrs: Mapping[str, str]
    inputs: tuple[Entry, ...]


@dataclass(frozen=True)
class Graph:
    """What a network computes, nodes in an order in which that can be done."""

    nodes: tuple[Node, ...]
    heads: tuple[Entry, ...]
    """What it gives."""
    data: tuple[str, ...]
    """The names of what it is fed, in order."""
    parameters: Mapping[str, Any]
    """Parameters by the names of their variables."""
    said: Mapping[int, tuple[Any, ...]]
    """Of a node the blocks that give what it computes, the innermost first."""
    once: frozenset[int]
    """The identities of the blocks that are called once."""
    written: Mapping[str, Any]
    """All of it as MXNet writes it."""

    def symbol(self, entries: Iterable[Entry]) -> Any:
        """Return what computes some of the values."""
        heads = [[node, output, 0] for node, output in entries]
        return mx.sym.load_json(json.dumps({**self.written, "heads": heads}))

    def shapes(self, fed: Sequence[Any]) -> dict[Entry, tuple[int, ...]]:
        """Return the shape of each value when the network is fed these arrays."""
        entries = sorted({each for node in self.nodes for each in node.inputs} | set(self.heads))
        symbol = self.symbol(entries)
        known = {name: each.shape for name, each in zip(self.data, fed, strict=True)}
        known |= {name: each.shape for name, each in self.parameters.items()}
        given = {name: known[name] for name in symbol.list_arguments() if name in known}
        _, shapes, _ = symbol._infer_shape_impl(False, **given)  # infer_shape prints what it could not do
        return dict(zip(entries, (tuple(each) for each in shapes), strict=True))


class Evaluation:
    """Computes some of a graph's values, with the network's parameters as they are."""

    def __init__(self, graph: Graph, entries: Sequence[Entry]) -> None:
        symbol = graph.symbol(entries)
        self._graph, self._names = graph, symbol.list_inputs()
        try:
            self._computes = mx.nd.CachedOp(symbol)
        except mx.base.MXNetError:  # it wants gradients of all that it computes, which some operations have not
            self._computes = mx.nd.CachedOp(mx.sym.Group([mx.sym.BlockGrad(each) for each in symbol]))

    def __call__(self, fed: Sequence[Any], device: Any) -> list[Any]:
        """Return the values for one call of the network; draws nothing, and nothing is recorded."""
        known = dict(zip(self._graph.data, fed, strict=True))
        with mx.autograd.pause(train_mode=False):
            given = [known[name] if name in known else self._graph.parameters[name].data(device)
                     for name in self._names]  # fmt: skip
            values = self._computes(*given)
        return list(values) if isinstance(values, (tuple, list)) else [values]


def drawn(net: Any, args: Args) -> Graph:
    """Return what a network computes of its arguments. Raises whatever the network does if it can do neither."""
    try:
        graph = _symbolic(net, args)
        graph.shapes(list(arrays(args)))  # x * y of symbols, unlike that of arrays, wants shapes that are alike
    except Exception:  # whatever code that expects numbers does with symbols
        return _recorded(net, args)
    return graph


def _symbolic(net: Any, args: Args) -> Graph:
    fed = list(arrays(args))
    data = [mx.sym.var(f"deadrelu_data{index}") for index in range(len(fed))]
    if mx.util.is_np_array():
        data = [each.as_np_ndarray() for each in data]
    calls: list[tuple[Any, str]] = []

    def told(block: Any, out: Any) -> None:
        if isinstance(out, mx.sym.Symbol) and out.name is not None:
            calls.append((block, out.name))

    # With counters of names of its own: the user's go on where they were.
    with mx.name.NameManager(), silenced(net, told), mx.autograd.pause(train_mode=False):
        out = net.forward(*replaced(args, iter(data)))
        told(net, out)
    symbols = list(_symbols(out))
    return _read(mx.sym.Group(symbols), [each.name for each in data], dict(net.collect_params().items()), calls)


def _symbols(out: Any) -> Iterable[Any]:
    if isinstance(out, mx.sym.Symbol):
        yield out
    else:
        for each in out:
            yield from _symbols(each)


def _recorded(net: Any, args: Args) -> Graph:
    calls: list[tuple[Any, str]] = []

    def told(block: Any, out: Any) -> None:
        if isinstance(out, mx.nd.NDArray) and (name := _variable(out)) is not None:
            calls.append((block, name))

    with mx.autograd.pause():
        fed = [each.detach().copy() for each in arrays(args)]
    with silenced(net, told, imperative=True), mx.autograd.record(train_mode=False):
        out = net.forward(*replaced(args, iter(fed)))
        told(net, out)
    symbols = [mx.autograd.get_symbol(each) for each in arrays(out) if _variable(each) is not None]
    parameters = {}
    for each in net.collect_params().values():
        try:
            values = each.list_data()
        except RuntimeError:  # it has none yet
            continue
        for value in values:
            name = _variable(value)
            if name is not None:
                parameters[name] = each
    unnamed = (f"unused{index}" for index in range(len(fed)))
    data = [_variable(each) or next(unnamed) for each in fed]
    return _read(mx.sym.Group(symbols), data, parameters, calls)


def _variable(array: Any) -> str | None:
    """Return under which name an array was recorded; None if it was not."""
    try:
        name = mx.autograd.get_symbol(array).name
    except mx.base.MXNetError:
        return None
    return str(name) if name is not None else None


def _read(symbol: Any, data: Sequence[str], parameters: Mapping[str, Any], calls: Sequence[tuple[Any, str]]) -> Graph:
    written = json.loads(symbol.tojson())
    nodes = tuple(
        Node(each["op"], each["name"], each.get("attrs") or {}, tuple((one[0], one[1]) for one in each["inputs"]))
        for each in written["nodes"]
    )
    times = Counter(each.name for each in nodes)
    places = {each.name: index for index, each in enumerate(nodes)}
    said: dict[int, tuple[Any, ...]] = {}
    for block, name in calls:
        if times[name] == 1:  # of a block that is called twice there are two nodes of one name
            said[places[name]] = (*said.get(places[name], ()), block)
    used = {each.name for each in nodes if each.op == "null"}
    uses = Counter(id(block) for block, _ in calls)
    return Graph(
        nodes, tuple((each[0], each[1]) for each in written["heads"]), tuple(data),
        {name: each for name, each in parameters.items() if name in used}, said,
        frozenset(each for each, times in uses.items() if times == 1), written,
    )  # fmt: skip
