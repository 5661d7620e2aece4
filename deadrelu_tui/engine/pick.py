"""Which engine trains: MXNet where it is installed and works, else PyTorch, else NumPy; and before all on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from deadrelu_tui.builtin import needs
from deadrelu_tui.engine.model import Engine
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line
from deadrelu_tui.record.records import Event
from deadrelu_tui.record.telling import engine_name

NO_GPU = "MXNet cannot use the GPU of this machine"


class Picked(NamedTuple):
    """An engine, and what keeps another one from being it, where that one is installed."""

    name: str
    engine: Engine
    lack: str = ""

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be told of it in the run's own records."""
        return (Event(0, "engine", {"engine": self.name, "lack": self.lack}),) if self.lack else ()


def pick(name: str, unfit: str = "", device: str = "auto") -> Picked:
    """Return the engine of a name: auto, mxnet, torch or numpy, for a device. It is loaded here, in the thread that
    will train; but by auto nothing but NumPy is where it was found out why it does not fit.

    Raises InputError for one asked for by its name that cannot be loaded.
    """
    needs.require_engine(name)
    if name != "auto":
        return Picked(name, _LOAD[name]())
    if unfit:
        return Picked("numpy", _numpy(), unfit)
    if device != "cpu" and needs.gpu_is_here() and (picked := _on_gpu()):
        return picked
    lacks: list[str] = []
    for each in ("mxnet", "torch"):
        engine, lack = _loaded(each)
        if engine is not None:
            return Picked(each, engine, "; ".join(lacks))
        lacks += [lack] if lack and lack not in lacks else []  # both may lack the same
    return Picked("numpy", _numpy(), "; ".join(lacks))


def _on_gpu() -> Picked | None:
    """Return the engine that can use the GPU that seems to be there; what cannot have one is not loaded for that."""
    lack = ""
    if needs.mxnet_lack() is None:
        if needs.mxnet_has_cuda():
            engine, _ = _loaded("mxnet")
            if engine is not None and _uses_gpu("mxnet"):
                return Picked("mxnet", engine)
        lack = NO_GPU
    build = needs.torch_build()
    if build is not None and build.cuda:
        engine, _ = _loaded("torch")
        if engine is not None and _uses_gpu("torch"):
            return Picked("torch", engine, lack or _loaded("mxnet")[1])
    return None


def _uses_gpu(name: str) -> bool:
    """Return whether an engine that was loaded computes on a GPU here."""
    if name == "mxnet":
        from deadrelu_tui.engine.by_mxnet import runtime as mxnet

        return bool(mxnet.device("auto").device_type == "gpu")
    from deadrelu_tui.engine.by_torch import runtime as torch

    return bool(torch.device("auto").type == "cuda")


def _loaded(name: str) -> tuple[Engine | None, str]:
    """Return an engine, or what keeps it from being used, where it is installed."""
    lack = needs.lack_of(name)
    if lack is not None:
        return None, "; ".join(filter(None, (lack.found, lack.fix))) if lack.installed else ""
    try:
        return _LOAD[name](), ""
    except (InputError, NoRoomError) as error:
        return None, str(error)
    except Exception as error:  # a broken installation may fail in any way
        return None, f"{engine_name(name)} cannot be loaded: {type(error).__name__}: {in_a_line(error)}"


def _mxnet() -> Engine:
    from deadrelu_tui.engine.by_mxnet.model import Model

    return Model


def _torch() -> Engine:
    from deadrelu_tui.engine.by_torch.model import Model

    return Model


def _numpy() -> Engine:
    from deadrelu_tui.engine.by_numpy.model import Model

    return Model


_LOAD: Mapping[str, Callable[[], Engine]] = {"mxnet": _mxnet, "torch": _torch, "numpy": _numpy}
