"""What `watch` returns: what the training can tell, and ask, of whoever watches it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable, Iterable, Iterator
from html import escape
from types import TracebackType
from typing import Any, Protocol, TypeVar

from deadrelu_tui.diagnosis.telling import reason
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.watching.guest import Guest

_Each = TypeVar("_Each")


class Watching(Protocol):
    """What is put on a training, for one framework."""

    guest: Guest | None
    fault: str | None

    def log(self, scalars: dict[str, Any]) -> None:
        """Take numbers that the training tells."""

    def count(self, name: str, indices: Any, size: int) -> None:
        """Count which entries of a table were chosen."""

    def let_go(self) -> None:
        """Take off whatever was put on the training."""

    def close(self, error: BaseException | None = None) -> None:
        """End the watching."""


class Monitor:
    """A training that is watched. Nothing of it ever raises into the training, but what stops it."""

    def __init__(self, begin: Callable[[Monitor], Watching], say: Callable[[str], None]) -> None:
        """Begin; where that cannot be, say why in a line and let the training be."""
        self._watching: Watching | None = None
        self._fault = ""
        try:
            self._watching = begin(self)
        except InputError as error:
            self._fault = str(error)
        except Exception as error:
            self._fault = f"{type(error).__name__}: {in_a_line(error)}"
        if self._fault:
            say(f"deadrelu-tui: not watching, the training goes on: {self._fault}")
        else:
            atexit.register(self._at_exit)

    @property
    def _guest(self) -> Guest | None:
        return self._watching.guest if self._watching is not None else None

    @property
    def run(self) -> str:
        """The id of the run; empty before it is known what is trained."""
        return self._guest.run.start.run if self._guest is not None else ""

    @property
    def fault(self) -> str:
        """Why nothing is watched, or no more; empty while it is."""
        watching = self._watching
        own = watching.fault if watching is not None else None
        guest = self._guest.fault if self._guest is not None else None
        return self._fault or own or guest or ""

    @property
    def share(self) -> float:
        """Which share of the training's time the watching has taken."""
        return self._guest.governor.share if self._guest is not None else 0.0

    def log(self, loss: Any = None, **scalars: Any) -> None:
        """Tell the loss of the step, and other numbers under names of your own. Tensors are taken as they are, and
        waited for elsewhere.
        """
        if self._watching is not None:
            told = scalars if loss is None else {"loss": loss, **scalars}
            self._watching.log(told)

    def count(self, name: str, indices: Any, size: int) -> None:
        """Tell which entries of a table were chosen: the codes of a codebook, the experts of a mixture. Each entry is a
        unit from then on, which is dead when it is chosen no more. Indices that no entry has are left out.
        """
        if self._watching is not None:
            self._watching.count(name, indices, size)

    def batches(self, loader: Iterable[_Each]) -> Iterator[_Each]:
        """Yield what a loader yields, and end when somebody who watches has asked for that."""
        for each in loader:
            self.asks()
            if self.stopped:
                return
            yield each

    def asks(self) -> None:
        """Have a stop interrupt nothing: the training asks itself, now and then, whether it is `stopped`."""
        if self._guest is not None:
            self._guest.orders.flag_only = True

    @property
    def stopped(self) -> bool:
        """Whether somebody who watches has asked for the end."""
        return self._guest is not None and self._guest.controls.stopped

    def revive(self, layer: str | None = None) -> dict[str, int]:
        """Revive the dead units of a layer, or of all, between two steps; return how many came back in each. What
        cannot be verified on the probe is left as it was, and told.
        """
        guest = self._guest
        if guest is None:
            return {}
        return guest.guarded("units could not be revived", guest.orders.revive, layer) or {}

    @property
    def verdict(self) -> str:
        """The word for the network as it stands, as on the screen; empty before the first step."""
        guest = self._guest
        if guest is None:
            return ""
        guest.settle()
        found = verdict(guest.run.history.frozen())
        return found.word if found is not None else ""

    def close(self, error: BaseException | None = None) -> None:
        """End the watching: all hooks are taken off, and all is recorded."""
        atexit.unregister(self._at_exit)
        if self._watching is not None:
            self._watching.close(error)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close(error)

    def _at_exit(self) -> None:
        # What has ended the program by an error Python keeps for debuggers; at a prompt no error ends it.
        prompted = hasattr(sys, "ps1") or sys.flags.interactive
        self.close(None if prompted else getattr(sys, "last_value", None))

    def __repr__(self) -> str:
        guest = self._guest
        if guest is None:
            return f"<deadrelu-tui: {self.fault or 'waits for the first batch'}>"
        return f"<deadrelu-tui: run {self.run}, step {guest.step}, {self.verdict or guest.run.status.value}>"

    def _repr_html_(self) -> str:
        """Return a small table: for notebooks."""
        guest = self._guest
        if guest is None:
            return f"<p>deadrelu-tui: {escape(self.fault or 'waits for the first batch')}</p>"
        guest.settle()
        history = guest.run.history.frozen()
        found = verdict(history)
        head = f"run {self.run} · step {history.reached} · {found.word if found is not None else 'no step yet'}"
        rows = []
        for layer in history.network.layers:
            looked = history.units(layer.name)
            lost = "" if looked is None else f"{int(looked.lost.sum())} of {layer.units}"
            rows.append(f"<tr><td>{escape(layer.name)}</td><td>{escape(layer.activation)}</td><td>{lost}</td></tr>")
        why = f"<p>{escape(reason(found))}</p>" if found is not None else ""
        return (
            f"<p><b>{escape(head)}</b></p>{why}<table><tr><th>layer</th><th>activation</th><th>dead</th></tr>"
            f"{''.join(rows)}</table><p><code>deadrelu-tui attach {self.run}</code></p>"
        )
