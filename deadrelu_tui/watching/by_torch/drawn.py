"""What a network is made of where nobody calls it as a module: read out of the graph that autograd keeps of a loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch

from deadrelu_tui.errors import InputError
from deadrelu_tui.watching.by_torch import autograd
from deadrelu_tui.watching.by_torch.sketch import Place, Sketch, drawn


def sketch_of(loss: torch.Tensor, everything: Mapping[str, torch.nn.Parameter]) -> Sketch:
    """Return what a loss has come from, in layers; of them the batches tell, and no look.

    Raises InputError where no activation is found between the parameters and the loss.
    """
    names = {id(each): name for name, each in everything.items()}
    met: dict[autograd.Group, list[autograd.Saved]] = {}
    for group, saved in autograd.found([loss], names):
        met.setdefault(group, []).append(saved)
    places = []
    for (makers, activation), calls in met.items():
        weights = tuple(name for name in everything if name in makers)
        if not weights:
            continue
        first = calls[0].read()
        along = 1 if first.ndim > 2 and everything[weights[-1]].ndim > 2 else first.ndim - 1
        biases = tuple(name for name in map(_bias_of, weights) if name in everything)
        key: Any = (weights, "", activation, 1)
        places.append(Place(key, activation, first.shape[along], along, weights, biases, calls=len(calls)))
    if not places:
        raise InputError("between its parameters and its loss there is no ReLU, nor any other activation that is known")
    keys = {(frozenset(each.makers), each.activation): each.key for each in places}
    used = Counter[str]()
    for each in places:
        wanted = each.makers[-1].rpartition(".")[0] or each.makers[-1]
        used[wanted] += 1
        each.name = wanted if used[wanted] == 1 else f"{wanted}:{used[wanted]}"
        group = (frozenset(each.makers), each.activation)
        each.feeds = frozenset(keys[one] for saved in met[group] for one in saved.feeds if one in keys) - {each.key}
    return drawn(places, everything, lambda _: None, None)


def _bias_of(weight: str) -> str:
    owner = weight.rpartition(".")[0]
    return f"{owner}.bias" if owner else "bias"
