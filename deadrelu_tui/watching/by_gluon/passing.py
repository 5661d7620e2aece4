"""What a user's network is fed, and how it is called without leaving a trace: no hook hears of it, no flag changes."""

from __future__ import annotations

import contextlib
import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching import attributes
from deadrelu_tui.watching.by_gluon.theirs import mx

Args = tuple[Any, ...]
Probe = Callable[[], list[Args]]
"""Returns what the network is called with, once for each call."""
Told = Callable[[Any, Any], None]
"""Told of a block's call when it is over: the block, and what it gave."""


_BLOCK = frozenset(vars(mx.gluon.HybridBlock()))
"""What every block has of Gluon's own."""


def blocks(net: Any, path: str = "") -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Yield each block in a network with its path, as save_parameters has it, and the blocks around it, outermost
    first; one that stands in two places comes twice.
    """
    yield path, net, ()
    for name, child in net._children.items():
        for inner, block, around in blocks(child, f"{path}.{name}" if path else name):
            yield inner, block, (net, *around)


def device_of(net: Any) -> Any:
    """Return the context of a network's first parameter that has its values."""
    for each in net.collect_params().values():
        if (found := first_device(each)) is not None:
            return found
    return mx.context.current_context()


def first_device(parameter: Any) -> Any:
    """Return the first context on which a parameter has its values; None before it has any."""
    try:
        return parameter.list_data()[0].context
    except RuntimeError:
        return None


def prober(net: Any, probe: Any) -> Probe:
    """Return what tells how a probe is passed through: a batch, (args…), or a callable that does it itself.

    Raises InputError for keywords, with which no Block is called.
    """
    if isinstance(probe, dict):
        raise InputError("probe: a Gluon Block is called without keywords; give a batch or a tuple of arguments")
    if callable(probe) and not isinstance(probe, mx.nd.NDArray):
        return lambda: _caught(net, probe)
    return lambda: [placed(probe if isinstance(probe, tuple) else (probe,), device_of(net))]


def _caught(net: Any, probe: Callable[[], Any]) -> list[Args]:
    """Return with what a callable calls the network."""
    calls: list[Args] = []
    states = random.getstate(), np.random.get_state()
    try:
        with silenced(net), mx.autograd.pause(train_mode=False):
            handle = net.register_forward_pre_hook(lambda _, given: calls.append(tuple(given)))
            try:
                probe()
            finally:
                handle.detach()
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
    if not calls:
        raise InputError("probe: the callable does not call the network")
    return calls


def placed(values: Any, device: Any) -> Any:
    """Return values with every array in them as one of MXNet's on a device."""
    if isinstance(values, np.ndarray):
        kind = np.float32 if values.dtype == np.float64 else values.dtype
        make = mx.np.array if mx.util.is_np_array() else mx.nd.array
        return make(values, dtype=kind, ctx=device)
    if isinstance(values, mx.nd.NDArray):
        return values.as_in_context(device)
    if isinstance(values, (tuple, list)):
        return type(values)(placed(each, device) for each in values)
    return values


def arrays(values: Any) -> Iterator[Any]:
    """Yield the arrays in what a network is called with, or gives."""
    if isinstance(values, mx.nd.NDArray):
        yield values
    elif isinstance(values, (tuple, list)):
        for each in values:
            yield from arrays(each)


def replaced(values: Any, others: Iterator[Any]) -> Any:
    """Return values with other things in place of the arrays in them, in their order."""
    if isinstance(values, mx.nd.NDArray):
        return next(others)
    if isinstance(values, (tuple, list)):
        return type(values)(replaced(each, others) for each in values)
    return values


def kept(values: Any, samples: int) -> Any:
    """Return copies of values for later, of a batch its first samples: of arrays that are as long as the first."""
    first = next(arrays(values), None)
    length = first.shape[0] if first is not None and first.shape else 0

    def copied() -> Iterator[Any]:
        for each in arrays(values):
            batched = each.shape and each.shape[0] == length > samples
            yield (each[:samples] if batched else each).detach().copy()

    with mx.autograd.pause():
        return replaced(values, copied())


@contextlib.contextmanager
def silenced(net: Any, told: Told | None = None, imperative: bool = False) -> Iterator[None]:
    """Have the hooks of all blocks hear nothing, but whoever is told here, and attributes that they count calls in be
    what they were; what is hybridised computes step by step meanwhile, if that is wanted.
    """
    names = ("_forward_hooks", "_forward_pre_hooks", "_active")
    every = list({id(block): block for _, block, _ in blocks(net)}.values())
    was = [(each, name, vars(each)[name]) for each in every for name in names if name in vars(each)]
    try:
        for block in every:
            vars(block)["_forward_hooks"], vars(block)["_forward_pre_hooks"] = OrderedDict(), OrderedDict()
            if told is not None:
                vars(block)["_forward_hooks"][0] = _teller(told)
            if imperative and "_active" in vars(block):
                vars(block)["_active"] = False
        with attributes.kept(every, _BLOCK):
            yield
    finally:
        for block, name, value in was:
            vars(block)[name] = value


def _teller(told: Told) -> Callable[[Any, Any, Any], None]:
    return lambda block, _given, out: told(block, out)
