"""Many steps in a row as one: to write, to read and to keep a thousand costs little more than one of them does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.records import Live, Record, Step

TOGETHER = 4096
"""Steps that are told at once, at most."""


@dataclass(frozen=True)
class Steps:
    """Steps in a row that tell the same and have no look: as a file keeps them, and a history takes them."""

    step: npt.NDArray[np.int64]
    """Shape (steps,)."""
    at: npt.NDArray[np.float64]
    """Shape (steps,)."""
    epoch: npt.NDArray[np.int64] | None
    """Shape (steps,); None for a training without epochs."""
    live: Live
    names: tuple[str, ...]
    values: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    """Shape (steps, names); each name once."""
    fired: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    """Per layer, shape (steps, units)."""

    def __len__(self) -> int:
        return len(self.step)

    def __iter__(self) -> Iterator[Step]:
        """Yield each of them."""
        epochs = [None] * len(self) if self.epoch is None else self.epoch.tolist()
        told = zip(self.step.tolist(), self.at.tolist(), epochs, self.values.tolist(), strict=True)
        for index, (step, at, epoch, values) in enumerate(told):
            fired = {layer: each[index] for layer, each in self.fired.items()}
            yield Step(step, at, epoch, self.live, dict(zip(self.names, values, strict=True)), fired)


def together(records: Iterable[Record | Steps]) -> Iterator[Record | Steps]:
    """Yield records, steps in a row that tell the same as one."""
    alike, many = list[Step | Steps](), 0
    for record in records:
        if isinstance(record, Steps):
            more = len(record)
        else:
            more = int(isinstance(record, Step) and not record.looks and not record.ends_epoch)
        if alike and not (more and many + more <= TOGETHER and _alike(alike[0], cast("Step | Steps", record))):
            yield from _joined(alike)
            alike, many = [], 0
        if more:
            alike.append(cast("Step | Steps", record))
            many += more
        else:
            yield record
    yield from _joined(alike)


def _alike(first: Step | Steps, other: Step | Steps) -> bool:
    return (
        _names(first) == _names(other)
        and (first.epoch is None) == (other.epoch is None)
        and (first.live is other.live or repr(first.live) == repr(other.live))  # 1 is not the same as True
        and _widths(first) == _widths(other)
    )


def _names(record: Step | Steps) -> tuple[str, ...]:
    return record.names if isinstance(record, Steps) else tuple(record.values)


def _widths(record: Step | Steps) -> list[tuple[str, int]]:
    return [(layer, each.shape[-1]) for layer, each in record.fired.items()]


def _joined(alike: list[Step | Steps]) -> Iterator[Step | Steps]:
    if len(alike) < 2:
        yield from alike
        return
    parts, singles = list[Steps](), list[Step]()
    for each in alike:
        if isinstance(each, Step):
            singles.append(each)
            continue
        if singles:
            parts.append(_made(singles))
            singles = []
        parts.append(each)
    if singles:
        parts.append(_made(singles))
    first = parts[0]
    if len(parts) == 1:
        yield first
        return
    yield Steps(
        np.concatenate([each.step for each in parts]),
        np.concatenate([each.at for each in parts]),
        None if first.epoch is None else np.concatenate([each.epoch for each in parts if each.epoch is not None]),
        first.live,
        first.names,
        np.concatenate([each.values for each in parts]),
        {layer: np.concatenate([each.fired[layer] for each in parts]) for layer in first.fired},
    )


def _made(steps: list[Step]) -> Steps:
    first, count = steps[0], len(steps)
    names = tuple(first.values)
    values = np.fromiter((value for each in steps for value in each.values.values()), np.float64, count * len(names))
    return Steps(
        np.array([each.step for each in steps], np.int64),
        np.array([each.at for each in steps], np.float64),
        None if first.epoch is None else np.array([each.epoch for each in steps], np.int64),
        first.live,
        names,
        values.reshape(count, len(names)),
        {layer: np.stack([np.asarray(each.fired[layer], np.bool_) for each in steps]) for layer in first.fired},
    )


def apart(records: Iterable[Record | Steps]) -> Iterator[Record]:
    """Yield records one by one."""
    for record in records:
        if isinstance(record, Steps):
            yield from record
        else:
            yield record
