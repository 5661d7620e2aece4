"""What a network's parts keep in attributes of their own while it is looked at: counts, temperatures, lists."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any

_CONTAINERS = (list, dict, set, deque)


@contextlib.contextmanager
def kept(parts: Iterable[Any], leave: Collection[str]) -> Iterator[None]:
    """Have attributes be what they were afterwards, and plain lists, dicts and sets in them hold what they held; those
    named in `leave` are left alone.
    """
    before = [
        (vars(part), {name: (value, _copy(value)) for name, value in vars(part).items() if name not in leave})
        for part in parts
    ]
    try:
        yield
    finally:
        for now, was in before:
            for name in [name for name in now if name not in was and name not in leave]:
                del now[name]
            for name, (value, copy) in was.items():
                if now.get(name) is not value:
                    now[name] = value
                if copy is not None:
                    _restore(value, copy)


def _copy(value: Any) -> Any:
    return value.copy() if type(value) in _CONTAINERS else None


def _restore(value: Any, copy: Any) -> None:
    if len(value) == len(copy) and all(one is other for one, other in zip(_items(value), _items(copy), strict=True)):
        return
    value.clear()
    if isinstance(value, (dict, set)):
        value.update(copy)
    else:
        value.extend(copy)


def _items(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for pair in value.items():
            yield from pair
    else:
        yield from value
