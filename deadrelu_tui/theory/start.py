"""A network before its first step: how large h, the scores and the first gradient are to be expected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from deadrelu_tui.errors import InputError
from deadrelu_tui.theory.kernels import Matrix, of_activity, of_slope

_DRAWS = 64
"""Of the scores, for the average over the first weights."""


@dataclass(frozen=True)
class FirstGradient:
    """What is to be expected of a weight matrix and of the gradient of the mean loss by it, as L2 norms."""

    name: str
    weights: float
    gradient: float

    def ratio(self, lr: float) -> float:
        """Return the size of the first update against the weights, ‖Δw‖ / ‖w‖."""
        return lr * self.gradient / self.weights


@dataclass(frozen=True)
class Beginning:
    """What is to be expected of a network before its first step."""

    norm: float
    """√E‖x‖² of the inputs as they are fed."""
    spread: float
    """Standard deviation of h in the first hidden layer, over units and inputs."""
    scores: float
    """Standard deviation of the scores of the classes."""
    loss: float
    """Mean cross-entropy, in nats."""
    gradients: tuple[FirstGradient, ...]
    """Of w1, w2, …"""
    shift: float
    """By how much h of the first layer moves at the first update, for a learning rate of 1: root mean square."""

    @property
    def one_step(self) -> float:
        """The learning rate at which the first update moves h as far as it spreads."""
        return self.spread / self.shift if self.shift else math.inf


def deviation(init: str, inputs: int, units: int) -> float:
    """Return the standard deviation of a first weight: normal:s has s, he √(2/inputs), xavier √(2/(inputs + units))."""
    if init == "xavier":
        return math.sqrt(2 / (inputs + units))
    return math.sqrt(2 / inputs) if init == "he" else float(init.removeprefix("normal:"))


def beginning(
    inputs: npt.NDArray[np.float64], labels: npt.NDArray[np.intp], hidden: Sequence[int], init: str, activation: str,
    batch: int, classes: int = 10,
) -> Beginning:  # fmt: skip
    """Return what is to be expected of a network for some inputs (images, pixels), a sample of those it will train on.

    L is the mean cross-entropy over a batch of B. With e = softmax(z) − y the error of an input, and δ_l the gradient
    by h of layer l (δ of the output is e itself), the gradient by w_l is G_l = mean_i δ_l(i) a_{l−1}(i)ᵀ. So

        ‖G_l‖² = mean over pairs i, k of (δ_l(i)·δ_l(k)) (a_{l−1}(i)·a_{l−1}(k)),

    where a pair of one input with itself has the weight 1/B. On average over the first weights, of variance σ_l²,

        a_l(i)·a_l(k) = n_l E[φ(u) φ(v)],        Cov(u, v) = σ_l² a_{l−1}(i)·a_{l−1}(k),        a_0 = x,
        δ_l(i)·δ_l(k) = n_l σ_{l+1}² E[φ′(u) φ′(v)] (δ_{l+1}(i)·δ_{l+1}(k)),

    (the kernels of wide networks: Neal 1996, Cho and Saul 2009, Jacot et al. 2018). e·e is averaged over draws of
    the scores, which are normal with the covariance σ² a·a of the last layer. Where the scores are small, softmax is
    uniform, e·e is 1 − 1/C for one class and −1/C for two, and in the mean over a batch nearly all of it cancels; where
    they are not, as for raw pixels, all inputs are taken for the same class, e does not cancel, and the update is as
    much larger. For one hidden layer of ReLUs and inputs with nearly one direction it is ‖G_1‖ ≈ σ_2 √(n/2) ‖ē‖ ‖x‖.

    ‖w_l‖ = σ_l √(n_l n_{l−1}). The first update moves h of the first layer by −lr mean_i δ_1(i) (x_i·x).
    Biases are left out: their part is 1 where that of the inputs is ‖x‖².
    """
    widths = [inputs.shape[1], *hidden, classes]
    deviations = [deviation(init, *each) for each in pairwise(widths)]
    with np.errstate(all="ignore"):
        behind, covariances = [inputs @ inputs.T], list[Matrix]()
        for units, each in zip(hidden, deviations[:-1], strict=True):
            covariances.append(each**2 * behind[-1])
            behind.append(units * of_activity(activation, covariances[-1]))
        scores = deviations[-1] ** 2 * behind[-1]
        if not np.isfinite(scores).all():
            raise InputError(f"scores of first weights {init} are beyond what can be computed; take smaller ones")
        errors, loss = _errors(scores, labels, classes)
        gradients, error = list[FirstGradient](), errors
        for layer in range(len(hidden), -1, -1):
            size = deviations[layer] * math.sqrt(widths[layer] * widths[layer + 1])
            squares = _mean(error * behind[layer], batch)
            gradients.append(FirstGradient(f"w{layer + 1}", size, math.sqrt(max(0.0, squares))))
            if layer:
                slopes = of_slope(activation, covariances[layer - 1])
                error = widths[layer] * deviations[layer] ** 2 * slopes * error
        gram = behind[0]
        shift = _mean(error * (gram @ gram) / len(gram), batch) / hidden[0]
    norm = math.sqrt(float(np.diag(gram).mean()))
    return Beginning(
        norm, deviations[0] * norm, math.sqrt(float(np.diag(scores).mean())), loss, tuple(reversed(gradients)),
        math.sqrt(max(0.0, shift)),
    )  # fmt: skip


def _errors(scores: Matrix, labels: npt.NDArray[np.intp], classes: int) -> tuple[Matrix, float]:
    """Return e(i)·e(k) for each pair, and the loss, on average over draws of scores of that covariance."""
    values, vectors = np.linalg.eigh(scores)
    root = vectors * np.sqrt(np.maximum(values, 0))
    random = np.random.RandomState(0)
    wanted = np.eye(classes)[labels]
    total, loss = np.zeros_like(scores), 0.0
    for _ in range(_DRAWS):
        z = root @ random.standard_normal((len(scores), classes))
        z -= z.max(axis=1, keepdims=True)
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        error = np.exp(logs) - wanted
        total += error @ error.T
        loss -= float(logs[np.arange(len(z)), labels].mean())
    return total / _DRAWS, loss / _DRAWS


def _mean(pairs: Matrix, batch: int) -> float:
    """Return the mean over the pairs of a batch: one in `batch` is of an input with itself."""
    count = len(pairs)
    alike = float(np.trace(pairs))
    others = (float(pairs.sum()) - alike) / max(1, count * (count - 1))
    return alike / count / batch + (1 - 1 / batch) * others
