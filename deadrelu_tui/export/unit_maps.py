"""The units of every layer as maps of cells, at the few looks that tell the story."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.export.plain import shown
from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.history import History
from deadrelu_tui.record.looks import Looked
from deadrelu_tui.record.units import Units
from deadrelu_tui.wording import count, percent

MOST = 6
"""Looks that are shown."""
UNITS = 1_024
"""Units of a layer that are shown."""
CELLS = 60_000
"""Cells of a page; of a network with more of them the layers are shown of which the most is lost."""
LEVELS = 8
"""Shades that are told apart."""
_CELL = 9
_ROOM = 166
"""Width of a map."""


def chosen(history: History, most: int = MOST) -> list[int]:
    """Return the looks to show, by their index: the first and the last, those around the greatest news, and then some
    in between, the early ones before the late ones.
    """
    steps = history.look_steps
    many = len(steps)
    if many <= most:
        return list(range(many))
    wanted = [0, many - 1]
    lost = history.series("deaths").values[:many] - history.series("revivals").values[:many]
    news = np.abs(np.diff(lost))
    greatest = [int(each) + 1 for each in np.argsort(-news, kind="stable")[:2] if news[each] > 0]
    for look in greatest:
        wanted += [look, look - 1]
    for mark in history.marks:
        after = int(np.searchsorted(steps, mark.step))
        wanted += [max(0, after - 1), min(after, many - 1)]
    wanted += [int(each) for each in np.geomspace(1, many, most) - 1]
    return sorted(list(dict.fromkeys(wanted))[:most])


def maps(history: History) -> Iterator[str]:
    """Yield a row of maps for each layer, or for as many as there is room for."""
    looks = [history.look_at(index) for index in chosen(history)]
    if not looks:
        return
    found = dict.fromkeys(name for look in looks for name in look.layers)
    known = [name for name in history.network.names if name in found]
    known += [name for name in found if name not in known]
    names, room = list[str](), CELLS
    for name in sorted(known, key=lambda name: -_share(looks, name)):
        room -= sum(min(UNITS, len(look.layers[name])) for look in looks if name in look.layers)
        if room < 0 and names:
            break
        names.append(name)
    for name in (each for each in known if each in names):
        yield _row(name, [look for look in looks if name in look.layers])
    if len(names) < len(known):
        yield f"<p class=note>{count(len(known) - len(names))} more layers, of which less is lost, are left out.</p>"


def _share(looks: Sequence[Looked], name: str) -> float:
    """Return the largest share of a layer's units that was lost at any of some looks."""
    return max(float(look.layers[name].lost.mean()) for look in looks if name in look.layers)


def _row(name: str, looks: Sequence[Looked]) -> str:
    units = len(looks[-1].layers[name])
    shown_of = f", the first {count(UNITS)} are shown" if units > UNITS else ""
    about = f"{count(units)} units, {escape(shown(looks[-1].layers[name].activation))}{shown_of}"
    row = "".join(_map(look.step, look.layers[name]) for look in looks)
    return f"<h3>{escape(shown(name))} <small>{about}</small></h3><div class=maps>{row}</div>"


def _map(step: int, units: Units) -> str:
    lost, firing = units.lost[:UNITS], units.firing[:UNITS]
    columns = max(1, min(len(lost), max(math.ceil(math.sqrt(len(lost) * 1.6)), 8)))
    rows = -(-len(lost) // columns)
    with np.errstate(invalid="ignore"):
        levels = np.clip(np.ceil(firing * LEVELS), 1, LEVELS)
    shades = [np.flatnonzero((levels == level) & ~lost) for level in range(1, LEVELS + 1)]
    paths = [_cells(f"u{level}", which, columns) for level, which in enumerate(shades, 1)]
    paths.append(_cells("unknown", np.flatnonzero(np.isnan(firing) & ~lost), columns))
    paths += [_cells("lost", np.flatnonzero(lost), columns), _crosses(np.flatnonzero(lost), columns)]
    word = "saturated" if units.activation in SATURATING else "dead"
    many = int(units.lost.sum())
    told = f"{count(many)} {word}" if many else f"none {word}"
    if np.isnan(units.firing).all():
        told = "no numbers"
    width = min(_ROOM, columns * _CELL * 2)
    size = f'viewBox="0 0 {columns * _CELL} {rows * _CELL}" width={width}'
    label = f"step {count(step)}: {told} of {count(len(units))}, {percent(many / len(units))}"
    return (
        f'<figure><svg {size} role=img aria-label="{label}"><title>{label}</title>{"".join(paths)}</svg>'
        f"<figcaption>step {count(step)}<br><b>{told}</b></figcaption></figure>"
    )


def _cells(kind: str, which: npt.NDArray[np.signedinteger[Any]], columns: int) -> str:
    """Return some cells in one path."""
    size = _CELL - 1
    places = ((at % columns * _CELL, at // columns * _CELL) for at in which.tolist())
    path = "".join(f"M{x} {y}h{size}v{size}h-{size}z" for x, y in places)
    return f'<path class={kind} d="{path}"/>' if path else ""


def _crosses(which: npt.NDArray[np.signedinteger[Any]], columns: int) -> str:
    """Return a cross on each of some cells: the lost are told by more than a colour."""
    places = ((at % columns * _CELL + 2, at // columns * _CELL + 2) for at in which.tolist())
    path = "".join(f"M{x} {y}l4 4m0-4l-4 4" for x, y in places)
    return f'<path class=cross d="{path}"/>' if path else ""


def legend() -> str:
    """Return what the shades of the cells mean."""
    shades = "".join(f"<i class=u{level}></i>" for level in range(1, LEVELS + 1))
    return (
        f"<p class=legend><span>fires for few</span> {shades} <span>for all samples of the probe set</span>"
        '<span class=dead><svg viewBox="0 0 9 9" width=14><path class=lost d="M0 0h8v8h-8z"/><path class=cross '
        'd="M2 2l4 4m0-4l-4 4"/></svg> dead: for none (tanh, sigmoid: saturated)</span></p>'
    )
