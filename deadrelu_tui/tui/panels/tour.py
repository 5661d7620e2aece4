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

SETTINGS: Mapping[str, Any] = {**presets.experiment("tragedy"), "epochs": None, "steps": None, "hidden": (300,)}
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
        f"What you see is the network as the first step found it, before any update. {_dead(history)} units are "
        f"dead, which is to say fire for none of {_images(history)} test images, and h, what a unit computes before "
        "its ReLU, spreads evenly to both sides of zero. The pixels are 0–255 and the learning rate is 0.1: watch."
    )


def _first(history: History) -> str:
    return (
        f"The first update, of step 0, was {_times(history, 0)} times as large as the weights w1 themselves: large "
        "pixels make large gradients. No pixel is negative, so it moves h of most units to one side for nearly "
        "every image. The rows of h show it: much wider now, and the part on the left is the larger one. "
        f"{_dead(history)} units fire for no image any more."
    )


def _second(history: History) -> str:
    zeros = percent(history.latest("zero_fraction/h1") or 0.0)
    return (
        f"The update of step 1 was {_times(history, 1)} times as large as w1. {_dead(history)} units are dead (✖): "
        "whatever image comes, their h lies left of zero, and far from it. "
        f"{zeros} of all activations are zero. Two batches were enough for that."
    )


def _no_way_back(history: History) -> str:
    sums = history.series("grad_sum/w1").values
    highest = number(float(np.nanmax(np.abs(sums)))) if len(sums) else "much"
    now = number(float(sums[-1])) if len(sums) else "0"
    return (
        "A ReLU passes the gradient back only where h > 0, and for a dead unit that is nowhere: its weights do not "
        f"move any more, and its h stays where it is. So the sum of the gradient of w1 went from {highest} to {now} "
        f"while the last ones died: {_dead(history)} are dead, and hardly any will wake. The network takes "
        f"{_favourite(history)}."
    )


def _favourite(history: History) -> str:
    shares = [(history.latest(each.name) or 0.0, each.of) for each in history.of("predicted_fraction")]
    most, name = max(shares, default=(1.0, "one class"))
    return f"{percent(most)} of the images for {name}"


def _in_vain(history: History) -> str:
    return (
        "Since then the pixels are divided by 255, as they should have been from the start. It wakes hardly "
        "anybody: the weights of the dead are still those that killed them, h is still negative, their gradient "
        f"still zero. {_dead(history)} units are dead. What prevents does not heal."
    )


def _revived(history: History) -> str:
    accuracy = history.latest("accuracy/probe")
    right = "" if accuracy is None else f", and {percent(accuracy)} of the images are classified rightly"
    return (
        "The dead were given new incoming weights, and outgoing ones of zero, so that the loss did not jump. With "
        f"small pixels the updates are small beside them: {_dead(history)} units are dead now{right}. Fresh weights "
        "alone would have died again. The verdict may know other ways: it tries them on copies. space goes on."
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
AWAY = (
    "These are other paths than the tour's, and just as real: what you see is what they lead to. T begins the tour "
    "anew."
)


def stop_of(history: History) -> int | None:
    """Return the index of the stop that a run has come to; None before its first step, and when something was done to
    it that the tour does not do.
    """
    if history.last is None or away(history):
        return None
    done = len(history.marks)
    return LATER + done if done else min(history.last - history.first, LATER)


def away(history: History) -> bool:
    """Return whether something was done to a run that the tour does not do: it normalises after its third step, then
    it revives.
    """
    done = history.marks
    wanted: tuple[dict[str, Any], ...] = ({"setting": "normalise", "now": True}, {})
    fits = [event.kind == kind and event.facts.items() >= facts.items() for event, kind, facts in
            zip(done, ("change", "revive"), wanted, strict=False)]  # fmt: skip
    return len(done) > len(wanted) or not all(fits) or any(event.step - history.first < LATER for event in done)


def under_way(history: History) -> int:
    """Return how many of the steps that lead to a stop are still to be taken, if nothing else is done."""
    index = stop_of(history)
    if index is None or index < LATER or history.last is None:
        return 0
    done = history.marks
    began = done[-1].step if done else history.first + LATER
    steps = STOPS[index - 1].then
    return max(0, began + steps - 1 - history.last) if index > LATER else max(0, began + steps - history.last)


def more(history: History, command: Command) -> Command | None:
    """Return what follows a command on the tour, if it is the one that the stop waits for."""
    index = stop_of(history)
    if index is None:
        return None
    wanted = {".": Take, "n": Change, "v": Revive}.get(STOPS[index].key)
    steps = STOPS[index].then
    return Take(steps) if steps and wanted is not None and isinstance(command, wanted) else None


def told(history: History, width: int, paused: bool = True) -> Content:
    """Return what the stop that a run has come to says, wrapped to a width. While it takes the steps that lead there
    the key is not yet offered.
    """
    leave = Content.assemble(("esc", KEY), (" leaves the tour", "$foreground 65%"))
    index = stop_of(history)
    if index is None:
        if history.last is None:
            return Content.styled("tour  the network is being loaded …", "bold")
        head = Content.styled("off the tour", "bold $accent")
        return Content("\n").join([head, *Content(AWAY).wrap(max(20, width)), leave])
    stop = STOPS[index]
    head = Content.assemble((f"tour {index + 1}/{len(STOPS)}  {stop.title}", "bold $accent"))
    lines = Content(stop.text(history)).wrap(max(20, width))
    left = under_way(history) if paused else 0
    if left:
        keys = Content.assemble((f"{count(left)} more steps …   ", "$foreground 65%"), leave)
    elif stop.key == "esc":
        keys = leave
    else:
        keys = Content.assemble((stop.key, KEY), f" {stop.does}   ", leave)
    return Content("\n").join([head, *lines, keys])
