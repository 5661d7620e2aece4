"""How often the screen is drawn: as often as asked for, but no more than the machine and the link can bear."""

from __future__ import annotations

from dataclasses import dataclass

from deadrelu_tui.tui.wire.terminal import Meter

DRAWING_SHARE = 9
"""The next frame comes no sooner than so many times the duration of the last one: drawing and training share
the interpreter lock, and drawing the panels gets a tenth of it, more only where a frame takes longer than a tenth of
LONGEST_WAIT."""
LINK_SHARE = 4
"""The same for the seconds that the terminal has held up what was written to it."""
LONGEST_WAIT = 1.0
"""Seconds that a slow frame delays the next one at most. The first may take long while libraries are loaded, and
units die in the first steps, to be seen."""
LONGEST_STALL = 5.0
"""Seconds between two frames on a link that takes hardly anything."""


@dataclass(frozen=True)
class Pace:
    """Frames per second at most, and the bytes per second that may go to the terminal."""

    frames: float = 5.0
    budget: float = 20_000

    def wait(self, elapsed: float, meter: Meter | None) -> float:
        """Return the seconds until the next frame, given what the last one took and how the terminal bears it."""
        least = max(1 / self.frames, min(DRAWING_SHARE * elapsed, LONGEST_WAIT))
        if meter is None:
            return least
        over = meter.bytes_per_second() / self.budget
        return max(least, min(LONGEST_STALL, max(least * over, LINK_SHARE * meter.blocked())))


POOR_LINK = Pace(frames=1.0, budget=2_000)
