"""Follows one pass of a network, operation by operation: which activations there are, what makes and what reads them.

It sees operations below autograd, so that it makes no difference whether a ReLU is a module, a function or a method, in
place or not, and how often it is used. What comes of which parameter and of which layer goes along with every tensor.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from deadrelu_tui.watching.by_torch import operations

Key = tuple[Any, ...]
"""What tells a layer from others in every pass."""


@dataclass(frozen=True)
class Tag:
    """Where a tensor comes from."""

    along: int | None = None
    """The dimension of its units; None if nobody has said."""
    makers: tuple[str, ...] = ()
    """The weights that made it since the last activation."""
    biases: tuple[str, ...] = ()
    made: frozenset[int] = frozenset()
    """Which calls of these weights did."""
    norms: tuple[str, ...] = ()
    """The modules that have normalised it since."""
    feeds: frozenset[Key] = frozenset()
    """The layers that it comes from, nearest first to be met."""
    fresh: frozenset[Key] = frozenset()
    """Those of them between which and here there is no weight."""
    parameters: tuple[str, ...] = ()
    """For what is made of nothing but parameters: of which."""


_UNKNOWN = Tag()


class Call(NamedTuple):
    """An activation that is about to be computed."""

    key: Key
    activation: str
    pre: torch.Tensor
    along: int
    """The dimension of the units."""
    tag: Tag
    site: str
    """The module within which it is called."""


class Reader(NamedTuple):
    """A weight that takes in what a layer says."""

    weight: str
    operation: str


Seen = Callable[[Call], Callable[[torch.Tensor], None]]
"""Told of a call before it is made; returns what is told of its result."""


@dataclass
class Found:
    """What a pass has told beside its activations."""

    readers: dict[Key, list[Reader]] = field(default_factory=dict)
    gates: set[Key] = field(default_factory=set)
    """What is multiplied with something else at once, as gates are."""


class Trace(TorchDispatchMode):
    """Active while a network is passed through; enter it, call the network, leave it."""

    def __init__(self, parameters: Mapping[int, str], shapes: Mapping[str, int], seen: Seen) -> None:
        """Take the names of parameters by their identity, their numbers of dimensions, and who is told of calls."""
        super().__init__()
        self.found = Found()
        self.site: list[str] = []
        """The modules that are being called, outermost first."""
        self._shapes, self._seen = shapes, seen
        self._parameters = {identity: Tag(parameters=(name,)) for identity, name in parameters.items()}
        self._tags: dict[int, tuple[weakref.ref[torch.Tensor], Tag]] = {}
        self._calls = 0
        self._uses = Counter[Key]()

    def tag(self, tensor: torch.Tensor) -> Tag:
        """Return where a tensor comes from."""
        known = self._tags.get(id(tensor))
        if known is not None and known[0]() is tensor:
            return known[1]
        return self._parameters.get(id(tensor), _UNKNOWN)

    def name(self, tensor: torch.Tensor, key: Key, along: int) -> Tag:
        """Take a tensor for what a layer says, whatever made it; return where it was known to come from."""
        before, fed = self.tag(tensor), frozenset({key})
        self._put(tensor, Tag(along, feeds=fed, fresh=fed))
        return before

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation and note what it means."""
        given = kwargs or {}
        name = operations.name_of(func)
        tensors = list(_tensors((args, given)))
        tags = [self.tag(each) for each in tensors]
        activation = operations.activation_of(name, args, given) if tensors else ""
        source = next((each for each, tag in zip(tensors, tags, strict=True) if not tag.parameters), None)
        if activation and source is not None and source.is_floating_point() and source.ndim:
            return self._activated(func, args, given, source, activation)
        out = func(*args, **given)
        tag = self._after(name, tensors, tags)
        for each in _tensors(out):
            self._put(each, self._placed(name, args, tag, source, tags, tensors, each))
        return out

    def _activated(self, func: Any, args: Any, given: Any, pre: torch.Tensor, activation: str) -> Any:
        tag = self.tag(pre)
        along = tag.along if tag.along is not None and tag.along < pre.ndim else operations.along_by_shape(pre)
        site = self.site[-1] if self.site else ""
        again = (tag.made or None, site)  # what one call of a weight made may be read twice, which makes two layers
        self._uses[again] += 1
        key: Key = (tag.makers, site, activation, self._uses[again])
        done = self._seen(Call(key, activation, pre, along, tag, site))
        out = func(*args, **given)
        result = next(_tensors(out))
        done(result)
        fed = frozenset({key})
        self._put(result, Tag(along, feeds=fed, fresh=fed))
        return out

    def _after(self, name: str, tensors: list[torch.Tensor], tags: list[Tag]) -> Tag:
        """Return where what an operation makes comes from."""
        data = [each for each in tags if not each.parameters]
        told = tuple(dict.fromkeys(one for each in tags for one in each.parameters))
        if not data:
            return Tag(parameters=told)
        fresh = frozenset[Key]().union(*(each.fresh for each in data))
        feeds = frozenset[Key]().union(*(each.feeds for each in data))
        weights = tuple(each for each in told if self._shapes[each] > 1)
        biases = tuple(each for each in told if self._shapes[each] == 1)
        if weights and operations.makes(name):
            for each in fresh:
                readers = self.found.readers.setdefault(each, [])
                readers += [Reader(one, name) for one in weights if Reader(one, name) not in readers]
            self._calls += 1
            return Tag(None, weights, biases, frozenset({self._calls}), (), feeds)
        if name in ("mul", "mul_") and len(data) > 1:
            self.found.gates |= fresh
        norms = (self.site[-1] if self.site else name,) if operations.normalises(name) else ()
        return Tag(
            None,
            tuple(dict.fromkeys(one for each in data for one in each.makers)),
            tuple(dict.fromkeys([*(one for each in data for one in each.biases), *(() if norms else biases)])),
            frozenset[int]().union(*(each.made for each in data)),
            tuple(dict.fromkeys([*(one for each in data for one in each.norms), *norms])),
            feeds,
            fresh,
        )  # fmt: skip

    def _placed(
        self, name: str, args: Any, tag: Tag, source: torch.Tensor | None, tags: list[Tag],
        tensors: list[torch.Tensor], out: torch.Tensor,
    ) -> Tag:  # fmt: skip
        """Return a tag with the dimension of the units in what came out."""
        if tag.parameters or not out.ndim:
            return tag
        if operations.makes(name) and tag.made == frozenset({self._calls}):
            return replace(tag, along=operations.made_along(name, out))
        for tensor, each in zip(tensors, tags, strict=True):
            if each.along is not None and each.along < tensor.ndim:
                return replace(tag, along=operations.moved(name, args, out, tensor, each.along))
        return tag

    def _put(self, tensor: torch.Tensor, tag: Tag) -> None:
        self._tags[id(tensor)] = weakref.ref(tensor), tag


def _tensors(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in what an operation takes or gives."""
    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for each in values:
            yield from _tensors(each)
    elif isinstance(values, dict):
        for each in values.values():
            yield from _tensors(each)
