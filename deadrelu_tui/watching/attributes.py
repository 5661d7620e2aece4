"""What a network's parts keep in attributes of their own while it is looked at: counts, temperatures, lists, arrays."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import numpy as np

_CONTAINERS = (list, dict, set, deque)
LARGE = 64_000_000
"""Bytes of an array beyond which it is not copied: it is data, and nobody's count of anything."""
LONG = 10_000
"""Items beyond which a container is put back as it was, but not what is in its items."""


@contextlib.contextmanager
def kept(parts: Iterable[Any], leave: Collection[str]) -> Iterator[None]:
    """Have attributes be what they were afterwards, and containers and arrays in them hold what they held, however
    deep; those named in `leave` are left alone.
    """
    before = [(vars(part), {name: value for name, value in vars(part).items() if name not in leave}) for part in parts]
    held = [(each, each.copy()) for each in within(was for _, was in before) if _can_be_held(each)]
    try:
        yield
    finally:
        for each, copy in held:
            _restore(each, copy)
        for now, was in before:
            for name in [name for name in now if name not in was and name not in leave]:
                del now[name]
            for name, value in was.items():
                if now.get(name) is not value:
                    now[name] = value


def within(values: Iterable[Any]) -> Iterator[Any]:
    """Yield what containers hold, however deep; nothing twice."""
    waiting, seen = list(values), set[int]()
    while waiting:
        for each in list(_items(waiting.pop())):
            if id(each) in seen:
                continue
            seen.add(id(each))
            yield each
            if (type(each) in _CONTAINERS or type(each) is tuple) and len(each) <= LONG:
                waiting.append(each)


def _can_be_held(value: Any) -> bool:
    return type(value) in _CONTAINERS or (type(value) is np.ndarray and value.nbytes <= LARGE)


def _items(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _restore(value: Any, copy: Any) -> None:
    if isinstance(value, np.ndarray):
        if value.shape == copy.shape and value.flags.writeable:
            value[...] = copy
        return
    same = len(value) == len(copy) and all(
        one is other for one, other in zip(_pairs(value), _pairs(copy), strict=True)
    )  # fmt: skip
    if same:
        return
    value.clear()
    if isinstance(value, (dict, set)):
        value.update(copy)
    else:
        value.extend(copy)


def _pairs(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for pair in value.items():
            yield from pair
    else:
        yield from value
