"""The ledger of a layer: which units were born dead, which died, which came back, and at which step.

The probe set says whether a unit is dead, but is looked at now and then. A unit that is found dead died after the
last batch for which it fired: that puts a step to a death between two looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from deadrelu_tui.record.activations import SATURATING
from deadrelu_tui.record.units import Mask, Units

Steps = npt.NDArray[np.int64]
NEVER = -1


@dataclass(frozen=True)
class Entry:
    """What one look changed."""

    step: int
    units: int
    """Units of the layer."""
    before: int
    """How many of them were dead at the look before; 0 if there was none."""
    died: Steps
    """Indices of the units that are dead now and were not before, and the step at which each of them died."""
    died_at: Steps
    revived: Steps
    """Indices of the units that were dead before and are not now."""
    first: bool
    """This is the first look of all: when its dead died is not known."""
    born: bool
    """It came before the first update: its dead were born so."""

    @property
    def now(self) -> int:
        """Return how many units are dead at this look."""
        return self.before + len(self.died) - len(self.revived)


@dataclass(frozen=True)
class Ledger:
    """One layer's units as they stand after some entries; every array has the shape (units,) and is left as it is."""

    lost: Mask
    found_dead: Mask
    """Those that the first look found dead."""
    born: bool
    """Those were born so, for that look came before the first update."""
    changed_at: Steps
    """The step of the last death or revival; NEVER for a unit that has always lived."""
    deaths: Steps
    """Times a unit died, the one included before which nobody looked."""
    revivals: Steps

    @property
    def born_dead(self) -> Mask:
        """Return which units were dead before the first update; nobody, if nobody looked then."""
        return self.found_dead & self.born

    @classmethod
    def blank(cls, units: int) -> Ledger:
        """Return the ledger before the first look."""
        nobody, none = np.zeros(units, np.bool_), np.zeros(units, np.int64)
        return cls(nobody, nobody, False, np.full(units, NEVER), none, none)

    def after(self, entry: Entry) -> Ledger:
        """Return the ledger with an entry made."""
        if not (len(entry.died) or len(entry.revived)):
            return self
        lost, found_dead = self.lost.copy(), self.found_dead
        lost[entry.died], lost[entry.revived] = True, False
        if entry.first:
            found_dead = lost
        changed_at, deaths, revivals = self.changed_at.copy(), self.deaths.copy(), self.revivals.copy()
        changed_at[entry.died], changed_at[entry.revived] = entry.died_at, entry.step
        deaths[entry.died] += 1
        revivals[entry.revived] += 1
        return Ledger(lost, found_dead, self.born or entry.born, changed_at, deaths, revivals)


class Bookkeeper:
    """Who keeps a layer's ledger while the training runs: it remembers for which batch each unit fired last."""

    def __init__(self, units: int) -> None:
        self.ledger = Ledger.blank(units)
        self._fired_at: Steps = np.full(units, NEVER)
        self._looked_at: int | None = None

    def batch(self, step: int, fired: npt.NDArray[Any]) -> None:
        """Note for which units a step's batch had a sample that made them fire."""
        self._fired_at[fired] = step

    def batches(self, steps: Steps, fired: npt.NDArray[np.bool_]) -> None:
        """Note the same of many steps; fired has the shape (steps, units)."""
        ever = fired.any(axis=0)
        self._fired_at[ever] = steps[len(steps) - 1 - fired[::-1].argmax(axis=0)][ever]

    def look(self, step: int, units: Units, updated: bool = False) -> Entry:
        """Note a look with the weights that a step found, or left if it has updated them, and return what has changed
        since the look before.
        """
        # Of a unit whose h is no number nothing new is known.
        before, was = self._looked_at, self.ledger.lost
        lost = np.where(np.isnan(units.firing), was, units.lost)
        died, revived = np.flatnonzero(lost & ~was), np.flatnonzero(was & ~lost)
        if before is None or units.activation in SATURATING:
            died_at = np.full(len(died), step)
        else:
            # The update of the last step with a firing killed it; the weights after it belong to the next step.
            died_at = np.clip(self._fired_at[died] + 1, before + 1, max(before + 1, step))
        first = before is None
        entry = Entry(
            step, len(lost), int(was.sum()), died, died_at, revived, first, first and step == 0 and not updated
        )
        self.ledger, self._looked_at = self.ledger.after(entry), step
        return entry
