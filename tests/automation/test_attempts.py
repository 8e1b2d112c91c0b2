"""What the tags of runs tell of the attempts at a release."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import dagster as dg
import pytest

from lakehouse.automation.attempts import (
    Attempt,
    AttemptOutcome,
    Attempts,
    Decision,
    ReleaseState,
    run_key,
    run_tags,
)
from lakehouse.partition import WHOLE, Month
from tests.automation.test_decisions import FIRST, HOUR, MONTH, NEW, NOW, SECOND, THIRD, attempt


@pytest.mark.parametrize("asked_after", [None, NOW - HOUR])
@pytest.mark.parametrize("is_refetch", [False, True])
def test_a_run_tells_of_the_decision_that_it_was_requested_by(asked_after: datetime | None, is_refetch: bool) -> None:
    release = replace(NEW, is_refetch=is_refetch)
    decision = Decision(release, ReleaseState.REQUEST, 2, "A of yesterday", asked_after)
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(dg.DagsterRun(job_name="any", tags=dict(run_tags([decision]))))
        (made,) = Attempts.of(instance, NOW).at(release)
    assert (made.version, made.replaces, made.number) == ("A", "A of yesterday", 2)
    assert (made.asked_after, made.is_refetch) == (asked_after, is_refetch)


def test_a_run_is_requested_again_under_another_key_when_it_is_to_look_once_more() -> None:
    decisions = [Decision(NEW, ReleaseState.REQUEST, 3, "A", after) for after in (None, NOW, NOW + HOUR)]
    assert len({run_key([decision]) for decision in decisions}) == 3


def test_months_whose_last_attempt_failed_are_due_again_when_their_time_has_come() -> None:
    def due(*attempts: Attempt) -> set[Month]:
        return Attempts(attempts).due_again(NOW, since=NOW - 48 * HOUR)

    assert due(FIRST) == {MONTH}
    assert due(replace(FIRST, ended=NOW - 0.5 * HOUR)) == set()
    assert due(attempt(AttemptOutcome.SUCCEEDED, number=2), FIRST) == set()
    assert due(attempt(AttemptOutcome.RUNNING, number=2), FIRST) == set()
    assert due(replace(THIRD, ended=NOW - 9 * HOUR), SECOND, FIRST) == set()
    assert due(replace(FIRST, ended=NOW - 49 * HOUR)) == set()
    assert due(replace(FIRST, partition=WHOLE)) == set()
    assert due(FIRST, replace(FIRST, dataset="fhv", partition=MONTH.next())) == {MONTH, MONTH.next()}


def test_tags_that_somebody_edited_are_no_attempt() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        for said in ("no json", "[]", '{"month": "2024-01"}', '{"month": "soon"}'):
            tags = {"lakehouse/requested-by": "releases", "lakehouse/release.green": said}
            instance.add_run(dg.DagsterRun(job_name="any", tags=tags))
        assert list(Attempts.of(instance, NOW).at(NEW)) == []
