"""Tables that are refused are told of as statements are. Answers are replayed as documented, not seen."""

from __future__ import annotations

import pytest

from lakehouse.exceptions import CommitConflict, ConfigurationError
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.tables import Tables
from tests.warehouse.bigquery import problems
from tests.warehouse.bigquery.doing import PLACE, one_line, refusal
from tests.warehouse.bigquery.problems import Problem
from tests.warehouse.bigquery.replay import Fault, Replay, refused


@pytest.mark.parametrize(
    "problem", [problems.DENIED, problems.SWITCHED_OFF, problems.NO_BILLING], ids=lambda p: p.reason
)
def test_tables_are_refused_in_the_same_words(replay: Replay, problem: Problem) -> None:
    replay.answer("table", refused(problem))
    tables = Tables(replay.client(), PLACE, of_samples=False)
    line = one_line(refusal(lambda: tables.table("silver.trips"), ConfigurationError))
    assert line.startswith("silver.trips: ")
    assert replay.statuses("table") == [problem.status]


def test_a_table_that_cannot_be_looked_at_for_now_is_looked_at_again(replay: Replay) -> None:
    replay.add_table("silver.trips")
    replay.answer("table", refused(problems.RATE))
    replay.answer("table", Fault(503, problems.HTML))
    replay.answer("table", Fault(504, b""))
    found = Tables(replay.client(), PLACE, of_samples=False).table("silver.trips")
    assert found is not None
    assert replay.statuses("table") == [403, 503, 504, 200]


def test_a_missing_dataset_is_no_missing_table(replay: Replay) -> None:
    tables = Tables(replay.client(), PLACE, of_samples=False)
    assert tables.table("silver.trips") is None
    replay.answer("table", refused(Problem(404, "notFound", "Not found: Dataset p:silver")))
    assert "materialize infrastructure" in one_line(refusal(lambda: tables.table("silver.trips"), ConfigurationError))


def test_a_table_that_another_run_changed_meanwhile_is_left(replay: Replay) -> None:
    replay.add_table("silver.trips")
    tables = Tables(replay.client(), PLACE, of_samples=False)
    table = tables.table("silver.trips")
    assert table is not None
    replay.tables["silver.trips"]["etag"] = "another"
    table.description = "Ours"

    def change() -> None:
        with told_as_ours("silver.trips"):
            tables.client.update_table(table, ["description"])

    line = one_line(refusal(change, CommitConflict))
    assert line == ("silver.trips: another run made or changed it meanwhile (Precondition check failed.): run it again")
    assert replay.statuses("patch") == [412]
