"""The Textual application: themes, the palette's entries, and the way out. It draws what runs record."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.app import SystemCommand
from textual.screen import Screen

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.tui.keys import KEYS
from deadrelu_tui.tui.screens.monitor import MakeRun, MonitorScreen
from deadrelu_tui.tui.themes import DARK, LIGHT
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.sparing import Sent, Sparing
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.tui.wire.typed import TypedInOrder
from deadrelu_tui.wording import ascii_locale, count


class MonitorApp(TypedInOrder):
    """The live monitor."""

    CSS_PATH = "app.tcss"
    TITLE = "deadrelu-tui"
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self, settings: RunSettings, make_run: MakeRun, meter: Meter | None = None, pace: Pace | None = None
    ) -> None:
        super().__init__()
        self.error: BaseException | None = None
        """Why the first run could not begin, or what broke the screen: the command says so in a sentence."""
        self.terminated = False
        """Whether somebody else asked the process to end."""
        self.settings, self.make_run, self.meter = settings, make_run, meter
        self.pace = pace or Pace()
        self.monitor: MonitorScreen | None = None
        self.sent = Sent()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    def get_default_screen(self) -> Screen[object]:
        """Return the monitor: the first screen there is, so that nothing is drawn before it."""
        self.monitor = MonitorScreen(self.make_run(self.settings), self.make_run, self.meter, self.pace, ascii_locale())
        return self.monitor  # type: ignore[return-value]

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Send to the terminal only what has changed on it."""
        if isinstance(renderable, CompositorUpdate):
            renderable = Sparing(renderable, self.sent)
        super()._display(screen, renderable)

    def on_mount(self) -> None:
        """Listen to those who want the process to end."""
        self.app_resume_signal.subscribe(self, lambda _: self.sent.forget())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._terminate)

    def on_resize(self) -> None:
        """Send everything anew: a terminal moves its lines about when its size changes."""
        self.sent.forget()

    def on_ready(self) -> None:
        """Start the training: the first frame stands."""
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

    def _fatal_error(self) -> None:
        """Leave without the traceback that Textual would print: the command prints a sentence and logs the rest."""
        self.error = sys.exc_info()[1]
        self._close_messages_no_wait()

    def close(self) -> None:
        """End the run and wait until the training thread has let go of it."""
        if self.monitor is not None:
            run = self.monitor.run_in_hand
            run.controls.stop()
            run.join()

    @property
    def failure(self) -> BaseException | None:
        """What ended the run in hand, if it failed."""
        return self.monitor.run_in_hand.error if self.monitor is not None else None

    @property
    def farewell(self) -> str:
        """What to leave in the terminal after the screen: how the run ended, and the verdict on it."""
        if self.monitor is None or not len(self.monitor.run_in_hand.history):
            return ""
        run = self.monitor.run_in_hand
        total = run.history.start.steps if run.history.start else len(run.history)
        found = verdict(run.history)
        speed = len(run.history) / run.seconds if run.seconds else 0.0
        ending = f"{run.status.value} after {count(len(run.history))} of {count(total)} steps, {speed:.0f} steps/s"
        return f"{ending}: {found.word} — {found.reason}" if found else ending
