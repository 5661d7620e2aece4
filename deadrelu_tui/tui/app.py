"""The application that shows runs: what begins them, what becomes of them when it is left, and the last word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from deadrelu_tui.diagnosis import telling
from deadrelu_tui.diagnosis.verdict import verdict
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Restart
from deadrelu_tui.run.library import Library
from deadrelu_tui.run.session import Begin, Find, Session
from deadrelu_tui.run.source import ALIVE, Source
from deadrelu_tui.tui.application import Application
from deadrelu_tui.tui.keys import KEYS, OF_RUNS
from deadrelu_tui.tui.screens.monitor import MonitorScreen
from deadrelu_tui.tui.screens.questions import QuitQuestion
from deadrelu_tui.tui.themes import DARK
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.wording import ascii_locale, count


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


class MonitorApp(Application):
    """The live monitor."""

    BINDINGS: ClassVar[list[BindingType]] = list(OF_RUNS)

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
        super().__init__(meter, pace, asked_to_end, theme, keep_theme, self.around.shell)
        self.detached = False
        """Whether the screen was left and the run is to go on."""
        self.session, self._when_ready = Session(first, begin, find), when_ready
        self.library, self._tour = library, tour
        self.monitor: MonitorScreen | None = None

    def get_default_screen(self) -> Screen[object]:
        """Return the monitor: the first screen there is, so that nothing is drawn before it."""
        self.monitor = MonitorScreen(self.session, self.meter, self.pace, ascii_locale(), self.library)
        if self._tour:
            self.monitor.begin_tour()
        return self.monitor  # type: ignore[return-value]

    async def action_quit(self) -> None:
        """Leave as q does: asking first while a run is live."""
        if isinstance(self.screen, QuitQuestion):
            self.screen.action_answer("leave")
        elif self.monitor is not None:
            self.monitor.action_leave()

    def on_ready(self) -> None:
        """Have the training begin, now that the first frame stands: to load its engine would hold it up."""
        if self.session.started == 1:  # an early key may have put another run in its place
            self._when_ready()
        if self.monitor is not None:
            self.monitor.begin()
        if lack := self.session.in_hand.lack:
            self.notify(f"This run can be looked at, and no more: {lack}.", timeout=8)

    def keys_of(self, screen: Screen[object]) -> Sequence[Binding]:
        """Return the keys that the palette offers: those of the monitor."""
        return KEYS if isinstance(screen, MonitorScreen) else ()

    def refuse(self, error: InputError) -> None:
        """End because the run cannot begin."""
        self.error = error
        self.exit()

    def hang_up(self) -> None:
        """Leave the screen because its terminal has gone; the run goes on if it may."""
        self.hung_up = True
        if (self.around.stops_at_hangup and self.session.in_hand.here) or not self.detach():
            super().hang_up()

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
