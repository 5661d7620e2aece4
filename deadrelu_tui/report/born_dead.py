"""The table of networks that are born dead, as text and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from deadrelu_tui.report.paper import Column, Paper, table
from deadrelu_tui.theory.born_dead import ERROR, PUBLISHED_NETS, Cell
from deadrelu_tui.wording import count

PAPER = "Lu, Shin, Su and Karniadakis 2019, Dying ReLU and Initialization (arXiv 1903.06733)"
_GOOD = {True: "good", False: "bad"}


def data(cells: Sequence[Cell], nets: int, seed: int) -> dict[str, Any]:
    """Return the table as plain values."""
    return {
        "paper": "born-dead", "source": PAPER, "nets": nets, "seed": seed, "confidence": 1 - ERROR,
        "holds": all(each.holds for each in cells), "cells": [_row(each) for each in cells],
    }  # fmt: skip


def _row(cell: Cell) -> dict[str, Any]:
    return {
        "width": cell.drawn.width, "depth": cell.drawn.depth, "nets": cell.drawn.nets,
        "born_dead": cell.share, "interval": list(cell.interval), "published": cell.published,
        "single_input": cell.silent, "single_input_interval": list(cell.silent_interval), "formula": cell.bound,
        "as_published": cell.as_published, "below_bound": cell.below_bound, "as_the_formula": cell.as_the_formula,
        "holds": cell.holds,
    }  # fmt: skip


def lines(cells: Sequence[Cell], nets: int, paper: Paper) -> Iterator[str]:
    """Yield the table, what its columns are, and what came of it."""
    columns = [
        Column("N", [str(each.drawn.width) for each in cells], right=True),
        Column("L", [str(each.drawn.depth) for each in cells], right=True),
        Column("born dead", [_share(each.share) for each in cells], "bold", right=True),
        Column("interval", [_interval(each.interval) for each in cells]),
        Column("published", [_share(each.published, 3) for each in cells], right=True),
        Column("one input", [_share(each.silent) for each in cells], right=True),
        Column("interval of that", [_interval(each.silent_interval) for each in cells]),
        Column("formula", [_share(each.bound) for each in cells], right=True),
        Column("", [_judged(each) for each in cells], [_GOOD[each.holds] for each in cells]),
    ]
    yield from table(columns, paper, spared=["interval of that", "interval"])
    yield ""
    yield from paper.wrapped(
        f"N units in each of L − 1 hidden layers, one input, no biases, He's normal weights; {count(nets)} networks "
        "a cell. Born dead: constant for every input. One input: silent for the input 1, of which the formula "
        "1 − (1 − 2^−N)^(L−1) is exact; for all inputs it is the upper bound. Intervals are exact (Clopper and "
        f"Pearson) and hold for all cells together with {100 * (1 - ERROR):g} %; the published shares are of "
        f"{count(PUBLISHED_NETS)} networks.", 0, "dim",
    )  # fmt: skip
    failed = sum(not each.holds for each in cells)
    told = f"{failed} of {len(cells)} cells fail" if failed else f"all {len(cells)} cells hold"
    yield paper.put(told, _GOOD[not failed])


def _judged(cell: Cell) -> str:
    faults = [
        fault
        for right, fault in (
            (cell.as_published, "not as published"),
            (cell.below_bound, "above the bound"),
            (cell.as_the_formula, "not as the formula"),
        )
        if not right
    ]
    return f"fails: {', '.join(faults)}" if faults else "holds"


def _share(share: float | None, digits: int = 4) -> str:
    return "" if share is None else f"{share:.{digits}f}"


def _interval(ends: tuple[float, float]) -> str:
    return "–".join(map(_share, ends))
