"""The way in for a network of Gluon's: which trainers, which process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_gluon.theirs import mx
from deadrelu_tui.watching.by_gluon.watch import GluonWatch
from deadrelu_tui.watching.guest import Watch


def watched(
    net: Any, trainer: Any, probe: Any, units: Mapping[str, Any] | None, classes: int | None, name: str | None,
    watch: Watch,
) -> GluonWatch:  # fmt: skip
    """Return what watches a network. Raises InputError for what cannot be watched."""
    trainers = list(trainer) if isinstance(trainer, (tuple, list)) else [trainer]
    if trainer is None or not trainers:
        raise InputError("optimizer is missing: the steps of a training are told by its gluon.Trainer")
    for each in trainers:
        if not isinstance(each, mx.gluon.Trainer):
            raise InputError(f"optimizer must be a gluon.Trainer, or a list of them, not {type(each).__name__}")
        store = each._kvstore_params["kvstore"]
        if "dist" in str(getattr(store, "type", store)):
            raise InputError("of a training that is distributed by a key-value store nothing is watched")
    held = {id(one) for each in trainers for one in each._params}
    if not any(id(each) in held for each in net.collect_params().values()):
        raise InputError("the trainer holds none of the network's parameters")
    return GluonWatch(net, trainers, probe, units, classes, name, watch)
