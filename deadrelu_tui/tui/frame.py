"""A frame of the panels in slices of time: what a slice has drawn is shown, and keys are let in, before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from textual.screen import Screen

from deadrelu_tui.tui.panels.cells import CellPanel

SLICE = 0.015
"""Seconds of drawing after which what is drawn goes to the terminal first."""
LET_KEYS_IN = 0.001
"""Seconds in which a key may announce itself before the drawing goes on."""


class Frame:
    """The panels that are still to be drawn, and what the frame has taken so far."""

    def __init__(self, screen: Screen[None], go_on: Callable[[], None]) -> None:
        self.seconds = 0.0
        """What drawing has taken, the waiting between slices left out."""
        self._screen, self._go_on = screen, go_on
        self._left: Sequence[CellPanel] = ()
        self._asked = False

    @property
    def complete(self) -> bool:
        """Whether no panel is left to draw."""
        return not self._left

    def begin(self, panels: Sequence[CellPanel]) -> None:
        """Forget what was left, and take these panels."""
        self._left, self.seconds = panels, 0.0

    def draw(self, draw_panel: Callable[[CellPanel], None], began: float) -> None:
        """Draw as many panels as go into the slice of time that began then, and ask for the next if any is left."""
        while self._left and time.monotonic() - began < SLICE:
            first, *self._left = self._left
            draw_panel(first)
        self.seconds += time.monotonic() - began
        if self._left:
            self.ask()

    def ask(self) -> None:
        """Have the drawing go on as soon as what is drawn is on the terminal. Asked for twice it is done once."""

        def go_on() -> None:
            self._asked = False
            self._go_on()

        if not self._asked:
            self._asked = True
            self._screen.call_after_refresh(self._screen.set_timer, LET_KEYS_IN, go_on)
