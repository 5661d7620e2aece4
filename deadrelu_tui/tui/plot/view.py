"""What of a run the charts show, and how: the window, the zoom, the cursor, the scale. One immutable value."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from deadrelu_tui.record.activations import CHOSEN
from deadrelu_tui.record.history import History
from deadrelu_tui.record.records import Start
from deadrelu_tui.record.units import DEFINITIONS, Definition, definitions_for
from deadrelu_tui.tui.plot.across import BEGINNING, Across
from deadrelu_tui.wording import count

WINDOWS = ("all", f"first {BEGINNING}", "epoch", "last 200")
GRADIENTS = ("grad_sum", "grad_norm", "update_ratio")
SMOOTHING = (0, 20, 100)
"""Steps over which the running mean is taken; 0 for none."""
DEAD = "dead_fraction"
_LAST, _HOP = 200, 50
_NARROWEST = 16


@dataclass(frozen=True)
class View:
    """What is looked at. Extents are derived from it and from how long the run is by now."""

    window: str = WINDOWS[0]
    zoom: int = 0
    """How many times the window was halved."""
    cursor: int | None = None
    """The step at which values are read; None follows the newest one."""
    apart: bool = True
    """Whether the first steps keep a part of the charts of all steps."""
    logarithmic: bool = True
    smoothing: int = SMOOTHING[0]
    gradient: str = GRADIENTS[0]
    """What is told of each parameter's gradient, by its metric."""
    wanted: str = ""
    """Part of a name: layers and parameters that hold it come first."""
    dead: int = 0
    """Which of the definitions of death that apply the charts and the map follow, modulo their number."""
    batch: bool = True
    """Whether looks tell what each unit did on the step's batch."""
    silence: int = 0
    """Of how many samples the window is after which a unit is dead; 0 where a probe set tells."""
    probed: bool = True
    """Whether looks go through a probe set."""

    def extent(self, history: History) -> tuple[int, int]:
        """Return the steps at the left and the right edge of the charts. They stand still while the line grows."""
        first, stop = self._window(history)
        width = max(_NARROWEST, (stop - first) >> self.zoom)
        if not self.zoom or width >= stop - first:
            return first, stop
        return _around(self._anchor(history), width, first, stop)

    def across(self, history: History) -> Across:
        """Return the horizontal axis of the charts."""
        return Across(*self.extent(history), self.apart and self.window == WINDOWS[0] and not self.zoom)

    def _anchor(self, history: History) -> int:
        return _newest(history) if self.cursor is None else self.cursor

    def _window(self, history: History) -> tuple[int, int]:
        begin, start, at = history.first, history.start, self._anchor(history)
        stop = _newest(history) + 1
        if self.window == "epoch" and start is not None and start.steps_per_epoch:
            ended = (event.step for event in reversed(history.events) if event.kind == "epoch" and event.step < at)
            known = next(ended, begin - 1) + 1
            first = known + (at - known) // start.steps_per_epoch * start.steps_per_epoch
            return first, first + start.steps_per_epoch
        if self.window == "last 200":
            stop = max(begin + _LAST, -(-stop // _HOP) * _HOP)
            return (stop - _LAST, stop) if at >= stop - _LAST else _around(at, _LAST, begin, stop)
        if self.window == WINDOWS[1]:
            if at > begin + BEGINNING and self.cursor is not None:
                return _around(at, BEGINNING, begin, stop)
            return begin, begin + BEGINNING
        wide, planned = BEGINNING, history.steps_planned
        while wide < stop - begin:
            wide *= 2
        return begin, begin + (wide if planned is None else min(wide, max(planned, 1)))

    def wants(self, name: str) -> bool:
        """Return whether a layer or parameter of that name is looked for; all are if nothing is."""
        return self.wanted.lower() in name.lower()

    def definition_for(self, activation: str) -> Definition:
        """Return the definition of death that is followed."""
        apply = self.definitions(activation)
        return apply[self.dead % len(apply)]

    def definitions(self, activation: str) -> tuple[Definition, ...]:
        """Return the definitions of death that apply to an activation and are told of this run, in their order."""
        every = definitions_for(activation)
        told = [each for each in every if self._is_told(each)]
        return tuple(self._worded(each, activation) for each in told or every[-1:])

    def among(self, activations: Collection[str]) -> tuple[Definition, ...]:
        """Return those of several layers together, in words that hold for all of these."""
        known = {each.metric: each for name in activations for each in self.definitions(name)}
        if CHOSEN in activations and len(set(activations)) > 1 and DEAD in known:
            known[DEAD] = replace(known[DEAD], name="dead", short="dead")
        return tuple(known[each.metric] for each in DEFINITIONS if each.metric in known)

    def _is_told(self, definition: Definition) -> bool:
        return (self.batch or not definition.on_batch) and (self.probed or definition.metric == DEAD)

    def _worded(self, definition: Definition, activation: str) -> Definition:
        if activation == CHOSEN and definition.metric == DEAD:
            return replace(definition, name="chosen no more", short="not chosen")
        if not self.silence or definition.metric != DEAD:
            return definition
        return replace(definition, name=f"silent for {count(self.silence)} samples", short="silent")

    def of(self, start: Start) -> View:
        """Return the view with the definitions of death that a run tells of."""
        guest, window = bool(start.facts.get("guest")), start.facts.get("window")
        seen = (not guest, window if isinstance(window, int) else 0, start.facts.get("probe") != "window")
        if seen == (self.batch, self.silence, self.probed):
            return self
        return replace(self, batch=seen[0], silence=seen[1], probed=seen[2])

    def moved(self, history: History, by: int) -> View:
        """Return the view with the cursor so many steps further; it appears at the newest step in sight."""
        newest = _newest(history)
        at = min(newest, self.extent(history)[1]) if self.cursor is None else self.cursor + by
        return replace(self, cursor=min(max(history.first, at), newest))

    def at_event(self, history: History, way: int) -> View:
        """Return the view with the cursor at the step of the event before or after; behind the last one without it."""
        newest = _newest(history)
        at = newest + 1 if self.cursor is None else self.cursor
        before, after = ([step for step in history.known_at if (step - at) * side > 0] for side in (-1, 1))
        if way < 0:
            return replace(self, cursor=before[-1]) if before else self
        return replace(self, cursor=after[0] if after else None)

    def stride(self, history: History) -> int:
        """Return the steps of a long stride of the cursor: a twentieth of what is shown."""
        first, stop = self.extent(history)
        return max(1, (stop - first) // 20)

    def zoomed(self, history: History, by: int) -> View:
        """Return the view one halving closer, or further away, as far as there is something to see."""
        closer = replace(self, zoom=max(0, self.zoom + by))
        return closer if closer.extent(history) != self.extent(history) or by < 0 else self


def _newest(history: History) -> int:
    last = history.last
    return history.first if last is None else last


def _around(at: int, width: int, first: int, stop: int) -> tuple[int, int]:
    """Return a stretch of a window around a step. It moves in hops of half its width, not with every step."""
    hop = max(1, width // 2)
    left = at // hop * hop - hop // 2
    left = max(first, min(left, stop - width))
    return left, left + width
