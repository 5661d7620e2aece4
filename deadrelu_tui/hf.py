"""Watch a training by Hugging Face's Trainer: a callback for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

import deadrelu_tui

if TYPE_CHECKING:
    from deadrelu_tui.watching.monitor import Monitor


class Watch(TrainerCallback):
    """Watches the training of a model, from its first batch to its end, in the process of rank 0."""

    def __init__(self, probe: Any = None, **given: Any) -> None:
        """Take what `deadrelu_tui.watch` takes."""
        self._probe, self._given = probe, given
        self.monitor: Monitor | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Begin; the optimizer may be made later, and is known by its first step."""
        if not state.is_world_process_zero:
            return
        if self.monitor is not None:  # a training before was left by an error
            self.monitor.close()
        self.monitor = deadrelu_tui.watch(kwargs["model"], kwargs.get("optimizer"), self._probe, **self._given)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End where somebody who watches has asked for that."""
        if self.monitor is not None:
            self.monitor.asks()
            if self.monitor.stopped:
                control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Tell what the trainer tells: its loss is the mean of `logging_steps` steps."""
        told = {name: each for name, each in (logs or {}).items() if isinstance(each, (int, float))}
        if self.monitor is not None and ("loss" in told or any(name.startswith("eval_") for name in told)):
            self.monitor.log(**told)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """End."""
        monitor, self.monitor = self.monitor, None
        if monitor is not None:
            monitor.close()
