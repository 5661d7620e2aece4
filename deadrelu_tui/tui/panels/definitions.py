"""The table of the definitions of death and the portrait of a unit, as pure functions: every share with its images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deadrelu_tui.record import probed
from deadrelu_tui.record.activations import CHOSEN, DYING, SATURATING
from deadrelu_tui.record.ledger import NEVER, Ledger
from deadrelu_tui.record.units import DEFINITIONS, Definition, Units
from deadrelu_tui.tui.panels.names import fitted, named_in
from deadrelu_tui.tui.panels.unit_map import At
from deadrelu_tui.tui.plot.chart import Row
from deadrelu_tui.wording import count, number, percent


def definition_rows(
    layers: Mapping[str, Units], chosen: Definition, probe: int, batch: int, width: int, rows: int, at: str | None,
    known: Sequence[Definition] = DEFINITIONS,
) -> list[Row]:  # fmt: skip
    """Return a table of at least three rows, a column per definition and a row per layer; the last row says of how
    many images each one speaks, unless there are tables, which are judged by none. With more layers than rows, those
    around `at`. Empty if it does not fit.
    """
    activations = {units.activation for units in layers.values()}
    definitions = [each for each in known if any(map(each.applies, activations))]
    names, left = list(layers), named_in(layers, width) + 1
    across = (width - left) // len(definitions)
    widest = max(len(each.short) for each in definitions) + 2  # a mark, and a space between columns
    if rows < 3 or across < widest:
        return []
    across = min(across, 20)
    fit = rows - 2
    first = min(max(0, (names.index(at) if at in names else 0) - fit // 2), max(0, len(names) - fit))
    table: list[Row] = [[(" " * left, "text")]]
    for each in definitions:
        mark = "▸" if each == chosen else " "
        table[0].append((f"{mark + each.short:>{across}}", "chosen" if each == chosen else "text"))
    for name in names[first : first + fit]:
        row: Row = [(fitted(name, left - 1) + " ", "strong")]
        row += [
            (f"{_told(each, layers[name]):>{across}}", "chosen" if each == chosen else "strong") for each in definitions
        ]
        table.append(row)
    unseen = len(names) - fit
    last: Row = [(f"{f'+{unseen}' if unseen > 0 else '':<{left}}", "text")]
    if CHOSEN in activations:  # which is judged by no samples
        probe = batch = 0
    sizes = [batch if each.on_batch else 0 if each.short == SILENT else probe for each in definitions]
    last += [(f"{f'of {count(size)}' if size else '':>{across}}", "text") for size in sizes]
    return [*table, last]


def _told(definition: Definition, units: Units) -> str:
    return percent(definition.share(units)) if definition.applies(units.activation) else "–"


SILENT = "silent"
"""What dead is in short where a window of the training tells it."""


def portrait(
    at: At, units: Units, ledger: Ledger, probe: int, about: Mapping[str, Any] = MappingProxyType({})
) -> list[str]:
    """Return what is known of a unit, in pieces of text: what it does, what it is made of, what became of it."""
    layer, index = at
    saturating = units.activation in SATURATING
    what = "unsaturated" if saturating else "chosen" if units.activation == CHOSEN else "fires"
    share = (units.unsaturated if saturating else units.firing)[index]
    of = count(probe) if probe else "the probe set"
    if "by" in about:
        of = probed.probe({**about, "probe": probe})
    known = number if not about.get("by") else _told_or_not
    pieces = [
        f"{probed.unit(about, 1)} {index} of {layer}: {what} for {percent(float(share))} of {of}",
        *([] if math.isnan(share) else [_fate(ledger, index, units.activation)]),
    ]
    if units.activation == CHOSEN:  # an entry has no more than that
        return pieces
    return [
        *pieces,
        f"h mean {known(float(units.pre_mean[index]))}, max {known(float(units.pre_max[index]))}",
        f"bias {known(float(units.bias[index]))}",
        f"‖w‖ {known(float(units.weight_norm[index]))}",
        f"‖∂L/∂w‖ {known(float(units.gradient[index]))}",
    ]


def _told_or_not(value: float) -> str:
    """Return a number; of what a network has not, such as a bias, nothing is told."""
    return "–" if math.isnan(value) else number(value)


def _fate(ledger: Ledger, index: int, activation: str) -> str:
    dead, died, alive, back = (
        ("saturated", "saturated", "unsaturated", "left saturation at") if activation in SATURATING
        else ("dead", "died", "alive", "revived at") if activation in DYING
        else ("silent", "fell silent", "firing", "fires again since")
    )  # fmt: skip
    at, deaths, revivals = int(ledger.changed_at[index]), int(ledger.deaths[index]), int(ledger.revivals[index])
    if at == NEVER:
        return f"{alive} all along"
    if not ledger.lost[index]:
        return f"{back} step {count(at)}" + (f", {revivals} times so far" if revivals > 1 else "")
    if deaths == 1 and ledger.found_dead[index]:
        return f"born {dead}" if ledger.born else f"{dead} when first looked at, step {count(at)}"
    return f"{died} at step {count(at)}" + (f", {deaths} times so far" if deaths > 1 else "")


def packed(pieces: list[str], width: int, rows: int) -> list[str]:
    """Return the pieces in at most so many lines of a width, none of them cut; what does not fit is left out."""
    lines: list[str] = []
    for piece in pieces:
        joined = f"{lines[-1]} · {piece}" if lines else piece
        if lines and len(joined) <= width:
            lines[-1] = joined
        elif len(lines) < rows and len(piece) <= width:
            lines.append(piece)
    return lines
