"""Which engine trains: MXNet where it is installed and works, else NumPy."""

from __future__ import annotations

from typing import NamedTuple

from deadrelu_tui.builtin import needs
from deadrelu_tui.engine.model import Engine
from deadrelu_tui.errors import InputError, NoRoomError, in_a_line
from deadrelu_tui.record.records import Event


class Picked(NamedTuple):
    """An engine, and what keeps another one from being it, where that one is installed."""

    engine: Engine
    lack: str = ""

    @property
    def events(self) -> tuple[Event, ...]:
        """What is to be told of it in the run's own records."""
        return (Event(0, "engine", {"engine": "numpy", "lack": self.lack}),) if self.lack else ()


def pick(name: str, unfit: str = "") -> Picked:
    """Return the engine of a name: auto, mxnet or numpy. It is loaded here, in the thread that will train; but by auto
    MXNet is not where it was found out why it does not fit.

    Raises InputError for MXNet asked for by its name where it cannot be loaded.
    """
    from deadrelu_tui.engine.by_numpy.model import Model

    if name == "numpy":
        return Picked(Model)
    needs.require_engine(name)
    if unfit and name == "auto":
        return Picked(Model, unfit)
    lack = needs.mxnet_lack()
    if lack is not None:
        told = "; ".join(filter(None, (lack.found, lack.fix)))
        return Picked(Model, told if lack.installed else "")
    try:
        from deadrelu_tui.engine.by_mxnet import model
    except (InputError, NoRoomError) as error:
        if name == "mxnet":
            raise
        return Picked(Model, str(error))
    except Exception as error:  # a broken installation may fail in any way
        if name == "mxnet":
            raise
        return Picked(Model, f"MXNet cannot be loaded: {type(error).__name__}: {in_a_line(error)}")
    return Picked(model.Model)
