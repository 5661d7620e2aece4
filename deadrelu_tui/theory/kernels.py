"""Averages over the first weights: what two inputs have in common behind a layer, for normal pre-activations.

u and v are a unit's pre-activations h for two inputs: normal, with variances p and q and covariance c over the draws of
the weights. That is exact for the first layer of normal weights, and nearly so for any wide one (Neal 1996).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

LEAKY_SLOPE = 0.01
_ERF = math.pi / 4
"""tanh(h) is nearly erf(√(π/4) h): both have slope 1 at 0; they differ by 0.04 at most."""


def of_activity(activation: str, cov: Matrix) -> Matrix:
    """Return E[φ(u) φ(v)] for each pair of inputs, from their covariances (inputs, inputs).

    ReLU: √(pq) (sin θ + (π − θ) cos θ) / 2π with cos θ = c/√(pq) (Cho and Saul 2009); tanh by way of
    E[erf erf] = (2/π) arcsin(2c / √((1 + 2p)(1 + 2q))) (Williams 1998); leaky ReLU and sigmoid from these.
    """
    if activation == "tanh":
        variances = 1 + 2 * _ERF * np.diag(cov)
        sine = 2 * _ERF * cov / np.sqrt(np.outer(variances, variances))
        return np.asarray(2 / math.pi * np.arcsin(np.clip(sine, -1, 1)))
    if activation == "sigmoid":  # ½ + ½ tanh(h/2)
        return 0.25 + of_activity("tanh", cov / 4) / 4
    sizes, angle = _angles(cov)
    found: Matrix = sizes * (np.sin(angle) + (math.pi - angle) * np.cos(angle)) / (2 * math.pi)
    if activation == "leaky_relu":  # s h + (1 − s) relu(h), and E[u relu(v)] = c/2
        rest = 1 - LEAKY_SLOPE
        found = LEAKY_SLOPE**2 * cov + LEAKY_SLOPE * rest * cov + rest**2 * found
    return found


def of_slope(activation: str, cov: Matrix) -> Matrix:
    """Return E[φ′(u) φ′(v)] for each pair of inputs.

    ReLU: the probability (π − θ)/2π that both fire; tanh: that of erf, 1/√((1 + 2p)(1 + 2q) − 4c²).
    """
    if activation == "tanh":
        variances = 1 + 2 * _ERF * np.diag(cov)
        return np.asarray(1 / np.sqrt(np.maximum(np.outer(variances, variances) - (2 * _ERF * cov) ** 2, 1)))
    if activation == "sigmoid":
        return of_slope("tanh", cov / 4) / 16
    _, angle = _angles(cov)
    found = (math.pi - angle) / (2 * math.pi)
    if activation == "leaky_relu":
        rest = 1 - LEAKY_SLOPE
        found = LEAKY_SLOPE**2 + LEAKY_SLOPE * rest + rest**2 * found
    return np.asarray(found)


def _angles(cov: Matrix) -> tuple[Matrix, Matrix]:
    """Return √(pq) and the angle θ, 0 … π, for each pair; of an input that is 0 everywhere any angle will do."""
    sizes = np.sqrt(np.outer(np.diag(cov), np.diag(cov)))
    cosine = np.divide(cov, sizes, out=np.ones_like(cov), where=sizes > 0)
    return sizes, np.arccos(np.clip(cosine, -1, 1))
