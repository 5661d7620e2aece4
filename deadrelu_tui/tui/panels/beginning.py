"""How a run begins where somebody watches: slowly, or held before its first step."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from deadrelu_tui.record.activations import DYING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.network import outline
from deadrelu_tui.record.telling import speed_text
from deadrelu_tui.run.source import ALIVE, Source, Status
from deadrelu_tui.tui.panels.lines import MUTED
from deadrelu_tui.wording import count, rate

WIDTH = 58
"""Columns of the words on a run that is held before its first step."""
KEY = "bold $accent"


def is_opening(run: Source) -> bool:
    """Return whether a run is going through its slow first steps."""
    return run.speed.steps is not None and run.status in ALIVE - {Status.PAUSED}


def is_held(run: Source) -> bool:
    """Return whether a run waits before its first step."""
    return run.status is Status.PAUSED and not len(run.history)


def opening(run: Source, history: History, width: int) -> Content:
    """Return the line that says that the first steps are slow, and the keys that end that."""
    step = f"step {count(history.reached)}"
    long = f" {step}   slow motion, {speed_text(run.speed)}: "
    keys = ("space", " full speed"), (".", " step by step"), ("T", " tour")
    options = (
        (long, "every step can be seen   ", 3), (long, "", 3), (long, "", 2), (f" {step}  slow: ", "", 3),
        (f" {step}  slow: ", "", 2), (f" {step}  slow", "", 1),
    )  # fmt: skip
    for head, why, number in options:
        parts = [(head, "bold $warning"), (why, MUTED)]
        for key, label in keys[:number]:
            parts += [(f" {key}", KEY), (f"{label} ", "")]
        text = Content.assemble(*parts)
        if text.cell_length <= width:
            return text
    return Content.styled(f" {step}  slow motion", "bold $warning")


def waiting(run: Source, width: int) -> Content:
    """Return the line that says that a run is held before its first step, and the keys that begin it."""
    keys = Content.assemble(("space", KEY), " run  ", (".", KEY), " one step ")
    for head in (" held before the first step:  ", " held:  "):
        text = Content.styled(head, "bold $warning") + keys
        if text.cell_length <= width:
            return text
    return Content.styled(" held", "bold $warning")


def held(run: Source) -> Content:
    """Return what is about to happen in a run that is held before its first step, and which keys begin it."""
    return Content("\n").join(_held(run))


def _held(run: Source) -> Iterator[Content]:
    start, live = run.start, run.live
    network = next(iter(outline(start.network)))
    yield Content.styled("Held before the first step", "bold")
    yield Content("")
    yield Content(f"The network {network} has seen no image yet.")
    batch = start.facts.get("batch") or start.settings.get("batch_size")
    images = "a batch" if batch is None else f"{count(batch)} images"
    scale = start.settings.get("input_scale", 1.0)
    as_they_are = "as they are, 0–255" if scale == 1 else f"times {rate(scale)}"
    fed = "divided by 255" if live.get("normalise") else as_they_are
    pixels = f", their pixels {fed}" if "normalise" in live else ""
    dies = live.get("activation", "relu") in DYING
    fate = "which units still fire for any image" if dies else "what that has made of its units"
    lr = f"the learning rate, {rate(live['lr'])}, times " if "lr" in live else ""
    yield Content(
        f"A step takes {images}{pixels}, and moves every weight by {lr}the gradient of their mean loss. "
        f"The map then shows {fate}."
    )
    yield Content("")
    raw = "raw pixels" if scale == 1 else f"pixels × {rate(scale)}"
    other = raw if live.get("normalise") else "normalise the input"
    wanted = (
        ("pause", ".", "take one step"), ("pause", "space", "let it run"), ("normalise", "n", other),
        ("lr", "- +", "learning rate"), ("speed", "< >", "speed"),
    )  # fmt: skip
    keys = [Content.assemble((key, KEY), f" {label}") for need, key, label in wanted if need in start.can]
    yield Content("   ").join(keys[:2])
    yield Content("   ").join(keys[2:])
