"""Follows a graph from what it is fed to what it gives: which activations there are, what makes and what reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from deadrelu_tui.record.activations import OWN
from deadrelu_tui.watching.axes import by_shape
from deadrelu_tui.watching.by_gluon import operations
from deadrelu_tui.watching.by_gluon.graph import Entry, Graph, Node

Key = tuple[Any, ...]
"""What tells a layer from others."""


class Weight(NamedTuple):
    """A weight in an operation that multiplies by it."""

    variable: str
    second: bool
    """Whether its units lie along the second dimension, and what it reads along the first."""


@dataclass(frozen=True)
class Tag:
    """Where a value comes from."""

    along: int | None = None
    """The dimension of its units; None if nobody has said."""
    makers: tuple[Weight, ...] = ()
    """The weights that made it since the last activation."""
    biases: tuple[str, ...] = ()
    made: frozenset[int] = frozenset()
    """Which operations did."""
    norms: tuple[int, ...] = ()
    """Which operations have normalised it since."""
    feeds: frozenset[Key] = frozenset()
    """The layers that it comes from."""
    fresh: frozenset[Key] = frozenset()
    """Those of them between which and here there is no weight."""
    parameters: tuple[str, ...] = ()
    """For what is made of nothing but parameters: of which."""
    blind: bool = False
    """It depends on random numbers, or on arrays of which nobody knows how they came about."""


class Call(NamedTuple):
    """An activation in the graph."""

    pre: Entry | None
    """What is activated; None where only the result is there."""
    out: Entry
    along: int
    same: bool
    """The result is what is activated, wherever that is above 0, and else 0."""


@dataclass
class Place:
    """A layer as it was met."""

    key: Key
    activation: str
    units: int
    tag: Tag
    site: str
    calls: list[Call] = field(default_factory=list)
    readers: list[Weight] = field(default_factory=list)
    feeds: frozenset[Key] = frozenset()
    name: str = ""


class Trace:
    """All that is met in one graph."""

    def __init__(
        self, graph: Graph, shapes: Mapping[Entry, tuple[int, ...]], own: Mapping[int, str], site: Mapping[int, str]
    ) -> None:
        """Take nodes that somebody has named as units, and what else may give a layer its name, each by its node."""
        self.places: dict[Key, Place] = {}
        self.gates: set[Key] = set()
        self.blind = 0
        """Activations that cannot be looked at."""
        self._graph, self._shapes, self._own, self._site = graph, shapes, own, site
        self._tags: list[Tag] = []
        self._uses = Counter[Key]()
        self._products, self._swish = _swishes(graph)
        for index, node in enumerate(graph.nodes):
            self._tags.append(self._met(index, node))

    def of(self, entry: Entry) -> Tag:
        """Return where a value comes from."""
        return self._tags[entry[0]]

    def _met(self, index: int, node: Node) -> Tag:
        if node.op == "null":
            if node.name in self._graph.data:
                return Tag()
            return Tag(parameters=(node.name,)) if node.name in self._graph.parameters else Tag(blind=True)
        if operations.draws(node.op, node.attrs):
            return Tag(blind=True)
        activation = operations.activation_of(node.op, node.attrs)
        if index in self._products:
            return self._activated(index, node, self._products[index], "silu")
        data = [each for each in node.inputs if not self.of(each).parameters]
        if index in self._own:
            return self._named(index, self._own[index])
        if activation and data and index not in self._swish:
            if operations.hides(node.op):
                self._tags.append(self._after(index, node))
                return self._activated(index, node, None, activation, self._tags.pop())
            return self._activated(index, node, data[0], activation)
        return self._after(index, node)

    def _activated(self, index: int, node: Node, pre: Entry | None, activation: str, tag: Tag | None = None) -> Tag:
        if tag is None:
            assert pre is not None
            tag = self.of(pre)
        shape = self._shapes.get((index, 0)) or ()
        if tag.blind or not shape:
            self.blind += 1
            return replace(tag, fresh=frozenset())
        along = tag.along if tag.along is not None and tag.along < len(shape) else by_shape(len(shape))
        again = (tag.made or index, activation)  # what one operation made may be read twice, which makes two layers
        self._uses[again] += 1
        makers = tuple(each.variable for each in tag.makers)
        key: Key = (makers or index, activation, self._uses[again])
        place = self.places.setdefault(
            key, Place(key, activation, shape[along], tag, self._site.get(index, ""), feeds=tag.feeds - {key})
        )
        same = pre is not None and activation == "relu" and operations.cuts_at_zero_alone(node.op)
        place.calls.append(Call(pre, (index, 0), along, same))
        fed = frozenset({key})
        return Tag(along, feeds=fed, fresh=fed)

    def _named(self, index: int, name: str) -> Tag:
        """Take what a node gives for what a layer says."""
        tag, shape = self._after(index, self._graph.nodes[index]), self._shapes[index, 0]
        key: Key = ((), OWN, name)
        along = by_shape(len(shape))
        if tag.blind:
            self.blind += 1
            return tag
        self.places[key] = Place(
            key, OWN, shape[along], tag, name, [Call(None, (index, 0), along, False)], feeds=tag.feeds, name=name
        )
        fed = frozenset({key})
        return Tag(along, feeds=fed, fresh=fed)

    def _after(self, index: int, node: Node) -> Tag:
        """Return where what an operation gives comes from."""
        op, attrs = node.op, node.attrs
        tags = [self.of(each) for each in node.inputs]
        data = [each for each in tags if not each.parameters]
        told = tuple(dict.fromkeys(one for each in tags for one in each.parameters))
        if not data and told:
            return Tag(parameters=told, blind=any(each.blind for each in tags))
        blind = any(each.blind for each in data)
        fresh = frozenset[Key]().union(*(each.fresh for each in data))
        feeds = frozenset[Key]().union(*(each.feeds for each in data))
        second = operations.units_second(op, attrs)
        weights = tuple(Weight(each, second) for each in told if self._dimensions(each) > 1)
        biases = tuple(each for each in told if self._dimensions(each) == 1)
        shape = self._shapes.get((index, 0)) or ()
        if weights and operations.makes(op):
            for key in fresh:
                self.places[key].readers += [each for each in weights if each not in self.places[key].readers]
            along = operations.made_along(op, attrs, shape)
            return Tag(along, weights, biases, frozenset({index}), (), feeds, blind=blind)
        if op in operations.MULTIPLYING and len(data) > 1:
            self.gates |= fresh
        norms = (index,) if operations.normalises(op) else ()
        return Tag(
            self._along(node, shape),
            tuple(dict.fromkeys(one for each in data for one in each.makers)),
            tuple(dict.fromkeys([*(one for each in data for one in each.biases), *(() if norms else biases)])),
            frozenset[int]().union(*(each.made for each in data)),
            tuple(dict.fromkeys([*(one for each in data for one in each.norms), *norms])),
            feeds, fresh, blind=blind,
        )  # fmt: skip

    def _along(self, node: Node, shape: tuple[int, ...]) -> int | None:
        for each in node.inputs:
            tag, source = self.of(each), self._shapes.get(each, ())
            if tag.along is not None and tag.along < len(source) and shape:
                return operations.moved(node.op, node.attrs, source, shape, tag.along)
        return None

    def _dimensions(self, variable: str) -> int:
        return len(self._graph.parameters[variable].shape)


def _swishes(graph: Graph) -> tuple[dict[int, Entry], set[int]]:
    """Return products x · sigmoid(x), or of a multiple of x, each with its x, and the sigmoids within."""
    products, within = dict[int, Entry](), set[int]()
    for index, node in enumerate(graph.nodes):
        if node.op not in operations.MULTIPLYING or len(node.inputs) != 2:
            continue
        for value, gate in (node.inputs, node.inputs[::-1]):
            inner = graph.nodes[gate[0]]
            if operations.activation_of(inner.op, inner.attrs) != "sigmoid":
                continue
            source = inner.inputs[0]
            multiple = graph.nodes[source[0]]
            if value == source or (operations.scales(multiple.op) and multiple.inputs[0] == value):
                products[index] = value
                within.add(gate[0])
    return products, within
