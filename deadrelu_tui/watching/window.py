"""Death without a probe: a unit is dead after so many samples of training for which it did not fire.

As sparse autoencoders have it (SAELens' dead_feature_window, the tokens of sparsify and of OpenAI's).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.units import OF_EACH, Units

Times = npt.NDArray[np.bool_] | npt.NDArray[np.int64]


class Window:
    """Of each layer's units, for how many samples each has been silent, and how often it fired since the last look."""

    def __init__(self, samples: Mapping[str, int]) -> None:
        """Take after how many samples a unit of each layer is dead."""
        self.samples = samples
        self._silent: dict[str, npt.NDArray[np.int64]] = {}
        self._fired: dict[str, npt.NDArray[np.int64]] = {}
        self._of: dict[str, int] = {}

    def batch(self, layer: str, fired: Times, samples: int, of: int = 1) -> None:
        """Note how often each unit fired, of so many times: once, if a batch of so many samples had one for it."""
        if layer not in self._silent:
            self._silent[layer], self._fired[layer] = (np.zeros(len(fired), np.int64) for _ in range(2))
            self._of[layer] = 0
        silent = self._silent[layer]
        silent += samples
        silent[fired > 0] = 0
        self._fired[layer] += fired
        self._of[layer] += of

    def dead(self, layer: str) -> npt.NDArray[np.bool_]:
        """Return which units have been silent for so long."""
        return self._silent[layer] >= self.samples[layer]

    def look(self, activations: Mapping[str, str], looked: Mapping[str, Units]) -> dict[str, Units]:
        """Return what is known of each unit: dead is what was silent for the window; how often the others fire is told
        by a look at a probe, or by what came since the look before.
        """
        units = dict(looked)
        for layer in self._silent:
            of, activation = max(self._of[layer], 1), activations[layer]
            known = looked.get(layer)
            rate = self._fired[layer] / of if known is None else known.firing.astype(np.float64)
            # Whoever fired within the window lives, though it may have said nothing since the last look.
            rate = np.where(self.dead(layer), 0.0, np.maximum(rate, 0.5 / (of + 1)))
            lacking = np.full(len(rate), np.nan, np.float32)
            told = {name: lacking if known is None else getattr(known, name) for name in OF_EACH}
            told["firing"] = rate.astype(np.float32)
            if known is None:
                told["unsaturated"] = np.ones(len(rate), np.float32)
            if activation == CHOSEN:
                told["activity"] = told["firing"]  # an entry says as much as it is chosen
            spread = np.empty(0, np.float32) if known is None else known.spread
            units[layer] = Units(activation, **told, spread=spread)
            self._fired[layer][:], self._of[layer] = 0, 0
        return units
