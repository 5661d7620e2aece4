"""What a worker of a sweep does: one run from its settings to its records. Nothing of it needs a terminal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from deadrelu_tui import __version__
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.codec import Encoder
from deadrelu_tui.record.records import Record
from deadrelu_tui.record.steps import Steps, together
from deadrelu_tui.sweep.outcome import outcome
from deadrelu_tui.sweep.wanted import Computed, Wanted


@cache
def _executor() -> ThreadPoolExecutor:
    """Return the one thread in which all runs of this process train."""
    return ThreadPoolExecutor(1, "training")


def compute(wanted: Wanted) -> Computed:
    """Train one run to its end, whatever that is: what ends it before is what came of it.

    Raises InputError where this worker is another version of us, or has other images: what it would compute belongs
    into no cell.
    """
    from deadrelu_tui.engine import begin

    if wanted.version != __version__:
        raise InputError(f"a worker has deadrelu-tui {__version__}, not {wanted.version} as here")
    settings, told = RunSettings.of(wanted.settings), list[Record | Steps]()
    run = begin.make_run(
        settings, _executor(), trials=False, unfit=wanted.unfit, recorded=lambda _say: told.append,
        facts=wanted.facts, name=wanted.run,
    )  # fmt: skip
    run.begin()
    run.join()
    images = run.start.facts.get("sha256")
    if images not in (None, wanted.images):
        raise InputError(f"a worker has other images than there are here: {run.start.facts.get('source')}")
    encoder = Encoder()
    if told and run.history.start is None:  # it failed before it could say what it is
        told.insert(0, run.start)
        run.history.add(run.start)
    records = encoder.header + b"".join(map(encoder.encode, together(told)))
    return Computed(outcome(run.history), records)
