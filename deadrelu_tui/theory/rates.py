"""The learning rate at which a layer of ReLUs dies: what the first update tells of it, and what the later ones do."""

from __future__ import annotations

import math

HALF_DIES, FEW_DIE = 10.0, 3.0
"""lr · ‖x‖ beyond which more than half of the layer is dead within 200 steps, and up to which hardly any unit is.

Measured, not derived (`benchmarks/safe_rate.py`, docs/rates.md): the half is dead from 7 to 15 on, for inputs of scale
1/255 to 1 and first weights of five kinds.
"""


def half_dies(norm: float, layers: int = 1) -> float:
    """Return the learning rate beyond which more than half of layer 1 dies within some 200 steps: 10 / ‖x‖^(2/D).

    D is the number of weight matrices, 2 with one hidden layer, and ‖x‖ the root mean square norm of the inputs.

    Why ‖x‖ alone, and its first power: a network of ReLUs without biases says the same with w₁ made c times as large
    and w₂ as small. Dividing the input by s and multiplying w₁ by s changes nothing either; then by c = √s both layers
    are trained at the one rate lr · s. So rate and scale act as a product once the first weights are forgotten. And
    they matter little: along the direction that all images share, the curvature of the loss is that of softmax times
    ‖a‖² + ‖w₂‖² ‖x‖², with a the activities; as a network that gives a score z needs a · w₂ = z, this is at least
    2 |z| ‖x‖, whatever the weights. Gradient descent is stable up to 2 over the curvature: a number of order 1 over
    ‖x‖. (With D matrices the same reasoning has ‖x‖^(2/D), and there a network may as well diverge, somewhat below.)

    Why one step does not tell: the first update moves about half of the units up and half down, as the sign of what
    they feed is a matter of chance; no rate kills more than that half at once. Those that were moved up have large
    activities, w₂ moves along with these, and so at the second update the sign is the same for all of them: the scores
    overshot, and all that fired is thrown down. Beyond the limit each update overshoots the one before. Near it this
    takes a hundred steps, at a hundred times the limit six.
    """
    return _over(HALF_DIES, norm, layers)


def few_die(norm: float, layers: int = 1) -> float:
    """Return the learning rate up to which hardly any unit dies: 3 / ‖x‖^(2/D)."""
    return _over(FEW_DIE, norm, layers)


def _over(limit: float, norm: float, layers: int) -> float:
    return limit / norm ** (2 / (layers + 1)) if norm else math.inf
