"""The callbacks for Lightning and for Hugging Face's Trainer, with the real libraries on small networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from networks import made
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watches import guest_of

from deadrelu_tui.record.commands import Stop
from deadrelu_tui.record.history import History

pytestmark = pytest.mark.filterwarnings("ignore")


def rows(count: int = 32) -> torch.Tensor:
    return torch.randn((count, 6), generator=torch.Generator().manual_seed(3))


class Noted:
    """Keeps what a callback watches after it has let go of it."""

    def __init__(self, callback: Any, stop_at: int = -1) -> None:
        self.callback, self.stop_at, self.monitors = callback, stop_at, list[Any]()

    def step(self) -> None:
        monitor = self.callback.monitor
        if monitor is not None and monitor not in self.monitors:
            self.monitors.append(monitor)
        if monitor is not None and monitor._guest is not None and monitor._guest.step == self.stop_at:
            guest_of(monitor).run.send(Stop())

    @property
    def history(self) -> History:
        (monitor,) = self.monitors
        assert not monitor.fault
        return guest_of(monitor).run.history


def by_lightning(
    folder: Path, watch: dict[str, Any] | None, forward: bool = True, stop_at: int = -1, fails: bool = False,
    **given: Any,
) -> tuple[list[torch.Tensor], Noted, Any]:  # fmt: skip
    lightning = pytest.importorskip("lightning.pytorch", reason="Lightning is not installed (.[test-watch])")
    from deadrelu_tui.lightning import Watch

    class Module(lightning.LightningModule):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.net, _ = made("deep")

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            if fails and index == 3:
                raise ValueError("of mine")
            said = self(batch[0]) if forward else self.net(batch[0])
            return said.square().mean()

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val", self.net(batch[0]).square().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), lr=0.01)

    if forward:
        Module.forward = lambda self, batch: self.net(batch)
    callback = Watch(**{"budget": 1.0, **(watch or {})})
    noted = Noted(callback, stop_at)

    class Looker(lightning.Callback):  # type: ignore[name-defined]
        def on_train_batch_start(self, *_: Any) -> None:
            noted.step()

    lightning.seed_everything(5)
    module = Module()
    data = DataLoader(TensorDataset(rows()), batch_size=4)
    trainer = lightning.Trainer(
        accelerator="cpu", devices=1, default_root_dir=folder, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
        callbacks=[callback, Looker()] if watch is not None else [], **{"max_epochs": 2, **given},
    )  # fmt: skip
    try:
        trainer.fit(module, data, data)
    except ValueError:
        assert fails
    return [each.detach().clone() for each in module.parameters()], noted, trainer


@pytest.mark.parametrize("probe", [True, False])
def test_a_training_by_lightning_is_watched_and_ends_as_it_would(probe: bool, tmp_path: Path) -> None:
    plain, _, _ = by_lightning(tmp_path, None)
    seen, noted, _ = by_lightning(tmp_path, {"probe": rows(8)} if probe else {})
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))
    history = noted.history
    assert len(history) == len(history.series("loss").values) == 16
    assert (history.series("update_ratio/net.0.weight").values > 0).all()
    assert (history.series("grad_norm/net.0.weight").values > 0).all()
    assert len(history.series("silent_fraction/net.0").values) == 16
    assert history.end is not None
    assert history.end.how == "finished"


def test_batches_that_lightning_gathers_are_one_step_and_its_network_may_have_no_forward(tmp_path: Path) -> None:
    plain, _, _ = by_lightning(tmp_path, None, forward=False, accumulate_grad_batches=4)
    seen, noted, _ = by_lightning(tmp_path, {}, forward=False, accumulate_grad_batches=4)
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))
    assert len(noted.history) == len(noted.history.series("loss").values) == 4


def test_a_stop_ends_lightnings_training_by_its_own_flag(tmp_path: Path) -> None:
    _, noted, trainer = by_lightning(tmp_path, {"probe": rows(8)}, stop_at=5)
    assert trainer.should_stop
    assert trainer.state.finished
    assert noted.history.end is not None
    assert noted.history.end.how == "stopped"
    assert len(noted.history) <= 7


def test_what_ends_lightnings_training_is_recorded(tmp_path: Path) -> None:
    _, noted, _ = by_lightning(tmp_path, {"probe": rows(8)}, fails=True)
    assert noted.history.end is not None
    assert (noted.history.end.how, noted.history.end.error) == ("failed", "of mine")


class Learner(nn.Module):
    """As Hugging Face's: it takes keywords and returns its loss."""

    def __init__(self) -> None:
        super().__init__()
        self.net, _ = made("deep")

    def forward(self, rows: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        said = self.net(rows)
        loss = said.square().mean() if labels is None else nn.functional.cross_entropy(said, labels)
        return {"loss": loss, "logits": said}


def by_hugging_face(
    folder: Path, watch: dict[str, Any] | None, stop_at: int = -1, **given: Any
) -> tuple[list[torch.Tensor], Noted, Any]:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed (.[test-watch])")
    pytest.importorskip("accelerate", reason="accelerate is not installed (.[test-watch])")
    from deadrelu_tui.hf import Watch

    callback = Watch(**{"budget": 1.0, **(watch or {})})
    noted = Noted(callback, stop_at)

    class Looker(transformers.TrainerCallback):  # type: ignore[name-defined]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            noted.step()

    transformers.set_seed(5)
    model = Learner()
    labels = torch.arange(32) % 3
    data = [{"rows": one, "labels": other} for one, other in zip(rows(), labels, strict=True)]
    arguments = transformers.TrainingArguments(**{
        "output_dir": str(folder), "num_train_epochs": 2, "per_device_train_batch_size": 4, "logging_steps": 1,
        "report_to": [], "use_cpu": True, "save_strategy": "no", "eval_strategy": "epoch", "disable_tqdm": True,
        "max_grad_norm": 0.0, **given,
    })  # fmt: skip
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=data, eval_dataset=data,
        callbacks=[callback, Looker()] if watch is not None else [],
    )  # fmt: skip
    trainer.train()
    return [each.detach().clone() for each in model.parameters()], noted, trainer


@pytest.mark.parametrize("probe", [True, False])
def test_a_training_by_hugging_face_is_watched_and_ends_as_it_would(probe: bool, tmp_path: Path) -> None:
    plain, _, _ = by_hugging_face(tmp_path, None)
    seen, noted, trainer = by_hugging_face(tmp_path, {"probe": {"rows": rows(8)}} if probe else {})
    assert all(torch.equal(one, other) for one, other in zip(plain, seen, strict=True))
    history = noted.history
    told = [each["loss"] for each in trainer.state.log_history if "loss" in each]
    assert len(history) == len(told) == 16
    assert history.series("loss").values.tolist() == pytest.approx(told, rel=1e-5)
    assert len(history.series("silent_fraction/net.0").values) == 16
    assert history.end is not None
    assert history.end.how == "finished"


def test_batches_that_hugging_face_gathers_are_one_step(tmp_path: Path) -> None:
    _, noted, _ = by_hugging_face(tmp_path, {}, gradient_accumulation_steps=4)
    assert len(noted.history) == len(noted.history.series("loss").values) == 4


def test_a_stop_ends_hugging_faces_training_by_its_own_flag(tmp_path: Path) -> None:
    _, noted, trainer = by_hugging_face(tmp_path, {"probe": {"rows": rows(8)}}, stop_at=5)
    assert trainer.state.global_step <= 7
    assert noted.history.end is not None
    assert noted.history.end.how == "stopped"
