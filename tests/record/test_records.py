"""What kinds of event there are, by what they mean."""

from __future__ import annotations

from deadrelu_tui.record.records import BY_HAND, MARKS, MILESTONES, ROUTINE, TRIED, WAITED, Event


def test_what_a_person_does_leaves_a_mark_where_it_changes_the_training() -> None:
    assert {kind for kind in BY_HAND if Event(0, kind).mark} == {"change", "revive"} == MARKS
    assert {"pause", "train_on"} == BY_HAND - MARKS


def test_what_comes_by_itself_is_routine_a_milestone_or_a_trial_and_leaves_no_mark() -> None:
    assert {"epoch"} == ROUTINE
    assert {"planned"} == MILESTONES
    assert TRIED == "trials"
    for kind in ("epoch", "planned", "trials", "pause", "start"):
        event = Event(0, kind)
        assert (event.mark, event.routine, event.milestone) == (False, kind == "epoch", kind == "planned")


def test_before_a_training_goes_on_it_has_waited() -> None:
    assert {"resume", "train_on"} == WAITED
