"""How often the screen is drawn, and what the meter says of the terminal."""

from __future__ import annotations

import os
import threading

import pytest

from deadrelu_tui.tui.wire.pace import LONGEST_STALL, LONGEST_WAIT, POOR_LINK, Pace
from deadrelu_tui.tui.wire.terminal import Meter


class Link(Meter):
    """A meter that says what it is told to."""

    def __init__(self, rate: float = 0.0, blocked: float = 0.0) -> None:
        super().__init__(-1)
        self.rate, self.held = rate, blocked

    def bytes_per_second(self) -> float:
        return self.rate

    def blocked(self) -> float:
        return self.held


@pytest.mark.parametrize(
    ("pace", "elapsed", "link", "seconds"),
    [
        (Pace(), 0.0, None, 0.2),
        (Pace(frames=10), 0.0, Link(), 0.1),
        (Pace(), 0.1, Link(), 0.9),  # a tenth of the time is for drawing
        (Pace(), 0.2, Link(), LONGEST_WAIT),
        (Pace(), 9.0, Link(), LONGEST_WAIT),
        (Pace(), 0.0, Link(rate=20_000), 0.2),
        (Pace(), 0.0, Link(rate=60_000), 0.6),  # three times the budget: a third of the frames
        (Pace(), 0.0, Link(blocked=0.5), 2.0),
        (Pace(), 0.0, Link(rate=1e9, blocked=99), LONGEST_STALL),
        (POOR_LINK, 0.0, Link(rate=4_000), 2.0),
    ],
)
def test_the_next_frame_waits_for_the_machine_and_for_the_link(
    pace: Pace, elapsed: float, link: Link | None, seconds: float
) -> None:
    assert pace.wait(elapsed, link) == pytest.approx(seconds)


def test_a_terminal_that_takes_nothing_is_said_to_be_stalled_until_it_takes_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("deadrelu_tui.tui.wire.terminal.STALLED_AFTER", 0.0)
    reader, writer = os.pipe()
    meter = Meter(writer)
    assert not meter.stalled
    whole = 1_000_000  # more than a pipe holds
    thread = threading.Thread(target=meter.write, args=("x" * whole,))
    thread.start()
    taken = len(os.read(reader, 1))
    assert meter.stalled
    while taken < whole:
        taken += len(os.read(reader, 65_536))
    thread.join()
    assert not meter.stalled
    assert meter.total == whole
    os.close(reader)
    os.close(writer)
