"""`watch` for a network of PyTorch's: what is watched, and the hooks that tell of its steps."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from deadrelu_tui import __version__
from deadrelu_tui.errors import InputError, in_a_line
from deadrelu_tui.record.records import Start, new_id
from deadrelu_tui.run.origin import origin
from deadrelu_tui.watching import Kept
from deadrelu_tui.watching.by_torch import passing
from deadrelu_tui.watching.by_torch.drawn import sketch_of
from deadrelu_tui.watching.by_torch.sight import TorchSight
from deadrelu_tui.watching.by_torch.sketch import Sketch, sketch
from deadrelu_tui.watching.by_torch.steps import Steps, computes, holds
from deadrelu_tui.watching.by_torch.tables import Chosen
from deadrelu_tui.watching.by_torch.taps import Taps, fires_at
from deadrelu_tui.watching.by_torch.unpickled import Hook
from deadrelu_tui.watching.guest import Guest, Watch
from deadrelu_tui.watching.quantities import told_of
from deadrelu_tui.watching.tables import Table
from deadrelu_tui.watching.watched import Watched

PATIENCE = 3
"""Steps within which a batch has to be seen where no probe is given."""
WINDOW = 2_000
"""Samples without firing after which a unit is dead where nothing can be looked at, if nobody says otherwise; so many
are looked at by loss-of-plasticity (Dohare et al. 2024), too.
"""
KEPT_SAMPLES = 512
"""Samples of the first batch that are kept where no probe is given."""


class TorchWatch(Watched):
    """Everything that is put on a training, and what it takes to begin: a probe, or the first batch as one."""

    def __init__(
        self, model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], probe: Any,
        units: Mapping[str, Any] | None, classes: int | None, name: str | None, watch: Watch,
        by_itself: bool = False,
    ) -> None:  # fmt: skip
        """Begin at once with a probe, else at the first batch.

        Raises InputError for what cannot be watched.
        """
        super().__init__()
        self._outer, self._model = model, passing.inner(model)
        self._optimizers = optimizers
        self._classes, self._name, self._watch = classes, name, watch
        self._own = own_modules(self._model, units or {})
        if optimizers:
            require_some(self._model, optimizers)
        self._hooks: list[Any] = []
        self._kept: Any = None
        """The first batch, where it stands for a probe."""
        self._probe, self._waited = probe, 0
        self._steps: Steps | None = None
        self._sight: TorchSight | None = None
        self._uncalled = False
        """Whether nobody calls the network as a module."""
        self._within: torch.optim.Optimizer | None = None
        """The optimizer whose step computes the gradients, and passes the network through, within itself."""
        if watch.window is not None and not fires_at(model):
            raise InputError("window= needs every batch to be seen, which compiled code does not allow; give a probe")
        if isinstance(probe, Kept):
            self._kept, self._probe = (passing.kept(probe.args, KEPT_SAMPLES), {}), None
        if (optimizers or by_itself) and probe is not None:
            self._begin_by_what_is_known()
        elif isinstance(model, torch.jit.ScriptModule):
            raise InputError("compiled script shows nobody its batches; give a probe")
        else:
            self._hooks = [
                model.register_forward_pre_hook(Hook(self._first_batch), with_kwargs=True),
                register_optimizer_step_pre_hook(self._first_step),
            ]

    def _begin_by_what_is_known(self) -> None:
        if self._probe is not None:
            self._begin(passing.prober(self._model, self._probe), "probe", self._probe)
        else:
            (args, given), model = self._kept, self._model
            self._begin(lambda: model(*args, **given), "batch", self._kept)

    def _first_batch(self, _outer: torch.nn.Module, args: Any, given: Any) -> None:
        if torch.compiler.is_compiling() or not self._model.training:
            return
        if self.guest is not None or self.fault is not None:
            self._drop_hooks()
        elif self._probe is None and self._kept is None:
            try:
                self._kept = passing.kept((args, given), KEPT_SAMPLES)
                if self._optimizers:
                    self._begin_by_what_is_known()
                if self._steps is not None and self._within is not None:
                    self._steps.late(self._within)
            except Exception as error:
                self._decline(error)

    def _first_step(self, optimizer: torch.optim.Optimizer, args: Any, given: Any) -> None:
        """Begin at an optimizer's step: nobody has named one, or the network was not seen to be passed through."""
        if torch.compiler.is_compiling() or self.guest is not None or self.fault is not None:
            return
        if not (any(each is optimizer for each in self._optimizers) if self._optimizers else
                holds(optimizer, self._model)):  # fmt: skip
            return
        try:
            if not self._optimizers:
                self._optimizers = [optimizer, *others(self._model, [optimizer])]
            self._within = optimizer if computes(args, given) else None
            self._waited += 1
            if self._probe is not None or self._kept is not None:
                self._begin_by_what_is_known()
            elif self._waited == PATIENCE:
                raise InputError("no batch was seen that is passed through the network itself; give a probe")
        except Exception as error:
            self._decline(error)

    def join(self, optimizer: torch.optim.Optimizer) -> None:
        """Watch what another optimizer does, too."""
        guest, steps = self.guest, self._steps
        if guest is not None and steps is not None:
            guest.guarded("another optimizer could not be watched", lambda: steps.add(optimizer))

    def _begin(self, passed: Callable[[], Any], origin_of_probe: str, probe: Any) -> None:
        if self._watch.window is not None and origin_of_probe == "batch":
            origin_of_probe = "window"
        try:
            known = sketch(self._model, passed, self._own)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"the network cannot be run on the probe: {in_a_line(error)}") from error
        self._go(known, passed if origin_of_probe != "window" else None, origin_of_probe, probe)

    def heard(self, loss: torch.Tensor) -> None:
        """Take a loss whose gradients are about to be computed: it tells of a network that nobody calls as a module."""
        guest, sight = self.guest, self._sight
        if guest is None and self._waited and self._kept is None and self._probe is None and self.fault is None:
            known = sketch_of(loss, dict(self._model.named_parameters()))
            self._watch = replace(self._watch, window=self._watch.window or WINDOW)
            self._go(known, None, "window", ())
            self._uncalled = True
            guest, sight = self.guest, self._sight
        if self._uncalled and guest is not None and sight is not None and sight.taps is not None and guest.counts:
            sight.taps.take_passed(loss)

    def _go(self, known: Sketch, used: Callable[[], Any] | None, origin_of_probe: str, probe: Any) -> None:
        sight = self._sight = TorchSight(self._model, self._optimizers, known, used, self._own)
        start = self._start(known, origin_of_probe, probe)
        guest = self.guest = Guest(sight, start, self._watch)
        try:
            self._put_on(guest, sight, known)
        except Exception as error:
            self.guest = None
            guest.close(InputError("it could not be watched"))
            raise InputError(f"this network cannot be watched: {in_a_line(error)}") from error

    def _put_on(self, guest: Guest, sight: TorchSight, known: Sketch) -> None:
        self.tell_early(guest)
        if fires_at(self._outer):
            sight.taps = Taps(
                self._model, known, lambda: guest.counts and sight.passes < 2,
                lambda began: guest.governor.took("step", began, whole=False),
                lambda action: guest.guarded("a batch could not be measured", action),
            )  # fmt: skip
        sight.needs_taps = self._watch.window is not None
        self._steps = Steps(self._outer, guest, sight, self._drop_hooks)

    def gradients_are_there(self) -> None:
        """Take note that gradients are complete, in a training that changes its parameters itself."""
        if self._steps is not None and not self._optimizers:
            self._steps.gradients_are_there()

    def _start(self, known: Sketch, origin_of_probe: str, probe: Any) -> Start:
        at, device = time.time(), passing.device_of(self._model)
        tensors = list(passing.tensors(probe))
        first = next((each for each in tensors if each.is_floating_point()), None)
        facts: dict[str, Any] = {**origin(__version__), "probe": origin_of_probe, "guest": True, "engine": "torch"}
        facts["versions"] = {**facts["versions"], "torch": torch.__version__}
        before = steps_before(self._optimizers) if self._watch.joined else 0
        facts |= ({"joined": True} if self._watch.joined else {}) | ({"steps_before": before} if before else {})
        if first is not None and first.numel():
            wide = first.detach().double()
            facts |= {"input_mean": float(wide.mean()), "input_std": float(wide.std(unbiased=False))}
        if self._watch.window is not None:
            facts["window"] = self._watch.window
        if known.norms:
            facts["norms"] = list(known.norms)
            facts["norms_of"] = {name: list(each.norms) for name, each in known.places.items() if each.norms}
        if rates := rates_of(self._optimizers, known.parameters):
            facts["rates"] = rates
        return Start(
            run=new_id(at), at=at, title=self._name or type(self._model).__name__, device=_named(device),
            network=known.network, metrics=tuple(told_of(known.network, {*known.taps, *known.graphed})),
            probe=len(tensors[0]) if tensors and tensors[0].ndim else 0, facts=facts, classes=self._classes,
            first=max(before, int(self._watch.joined)),  # of one that was joined no look comes before the first update
        )  # fmt: skip

    def _decline(self, error: BaseException) -> None:
        self.fault = in_a_line(error)
        self._watch.say(f"deadrelu-tui: not watching, the training goes on: {self.fault}")

    def _drop_hooks(self) -> None:
        for each in self._hooks:
            each.remove()
        self._hooks.clear()

    def held(self, value: Any) -> Any:
        """Return a number as it stands now."""
        return value.detach() if isinstance(value, torch.Tensor) else value

    def table(self, size: int) -> Table:
        """Return what counts the choices from a table of so many entries."""
        return Chosen(size)

    def let_go(self) -> None:
        """Take off whatever was put on the training."""
        self._drop_hooks()
        super().let_go()

    def close(self, error: BaseException | None = None) -> None:
        """End the watching."""
        self._drop_hooks()
        if self.guest is not None:
            self.guest.close(error)
        elif self.fault is None:
            self._decline(InputError("no optimizer took a step with the model's parameters"))


def own_modules(model: torch.nn.Module, units: Mapping[str, Any]) -> dict[str, torch.nn.Module]:
    """Return the modules that somebody has named as units. Raises InputError for one that the network has not."""
    if not isinstance(units, Mapping):
        raise InputError(f"units= takes names and modules: units={{'codes': model.codes}}, not {type(units).__name__}")
    modules = dict(model.named_modules())
    found = {}
    for name, wanted in units.items():
        module = modules.get(wanted) if isinstance(wanted, str) else wanted
        if not isinstance(module, torch.nn.Module) or module not in modules.values():
            raise InputError(f"units={{{name!r}: …}}: the network has no module {wanted!r}")
        found[name] = module
    return found


def steps_before(optimizers: Iterable[torch.optim.Optimizer]) -> int:
    """Return how many steps optimizers have taken, as Adam and others count them; 0 if none does."""
    counts = [state["step"] for each in optimizers for state in list(each.state.values())[:1] if "step" in state]
    return max((int(each) for each in counts), default=0)


def rates_of(
    optimizers: Iterable[torch.optim.Optimizer], parameters: Mapping[str, torch.nn.Parameter]
) -> dict[str, float]:
    """Return the learning rate with which each parameter begins, if they are not all the same."""
    groups = [group for each in optimizers for group in each.param_groups if "lr" in group]
    rates = {id(one): float(group["lr"]) for group in groups for one in group["params"]}
    found = {name: rates[id(each)] for name, each in parameters.items() if id(each) in rates}
    return found if len(set(found.values())) > 1 else {}


def others(model: torch.nn.Module, known: list[torch.optim.Optimizer]) -> list[torch.optim.Optimizer]:
    """Return what else there is of optimizers that hold parameters of a network."""
    everything = [each for each in gc.get_objects() if issubclass(type(each), torch.optim.Optimizer)]
    return [
        each
        for each in everything
        if not any(each is one for one in known)
        and hasattr(each, "_optimizer_step_pre_hooks")  # else it wraps another, which is among them
        and holds(each, model)
    ]  # fmt: skip


def require_some(model: torch.nn.Module, optimizers: list[torch.optim.Optimizer]) -> None:
    """Raise InputError for optimizers that hold none of a network's parameters."""
    if optimizers and not any(holds(each, model) for each in optimizers):
        raise InputError("the optimizer holds none of the model's parameters")


def _named(device: torch.device) -> str:
    if device.type == "cuda":
        return f"gpu:{device.index or 0} {torch.cuda.get_device_name(device)}"
    return str(device)


def rank() -> int:
    """Return which of the processes of a distributed training this is."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return int(torch.distributed.get_rank())
    told = os.environ.get("RANK", "0")
    return int(told) if told.isdecimal() else 0
