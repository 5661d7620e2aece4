"""The Textual application: themes, the palette's entries, and the way out. It draws what runs record."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Restart
from deadrelu_tui.run.library import Library
from deadrelu_tui.run.session import Begin, Find, Session
from deadrelu_tui.run.source import ALIVE, Source
from deadrelu_tui.tui.keys import ANYWHERE, KEYS, key_of
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.questions import QuitQuestion
from deadrelu_tui.tui.themes import DARK, LIGHT
from deadrelu_tui.tui.wire.driver import TerminalDriver
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.sparing import Sent
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.tui.wire.textual_private import Keys, Overriding
from deadrelu_tui.tui.wire.typed import TypedInOrder
from deadrelu_tui.wording import ascii_locale, count, printable

HUNG_UP = 129
"""The exit code of a process that its terminal has ended."""
TWICE = 0.1
"""Seconds within which a second signal is the same one."""
RECOVERS_AFTER = 0.2
"""Seconds after a frame that broke until everything is drawn anew."""


@dataclass(frozen=True)
class Around:
    """What is around the process that shows the screen."""

    shell: bool = False
    """There is a shell that could continue what is stopped."""
    goes_on: bool = False
    """The process can go on without its terminal."""
    trains_away: bool = False
    """The training goes on while a shell has the terminal after ctrl+z."""
    stops_at_hangup: bool = False
    """It is to end with its terminal all the same."""


class MonitorApp(Overriding, TypedInOrder):
    """The live monitor."""

    CSS_PATH = "app.tcss"
    TITLE = "deadrelu-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = list(ANYWHERE)

    def __init__(
        self, first: Source, begin: Begin, meter: Meter | None = None, pace: Pace | None = None,
        when_ready: Callable[[], None] = lambda: None, asked_to_end: Callable[[], None] = lambda: None,
        tour: bool = False, theme: str = DARK.name, keep_theme: Callable[[str], None] = lambda _name: None,
        around: Around | None = None, find: Find | None = None,
        library: Library | None = None,
    ) -> None:  # fmt: skip
        """Take a run to look at, what begins another one, and what to do once the first frame stands, and at a signal
        that asks for the end; whether that run is a tour; the theme to begin with, and what keeps another
        one that is chosen; what is around this process; what finds a run that another process has begun; and all
        that was recorded."""
        self.around = around or Around()
        super().__init__(driver_class=TerminalDriver if Keys.there() else None)
        self.error: BaseException | None = None
        """Why the first run could not begin, or what broke the screen: the command says so in a sentence."""
        self.terminated = False
        """Whether somebody else asked the process to end."""
        self.detached = False
        """Whether the screen was left and the run is to go on."""
        self.hung_up = False
        """Whether it was left because the terminal has gone."""
        self.session, self.meter, self._when_ready = Session(first, begin, find), meter, when_ready
        self._asked_to_end = asked_to_end
        self.pace, self.library = pace or Pace(), library
        self.monitor: MonitorScreen | None = None
        self.wire = Sent()
        self.lasting = False
        """Whether what breaks costs a frame only."""
        self._recovering = False
        self._terminated_at = -math.inf
        self._lost: set[tuple[type[BaseException], str]] = set()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self._tour = tour
        self.theme, self._keep_theme = theme, keep_theme

    def get_default_screen(self) -> Screen[object]:
        """Return the monitor: the first screen there is, so that nothing is drawn before it."""
        self.monitor = MonitorScreen(self.session, self.meter, self.pace, ascii_locale(), self.library)
        if self._tour:
            self.monitor.begin_tour()
        return self.monitor  # type: ignore[return-value]

    def on_mount(self) -> None:
        """Listen to those who want the process to end."""
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._terminate)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            loop.add_signal_handler(signal.SIGHUP, self.hang_up)

    def watch_theme(self, name: str) -> None:
        """Keep a theme that is chosen on the screen."""
        if self.is_running and self.lasting:
            self._keep_theme(name)

    def redraw(self) -> None:
        """Draw everything anew: somebody else may have written to the terminal."""
        self.wire.forget()
        for screen in self.screen_stack:
            screen.refresh(layout=True)

    def action_redraw(self) -> None:
        """Draw everything anew."""
        self.redraw()

    def action_suspend(self) -> None:
        """Stop until the shell brings us back."""
        if not self.around.shell:  # nobody could continue us
            self.notify("There is no shell here to go back to.")
        else:
            signal.raise_signal(signal.SIGTSTP)

    async def action_quit(self) -> None:
        """Leave as q does: asking first while a run is live."""
        if isinstance(self.screen, QuitQuestion):
            self.screen.action_answer("leave")
        elif self.monitor is not None:
            self.monitor.action_leave()

    def notify(self, message: str, *, markup: bool = False, **more: Any) -> None:
        """Show a message for a while, in place of the one before; what is in it is text, whatever characters it has."""
        self.clear_notifications()
        super().notify(message, markup=markup, **more)

    def deliver_screenshot(self, filename: str | None = None, path: str | None = None, *_: Any) -> str | None:
        """Save what is shown as SVG: in the current folder, or else wherever a file can be written."""
        name = filename or f"deadrelu-tui-{time.strftime('%Y-%m-%dT%H-%M-%S')}.svg"
        picture, fault = self.export_screenshot(), ""
        for place in [path] if path else [os.curdir, os.path.expanduser("~"), tempfile.gettempdir()]:
            saved, fault = self._written(Path(place, name), picture)
            if saved:
                self.notify(f"Saved as {printable(saved)}")
                return None
        self.notify(f"No screenshot was saved in {fault}", severity="error")
        return None

    def _written(self, file: Path, text: str) -> tuple[str, str]:
        """Write a file, and return where it is, or in which folder it cannot be and why."""
        try:
            file = file.absolute()  # which has no answer in a folder that was removed
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            return "", f"{printable(str(file.parent))}: {error.strerror}"
        return str(file), ""

    def survives(self, error: BaseException) -> bool:
        """Return whether to go on after an error; what is known of it goes to the log, once.

        A frame that could not be drawn costs a frame, for the training must not end with it. Before the first one there
        is nothing to lose, and tests are to see what breaks.
        """
        if not self.lasting:
            return False
        place = traceback.extract_tb(error.__traceback__)[-1:]
        if (known := (type(error), str(place))) not in self._lost:
            self._lost.add(known)
            # Textual keeps what is printed for itself; descriptor 2 leads to the log.
            os.write(2, "".join(traceback.format_exception(error)).encode("utf-8", "replace"))
            self.notify("Something on the screen broke; the log says what. The run goes on.", severity="warning")
        self.lost()
        return True

    def lost(self) -> None:
        """Draw everything anew, soon."""
        self.wire.forget()
        if not self._recovering:
            self._recovering = True
            self.set_timer(RECOVERS_AFTER, self._recover)

    def _recover(self) -> None:
        self._recovering = False
        self.redraw()

    def on_resize(self) -> None:
        """Send everything anew: a terminal moves its lines about when its size changes."""
        self.wire.forget()

    def on_ready(self) -> None:
        """Have the training begin, now that the first frame stands: to load its engine would hold it up."""
        self.lasting = not self.is_headless
        if self.session.started == 1:  # an early key may have put another run in its place
            self._when_ready()
        if self.monitor is not None:
            self.monitor.begin()
        if lack := self.session.in_hand.lack:
            self.notify(f"This run can be looked at, and no more: {lack}.", timeout=8)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """List what the palette offers: the action of every key that applies now, with the key, and what has none."""
        if isinstance(screen, MonitorScreen):
            for binding in KEYS:
                name = binding.action.partition("(")[0]
                if not binding.system and screen.check_action(name, ()) and name != "panel":
                    title = f"{binding.description.capitalize()}  ({key_of(binding, self.get_key_display)})"
                    yield SystemCommand(title, binding.tooltip, self._runner(screen, binding.action))
        yield SystemCommand("Theme", "Choose the colours of the screen.", self.action_change_theme)

    def _runner(self, screen: MonitorScreen, action: str) -> Callable[[], object]:
        return lambda: self.call_later(screen.run_action, action)

    def refuse(self, error: InputError) -> None:
        """End because the run cannot begin."""
        self.error = error
        self.exit()

    def _terminate(self) -> None:
        now = time.monotonic()
        if now - self._terminated_at > TWICE:  # a signal to all of a job comes from the process before us, too
            self._terminated_at = now
            self._asked_to_end()
            self.terminated = True
            self.exit()

    def on_terminal_driver_gone(self) -> None:
        """Leave the screen: nobody will ever see it again."""
        self.hang_up()

    def hang_up(self) -> None:
        """Leave the screen because its terminal has gone; the run goes on if it may."""
        self.hung_up = True
        if (self.around.stops_at_hangup and self.session.in_hand.here) or not self.detach():
            self.exit(return_code=HUNG_UP)

    def detach(self) -> bool:
        """Leave the screen and let the run go on, if that can be; return whether it can."""
        run = self.session.in_hand
        seen = not run.here or (self.around.goes_on and not run.history.unseen)  # or else nobody would ever end it
        if run.status in ALIVE and seen:
            self.detached = run.here
            self.exit()
            return True
        return False

    def begin_from_elsewhere(self, settings: Mapping[str, Any], paused: bool) -> Source:
        """Begin another run, as somebody has asked who looks from elsewhere; from any thread but the screen's."""
        if self.is_running and self.monitor is not None:
            begun: Source = self.call_from_thread(self.monitor.replace_run, settings, paused)  # type: ignore[arg-type]
            return begun
        return self.session.restart(Restart(settings, paused))

    def action_detach(self) -> None:
        """Leave the screen and let the run go on."""
        if self.session.in_hand.here and self.session.in_hand.unrecorded:
            self.notify(f"Nobody could see this run now: it is not recorded: {self.session.in_hand.unrecorded}.")
        elif not self.detach():
            alive = self.session.in_hand.status in ALIVE
            lacking = "Nobody could see this run again: it is not recorded."
            self.notify(lacking if alive else "No run is live here: q quits.")

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
        if not run.here and run.status in ALIVE:
            return f"run {run.start.run} was left at step {count(history.reached)}"
        found, planned = verdict(history), history.steps_planned
        done = f"{count(history.taken)} of {count(planned)}" if planned is not None else count(history.taken)
        ending = f"{run.status.value} after {done} step{'' if done == '1' else 's'}, {history.pace:.0f} steps/s"
        return f"{ending}: {found.word} — {telling.reason(found)}" if found else ending
