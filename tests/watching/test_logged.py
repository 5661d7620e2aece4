"""Numbers that a training logs beside its loss."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from watches import guest_of, history_of, watched

from deadrelu_tui.record.metrics import Quantity, is_logged
from deadrelu_tui.record.records import Start, Step
from deadrelu_tui.run.file import Tail
from deadrelu_tui.watching.guest import MOST_LOGGED
from deadrelu_tui.watching.monitor import Monitor
from deadrelu_tui.watching.told import Told


def begun(**given: Any) -> tuple[Monitor, nn.Module, torch.optim.Optimizer]:
    """Return a training that is watched."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    return watched(model, optimizer, **{"probe": torch.randn(32, 4), **given}), model, optimizer


def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.Tensor:
    """Take a step; return the loss."""
    optimizer.zero_grad()
    loss = model(torch.randn(8, 4)).square().mean()
    loss.backward()
    optimizer.step()
    return loss


def said(start: Start | None) -> list[str]:
    """Return the numbers of its own that a run says it tells."""
    assert start is not None
    return [each.name for each in start.metrics if is_logged(each)]


def test_a_number_is_said_to_be_told_before_the_step_that_has_it_and_so_it_is_in_the_file() -> None:
    monitor, model, optimizer = begun()
    for index in range(6):
        loss = step(model, optimizer)
        monitor.log(loss=loss, **({"accuracy": torch.tensor(index / 10)} if index >= 2 else {}))
    guest = guest_of(monitor)
    history = history_of(monitor)
    assert said(history.start) == ["accuracy"]
    assert history.quantity("accuracy") == Quantity("accuracy", "accuracy", every_step=True)
    assert history.series("accuracy").steps.tolist() == [2, 3, 4, 5]
    assert history.series("accuracy").values.tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5])
    assert guest.watch.folder is not None
    tail, known = Tail(guest.watch.folder / f"{guest.run.start.run}.run"), list[str]()
    for record in tail.read():
        if isinstance(record, Start):
            known = said(record)
        for each in [record] if isinstance(record, Step) else []:
            assert "accuracy" not in each.values or "accuracy" in known
    tail.close()
    assert known == ["accuracy"]


def test_a_number_that_is_logged_before_the_first_step_is_known_by_then() -> None:
    monitor, model, optimizer = begun(probe=None)
    monitor.log(rate=0.5)
    step(model, optimizer)
    assert said(history_of(monitor).start) == ["rate"]


def test_of_many_names_the_first_are_said_and_all_are_recorded() -> None:
    monitor, model, optimizer = begun()
    names = [f"number {index}" for index in range(MOST_LOGGED + 5)]
    for _ in range(3):
        step(model, optimizer)
        monitor.log(loss=1.0, **dict.fromkeys(names, 2.0))
    history = history_of(monitor)
    assert said(history.start) == names[:MOST_LOGGED]
    assert all(history.series(name).values.tolist() == [2.0] * 3 for name in names)
    assert [each.kind for each in history.events].count("start") == 1


@pytest.mark.parametrize(
    "name", ["loss", "dead_fraction/0", "grad_norm/0.weight", "accuracy/test", "loss/test", "deaths", "deaths/0",
             "watching"],
)  # fmt: skip
def test_what_is_called_as_something_that_is_measured_is_not_taken_for_another(name: str) -> None:
    monitor, model, optimizer = begun()
    before = guest_of(monitor).run.start.metrics if monitor._guest is not None else None
    step(model, optimizer)
    monitor.log(**{name: 0.25})
    step(model, optimizer)
    history = history_of(monitor)
    assert said(history.start) == []
    assert before is None or (history.start is not None and history.start.metrics == before)


@pytest.mark.parametrize(
    "name", ["grad_norm", "loss/kl", "a\nb", "größe ‖x‖", "精度", "x" * 500, "\udc80", "step", "lr"]
)
def test_a_name_may_be_any(name: str) -> None:
    monitor, model, optimizer = begun()
    for _ in range(2):
        step(model, optimizer)
        monitor.log(**{name: 0.25})
    history = history_of(monitor)
    assert said(history.start) == [name]
    assert history.series(name).values.tolist() == [0.25, 0.25]
    assert [each.name for each in history.of("grad_norm")] == ["grad_norm/0.weight", "grad_norm/0.bias",
                                                               "grad_norm/2.weight", "grad_norm/2.bias"]  # fmt: skip


def test_a_word_is_no_number() -> None:
    monitor, model, optimizer = begun()
    step(model, optimizer)
    monitor.log(phase="warm-up", nothing=None)
    step(model, optimizer)
    assert said(history_of(monitor).start) == []


def test_it_is_said_once_and_not_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor, model, optimizer = begun()
    guest, told = guest_of(monitor) if monitor._guest else None, list[object]()
    step(model, optimizer)
    guest = guest or guest_of(monitor)
    tell = guest._teller.tell

    def listen(each: Told, urgent: bool = False) -> None:
        told.append(each)
        tell(each, urgent)

    monkeypatch.setattr(guest._teller, "tell", listen)
    for _ in range(5):
        monitor.log(loss=1.0, accuracy=0.5)
        step(model, optimizer)
    monitor.close()
    assert sum(isinstance(each, Start) for each in told) == 1
