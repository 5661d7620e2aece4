"""What a network is made of, found by passing the probe through it once: layers of units and what belongs to them."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from deadrelu_tui.errors import InputError
from deadrelu_tui.record.activations import OWN, SATURATING
from deadrelu_tui.record.network import Layer, Network, Parameter
from deadrelu_tui.watching.by_torch import autograd, operations
from deadrelu_tui.watching.by_torch.looking import Counts
from deadrelu_tui.watching.by_torch.passing import traced, undisturbed
from deadrelu_tui.watching.by_torch.tracing import Call, Key, Reader, Trace
from deadrelu_tui.watching.quantities import parameters_told


@dataclass(frozen=True)
class Tap:
    """Where a training batch tells for which units it fires, cheaply: at the output of one module."""

    module: str
    before: bool
    """It gives h, of which the largest tells; else what comes of it, of which the sum does."""
    along: int


@dataclass
class Place:
    """A layer as it was met."""

    key: Key
    activation: str
    units: int
    along: int
    makers: tuple[str, ...] = ()
    biases: tuple[str, ...] = ()
    norms: tuple[str, ...] = ()
    feeds: frozenset[Key] = frozenset()
    site: str = ""
    calls: int = 0
    taps: Counter[Tap] = field(default_factory=Counter)
    readers: tuple[Reader, ...] = ()
    name: str = ""
    recomputed: bool = False
    """Whether a training does not save what comes of it, but computes it anew."""


@dataclass(frozen=True)
class Sketch:
    """The network, and how its layers are met again."""

    network: Network
    places: Mapping[str, Place]
    """By the names of the layers, in order."""
    taps: Mapping[str, Tap]
    graphed: Mapping[str, tuple[autograd.Group, int]]
    """Layers that no module tells of and autograd may: by which weights, and how often in a pass."""
    parameters: Mapping[str, torch.nn.Parameter]
    """Those that are told of, by name."""
    everything: Mapping[str, torch.nn.Parameter]
    out: Any
    """What the network said."""

    @property
    def norms(self) -> tuple[str, ...]:
        """The modules that normalise what goes into a layer."""
        return tuple(dict.fromkeys(one for each in self.places.values() for one in each.norms))


def sketch(model: torch.nn.Module, passed: Callable[[], Any], own: Mapping[str, torch.nn.Module]) -> Sketch:
    """Return what a network is made of; `own` names modules whose output is units of their own kind.

    Raises InputError for a network in which no units are found, and what the network itself raises on the probe.
    """
    everything = dict(model.named_parameters())
    meeting = _Meeting(own)
    shapes = {name: each.ndim for name, each in everything.items()}
    paths = {id(each): path for path, each in model.named_modules()}
    meeting._within = {paths[id(each)] for each in own.values()}
    trace = meeting.trace = Trace({id(each): name for name, each in everything.items()}, shapes, meeting.met)
    with undisturbed(model), traced(model, trace, told=meeting.left):
        out = passed()
    for key, readers in trace.found.readers.items():
        if key in meeting.places:
            meeting.places[key].readers = tuple(readers)
    places = [each for each in meeting.places.values() if _counts(each, trace.found.gates)]
    if not places:
        raise InputError(
            "no ReLU, nor any other activation that is known, is in this network; units= names modules whose units "
            "fire otherwise"
        )
    _name(places)
    return drawn(places, everything, meeting.exclusive, out)


def _counts(place: Place, gates: set[Key]) -> bool:
    """Return whether a layer is one of units: gates and what the network ends with are none, unless they can die."""
    return place.activation not in SATURATING or (bool(place.readers) and place.key not in gates)


class _Meeting:
    """Notes activations as they are met in a pass, and modules that give what goes into one or comes out of one."""

    trace: Trace

    def __init__(self, own: Mapping[str, torch.nn.Module]) -> None:
        self.places: dict[Key, Place] = {}
        self._own = {id(each): name for name, each in own.items()}
        self._within: set[str] = set()
        """The paths of those modules."""
        self._given: dict[int, list[tuple[weakref.ref[torch.Tensor], int, str]]] = {}
        self._said: dict[int, tuple[weakref.ref[torch.Tensor], int, Key, int]] = {}
        self._uses = Counter[str]()
        """How often each module was called."""
        self._matched = Counter[tuple[str, Key]]()

    def met(self, call: Call) -> Callable[[torch.Tensor], None]:
        """Note a call; not one within a module that is a layer as a whole."""
        if self._within and not self._within.isdisjoint(self.trace.site):
            return lambda _: None
        place = self.places.setdefault(
            call.key,
            Place(call.key, call.activation, call.pre.shape[call.along], call.along, call.tag.makers,
                  call.tag.biases, call.tag.norms, call.tag.feeds - {call.key}, call.site),
        )  # fmt: skip
        place.calls += 1
        place.recomputed |= autograd.recomputed()
        version = call.pre._version
        for reference, known, module in self._given.get(id(call.pre), ()):
            if reference() is call.pre and known == version:
                place.taps[Tap(module, True, call.along)] += 1
                break  # the first that gave it: what is round about it gives the same
        identity = id(call.pre)

        def done(out: torch.Tensor) -> None:
            # An operation in place counts up the version only when it is over.
            now = version + 1 if id(out) == identity else out._version
            self._said[id(out)] = weakref.ref(out), now, call.key, call.along

        return done

    def left(self, module: torch.nn.Module, name: str, given: Any, out: Any) -> None:
        """Note what a module has given."""
        self._uses[name] += 1
        if not isinstance(out, torch.Tensor):
            return
        if id(module) in self._own:
            self._met_own(self._own[id(module)], name, out)
        taken = {id(each) for each in given if isinstance(each, torch.Tensor)}
        said = self._said.get(id(out))
        version = out._version
        if said is not None and said[0]() is out and said[1] == version:
            inplace = isinstance(module, torch.nn.ReLU) or hasattr(module, "inplace")
            if id(out) not in taken or (inplace and "ropout" not in type(module).__name__):
                self.places[said[2]].taps[Tap(name, False, said[3])] += 1
        if id(out) not in taken:  # what is handed through, as by a Dropout in eval mode, is another in training
            self._given.setdefault(id(out), []).append((weakref.ref(out), version, name))

    def _met_own(self, name: str, module: str, out: torch.Tensor) -> None:
        along = operations.along_by_shape(out)
        key: Key = ((), module, OWN, name)
        tag = self.trace.name(out, key, along)
        place = self.places.setdefault(
            key,
            Place(key, OWN, out.shape[along], along, tag.makers, tag.biases, tag.norms, tag.feeds, module, name=name),
        )
        place.calls += 1
        place.taps[Tap(module, False, along)] += 1

    def exclusive(self, place: Place) -> Tap | None:
        """Return the best tap that tells of this layer at each of its calls, and of no other; None without one."""
        fitting = [
            tap for tap, times in place.taps.items() if times == place.calls == self._uses[tap.module]
        ]  # fmt: skip
        return min(fitting, key=lambda each: each.before, default=None)


def _name(places: Sequence[Place]) -> None:
    """Give each layer the name that the network has for it: the module that makes its pre-activations, else that in
    which it is computed.
    """
    used = Counter[str]()
    for each in places:
        modules = {one.rpartition(".")[0] for one in each.makers}
        wanted = each.name or (modules.pop() if len(modules) == 1 else "") or each.site or each.activation
        used[wanted] += 1
        each.name = wanted if used[wanted] == 1 else f"{wanted}:{used[wanted]}"


def drawn(
    places: Sequence[Place], everything: Mapping[str, torch.nn.Parameter],
    tap_of: Callable[[Place], Tap | None], out: Any,
) -> Sketch:  # fmt: skip
    """Return a sketch of layers that have their names, given what tells of each what batches make of it."""
    names = {each.key: each.name for each in places}
    order = list(names)
    layers = []
    for each in places:
        weight = next((one for one in reversed(each.makers) if each.units in everything[one].shape[:2]), "")
        owner = weight.rpartition(".")[0]
        bias = next((one for one in each.biases if one.rpartition(".")[0] == owner), None) if weight else None
        feeding = tuple(names[key] for key in sorted(each.feeds & names.keys(), key=order.index))
        layers.append(Layer(each.name, each.units, each.activation, weight, bias, feeding))
    making = [name for each in layers for name in (each.weight, each.bias) if name]
    wanted = list(parameters_told(list(everything), making))
    network = Network(tuple(layers), tuple(Parameter(name, tuple(everything[name].shape)) for name in wanted))
    taps = {each.name: tap for each in places if (tap := tap_of(each)) is not None}
    graphed = {
        each.name: ((frozenset(each.makers), each.activation), each.calls)
        for each in places
        if each.name not in taps and each.activation in autograd.READ and not each.recomputed
    }  # fmt: skip
    return Sketch(
        network, {each.name: each for each in places}, taps, graphed, {name: everything[name] for name in wanted},
        everything, out,
    )  # fmt: skip


def counted(
    model: torch.nn.Module, known: Sketch, passed: Callable[[], Any], own: Mapping[str, torch.nn.Module]
) -> tuple[dict[str, Counts], Any]:
    """Pass the probe through a network that is known, and return what the units of each layer did, and its output."""
    counts = {name: Counts(each.activation) for name, each in known.places.items()}
    by_key = {each.key: counts[name] for name, each in known.places.items()}
    named = {id(module): name for name, module in own.items()}
    shapes = {name: each.ndim for name, each in known.everything.items()}

    def met(call: Call) -> Callable[[torch.Tensor], None]:
        found = by_key.get(call.key)
        return found.take(call) if found is not None else lambda _: None

    def left(module: torch.nn.Module, _name: str, _given: Any, out: Any) -> None:
        name = named.get(id(module))
        if name in counts and isinstance(out, torch.Tensor):
            counts[name].give(out, known.places[name].along)

    trace = Trace({id(each): name for name, each in known.everything.items()}, shapes, met)
    with undisturbed(model), traced(model, trace, told=left):
        out = passed()
    return {name: each for name, each in counts.items() if each.places}, out
