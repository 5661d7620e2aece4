"""Watch a training by Lightning: a callback for its Trainer."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import deadrelu_tui

if "pytorch_lightning" in sys.modules or find_spec("lightning") is None:  # by whichever name the user has it
    from pytorch_lightning.callbacks import Callback
else:
    from lightning.pytorch.callbacks import Callback

if TYPE_CHECKING:
    from deadrelu_tui.watching.monitor import Monitor


class Watch(Callback):
    """Watches the training of a LightningModule, from its first batch to its end, in the process of rank 0."""

    def __init__(self, probe: Any = None, *, model: Any = None, **given: Any) -> None:
        """Take what `deadrelu_tui.watch` takes. `model` is a network, or the path of one within the module, that is
        watched in place of the module.
        """
        self._probe, self._model, self._given = probe, model, given
        self.monitor: Monitor | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin: what was checked and restored before is over."""
        if not trainer.is_global_zero or self.monitor is not None:
            return
        model = self._model
        if isinstance(model, str):
            model = dict(pl_module.named_modules()).get(model, model)
        if model is None:
            model = _called(pl_module, callable(self._probe))
        self.monitor = deadrelu_tui.watch(model, list(trainer.optimizers) or None, self._probe, **self._given)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell the loss, and end where somebody who watches has asked for that."""
        monitor = self.monitor
        if monitor is None:
            return
        monitor.asks()
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            monitor.log(loss=loss)
        if monitor.stopped:
            trainer.should_stop = True

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """End with what has ended the training."""
        self._close(exception)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        monitor, self.monitor = self.monitor, None
        if monitor is not None:
            monitor.close(error)

    def __getstate__(self) -> dict[str, Any]:
        # A process that is spawned has a watching of its own, or none.
        return {**self.__dict__, "monitor": None}


def _called(module: Any, called_elsewhere: bool) -> Any:
    """Return what is passed through: the module, or its one network where it has no forward of its own."""
    if called_elsewhere or getattr(type(module).forward, "__module__", "").partition(".")[0] not in (
        "lightning", "pytorch_lightning", "torch"
    ):  # fmt: skip
        return module
    networks = [each for each in module.children() if next(each.parameters(), None) is not None]
    return networks[0] if len(networks) == 1 else module
