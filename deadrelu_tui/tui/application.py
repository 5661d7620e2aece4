"""What every application of ours shares: themes, keys that work anywhere, signals, messages, and surviving."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from deadrelu_tui.tui.keys import EVERYWHERE, key_of
from deadrelu_tui.tui.themes import DARK, LIGHT
from deadrelu_tui.tui.wire.driver import TerminalDriver
from deadrelu_tui.tui.wire.pace import Pace
from deadrelu_tui.tui.wire.sparing import Sent
from deadrelu_tui.tui.wire.terminal import Meter
from deadrelu_tui.tui.wire.textual_private import Keys, Overriding
from deadrelu_tui.tui.wire.typed import TypedInOrder
from deadrelu_tui.wording import printable

HUNG_UP = 129
"""The exit code of a process that its terminal has ended."""
TWICE = 0.1
"""Seconds within which a second signal is the same one."""
RECOVERS_AFTER = 0.2
"""Seconds after a frame that broke until everything is drawn anew."""


class Application(Overriding, TypedInOrder):
    """An application with a terminal to itself."""

    CSS_PATH = "app.tcss"
    TITLE = "deadrelu-tui"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = list(EVERYWHERE)

    def __init__(
        self, meter: Meter | None = None, pace: Pace | None = None, asked_to_end: Callable[[], None] = lambda: None,
        theme: str = DARK.name, keep_theme: Callable[[str], None] = lambda _name: None, shell: bool = False,
    ) -> None:  # fmt: skip
        """Take what counts the bytes to the terminal, and how many of them may be; what to do at a signal that asks for
        the end; the theme to begin with, and what keeps another one that is chosen; and whether there is a shell that
        could continue what is stopped."""
        super().__init__(driver_class=TerminalDriver if Keys.there() else None)
        self.error: BaseException | None = None
        """Why there is nothing to show, or what broke the screen: the command says so in a sentence."""
        self.terminated = False
        """Whether somebody else asked the process to end."""
        self.hung_up = False
        """Whether it was left because the terminal has gone."""
        self.meter, self.pace = meter, pace or Pace()
        self._asked_to_end, self._shell = asked_to_end, shell
        self.wire = Sent()
        self.lasting = False
        """Whether what breaks costs a frame only."""
        self._recovering = False
        self._terminated_at = -math.inf
        self._lost: set[tuple[type[BaseException], str]] = set()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme, self._keep_theme = theme, keep_theme

    def keys_of(self, screen: Screen[object]) -> Sequence[Binding]:
        """Return the keys of a screen that the palette offers."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Listen to those who want the process to end."""
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._terminate)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
            loop.add_signal_handler(signal.SIGHUP, self.hang_up)

    def on_ready(self) -> None:
        """Have what breaks from now on cost a frame only: the first one stands."""
        self.lasting = not self.is_headless

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
        if not self._shell:  # nobody could continue us
            self.notify("There is no shell here to go back to.")
        else:
            signal.raise_signal(signal.SIGTSTP)

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

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """List what the palette offers: the action of every key that applies now, with the key, and what has none."""
        for binding in self.keys_of(screen):
            name = binding.action.partition("(")[0]
            if not binding.system and screen.check_action(name, ()) and name != "panel":
                title = f"{binding.description.capitalize()}  ({key_of(binding, self.get_key_display)})"
                yield SystemCommand(title, binding.tooltip, self._runner(screen, binding.action))
        yield SystemCommand("Theme", "Choose the colours of the screen.", self.action_change_theme)

    def _runner(self, screen: Screen[object], action: str) -> Callable[[], object]:
        return lambda: self.call_later(screen.run_action, action)

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
        """Leave the screen because its terminal has gone."""
        self.hung_up = True
        self.exit(return_code=HUNG_UP)
