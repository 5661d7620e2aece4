"""What the shell is left with when the screen closes: what came of each run, and how to see it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deadrelu_tui.report import listing
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.run.source import ALIVE, Source
from deadrelu_tui.run.summary import Summary
from deadrelu_tui.run.summing import summary_of


def lines(runs: Sequence[Source], ending: str, recorded: bool, paper: Paper, stopped: bool = False) -> Iterator[str]:
    """Yield what is to be said of the runs of a sitting, newest first, of which the first one ended as a sentence says.

    Of one that is left running elsewhere, or was stopped from here, there is nothing to say but that.
    """
    if ending:
        yield ending
    yield from lost(runs)
    if not runs[0].here:
        if runs[0].status in ALIVE and runs[0].speed.times is None:  # or else it is only played
            yield f"it goes on; to see it again: deadrelu-tui attach {runs[0].start.run}"
        elif stopped:
            yield f"to see it again: deadrelu-tui replay {runs[0].start.run}"
        return
    ours = [each for each in runs if each.here and len(each.history)]
    told = [summary_of(Summary(each.start.run, 0, 0), each.history.frozen(), False) for each in ours]
    if len(told) > 1:
        yield ""
        yield from listing.lines(told, paper)
    elif told and told[0].done:
        yield f"done to it: {told[0].done}"
    if told and recorded and not ours[0].unrecorded:
        more = "; all of them: deadrelu-tui runs" if len(told) > 1 else ""
        yield f"to see it again: deadrelu-tui replay {told[0].run}{more}"


def lost(runs: Sequence[Source]) -> Iterator[str]:
    """Yield what is to be said of each run that is in no file, or not all of it."""
    for each in runs:
        if each.unwritten:
            yield f"run {each.start.run}: {each.unwritten}" if len(runs) > 1 else each.unwritten
