"""The tour: six stops on a training that really runs. Which one it has come to is read off the run itself.

A stop waits for a key that does to the run what it always does; the tour then has the run take some steps, so that
there is something to see, and holds it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from textual.content import Content

from deadrelu_tui.builtin import presets
from deadrelu_tui.record.commands import Change, Command, Revive, Take
from deadrelu_tui.record.history import History
from deadrelu_tui.tui.panels.beginning import KEY
from deadrelu_tui.wording import count, number, percent

SETTINGS: Mapping[str, Any] = {**presets.experiment("tragedy"), "epochs": None, "hidden": (300,)}
"""What the run of a tour is set to."""


@dataclass(frozen=True)
class Stop:
    """One stop: what it is about, the panel to look at, what is told of the run, the key that leads on."""

    title: str
    panel: str
    text: Callable[[History], str]
    key: str
    does: str
    then: int = 0
    """Steps that are taken once that key was pressed, beside what it does."""


def _dead(history: History) -> str:
    units = history.units("h1")
    return "some" if units is None else f"{count(int(units.lost.sum()))} of {count(len(units))}"


def _times(history: History, step: int) -> str:
    ratio = history.at("update_ratio/w1", step)
    return "many" if ratio is None or not math.isfinite(ratio) else number(ratio, 2)


def _images(history: History) -> str:
    return count(history.start.probe) if history.start is not None else "the"


def _before(history: History) -> str:
    return (
        f"No update has touched these weights yet. {_dead(history)} units are dead, which is to say fire for none of "
        f"{_images(history)} test images, and h, what a unit computes before its ReLU, spreads evenly to both sides of "
        "zero. The pixels are 0–255 and the learning rate is 0.1: watch."
    )


def _first(history: History) -> str:
    return (
        f"The update of step 0 was {_times(history, 0)} times as large as the weights w1 themselves: large pixels make "
        "large gradients. No pixel is negative, so an update moves h of a unit to the same side for every image: one "
        f"hill has become two. {_dead(history)} units fire for no image any more, each of them a ✖."
    )


def _second(history: History) -> str:
    zeros = percent(history.latest("zero_fraction/h1") or 0.0)
    return (
        f"The update of step 1 was {_times(history, 1)} times as large as w1. {_dead(history)} units are dead: "
        "whatever image comes, their h lies left of zero, and far from it. "
        f"{zeros} of all activations are zero. Two batches were enough for that."
    )


def _no_way_back(history: History) -> str:
    sums = history.series("grad_sum/w1").values
    highest = number(float(np.nanmax(np.abs(sums)))) if len(sums) else "much"
    now = number(float(sums[-1])) if len(sums) else "0"
    return (
        "A ReLU passes the gradient back only where h > 0, and for a dead unit that is nowhere. So the sum of the "
        f"gradient of w1 went from {highest} to {now}, the weights do not move, and h stays where it is: "
        f"{_dead(history)} are dead, and nothing wakes them. The network takes {_favourite(history)}."
    )


def _favourite(history: History) -> str:
    shares = [(history.latest(each.name) or 0.0, each.of) for each in history.of("predicted_fraction")]
    most, name = max(shares, default=(1.0, "one class"))
    return f"{percent(most)} of the images for {name}"


def _in_vain(history: History) -> str:
    return (
        "Since then the pixels are divided by 255, as they should have been from the start. It wakes nobody: the "
        "weights are still those that two updates made, h is still negative, its gradient still zero. "
        f"{_dead(history)} units stay dead. What prevents does not heal."
    )


def _revived(history: History) -> str:
    accuracy = history.latest("accuracy/probe")
    right = "" if accuracy is None else f", and {percent(accuracy)} of the images are classified rightly"
    return (
        "The dead were given new incoming weights, and outgoing ones of zero, so that the loss did not jump. With "
        f"small pixels the updates are small beside them: {_dead(history)} units are dead now{right}. It took both, in "
        "this order. The run goes on with space."
    )


STOPS = (
    Stop("the network before", "units", _before, ".", "take the first update"),
    Stop("after the first update", "units", _first, ".", "take the second"),
    Stop("after the second update", "units", _second, ".", "take thirty more", then=29),
    Stop("why no gradient comes back", "gradient-w1", _no_way_back, "n", "normalise the input", then=60),
    Stop("normalising alone does not help", "units", _in_vain, "v", "revive the dead", then=170),
    Stop("reviving does", "accuracy", _revived, "esc", "leave the tour"),
)
LATER = len(STOPS) - 3
"""The index of the first stop that the number of steps leads to, and none other."""


def stop_of(history: History) -> int | None:
    """Return the index of the stop that a run has come to; None before its first step."""
    if history.last is None:
        return None
    kinds = {event.kind for event in history.events}
    if "revive" in kinds:
        return len(STOPS) - 1
    if any(event.facts.get("setting") == "normalise" for event in history.events if event.kind == "change"):
        return len(STOPS) - 2
    return min(history.last - history.first, LATER)


def more(history: History, command: Command) -> Command | None:
    """Return what follows a command on the tour, if it is the one that the stop waits for."""
    index = stop_of(history)
    if index is None:
        return None
    wanted = {".": Take, "n": Change, "v": Revive}.get(STOPS[index].key)
    steps = STOPS[index].then
    return Take(steps) if steps and wanted is not None and isinstance(command, wanted) else None


def told(history: History, width: int) -> Content:
    """Return what the stop that the run has come to says, wrapped to a width."""
    index = stop_of(history)
    if index is None:
        return Content.styled("tour  the network is being loaded …", "bold")
    stop = STOPS[index]
    head = Content.assemble((f"tour {index + 1}/{len(STOPS)}  {stop.title}", "bold $accent"))
    lines = Content(stop.text(history)).wrap(max(20, width))
    leave = () if stop.key == "esc" else (("   esc", "$foreground 65%"), (" leaves the tour", "$foreground 65%"))
    keys = Content.assemble((stop.key, KEY), f" {stop.does}", *leave)
    return Content("\n").join([head, *lines, keys])
