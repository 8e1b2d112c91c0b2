"""The statements of `lakehouse conformance`: their answers are GoogleSQL's own, and here they are right or refused."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from lakehouse.cli.main import main
from lakehouse.models import conformance
from lakehouse.models.conformance import Case, as_text
from tests.googlesql.oracle import Oracle, Refusal

CASES = tuple(conformance.cases())


@pytest.mark.parametrize("case", CASES, ids=[f"{case.number} {case.shows}" for case in CASES])
def test_what_is_expected_is_what_googles_engine_answers(case: Case, oracle: Oracle) -> None:
    given = oracle.run(case.sql)
    if isinstance(given, Refusal):
        assert case.fails
        assert case.expected in given.reason
    else:
        assert not case.fails
        assert [[as_text(value) for value in row] for row in given.rows] == [[case.expected]]


def test_there_are_eighty_cases_and_more_of_every_topic() -> None:
    assert len(CASES) >= 80
    assert {case.topic for case in CASES} == {
        *("casts", "numbers", "counts", "dates", "times", "nulls", "text", "hash", "windows", "names")
    }


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    home = tmp_path_factory.mktemp("home")
    places = {"LAKEHOUSE_HOME": str(home), "DAGSTER_HOME": str(home / "dagster")}
    result = CliRunner().invoke(main, ["conformance", "--all", "--format", "json"], env=places)
    assert result.exit_code == 0, result.output
    assert f"{len(CASES)} cases: " in result.stderr
    assert " 0 different" in result.stderr
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def test_every_case_is_answered_as_expected_or_refused(told: list[dict[str, str]]) -> None:
    assert [row for row in told if row["outcome"] not in {"same", "refused"}] == []
    assert len(told) == len(CASES)
    assert sum(row["outcome"] == "same" for row in told) >= 90


def test_an_engine_that_answers_differently_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    wrong = Case(1, "numbers", "two and two", "SELECT 2 + 2", "5", fails=False)
    monkeypatch.setattr("lakehouse.models.conformance.cases", lambda: iter([wrong]))
    places = {"LAKEHOUSE_HOME": str(tmp_path), "DAGSTER_HOME": f"{tmp_path}/dagster"}
    result = CliRunner().invoke(main, ["conformance"], env=places)
    assert result.exit_code == 1
    assert "DIFFERENT" in result.stdout
