"""What the shell is left with when the screen closes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apps import made
from fakes import canned, dying
from recordings import Recorder

from deadrelu_tui.builtin.settings import RunSettings
from deadrelu_tui.record.records import Event
from deadrelu_tui.report import leaving
from deadrelu_tui.report.paper import Paper
from deadrelu_tui.run.recorded import Recorded
from deadrelu_tui.run.run import Run
from deadrelu_tui.run.source import Source

PAPER = Paper(120)


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def ran(executor: ThreadPoolExecutor, lr: float = 0.1) -> Run:
    run = made(RunSettings(epochs=1, lr=lr), canned(dying), executor)
    run.begin()
    run.join()
    return run


def said(*runs: Source, recorded: bool = True) -> list[str]:
    return list(leaving.lines(runs, "finished after 50 of 50 steps", recorded, PAPER))


def test_of_one_run_it_is_said_how_it_ended_and_how_to_see_it_again(executor: ThreadPoolExecutor) -> None:
    run = ran(executor)
    again = f"to see it again: deadrelu-tui replay {run.start.run}"
    assert said(run) == ["finished after 50 of 50 steps", again]
    run.history.add(Event(7, "change", {"setting": "normalise", "before": False, "now": True}))
    run.history.add(Event(9, "revive", {"layers": {"h1": 3}}))
    assert said(run) == ["finished after 50 of 50 steps", "done to it: n@7 v@9", again]


def test_of_several_runs_there_is_a_line_each(executor: ThreadPoolExecutor) -> None:
    old, new = ran(executor), ran(executor, 0.02)
    lines = said(new, made(RunSettings(), canned(), executor), old)
    assert len(lines) == 6
    assert [line.split()[0] for line in lines[2:5]] == ["run", new.start.run, old.start.run]
    assert "lr 0.02" in lines[3]
    assert "✖ dead" in lines[4]
    assert lines[5].endswith(f"replay {new.start.run}; all of them: deadrelu-tui runs")


def test_what_is_not_recorded_cannot_be_seen_again(executor: ThreadPoolExecutor) -> None:
    run = ran(executor)
    assert said(run, recorded=False) == ["finished after 50 of 50 steps"]
    run.history.add(Event(7, "unrecorded", {"fault": "No space left on device"}))
    assert said(run) == ["finished after 50 of 50 steps"]


def test_steps_that_are_in_no_file_are_told(executor: ThreadPoolExecutor) -> None:
    run, other = ran(executor), ran(executor)
    run.history.add(Event(7, "unrecorded", {"fault": "No space left on device", "written": 8, "begun": True}))
    lost = "42 of 50 steps are not recorded: No space left on device"
    assert said(run) == ["finished after 50 of 50 steps", lost]
    assert said(other, run)[1] == f"run {run.start.run}: {lost}"


def test_a_run_that_was_looked_at_is_left_as_it_is(executor: ThreadPoolExecutor, tmp_path: Path) -> None:
    recorder = Recorder(RunSettings(epochs=1), canned(dying), executor)
    recorder.run.begin()
    recorder.run.join()
    for records, more in ((recorder.records[:20], 1), (recorder.records, 0)):
        recorder.records = records
        found = Recorded(recorder.write(tmp_path))
        found._whole.wait(20)
        assert len(said(found)) == 1 + more
        assert all("attach" in line for line in said(found)[1:])
        found.close()
        (tmp_path / f"{recorder.run.start.run}.run").unlink()


def test_a_run_that_took_no_step_leaves_nothing_to_see(executor: ThreadPoolExecutor) -> None:
    assert list(leaving.lines([made(RunSettings(), canned(), executor)], "", True, PAPER)) == []
