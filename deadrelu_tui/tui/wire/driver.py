"""The terminal while the screen is on: its modes, what it is sent and what it sends, stopped and continued at any time.

Textual's own driver would do but for what real terminals, shells and links do to it: it takes answers of the terminal
for keys, ends at a byte that is no UTF-8, takes its raw modes for the shell's when it is continued without having been
suspended, and turns round at full speed when the terminal is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import select
import signal
import sys
import termios
import threading
import time
from typing import Any

from textual import constants, events
from textual.app import App
from textual.driver import Driver
from textual.geometry import Size
from textual.message import Message

from deadrelu_tui.tui.wire.keyboard import Keyboard
from deadrelu_tui.tui.wire.terminal import KITTY, MOUSE, OFF, ON

SETTLED = 0.3
"""Seconds after a return to the foreground in which a stop that was asked for before it counts no more."""
BEHIND = 0.2
"""Seconds between two looks at whether the shell has given the terminal back."""
LAST_WORDS = 1.0
"""Seconds for which a terminal that takes nothing is waited for on the way out."""


class TerminalDriver(Driver):
    """Sends what is drawn and hears what is typed."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.app, self.mouse, self.loop = app, mouse, asyncio.get_running_loop()
        self.terminal: Any = sys.__stderr__
        self.typed = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        self.active = False
        """Whether the terminal is ours."""
        self.before: list[Any] | None = None
        """The modes that the shell had set."""
        self.trains_away: bool = getattr(getattr(app, "around", None), "trains_away", False)
        """Whether only the process before us is stopped when the shell takes the terminal, and this one trains on."""
        self._again = 0.0
        self._hears: tuple[threading.Thread, int] | None = None
        self._queue: queue.SimpleQueue[str | threading.Event] = queue.SimpleQueue()
        threading.Thread(target=self._send, name="terminal-output", daemon=True).start()

    class Gone(Message):
        """The terminal is no more."""

    @property
    def can_suspend(self) -> bool:
        """Return True: a shell may take the terminal for a while."""
        return True

    # What is sent

    def write(self, data: str) -> None:
        """Send text, in the order of the calls, without waiting for the terminal."""
        if self.active:
            self._queue.put(data)

    def flush(self) -> None:
        """Do nothing: what is written is on its way."""

    def _send(self) -> None:
        while True:
            text = self._queue.get()
            if isinstance(text, str):
                self.terminal.write(text)
            else:
                text.set()

    def _sent(self) -> None:
        """Wait until all is sent, but not for a terminal that takes nothing."""
        done = threading.Event()
        self._queue.put(done)
        done.wait(LAST_WORDS)

    # The modes

    def start_application_mode(self) -> None:
        """Take the terminal, and listen to it and to those who stop, continue or resize us."""
        self._enter()
        for number, answer in ((signal.SIGTSTP, self._suspend), (signal.SIGCONT, self._continued),
                               (signal.SIGWINCH, self._resized)):  # fmt: skip
            self.loop.add_signal_handler(number, answer)
        self._listen()
        self.write("\x1b[?2026$p")  # can it hold a frame back until it is complete?

    def _enter(self) -> None:
        first = not self.active
        with contextlib.suppress(termios.error):  # in the background this stops us, until we are brought back
            modes = termios.tcgetattr(self.typed)
            if first:
                self.before = [*modes[:6], list(modes[6])]
            modes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR | termios.ISTRIP)
            modes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self.typed, termios.TCSANOW, modes)
        self.active = True
        self.write(ON + (MOUSE[0] if self.mouse else ""))
        if not constants.DISABLE_KITTY_KEY:
            self.write(KITTY[0] if first else KITTY[1])
        self._resized()

    def _leave(self) -> None:
        if not self.active:
            return
        if self.before is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.typed, termios.TCSANOW, self.before)
        if not constants.DISABLE_KITTY_KEY:
            self.write(KITTY[2])
        self.write((MOUSE[1] if self.mouse else "") + OFF)
        self.active = False
        self._sent()

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self.disable_input()
        for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH):
            self.loop.remove_signal_handler(number)
        with contextlib.suppress(termios.error):
            termios.tcflush(self.typed, termios.TCIFLUSH)
        self._leave()

    # Stopped and continued

    def _suspend(self) -> None:
        """Stop, as any program does at ctrl+z; nothing happens where no shell could continue us."""
        if time.monotonic() - self._again < SETTLED:
            return
        self._leave()
        if self.trains_away:
            self.disable_input()  # to read in the background would stop us
            os.kill(os.getppid(), signal.SIGSTOP)
            self._wait_for_front(False)
            return
        self.loop.remove_signal_handler(signal.SIGTSTP)  # the kernel's own answer: it knows whether there is a shell
        os.kill(os.getpid(), signal.SIGTSTP)
        self.loop.call_later(0.05, self._continued)

    def _continued(self) -> None:
        """Take the terminal again, whoever had it and whatever was done to it; not in the background, if the training
        goes on there.
        """
        if self.trains_away and not self._in_front():
            return
        self._again = time.monotonic()
        self.loop.add_signal_handler(signal.SIGTSTP, self._suspend)
        self._enter()
        self._listen()
        self.send_message(self.SignalResume())

    def _wait_for_front(self, was_behind: bool) -> None:
        """Take the terminal again when the shell has given it back: of what runs already it says nothing."""
        front = self._in_front()
        if front and was_behind:
            self._continued()
        elif not self.active:
            self.loop.call_later(BEHIND, self._wait_for_front, was_behind or not front)

    def _in_front(self) -> bool:
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(self.typed) == os.getpgrp()
        return True

    def _resized(self) -> None:
        size = Size(*self.size())
        self.send_message(events.Resize(size, size))

    def size(self) -> tuple[int, int]:
        """Return columns and rows as the terminal says, whatever the environment does."""
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(self.terminal.fileno())
            if columns and rows:
                return columns, rows
        return 80, 24

    # What is typed

    def _listen(self) -> None:
        if self._hears is None:
            heard, tell = os.pipe()
            thread = threading.Thread(target=self._hear, args=(heard,), name="terminal-input", daemon=True)
            self._hears = thread, tell
            thread.start()

    def disable_input(self) -> None:
        """Listen no more."""
        if self._hears is not None:
            thread, tell = self._hears
            self._hears = None
            os.close(tell)
            thread.join(LAST_WORDS)

    def _hear(self, told: int) -> None:
        keyboard = Keyboard()
        try:
            while True:
                ready, _, _ = select.select([self.typed, told], [], [], keyboard.patience)
                if told in ready:
                    return
                try:
                    data = os.read(self.typed, 4096) if ready else b""
                except BlockingIOError:  # somebody else was quicker
                    continue
                if ready and not data:
                    break
                now = time.monotonic()
                for message in keyboard.feed(data, now) if ready else keyboard.wait(now):
                    self.process_message(message)
        except (OSError, RuntimeError):  # no terminal, or no loop any more to tell of it
            pass
        finally:
            os.close(told)
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self.gone)

    def gone(self) -> None:
        """Tell that the terminal is no more, and nobody will ever see the screen again."""
        self.send_message(self.Gone())
