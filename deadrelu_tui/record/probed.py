"""By what units are judged, in words: images of a probe set, samples of somebody's own, or a window of the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.wording import count

if TYPE_CHECKING:
    from deadrelu_tui.record.network import Network
    from deadrelu_tui.record.records import Start

Facts = Mapping[str, Any]


def judged_by(start: Start | None) -> dict[str, Any]:
    """Return by what the units of somebody's own network are judged: "by" is 'probe', 'batch' or 'window', and "window"
    of how many samples one is. Nothing for the built-in network, which is judged by images.
    """
    if start is None or not start.facts.get("guest"):
        return {}
    found: dict[str, Any] = {"by": str(start.facts.get("probe") or "probe")}
    if start.facts.get("joined"):
        found["joined"] = True
    window = start.facts.get("window")
    return {**found, "window": window} if isinstance(window, int) and window > 0 else found


def units_of(network: Network, layer: str) -> dict[str, str]:
    """Return what a unit of a layer is called where it is no plain unit: of a convolution it is a channel, of a
    table from which is chosen an entry, which is judged by that.
    """
    known = network.layer(layer)
    if known is not None and known.activation == CHOSEN:
        return {"unit": "entry", "by": "chosen"}
    weight = network.parameter(known.weight) if known is not None else None
    return {"unit": "channel"} if weight is not None and len(weight.shape) > 2 else {}


def unit(facts: Facts, number: int | None = None) -> str:
    """Return what a unit is called, in the plural unless there is one."""
    name = str(facts.get("unit", "unit"))
    return name if number == 1 else "entries" if name == "entry" else f"{name}s"


def one(facts: Facts) -> str:
    """Return what the network is fed one of."""
    return "sample" if "by" in facts else "image"


def probe(facts: Facts) -> str:
    """Return what a look goes through: 2 000 probe images, 64 samples of the first batch, the batches."""
    many, by = facts.get("probe") or 0, facts.get("by", "")
    if by == "window":
        return "the batches"
    if by == "chosen":
        return "the choices"
    if by == "batch":
        batch = "a training batch" if facts.get("joined") else "the first batch"
        return f"{count(many)} sample{'' if many == 1 else 's'} of {batch}" if many else batch
    things = f"{one(facts)}s"
    return f"{count(many)} probe {things}" if many else f"the probe {things}"


def window(facts: Facts) -> str:
    """Return of how many samples the window is by which a unit is dead; empty without one."""
    return f"{count(facts['window'])} samples" if facts.get("window") else ""
