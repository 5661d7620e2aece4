"""Death without a probe: a unit is dead after so many samples of training for which it did not fire.

As sparse autoencoders have it (SAELens' dead_feature_window, the tokens of sparsify and of OpenAI's).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.units import OF_EACH, Units

Fired = npt.NDArray[np.bool_]


class Window:
    """Of each layer's units, for how many samples each has been silent, and how often it fired since the last look."""

    def __init__(self, samples: int) -> None:
        """Take after how many samples a unit is dead."""
        self.samples = samples
        self._silent: dict[str, npt.NDArray[np.int64]] = {}
        self._fired: dict[str, npt.NDArray[np.int64]] = {}
        self._batches: dict[str, int] = {}

    def batch(self, layer: str, fired: Fired, samples: int) -> None:
        """Note for which units a batch of so many samples had one that made them fire."""
        if layer not in self._silent:
            self._silent[layer], self._fired[layer] = (np.zeros(len(fired), np.int64) for _ in range(2))
            self._batches[layer] = 0
        silent = self._silent[layer]
        silent += samples
        silent[fired] = 0
        self._fired[layer] += fired
        self._batches[layer] += 1

    def dead(self, layer: str) -> Fired:
        """Return which units have been silent for so long."""
        return self._silent[layer] >= self.samples

    def look(self, activations: Mapping[str, str], looked: Mapping[str, Units]) -> dict[str, Units]:
        """Return what is known of each unit: dead is what was silent for the window; how often the others fire is told
        by a look at a probe, or by the batches since the look before.
        """
        units = {}
        for layer, silent in self._silent.items():
            batches = max(self._batches[layer], 1)
            known = looked.get(layer)
            rate = self._fired[layer] / batches if known is None else known.firing.astype(np.float64)
            # Whoever fired within the window lives, though it may have said nothing since the last look.
            rate = np.where(silent >= self.samples, 0.0, np.maximum(rate, 0.5 / (batches + 1)))
            lacking = np.full(len(silent), np.nan, np.float32)
            told = {name: lacking if known is None else getattr(known, name) for name in OF_EACH}
            told["firing"] = rate.astype(np.float32)
            if known is None:
                told["unsaturated"] = np.ones(len(silent), np.float32)
            spread = np.empty(0, np.float32) if known is None else known.spread
            units[layer] = Units(activations[layer], **told, spread=spread)
            self._fired[layer][:], self._batches[layer] = 0, 0
        return units
