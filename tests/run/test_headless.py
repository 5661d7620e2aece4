"""A run without a screen, on fake trainings: rows of JSON, lines for people, a bar on a terminal."""

from __future__ import annotations

import io
import json
import math
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from apps import made
from conftest import record, start, units

from deadrelu_tui import headless
from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.diagnosis.trials import Trial, Trials
from deadrelu_tui.errors import InputError
from deadrelu_tui.record.commands import Change, Command, Restart, Revive, Stop
from deadrelu_tui.record.records import Look, Start
from deadrelu_tui.run.gate import Controls, Gate

NAN, INF = math.nan, math.inf
BATCHES = 4
LOSSES = [4.0, 3.0, 2.0, 1.0, 0.5, 0.5, 0.5, 0.1]
ZEROS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.9, 0.9]
PROBED = {0: 0.0, 1: 0.1, 3: 0.2, 7: 0.3}
SETTINGS = RunSettings(epochs=2)


def training(promised: Start, controls: Controls) -> Iterator[Any]:
    """Yield two epochs of four steps."""
    yield start(batches=BATCHES, epochs=2)
    gate = Gate(controls)
    for step, (loss, zeros) in enumerate(zip(LOSSES, ZEROS, strict=True)):
        if not gate.next(step).go:
            return
        values = {"loss": loss, "zero_fraction/h1": zeros, "grad_sum/w1": -step / 10}
        if step in PROBED:
            values["dead_fraction/h1"] = PROBED[step]
        rates = np.ones(10, np.float32)
        rates[: round(10 * PROBED.get(step, 0))] = 0
        yield replace(
            record(step, values, batches=BATCHES), fired={"h1": rates > 0},
            looks={"h1": units(rates.tolist())} if step in PROBED else {},
        )  # fmt: skip


def broken(promised: Start, controls: Controls) -> Iterator[Any]:
    """Fail in the second epoch."""
    for item in training(promised, controls):
        if getattr(item, "step", 0) == 5:
            raise ValueError("the engine is out of memory")
        yield item


def diverging(promised: Start, controls: Controls) -> Iterator[Any]:
    """Yield numbers of which half are none."""
    for item in training(promised, controls):
        strange = {"grad_sum/w1": -INF, "loss": NAN, "grad_norm/w1": INF}
        yield replace(item, values={**item.values, **strange}) if hasattr(item, "values") else item


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def watched(
    fake: Any = training, steps_file: Path | None = None, as_json: bool = True, ended: bool = False
) -> tuple[str, str]:
    """Return what a run printed on stdout and stderr; of one that had ended before, if that is asked for."""
    out, err = io.StringIO(), io.StringIO()
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, fake, executor)
        run.begin()
        if ended:
            run.join()
        headless.watch(run, as_json=as_json, steps_file=steps_file, out=out, err=err)
    return out.getvalue(), err.getvalue()


def rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


def test_a_run_is_a_start_epochs_and_a_summary() -> None:
    out, err = watched()
    assert err == ""
    first, one, two, summary = rows(out)
    assert (first["event"], first["device"], first["settings"]["preset"]) == ("start", "cpu", "tragedy")
    assert (one["event"], one["epoch"], one["step"]) == ("epoch", 1, 3)
    assert (two["event"], two["epoch"], two["step"]) == ("epoch", 2, 7)
    assert summary["event"] == "summary"


def by_steps(steps: int) -> Any:
    """Return a training that ends after so many steps, with a test of the last one."""

    def training_of_steps(promised: Start, controls: Controls) -> Iterator[Any]:
        for item in training(promised, controls):
            if isinstance(item, Start):
                item = replace(item, steps=steps)  # noqa: PLW2901
            yield item
            if getattr(item, "step", -1) == steps - 1:
                time.sleep(2 * headless.POLL_SECONDS)  # somebody reads meanwhile
                yield Look(steps - 1, {"accuracy/test": 0.25, "loss/test": 3.0, "dead_fraction/h1": 0.4}, {})
                return

    return training_of_steps


@pytest.mark.parametrize(("steps", "line"), [
    (2, "step 2  loss 3.50  test accuracy 25.0 %  zeros h1 55.0 %  dead h1 40.0 %"),
    (7, "step 7  loss 0.500  test accuracy 25.0 %  zeros h1 90.0 %  dead h1 40.0 %"),
])  # fmt: skip
def test_where_no_epoch_ended_last_a_line_tells_of_the_steps_since(steps: int, line: str) -> None:
    *epochs, rest, farewell = watched(by_steps(steps), as_json=False)[0].splitlines()
    assert len(epochs) == steps // BATCHES
    assert all(each.startswith(f"epoch {number}  loss") for number, each in enumerate(epochs, 1))
    assert rest.startswith(line)
    assert farewell.startswith("finished")


def test_the_summary_of_some_steps_has_what_was_tested_after_the_last_and_so_has_the_row_of_that(
    tmp_path: Path,
) -> None:
    steps = tmp_path / "steps.jsonl"
    first, summary = rows(watched(by_steps(3), steps)[0])
    assert (first["event"], summary["event"], summary["status"], summary["steps"]) == (
        "start",
        "summary",
        "finished",
        3,
    )
    assert (summary["accuracy/test"], summary["dead_fraction/h1"]) == pytest.approx((0.25, 0.4))
    told = rows(steps.read_text())
    assert [each.get("accuracy/test") for each in told] == [None, None, 0.25]
    assert [each["step"] for each in told] == [0, 1, 2]


def test_loss_and_zeros_are_means_over_the_epoch_and_the_others_last_values() -> None:
    one, two = rows(watched()[0])[1:3]
    assert [one["loss"], two["loss"]] == pytest.approx([2.5, 0.4])
    assert [one["zero_fraction/h1"], two["zero_fraction/h1"]] == pytest.approx([0.65, 0.9])
    assert [one["grad_sum/w1"], two["grad_sum/w1"]] == [-0.3, -0.7]
    assert [one["dead_fraction/h1"], two["dead_fraction/h1"]] == [0.2, 0.3]
    assert [one["accuracy/test"], one["loss/test"]] == [0.5, 2.0]


def test_the_summary_has_the_last_values_and_the_verdict() -> None:
    summary = rows(watched()[0])[-1]
    assert (summary["status"], summary["verdict"], summary["steps"]) == ("finished", "dying", 8)
    assert (summary["accuracy/test"], summary["dead_fraction/h1"]) == (0.5, 0.3)
    assert summary["reason"].startswith("h1: 3 of 10 units")
    assert summary["seconds"] >= 0


def test_the_summary_has_all_that_was_found_the_verdict_first() -> None:
    found = rows(watched()[0])[-1]["findings"]
    first = found[0]
    assert set(first) == {"rule", "word", "text", "cause", "remedy", "value", "threshold", "step", "layer"}
    assert (first["rule"], first["word"], first["layer"], first["step"]) == ("DeadRelu", "dying", "h1", 3)
    assert (first["value"], first["threshold"]) == (0.3, 0.1)
    assert [each["rule"] for each in found if not each["word"]] == ["Overfit", "CheckInputImages"]


def test_a_failed_run_ends_with_a_summary_that_says_why() -> None:
    *_, epoch, summary = rows(watched(broken)[0])
    assert (epoch["event"], epoch["epoch"]) == ("epoch", 1)
    assert (summary["status"], summary["reason"], summary["steps"]) == ("failed", "the engine is out of memory", 5)


def test_a_run_that_was_stopped_before_its_start_has_a_summary_only() -> None:
    out = io.StringIO()
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, training, executor)
        run.send(Stop())
        run.begin()
        headless.watch(run, as_json=True, steps_file=None, out=out, err=io.StringIO())
    summary = rows(out.getvalue())[-1]
    assert (summary["status"], summary["verdict"], summary["reason"]) == ("stopped", None, None)
    assert (summary["steps"], summary["accuracy/test"]) == (0, None)


def test_every_step_is_a_row_with_the_probe_as_it_was_last_measured(tmp_path: Path) -> None:
    watched(steps_file=tmp_path / "steps.jsonl")
    found = rows((tmp_path / "steps.jsonl").read_text())
    assert [row["step"] for row in found] == list(range(8))
    assert [row["epoch"] for row in found] == [1] * 4 + [2] * 4
    assert [row["loss"] for row in found] == LOSSES
    assert [row["probe_step"] for row in found] == [0, 1, 1, 3, 3, 3, 3, 7]
    assert [row["dead_fraction/h1"] for row in found] == [0.0, 0.1, 0.1, 0.2, 0.2, 0.2, 0.2, 0.3]
    assert [row["step"] for row in found if "accuracy/test" in row] == [3, 7]
    assert not any("seconds" in row for row in found)


def test_a_number_that_is_none_is_a_word_in_json(tmp_path: Path) -> None:
    out, _ = watched(diverging, steps_file=tmp_path / "steps.jsonl")
    for row in (rows(out)[1], *rows((tmp_path / "steps.jsonl").read_text())):
        assert (row["loss"], row["grad_sum/w1"], row["grad_norm/w1"]) == ("nan", "-inf", "inf")
    summary = rows(out)[-1]
    assert (summary["verdict"], summary["findings"][0]["value"], summary["findings"][0]["threshold"]) == (
        "diverged", "nan", "inf",
    )  # fmt: skip


def test_a_file_that_cannot_be_written_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere/steps cannot be written \(No such file or directory\)"):
        watched(steps_file=tmp_path / "nowhere/steps")


def test_without_a_terminal_people_get_a_line_per_epoch() -> None:
    out, err = watched(as_json=False)
    one, two, last = out.splitlines()
    assert one.startswith("epoch 1/2  loss 2.50  test accuracy 50.0 %  zeros h1 65.0 %  dead h1 20.0 %  ")
    assert two.startswith("epoch 2/2  loss 0.400  ")
    assert one.endswith(" steps/s")
    assert last.startswith("finished: dying — h1: 3 of 10 units")
    assert err == ""


def test_of_a_failed_run_people_get_its_epochs() -> None:
    out, _ = watched(broken, as_json=False)
    assert out.count("\n") == 1


def test_on_a_terminal_there_is_a_bar_that_is_cleared_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = io.StringIO(), Terminal()
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, training, executor)
        run.begin()
        headless.watch(run, as_json=False, steps_file=None, out=out, err=err)
    assert "8/8" in err.getvalue()
    assert "dead 30.0 %" in err.getvalue()
    assert err.getvalue().endswith("\r")
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["epoch", "epoch", "finished:"]
    assert "finished: dying" in out.getvalue()
    assert capsys.readouterr().out == ""


def test_with_json_there_is_no_bar() -> None:
    err = Terminal()
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, training, executor)
        run.begin()
        headless.watch(run, as_json=True, steps_file=None, out=io.StringIO(), err=err)
    assert err.getvalue() == ""


def test_the_summary_has_the_remedy_as_commands_and_people_have_it_as_flags() -> None:
    def dead(promised: Start, controls: Controls) -> Iterator[Any]:
        for item in training(promised, controls):
            share = {"dead_fraction/h1": 0.9, "update_ratio/w1": 50.0}
            yield replace(item, values={**item.values, **share}) if hasattr(item, "values") else item

    summary = json.loads(watched(dead)[0].splitlines()[-1])
    assert summary["verdict"] == "dead"
    assert summary["remedy"][-1] == {"command": "restart"}
    assert summary["remedy"][0]["command"] == "change"
    assert summary["remedy"][0]["normalise"] is True
    assert summary["findings"][0]["remedy"] == summary["remedy"]
    assert "; try --normalise" in watched(dead, as_json=False)[0]


@pytest.mark.parametrize(
    ("remedy", "wanted"),
    [
        ((Change({"normalise": True, "lr": 0.05}), Restart()), "--normalise --lr 0.05"),
        ((Change({"normalise": False}), Restart({"init": "he", "hidden": [8, 8]})),
         "--no-normalise --init he --hidden 8,8"),
        ((Change({"activation": "tanh"}),), "--activation tanh"),
        ((Restart({"batch_size": 64}),), "--batch-size 64"),
        ((Revive(),), ""),
        ((), ""),
    ],
)  # fmt: skip
def test_a_remedy_is_worded_as_the_flags_of_a_new_run(remedy: tuple[Command, ...], wanted: str) -> None:
    assert headless.flags(remedy) == wanted


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("ended", [False, True])
def test_that_no_step_can_be_written_is_told_once_however_late(ended: bool) -> None:
    out, err = watched(steps_file=Path("/dev/full"), ended=ended)
    assert err == "deadrelu-tui: no more steps are written: No space left on device\n"
    assert rows(out)[-1]["status"] == "finished"


def test_a_file_that_may_grow_no_more_ends_with_a_whole_line(tmp_path: Path) -> None:
    steps = tmp_path / "steps.jsonl"
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, limit[1]))
    try:
        out, err = watched(steps_file=steps)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert err == "deadrelu-tui: no more steps are written: File too large\n"
    written = steps.read_text(encoding="utf-8")
    assert 0 < len(written) <= 700
    assert written.endswith("\n")
    assert [row["step"] for row in rows(written)] == list(range(len(rows(written))))
    assert rows(out)[-1]["steps"] == 8


# Edges


class Pipe(io.StringIO):
    """A file of steps whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_of_the_steps_that_has_gone_ends_it_all() -> None:
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, training, executor)
        run.begin()
        run.join()
        with pytest.raises(BrokenPipeError):
            list(headless.Lines(run, Pipe()).read())


def lines_of(fake: Any) -> headless.Lines:
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, fake, executor)
        run.begin()
        run.join()
    return headless.Lines(run)


def test_a_run_of_which_nothing_can_be_told_is_told_by_how_it_ended() -> None:
    def nothing(promised: Start, controls: Controls) -> Iterator[Any]:
        yield start(batches=BATCHES, epochs=2)

    assert lines_of(nothing).farewell() == "finished"


@pytest.mark.parametrize(("epochs", "told"), [(2, "epoch 1/2  "), (None, "epoch 1  ")])
def test_without_a_known_end_an_epoch_is_told_without_how_many_there_will_be(epochs: int | None, told: str) -> None:
    def endless(promised: Start, controls: Controls) -> Iterator[Any]:
        for item in training(promised, controls):
            yield replace(item, steps=epochs and BATCHES * epochs) if isinstance(item, Start) else item

    lines = lines_of(endless)
    epoch = next(row for row in lines.read() if row["event"] == "epoch")
    assert headless.epoch_line(epoch, lines.run).startswith(told)


def test_seconds_and_speed_of_an_epoch_are_those_of_its_steps_alone() -> None:
    """A step each hundredth of a second: four of them from 0 to 0.04, and four from there to 0.08."""
    for row in (row for row in lines_of(training).read() if row["event"] == "epoch"):
        assert (row["seconds"], row["steps_per_s"]) == (0.04, 100.0)


def test_what_native_libraries_print_is_kept_out_of_stdout(tmp_path: Path) -> None:
    """Of stdout itself; any other file is nobody else's."""
    code = (
        "import os, sys; from deadrelu_tui import headless\n"
        "with headless.apart(sys.stdout) as out:\n"
        "    os.write(1, b'native\\n'); print('ours', file=out)\n"
        "os.write(1, b'after\\n')\n"
        "with headless.apart(open('file', 'w')) as out: print('ours', file=out, flush=True); os.write(1, b'last\\n')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("ours\nafter\nlast\n", "native\n")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "ours\n"


def test_what_is_no_file_of_the_process_is_left_as_it_is() -> None:
    out = io.StringIO()
    with headless.apart(out) as same:
        assert same is out


def test_json_is_written_in_the_characters_of_the_language_not_in_escapes() -> None:
    out, _ = watched()
    assert "\\u" not in out
    assert re.search("[^\x00-\x7f]", out)


def test_on_a_terminal_the_bar_is_gone_before_the_last_line() -> None:
    both = Terminal()
    with ThreadPoolExecutor(1) as executor:
        run = made(SETTINGS, training, executor)
        run.begin()
        headless.watch(run, as_json=False, steps_file=None, out=both, err=both)
    before, _, after = both.getvalue().partition("finished: ")
    assert before.endswith("\r")
    assert "\r" not in after.split("\n")[0]


def test_people_are_told_to_what_a_remedy_came_when_it_was_tried() -> None:
    def tried(promised: Start, controls: Controls) -> Iterator[Any]:
        remedy = (Change({"normalise": True}), Restart())
        rows = (Trial((), 0.1), Trial(remedy, 0.7125))
        for item in training(promised, controls):
            share = {"dead_fraction/h1": 0.9, "update_ratio/w1": 50.0}
            yield replace(item, values={**item.values, **share}) if hasattr(item, "values") else item
        yield Trials(dict(controls.live), 60, rows).event(7)

    assert lines_of(tried).farewell().endswith("; try --normalise (tried: 71.2 %)")


def test_the_bar_says_when_it_waits_for_remedies_that_are_tried() -> None:
    err = Terminal()
    bar = headless._Bar(err, io.StringIO())
    try:
        bar.wait_for_trials()
        assert "trying remedies" in err.getvalue()
    finally:
        bar.close()
