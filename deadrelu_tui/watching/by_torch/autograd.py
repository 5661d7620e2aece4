"""Which units a training batch makes fire where no module tells: read out of the graph that autograd keeps for it.

A ReLU's own result is saved there for its gradient. So it makes no difference whether it was a function, bound early,
in place, or behind an addition; nothing is computed anew, and nothing is put on anything.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch

from deadrelu_tui.watching.by_torch import operations

SAVED = {
    "Relu": ("relu", "result", ""), "Threshold": ("relu", "self", "threshold"), "ClampMin": ("relu", "self", "min"),
    "Clamp": ("relu", "self", "min"), "Hardtanh": ("relu", "self", "min_val"),
    "LeakyRelu": ("leaky_relu", "self", ""), "Tanh": ("tanh", "result", ""), "Sigmoid": ("sigmoid", "result", ""),
}  # fmt: skip
"""Which activation a node of the graph is, whether its result or what goes into it is saved there, and what has to be 0
for it to be one.
"""
READ = frozenset(activation for activation, _, _ in SAVED.values())
"""The activations that can be read."""
_NAME = re.compile(r"Backward\d*$")
_HANDED_ON = {"T", "Transpose", "Permute", "View", "UnsafeView", "ToCopy", "Expand"}
"""What a weight goes through on its way to where it is multiplied."""
MOST = 20_000
"""Nodes that are gone through, at most."""


Group = tuple[frozenset[str], str]
"""The weights that made what goes into an activation, and which one that is."""


class Saved(NamedTuple):
    """What autograd has saved of an activation."""

    node: Any
    what: str
    feeds: frozenset[Group]
    """The activations that it comes from directly."""

    @property
    def before(self) -> bool:
        """Whether it is h, not what comes of it."""
        return self.what == "self"

    def read(self) -> torch.Tensor:
        """Return it."""
        return getattr(self.node, f"_saved_{self.what}")


def found(outs: Iterable[torch.Tensor], names: Mapping[int, str]) -> Iterator[tuple[Group, Saved]]:
    """Yield activations in the order in which they were computed, each with what is saved there; `names` has the
    parameters by their identity. Nothing of a graph that is too large.
    """
    order = _upstream([each.grad_fn for each in outs if each.grad_fn is not None])
    makers, fed = dict[Any, frozenset[str]](), dict[Any, frozenset[Group]]()
    met = []
    for node in order:  # what goes into a node stands before it
        kind = _kind(node)
        into = [each for each, _ in node.next_functions if each is not None]
        weights = {_weight(each, names) for each in into} - {""} if operations.makes(kind.lower()) else set()
        from_here = frozenset(weights) or frozenset[str]().union(*(makers.get(each, frozenset()) for each in into))
        feeds = frozenset[Group]().union(*(fed.get(each, frozenset()) for each in into))
        if kind in SAVED:
            activation, what, zero = SAVED[kind]
            if not zero or getattr(node, f"_saved_{zero}") == 0:
                group = (from_here, activation)
                met.append((node._sequence_nr(), group, Saved(node, what, feeds)))
                from_here, feeds = frozenset(), frozenset({group})
        makers[node], fed[node] = from_here, feeds
    for _, group, given in sorted(met, key=lambda each: each[0]):
        yield group, given


def matched(
    places: Mapping[str, tuple[Group, int]], read: Iterable[tuple[Group, Saved]]
) -> Iterator[tuple[str, Saved]]:
    """Yield layers with what is saved of them, given the group of each and how often it is called in a pass. Of a
    group with other calls than there were nothing is known.
    """
    by_group, layers = defaultdict[Group, list[Saved]](list), defaultdict[Group, list[str]](list)
    for group, given in read:
        by_group[group].append(given)
    for name, (group, _) in places.items():
        layers[group].append(name)
    for group, those in layers.items():
        saved = by_group[group]
        if len(those) == 1:
            yield from ((those[0], each) for each in saved)
        elif len(saved) == len(those) == sum(places[name][1] for name in those):
            yield from zip(those, saved, strict=True)


def recomputed() -> bool:
    """Return whether what is computed just now is a part that will be computed anew in place of being saved: to read
    what is saved there would have that done at once.
    """
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == "torch.utils.checkpoint":
            return True
        frame = frame.f_back
    return False


def kept_elsewhere() -> bool:
    """Return whether somebody keeps what is saved in a way of his own, such as on another device."""
    top = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", None)
    return top is not None and top(False) is not None


def _upstream(ends: list[Any]) -> list[Any]:
    """Return all nodes before some ends, and these, each behind what goes into it."""
    order, seen = list[Any](), set[Any]()
    waiting = [(each, False) for each in ends]
    while waiting:
        node, done = waiting.pop()
        if done:
            order.append(node)
        elif node not in seen:
            if len(seen) >= MOST:
                return []
            seen.add(node)
            waiting.append((node, True))
            waiting += [(each, False) for each, _ in node.next_functions if each is not None and each not in seen]
    return order


def _kind(node: Any) -> str:
    return _NAME.sub("", node.name().rpartition("::")[2])


def _weight(node: Any, names: Mapping[int, str]) -> str:
    """Return the name of the weight that a node hands on; empty if it hands on something else."""
    while hasattr(node, "next_functions") and _kind(node) in _HANDED_ON and len(node.next_functions) == 1:
        node = node.next_functions[0][0]
    variable = getattr(node, "variable", None)
    return names.get(id(variable), "") if variable is not None and variable.ndim > 1 else ""
