"""The ledger of a layer: which units were born dead, which died, which came back, and at which step.

The probe set says whether a unit is dead, but is looked at now and then. A unit that is found dead died after the
last batch for which it fired: that puts a step to a death between two looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.units import Mask, Units

Steps = npt.NDArray[np.int64]
NEVER = -1


@dataclass(frozen=True)
class Entry:
    """What one look changed."""

    units: int
    """Units of the layer."""
    before: int
    """How many of them were dead at the look before; 0 if there was none."""
    died: Steps
    """Indices of the units that are dead now and were not before, and the step at which each of them died."""
    died_at: Steps
    revived: Steps
    """Indices of the units that were dead before and are not now."""
    born: bool
    """This is the first look of all: its dead were born so."""

    @property
    def now(self) -> int:
        """Return how many units are dead at this look."""
        return self.before + len(self.died) - len(self.revived)


class Ledger:
    """One layer's units; every array has the shape (units,)."""

    def __init__(self, units: int) -> None:
        self.lost: Mask = np.zeros(units, np.bool_)
        self.born_dead: Mask = np.zeros(units, np.bool_)
        self.changed_at: Steps = np.full(units, NEVER)
        """The step of the last death or revival; NEVER for a unit that has always lived."""
        self.deaths: Steps = np.zeros(units, np.int64)
        """Times a unit died, its birth included if it was born dead."""
        self.revivals: Steps = np.zeros(units, np.int64)
        self._fired_at: Steps = np.full(units, NEVER)
        self._looked_at: int | None = None

    def batch(self, step: int, fired: npt.NDArray[Any]) -> None:
        """Note for which units a step's batch had an image that made them fire."""
        self._fired_at[fired] = step

    def look(self, step: int, units: Units, updated: bool = False) -> Entry:
        """Note a look with the weights that a step found, or left if it has updated them, and return what has changed
        since the look before.
        """
        # Of a unit whose h is no number nothing new is known.
        before, lost = self._looked_at, np.where(np.isnan(units.firing), self.lost, units.lost)
        died, revived = np.flatnonzero(lost & ~self.lost), np.flatnonzero(self.lost & ~lost)
        if before is None:
            died_at = np.full(len(died), step)
            self.born_dead = np.zeros(len(lost), np.bool_) if updated else lost.copy()
        elif len(units) and units.activation in ("relu", "leaky_relu"):
            # The update of the last step with a firing killed it; the weights after it belong to the next step.
            died_at = np.clip(self._fired_at[died] + 1, before + 1, max(before + 1, step))
        else:
            died_at = np.full(len(died), step)
        self.changed_at[died], self.changed_at[revived] = died_at, step
        self.deaths[died] += 1
        self.revivals[revived] += 1
        entry = Entry(len(lost), int(self.lost.sum()), died, died_at, revived, before is None and not updated)
        self.lost, self._looked_at = lost, step
        return entry

    def copy(self) -> Ledger:
        """Return the ledger as it stands."""
        twin = Ledger(0)
        twin.__dict__.update(
            {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in vars(self).items()}
        )
        return twin
