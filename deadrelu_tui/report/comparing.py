"""Some runs side by side: what they were set to where that differs, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deadrelu_tui.builtin import presets
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.telling import engine_name, setting_text
from deadrelu_tui.report.fields import experiment
from deadrelu_tui.report.listing import accuracy, row, short_ids, speed, status, steps, verdict
from deadrelu_tui.report.paper import GAP, Cell, Column, Paper, table
from deadrelu_tui.run.summary import DEAD, Summary
from deadrelu_tui.wording import duration, number, percent, printable

FEWEST, MOST = 2, 6
MOST_LAYERS = 12
"""Layers of which the dead are told one by one; of networks with more the worst."""
_NARROWEST = 15
"""Columns below which a run's values are not worth reading."""
_CALLED = {"steps": "stop after"}
"""Settings that are not told by their own name: how many steps were taken has a row, too."""
_Row = tuple[str, list[Cell]]


def check(runs: Sequence[str]) -> None:
    """Raise InputError unless they are the ids of some runs, not too many, each of them once."""
    if not FEWEST <= len(runs) <= MOST:
        raise InputError(f"{FEWEST} to {MOST} runs can be compared, not {len(runs)}")
    if twice := next((each for each in runs if runs.count(each) > 1), ""):
        raise InputError(f"{printable(twice)} is named twice")


def lines(runs: Sequence[Summary], paper: Paper) -> Iterator[str]:
    """Yield a table with a column for each run; where they do not fit beside each other, some after the others."""
    rows = _rows(runs, paper)
    labels = max(len(name) for name, _ in rows)
    beside = len(runs) if paper.width is None else max(1, (paper.width - labels) // (_NARROWEST + GAP))
    for first in range(0, len(runs), beside):
        if first:
            yield ""
        part = [(Cell(name.ljust(labels), "dim"), cells[first : first + beside]) for name, cells in rows]
        told = [(name, *cells) for name, cells in part if any(each.text for each in cells)]
        columns = [
            Column("", [each.text for each in cells], [each.look for each in cells], least=_NARROWEST if at else 0)
            for at, cells in enumerate(zip(*told, strict=True))
        ]
        yield from list(table(columns, paper))[1:]


def _rows(runs: Sequence[Summary], paper: Paper) -> list[_Row]:
    """Return what is told of the runs, a row for each thing."""
    rows: list[_Row] = [
        ("run", [Cell(each, "bold") for each in short_ids([run.run for run in runs], paper)]),
        ("experiment", [Cell(run.fault or experiment(run)) for run in runs]),
    ]
    rows += [
        (_CALLED.get(name, name.replace("_", " ")), [Cell(_value(name, run)) for run in runs])
        for name in differing(runs)
    ]
    rows += [
        _told("engine", runs, lambda run: Cell(engine_name(run.engine))),
        _told("device", runs, lambda run: Cell(run.device)),
        _told("host", runs, lambda run: Cell(run.host)),
    ]
    rows = [each for each in rows if each[0] not in ("engine", "device", "host") or len(set(each[1])) > 1]
    layers = list(dict.fromkeys(layer for run in runs for layer in run.dead))
    left_out = list[str]()
    if len(layers) > MOST_LAYERS:  # the worst in any of the runs, in the order of the network
        shares = {layer: max(run.dead.get(layer, 0.0) for run in runs) for layer in layers}
        worst = sorted(layers, key=lambda layer: -shares[layer])[:MOST_LAYERS]
        left_out = [layer for layer in layers if layer not in worst]
        layers = [layer for layer in layers if layer in worst]
    rows += [
        _told("verdict", runs, verdict),
        _best("accuracy", runs, lambda run: run.accuracy, accuracy),
        _best("loss", runs, lambda run: None if run.loss is None else -run.loss, lambda run: _number(run.loss)),
        *((printable(name), [Cell(_number(run.last.get(name))) for run in runs]) for name in _logged(runs)),
        *((f"dead {layer}", [_share(run, layer) for run in runs]) for layer in layers),
        *([_told(f"dead in {len(left_out)} more", runs, lambda run: _most(run, left_out))] if left_out else []),
        _told("status", runs, status),
        _told("steps", runs, lambda run: Cell(steps(run))),
        _told("time", runs, lambda run: Cell(duration(run.seconds))),
        _told("steps/s", runs, lambda run: Cell(speed(run))),
        _told("done", runs, lambda run: Cell(run.done)),
    ]
    return rows


def differing(runs: Sequence[Summary]) -> list[str]:
    """Return the names of the settings that are not the same for all of some runs."""
    told = [presets.completed(run.settings) for run in runs]
    known = dict.fromkeys(name for each in told for name in each)
    return [name for name in known if len({repr(each.get(name)) for each in told}) > 1]


def _logged(runs: Sequence[Summary]) -> list[str]:
    """Return the names of the numbers that trainings have logged beside what is measured."""
    ours = ("loss", "loss/test", "accuracy/test")
    return [name for name in dict.fromkeys(name for run in runs for name in run.last)
            if name not in ours and not name.startswith(DEAD)]  # fmt: skip


def _told(name: str, runs: Sequence[Summary], tell: Callable[[Summary], Cell]) -> _Row:
    return name, [tell(run) for run in runs]


def _best(
    name: str, runs: Sequence[Summary], value: Callable[[Summary], float | None], text: Callable[[Summary], str]
) -> _Row:
    """Return a row in which the best values stand out."""
    values = [value(run) for run in runs]
    best = max((each for each in values if each is not None and each == each), default=None)
    there = zip(runs, values, strict=True)
    return name, [Cell(text(run), "bold" if each is not None and each == best else "") for run, each in there]


def _value(name: str, run: Summary) -> str:
    value = presets.completed(run.settings).get(name)
    if value is None:
        return "–"
    return "–".join(map(str, value)) if isinstance(value, (list, tuple)) else setting_text(name, value)


def _number(value: float | None) -> str:
    return "" if value is None else number(value)


def _share(run: Summary, layer: str) -> Cell:
    share = run.dead.get(layer)
    return Cell("" if share is None else percent(share))


def _most(run: Summary, layers: Sequence[str]) -> Cell:
    """Return the largest share of dead units in some layers."""
    shares = [run.dead[layer] for layer in layers if layer in run.dead]
    return Cell(f"up to {percent(max(shares))}" if shares else "")


def data(runs: Sequence[Summary]) -> dict[str, Any]:
    """Return it as plain values that JSON can hold: what differs, and each run."""
    return {"differing": differing(runs), "runs": [row(run) for run in runs]}
