"""MXNet's C functions with their arguments made ready once: what every step calls, it calls in microseconds.

MXNet's own Python prepares each argument anew and asks for the shape and type of what it reads: ten times as long.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.engine.by_mxnet.runtime import mx

_LIBRARY, _check = mx.base._LIB, mx.base.check_call
_Handle, _NDArray = mx.base.NDArrayHandle, mx.nd.NDArray


class Graph:
    """A graph that MXNet plans once for the shape of its inputs, and runs in one call.

    The arrays it returns belong to whoever asked for them: a later call does not touch them.
    """

    def __init__(self, inputs: list[Any], outputs: list[Any]) -> None:
        whole = mx.sym.Group(outputs)
        names = [each.name for each in inputs]
        self._order = [names.index(name) for name in whole.list_arguments()]
        planned = [("data_indices", [*range(len(self._order))]), ("param_indices", [])]
        self._planned = mx.nd.CachedOp(whole, [*planned, ("static_alloc", True), ("static_shape", True)])
        self._arrays = (_Handle * len(self._order))()
        self._count, self._made, self._kinds = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        self._arguments = (
            self._planned.handle,
            ctypes.c_int(len(self._order)),
            self._arrays,
            *map(ctypes.byref, (self._count, self._made, self._kinds)),
        )

    def __call__(self, *arrays: Any) -> list[Any]:
        """Queue it for arrays in the order of its inputs, and return its outputs."""
        self._arrays[:] = [arrays[index].handle for index in self._order]
        self._count.value, self._made.value = 0, None
        _check(_LIBRARY.MXInvokeCachedOpEx(*self._arguments))
        # The list of handles is MXNet's, and holds only until this thread calls it again; each handle is ours to free.
        made = (_Handle * self._count.value).from_address(self._made.value)
        return [_NDArray(_Handle(handle)) for handle in made]


class Update:
    """The update of a parameter in place, p ← p + factor · g: one matrix product with an addend, which BLAS does in a
    third of the time of MXNet's sgd_update.
    """

    def __init__(self) -> None:
        product = mx.base.OpHandle()
        _check(_LIBRARY.NNGetOpHandle(mx.base.c_str("_linalg_gemm"), ctypes.byref(product)))
        self._taken, self._given = (_Handle * 3)(), (_Handle * 1)()
        self._count, self._made, self._kinds = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        count, made, kinds = map(ctypes.byref, (self._count, self._made, self._kinds))
        none = ctypes.c_int(0), None, None
        self._arguments = (product, ctypes.c_int(3), self._taken, count, made, *none, kinds)

    def __call__(self, factor: Any, parameter: Any, gradient: Any) -> None:
        """Queue it for a factor of shape (1, 1), and a parameter and its gradient, both of shape (1, elements)."""
        self._taken[:] = [factor.handle, gradient.handle, parameter.handle]
        self._given[0] = parameter.handle
        self._count.value, self._made.value = 1, ctypes.addressof(self._given)
        _check(_LIBRARY.MXImperativeInvokeEx(*self._arguments))


def reshaped(array: Any, *shape: int) -> Any:
    """Return an array's own memory in another shape; −1 is as much as there is."""
    handle = _Handle()
    sizes = (ctypes.c_int64 * len(shape))(*shape)
    _check(_LIBRARY.MXNDArrayReshape64(array.handle, ctypes.c_int(len(shape)), sizes, False, ctypes.byref(handle)))
    return _NDArray(handle)


class Reader:
    """Arrays of float32 of known sizes, read one after the other into one vector."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.vector: npt.NDArray[np.float32] = np.zeros(sum(sizes), np.float32)
        """What was read last."""
        parts = np.split(self.vector, np.cumsum(sizes)[:-1])
        self._places = [(ctypes.c_void_p(part.ctypes.data), ctypes.c_size_t(part.size)) for part in parts]

    def read(self, arrays: Sequence[Any]) -> npt.NDArray[np.float32]:
        """Wait for the arrays and return what they hold; it stands until the next reading."""
        for array, (place, size) in zip(arrays, self._places, strict=True):
            _check(_LIBRARY.MXNDArraySyncCopyToCPU(array.handle, place, size))
        return self.vector
