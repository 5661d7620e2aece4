"""Dead units brought back in somebody's network, whatever framework it is of: which, and what is told of it.

Fresh incoming weights, outgoing ones zero, so that the network says what it said before: ReDo (Sokar et al. 2023) for
units that never fire. It is verified on the probe, or taken back with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from deadrelu_tui.record.activations import DYING

MOVED = 1e-5
"""By which share of its largest value the output may differ and is taken for the same: sums come in another order."""


class Refused(Exception):  # noqa: N818 - a sentence, not an error
    """Why a layer's units cannot be revived."""


class Place(Protocol):
    """A layer as a framework knows it."""

    activation: str


_Place = TypeVar("_Place", bound=Place)


def revive(
    places: Mapping[str, _Place], wanted: str | None, one: Callable[[_Place], int]
) -> tuple[dict[str, int], dict[str, str]]:
    """Revive the dead units of a layer, or of all in their order, one by one; return how many of each came back, and of
    which layers none did, with the reason. `one` raises Refused with nothing changed.
    """
    counts, refused = dict[str, int](), dict[str, str]()
    for name, place in places.items():
        if wanted not in (None, name) or place.activation not in DYING:
            continue
        try:
            count = one(place)
        except Refused as reason:
            refused[name] = str(reason)
        else:
            counts[name] = count
    return counts, refused
