"""What is told of each step: firings, gradients, updates, loss, the rate; and what can be asked of the training."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from networks import made
from torch.optim import lr_scheduler
from waiting import until
from watches import guest_of, history_of, watched

from deadrelu_tui.record.commands import Change, Pause, Resume, Stop, Take
from deadrelu_tui.watching import begin


def stepped(model: torch.nn.Module, batch: torch.Tensor, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    loss = model(batch).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def test_gradients_and_updates_are_those_of_each_parameter() -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.Adam(model.parameters(), lr=0.01), probe=batch)
    expected = []
    for _ in range(5):
        before = {name: each.detach().double().clone() for name, each in model.named_parameters()}
        stepped(model, batch, optimizer)
        for name, each in model.named_parameters():
            change = (each.detach().double() - before[name]).norm() / before[name].norm()
            gradient = each.grad.double()
            expected.append((name, float(gradient.sum()), float(gradient.norm()), float(change)))
    history = history_of(monitor)
    names = [name for name, _ in model.named_parameters()]
    for index, (name, total, norm, change) in enumerate(expected):
        step = index // len(names)
        told = [history.series(f"{metric}/{name}").values[step] for metric in ("grad_sum", "grad_norm", "update_ratio")]
        np.testing.assert_allclose(told, (total, norm, change), rtol=2e-4, atol=1e-6)


def test_a_unit_has_fired_in_a_batch_if_it_did_for_one_of_its_samples() -> None:
    for name in ("functions", "residual", "deep", "transformer", "leaky"):
        model, batch = made(name)
        model.train()
        fired: dict[str, np.ndarray] = {}  # type: ignore[type-arg]
        monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
        guest = guest_of(monitor)
        read: dict[str, Any] = {}

        def after(measure: bool, told=guest.sight.after, read=read) -> Callable[[], object]:  # type: ignore[no-untyped-def]
            later = told(measure)
            read["now"] = later()
            return later  # type: ignore[no-any-return]

        guest.sight.after = after  # type: ignore[assignment, method-assign]
        handles = []
        modules = dict(model.named_modules())
        for layer, tap in guest.sight.known.taps.items():  # type: ignore[attr-defined]

            def slow(module, _given, out, layer=layer, along=tap.along, fired=fired):  # type: ignore[no-untyped-def]
                if not module.training:  # a look
                    return
                rows = np.moveaxis(out.detach().numpy(), along, -1).reshape(-1, out.shape[along])
                fired[layer] = (rows > 0).any(0)

            handles.append(modules[tap.module].register_forward_hook(slow))
        stepped(model, batch, optimizer)
        assert fired.keys() == read["now"].fired.keys(), name
        assert all(np.array_equal(fired[layer], read["now"].fired[layer]) for layer in fired), name
        monitor.close()


@pytest.mark.parametrize("when", ["before the step", "after it"])
def test_a_loss_belongs_to_its_step_whenever_it_is_told(when: str) -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
    losses = []
    for _ in range(6):
        loss = model(batch).square().mean()
        if when == "before the step":
            monitor.log(loss=loss, accuracy=0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if when == "after it":
            monitor.log(loss=loss, accuracy=0.5)
        losses.append(float(loss.detach()))
    history = history_of(monitor)
    assert history.series("loss").values.tolist() == [np.float32(each) for each in losses]
    assert history.latest("accuracy") == 0.5


SCHEDULERS: dict[str, Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]] = {
    "step": lambda it: lr_scheduler.StepLR(it, 3),
    "cosine": lambda it: lr_scheduler.CosineAnnealingLR(it, 10),
    "lambda": lambda it: lr_scheduler.LambdaLR(it, lambda step: 1 / (1 + step)),
    "one cycle": lambda it: lr_scheduler.OneCycleLR(it, 0.1, total_steps=20),
    "exponential": lambda it: lr_scheduler.ExponentialLR(it, 0.8),
}


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_change_of_the_rate_is_a_factor_that_survives_every_scheduler(kind: str) -> None:
    def rates(halved: bool) -> tuple[list[float], list[float]]:
        model, batch = made("deep")
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = SCHEDULERS[kind](optimizer)
        monitor = watched(model, optimizer, probe=batch)
        used, known = [], []
        optimizer.register_step_pre_hook(lambda it, *_: used.append(it.param_groups[0]["lr"]))
        for step in range(12):
            if halved and step == 4:
                guest = guest_of(monitor)
                guest.run.send(Change({"lr": guest.run.live["lr"] / 2}))
            stepped(model, batch, optimizer)
            known.append(optimizer.param_groups[0]["lr"])
            scheduler.step()
        assert not monitor.fault
        monitor.close()
        return used, known

    (plain, known), (halved, known_too) = rates(False), rates(True)
    assert known == known_too
    assert halved[:5] == plain[:5]
    assert halved[5:] == pytest.approx([each / 2 for each in plain[5:]], rel=1e-12)


def test_what_is_set_is_told_at_each_step_and_a_scheduler_is_nobodys_command() -> None:
    model, batch = made("deep")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.StepLR(optimizer, 2, 0.5)
    monitor = watched(model, optimizer, probe=batch)
    for _ in range(6):
        stepped(model, batch, optimizer)
        scheduler.step()
    history = history_of(monitor)
    assert [history.live_at(step)["lr"] for step in range(6)] == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    assert not [each for each in history.events if each.kind == "change"]


def test_a_pause_holds_the_training_between_two_steps_and_lets_single_ones_go() -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
    guest, done = guest_of(monitor), []
    guest.run.send(Pause())

    def train() -> None:
        for _ in range(3):
            stepped(model, batch, optimizer)
            done.append(guest.step)

    thread = threading.Thread(target=train)
    thread.start()
    until(lambda: len(guest.run.history) == 1)
    assert done == []
    guest.run.send(Take())
    until(lambda: len(guest.run.history) == 2)
    assert done == [1]
    guest.run.send(Resume())
    thread.join(30)
    assert done == [1, 2, 3]
    assert [each.kind for each in history_of(monitor).events if each.kind in ("pause", "resume")] == ["pause", "resume"]


def test_a_stop_ends_the_batches_else_it_interrupts() -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
    seen = 0
    for each in monitor.batches([batch] * 10):
        stepped(model, each, optimizer)
        seen += 1
        if seen == 3:
            guest_of(monitor).run.send(Stop())
    assert seen == 3
    assert monitor.stopped
    history = history_of(monitor)
    assert history.end is not None
    assert history.end.how == "stopped"

    monitor = watched(model, optimizer, probe=batch)
    guest_of(monitor).run.send(Stop())
    with pytest.raises(KeyboardInterrupt):
        stepped(model, batch, optimizer)
    stepped(model, batch, optimizer)  # a loop that catches it goes on as if nobody had watched


def test_a_look_that_the_budget_does_not_allow_is_taken_as_soon_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
    guest = guest_of(monitor)
    monkeypatch.setattr(guest.governor, "affords", lambda kind: kind != "look" or guest.step in (0, 7))
    for _ in range(12):
        stepped(model, batch, optimizer)
    assert history_of(monitor).look_steps.tolist() == [0, 7]  # those of steps 1, 2 and 4 were due


def test_without_controls_nothing_can_be_asked() -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch, controls=())
    guest = guest_of(monitor)
    assert guest.run.can == frozenset()
    guest.run.send(Pause())
    guest.run.send(Change({"lr": 1.0}))
    assert math.isfinite(float(stepped(model, batch, optimizer)))
    assert guest.orders.factor == 1.0
    monitor.close()


def test_a_fault_of_ours_ends_the_watching_and_not_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = made("deep")
    monitor = watched(model, optimizer := torch.optim.SGD(model.parameters(), lr=0.01), probe=batch)
    stepped(model, batch, optimizer)

    def broken() -> None:
        raise RuntimeError("of ours")

    guest_of(monitor).sight.look = broken  # type: ignore[assignment, method-assign]
    for _ in range(3):
        stepped(model, batch, optimizer)
    assert "of ours" in monitor.fault
    assert "the training goes on" in capsys.readouterr().err
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in model.modules())
    guest = monitor._guest
    assert guest is not None
    monitor.close()
    assert [each.kind for each in guest.run.history.events].count("unwatched") == 1


def test_what_cannot_be_watched_is_said_in_a_line_and_breaks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    model, batch = made("deep")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    other = torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.01)
    for told, given in (
        ("the network cannot be run on the probe", {"probe": torch.randn(3, 99)}),
        ("no module", {"probe": batch, "units": {"x": "nowhere"}}),
        ("controls may be", {"probe": batch, "controls": ("fly",)}),
        ("budget", {"probe": batch, "budget": 0}),
        ("window", {"probe": batch, "window": -1}),
    ):
        monitor = begin(model, optimizer, **given)
        assert told in monitor.fault
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "the training goes on" in said
    assert "holds none of the model's parameters" in begin(model, other, probe=batch).fault
    assert "must be a torch.optim.Optimizer" in begin(model, "adam", probe=batch).fault
    assert "Gluon" in begin("model", optimizer).fault
    stepped(model, batch, optimizer)
