"""Passing a user's network through without leaving a trace: no mode, no random state, no hook is another afterwards."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch.nn.modules import module as modules

from deadrelu_tui.watching import attributes
from deadrelu_tui.watching.by_torch.tracing import Trace

Probe = Callable[[], Any]
"""Passes the probe through the network, and returns what comes out."""


def inner(model: torch.nn.Module) -> torch.nn.Module:
    """Return the user's network within what compiles or distributes it."""
    while True:
        found = getattr(model, "_orig_mod", None)
        if found is None and isinstance(model, (torch.nn.parallel.DistributedDataParallel, torch.nn.DataParallel)):
            found = model.module
        if not isinstance(found, torch.nn.Module):
            return model
        model = found


def device_of(model: torch.nn.Module) -> torch.device:
    """Return where a network's first parameter lies."""
    first = next(model.parameters(), None)
    return first.device if first is not None else torch.device("cpu")


def prober(model: torch.nn.Module, probe: Any) -> Probe:
    """Return what passes a probe through: a batch, (args…), {kwargs}, or a callable that does it itself."""
    if callable(probe) and not isinstance(probe, torch.Tensor):
        return probe  # type: ignore[no-any-return]

    def passed() -> Any:
        given = moved(probe, device_of(model))
        if isinstance(given, Mapping):
            return model(**given)
        return model(*given) if isinstance(given, tuple) else model(given)

    return passed


def moved(values: Any, device: torch.device) -> Any:
    """Return values with every tensor and array in them as a tensor on a device; arrays as wide as PyTorch has numbers
    by default.
    """
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(values)
        values = values.to(torch.get_default_dtype()) if values.dtype == torch.float64 else values
    if isinstance(values, torch.Tensor):
        return values.to(device, non_blocking=True)
    if isinstance(values, Mapping):
        return {name: moved(each, device) for name, each in values.items()}
    if isinstance(values, tuple) and hasattr(values, "_fields"):
        return type(values)(*(moved(each, device) for each in values))
    if isinstance(values, (tuple, list)):
        return type(values)(moved(each, device) for each in values)
    return values


@contextlib.contextmanager
def undisturbed(model: torch.nn.Module) -> Iterator[None]:
    """Have a network in eval mode, without gradients, and all as it was afterwards: each module's own mode, buffers
    that it writes in any mode, attributes that it counts its calls in, what draws random numbers, and what hides ReLUs
    behind a fast path (pytorch#128413).
    """
    flags = [(each, each.training) for each in model.modules()]
    devices = sorted({each.device.index for each in model.parameters() if each.device.type == "cuda"})
    states = random.getstate(), np.random.get_state()
    fast = torch.backends.mha.get_fastpath_enabled()
    cached = torch.is_autocast_cache_enabled()
    buffers = _buffers(model)
    try:
        with attributes.kept(model.modules(), _MODULE), torch.random.fork_rng(devices), torch.no_grad(), _eagerly():
            # What autocast keeps of weights without gradients the training would find without them.
            torch.set_autocast_cache_enabled(False)
            torch.backends.mha.set_fastpath_enabled(False)
            for each, _ in flags:
                each.training = False
            yield
    finally:
        torch.set_autocast_cache_enabled(cached)
        torch.backends.mha.set_fastpath_enabled(fast)
        _restore(buffers)
        for each, flag in flags:
            each.training = flag
        random.setstate(states[0])
        np.random.set_state(states[1])


_MODULE = frozenset(vars(torch.nn.Module()))
"""What every module has of PyTorch's own."""
_Buffer = tuple[dict[str, Any], str, torch.Tensor, int, torch.Tensor]


def _buffers(model: torch.nn.Module) -> list[_Buffer]:
    """Return a network's buffers, and tensors that it keeps besides, each with its version and a copy."""
    buffers = [(module._buffers, name, each) for module in model.modules() for name, each in module._buffers.items()]
    own = ({name: each for name, each in vars(module).items() if name not in _MODULE} for module in model.modules())
    others: list[tuple[dict[str, Any], str, torch.Tensor]] = [
        ({}, "", each)
        for each in attributes.within(own)
        if type(each) is torch.Tensor and each.nbytes <= attributes.LARGE
    ]
    return [
        (where, name, each, each._version, each.detach().clone())
        for where, name, each in [*buffers, *others]
        if each is not None and not each.is_inference()
    ]


def _restore(buffers: list[_Buffer]) -> None:
    """Have buffers be what they were; those that nobody has written are left alone."""
    with torch.no_grad():
        for where, name, each, version, was in buffers:
            if where.get(name) is not each:
                where[name] = each
            if each._version != version:
                each.copy_(was)


def _eagerly() -> contextlib.AbstractContextManager[Any]:
    """Have nothing compiled for our sake, and nothing recompiled: there is an upper bound for that."""
    stance = getattr(torch.compiler, "set_stance", None)  # from PyTorch 2.6 on
    return stance("force_eager") if stance is not None else contextlib.nullcontext()


_task: Callable[[], int] = getattr(torch._C, "_current_graph_task_id", lambda: -1)


def computing_gradients() -> bool:
    """Return whether this thread computes gradients just now."""
    return _task() != -1


def several() -> int:
    """Return how many processes train together; 0 for one alone."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        count = int(torch.distributed.get_world_size())
        return count if count > 1 else 0
    return 0


Told = Callable[[torch.nn.Module, str, Any, Any], None]
"""Told of a module's call when it is over: module, name, what it took, what it gave."""


@contextlib.contextmanager
def traced(model: torch.nn.Module, trace: Trace, told: Told | None = None) -> Iterator[None]:
    """Have a trace follow whatever is called, and know within which module that is."""
    names = {id(each): name for name, each in model.named_modules()}

    def before(called: torch.nn.Module, _given: Any) -> None:
        name = names.get(id(called))
        if name is not None:
            trace.site.append(name)

    def after(called: torch.nn.Module, given: Any, out: Any) -> None:
        name = names.get(id(called))
        if name is not None and trace.site:
            trace.site.pop()
            if told is not None:
                told(called, name, given, out)

    handles = [
        modules.register_module_forward_pre_hook(before),
        modules.register_module_forward_hook(after),
    ]
    try:
        with trace:
            yield
    finally:
        for each in handles:
            each.remove()


def tensors(values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in a probe."""
    if isinstance(values, np.ndarray):
        yield torch.from_numpy(values)
    elif isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, Mapping):
        for each in values.values():
            yield from tensors(each)
    elif isinstance(values, (tuple, list)):
        for each in values:
            yield from tensors(each)


def kept(values: Any, samples: int) -> Any:
    """Return copies of values for later, of a batch its first samples: of tensors that are as long as the first."""
    first = next(tensors(values), None)
    length = len(first) if first is not None and first.ndim else 0

    def one(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            value = value.detach()
            return (value[:samples] if value.ndim and len(value) == length else value).clone()
        if isinstance(value, Mapping):
            return {name: one(each) for name, each in value.items()}
        if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
            return type(value)(one(each) for each in value)
        return value

    return one(values)
