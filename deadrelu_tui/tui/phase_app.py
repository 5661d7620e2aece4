"""The application that shows the map of a sweep while others compute it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing import resource_tracker
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from deadrelu_tui.errors import InputError
from deadrelu_tui.run.source import Source
from deadrelu_tui.sweep.grid import Limit
from deadrelu_tui.tui import keys, phase_keys
from deadrelu_tui.tui.application import Application
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.opened import LeaveQuestion
from deadrelu_tui.tui.screens.phase import PhaseScreen
from deadrelu_tui.tui.sweeping import Sweeping
from deadrelu_tui.tui.themes import DARK
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.wording import ascii_locale


class PhaseApp(Application):
    """The live map of a sweep."""

    BINDINGS: ClassVar[list[BindingType]] = list(phase_keys.OF_SWEEPS)

    def __init__(
        self, sweep: Sweeping, metric: str, find: Callable[[str], Source], limit: Limit, save: Callable[[], str],
        meter: Meter | None = None, pace: Pace | None = None, when_ready: Callable[[], None] = lambda: None,
        asked_to_end: Callable[[], None] = lambda: None, theme: str = DARK.name,
        keep_theme: Callable[[str], None] = lambda _name: None, shell: bool = False,
    ) -> None:  # fmt: skip
        """Take a sweep and the metric to show first; what opens a recorded run by its id; what tells the learning rate
        beyond which theory expects half of layer 1 to be dead; what writes a picture of the chart and returns where
        (both raise InputError); what to do once the first frame stands; and the rest as any application does. Whoever
        runs it stops the sweep after it.
        """
        super().__init__(meter, pace, asked_to_end, theme, keep_theme, shell)
        self.sweep, self._when_ready = sweep, when_ready
        self._of_map = metric, find, limit, save
        self.map: PhaseScreen | None = None

    def run(self, **of_any_app: Any) -> None:
        """Show the map until it is left.

        While Textual has the terminal, sys.stderr has no descriptor (its fileno is -1), and multiprocessing, which
        would hand that to the process that keeps track of its resources, could begin no worker: it begins now.
        """
        resource_tracker.ensure_running()
        return super().run(**of_any_app)

    def get_default_screen(self) -> Screen[object]:
        """Return the map: the first screen there is, so that nothing is drawn before it."""
        self.map = PhaseScreen(self.sweep, *self._of_map, self.meter, self.pace, ascii_locale())
        return self.map  # type: ignore[return-value]

    def on_ready(self) -> None:
        """Have the sweep begin, now that the first frame stands."""
        self._when_ready()
        if self.map is not None:
            self.map.begin()

    def keys_of(self, screen: Screen[object]) -> Sequence[Binding]:
        """Return the keys that the palette offers: those of the map, or of the run that was opened."""
        if isinstance(screen, PhaseScreen):
            return phase_keys.KEYS
        return keys.KEYS if isinstance(screen, MonitorScreen) else ()

    async def action_quit(self) -> None:
        """Leave as q does: asking first while the sweep goes on."""
        if isinstance(self.screen, LeaveQuestion):
            self.screen.action_answer(True)
        elif self.map is not None:
            self.map.action_leave()

    def refuse(self, error: InputError) -> None:
        """Go back to the map from a run of which nothing can be read."""
        if isinstance(self.screen, MonitorScreen):
            self.screen.action_leave()
            self.notify(f"This run cannot be read: {error}.", severity="warning", timeout=6)
