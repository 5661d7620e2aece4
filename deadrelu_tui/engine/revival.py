"""Dead ReLUs brought back, in any engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.columns import Floats

Mask = npt.NDArray[np.bool_]


def revive(
    parameters: Sequence[Floats], silent: Callable[[Sequence[Floats]], list[Mask]], fresh: Callable[[int, int], Floats]
) -> list[int]:
    """Give each dead ReLU fresh incoming weights, bias zero and outgoing weights zero, in place; return how many there
    were in each layer.

    Takes w1, b1, w2, b2, … (weights (units, inputs)), what tells of parameters which units of each hidden layer fire
    for no image of the probe set, and what draws a weight of so many inputs and units, shape (units, inputs).

    As the outgoing weights are zero, and the units said nothing before, the loss stays as it was: ReDo (Sokar et
    al. 2023) for units that never fire. The layers are taken in order, so that where two in a row are dead,
    the second one's fresh weights lead on what the first one says. Weights that were drawn such that the unit is
    dead again change their sign, with which they are as likely.
    """
    counts = []
    for index, lost in enumerate(silent(parameters)):
        weight, bias, onward = parameters[2 * index : 2 * index + 3]
        weight[lost], bias[lost], onward[:, lost] = fresh(weight.shape[1], weight.shape[0])[lost], 0, 0
        if lost.any():
            weight[lost & silent(parameters)[index]] *= -1
        counts.append(int(lost.sum()))
    return counts
