"""The Textual application: themes, the palette's entries, and the way out. It draws what runs record."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable

from textual.app import SystemCommand
from textual.screen import Screen

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.run.session import Begin, Session
from deadrelu_tui.run.source import Source
from deadrelu_tui.tui.keys import KEYS
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.themes import DARK, LIGHT
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.sparing import Sent
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.tui.wire.textual_private import Overriding
from deadrelu_tui.tui.wire.typed import TypedInOrder
from deadrelu_tui.wording import ascii_locale, count


class MonitorApp(Overriding, TypedInOrder):
    """The live monitor."""

    CSS_PATH = "app.tcss"
    TITLE = "deadrelu-tui"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, first: Source, begin: Begin, meter: Meter | None = None, pace: Pace | None = None,
        when_ready: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Take a run to look at, what begins another one, and what is to be done once the first frame stands."""
        super().__init__()
        self.error: BaseException | None = None
        """Why the first run could not begin, or what broke the screen: the command says so in a sentence."""
        self.terminated = False
        """Whether somebody else asked the process to end."""
        self.session, self.meter, self._when_ready = Session(first, begin), meter, when_ready
        self.pace = pace or Pace()
        self.monitor: MonitorScreen | None = None
        self.wire = Sent()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def get_default_screen(self) -> Screen[object]:
        """Return the monitor: the first screen there is, so that nothing is drawn before it."""
        self.monitor = MonitorScreen(self.session, self.meter, self.pace, ascii_locale())
        return self.monitor  # type: ignore[return-value]

    def on_mount(self) -> None:
        """Listen to those who want the process to end."""
        self.app_resume_signal.subscribe(self, lambda _: self.wire.forget())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._terminate)

    def on_resize(self) -> None:
        """Send everything anew: a terminal moves its lines about when its size changes."""
        self.wire.forget()

    def on_ready(self) -> None:
        """Have the training begin, now that the first frame stands: to load its engine would hold it up."""
        if self.session.started == 1:  # an early key may have put another run in its place
            self._when_ready()
        if self.monitor is not None:
            self.monitor.begin()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """List every key's action in the palette, if it applies now, after Textual's own."""
        yield from super().get_system_commands(screen)
        if isinstance(screen, MonitorScreen):
            for binding in KEYS:
                name = binding.action.partition("(")[0]
                if not binding.system and screen.check_action(name, ()) and name != "panel":
                    yield SystemCommand(
                        binding.description.capitalize(), binding.tooltip, self._runner(screen, binding.action)
                    )

    def _runner(self, screen: MonitorScreen, action: str) -> Callable[[], object]:
        return lambda: self.call_later(screen.run_action, action)

    def refuse(self, error: InputError) -> None:
        """End because the run cannot begin."""
        self.error = error
        self.exit()

    def _terminate(self) -> None:
        self.terminated = True
        self.exit()

    def close(self) -> None:
        """End the run in hand and wait until it is let go of."""
        self.session.in_hand.close()

    @property
    def failure(self) -> BaseException | None:
        """What ended the run in hand, if it failed."""
        return self.session.in_hand.error

    @property
    def farewell(self) -> str:
        """What to leave in the terminal after the screen: how the run ended, and the verdict on it."""
        run = self.session.in_hand
        history = run.history.frozen()
        if not len(history):
            return ""
        found, planned = verdict(history), history.steps_planned
        done = f"{count(len(history))} of {count(planned)}" if planned is not None else count(len(history))
        seconds = history.end.at if history.end else history.seconds
        speed = len(history) / seconds if seconds else 0.0
        ending = f"{run.status.value} after {done} steps, {speed:.0f} steps/s"
        return f"{ending}: {found.word} — {telling.reason(found)}" if found else ending
