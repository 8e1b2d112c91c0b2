"""Every statement that BigQuery is sent is one that Google's analyzer takes, and reads just the month that it is for.

A warehouse on emulators is led through all it does, with a client that notes each text. The emulators take what
BigQuery does not, and the other way round; the analyzer is Google's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pytest

from lakehouse.models.model import Models, SqlModel
from lakehouse.partition import Month
from lakehouse.schema import TableSpec
from tests.emulators.emulator import PYTHON, cloud_emulators
from tests.googlesql import sites
from tests.googlesql.cloud_tour import cloud_tour_in
from tests.googlesql.oracle import Oracle, Refusal
from tests.googlesql.sent import Sent, SentAnalysis
from tests.warehouse.bigquery.months import unbound, wrongly_deleted

_AD_HOC = "query"
"""Asset of the jobs of ``lakehouse query``, the ledger's too, which may read all months."""

_CONSEQUENCES = "lakehouse/warehouse/consequences.py"
"""Makes anew what comes of a restatement: of a model without months, from all months, the new one among them."""

_ALL, _MONTH = "all", re.compile(r"\d{4}-\d\d")


@dataclass(frozen=True)
class Toured:
    """What was sent, and the models of the house."""

    sent: Sequence[Sent]
    models: Models

    @property
    def distinct(self) -> Sequence[Sent]:
        return list({(each.told_apart, *sorted(each.labels.items())): each for each in self.sent}.values())

    @cached_property
    def tables(self) -> Mapping[str, TableSpec]:
        return {spec.name: spec for spec in self.models.specs()}

    @cached_property
    def whole(self) -> Sequence[SqlModel]:
        """Models that come whole."""
        return [model for model in self.models if not model.is_partitioned]

    def may_read_all(self, sent: Sent, analysis: SentAnalysis) -> bool:
        """Whether it is of work that is meant to read all months.

        That is a query, an asset without months, what its diff makes, and what a restatement makes of such an asset.
        """
        asset = sent.labels.get("asset", "").removeprefix("diff--")
        if sent.labels.get("month") == _ALL:
            return asset in {_AD_HOC, *(model.key for model in self.whole)}
        if not any(place.module == _CONSEQUENCES for place in sent.places):
            return False
        made = analysis.said(sent)
        columns = [] if isinstance(made, Refusal) else [list(each) for each in made]
        return any(columns == [[column.name for column in model.table.columns]] for model in self.whole)

    def unbound(self, sent: Sent, analysis: SentAnalysis) -> list[str]:
        """Of statements that are for a month, or for none that is known, what they read of others."""
        return [] if self.may_read_all(sent, analysis) else unbound(sent.text, self.tables, _month(sent))


def _month(sent: Sent) -> Month | None:
    label = sent.labels.get("month", "")
    return Month(*map(int, label.split("-"))) if _MONTH.fullmatch(label) else None


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Toured:
    if not PYTHON.exists() and os.environ.get("LAKEHOUSE_REQUIRE_EMULATORS") != "true":
        pytest.skip("no emulators (make emulators), and LAKEHOUSE_REQUIRE_EMULATORS is not true")
    with (
        pytest.MonkeyPatch.context() as environment,
        cloud_emulators(tmp_path_factory.mktemp("cloud")) as cloud,
    ):
        environment.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        with cloud_tour_in(tmp_path_factory.mktemp("tour"), cloud) as (tour, sent):
            tour.everything()
            return Toured(tuple(sent), tour.house.models)


@pytest.fixture(scope="module")
def analysis(oracle: Oracle) -> SentAnalysis:
    return SentAnalysis(oracle)


def test_the_analyzer_takes_every_statement(toured: Toured, analysis: SentAnalysis) -> None:
    faults = dict.fromkeys(fault for each in toured.sent if (fault := analysis.fault(each)) is not None)
    assert not faults, "\n\n".join(faults)
    assert len(analysis.answers) > 150


def test_the_tour_comes_by_every_place_that_sends_a_statement(toured: Toured) -> None:
    found = [
        site for module, text in sites.modules() if "warehouse/bigquery/" in module for site in sites.jobs(module, text)
    ]
    assert not sites.unvisited(found, {place for each in toured.sent for place in each.places})
    assert len(found) > 10
    ledgers = [each for each in toured.sent if each.labels.get("asset") == _AD_HOC and "JSON_VALUE(" in each.text]
    assert any("meta.publications" in each.text.replace("`", "") for each in ledgers)
    assert {True, False} == {each.is_dry_run for each in toured.sent}


def test_no_statement_reads_another_month_than_it_is_for(toured: Toured, analysis: SentAnalysis) -> None:
    findings = [
        (dict(each.labels), found, each.text) for each in toured.distinct for found in toured.unbound(each, analysis)
    ]
    assert not findings
    assert len(_reading(toured, analysis)) > 30


def test_no_delete_names_another_column_than_the_partition(toured: Toured) -> None:
    deletes = [each for each in toured.distinct if "DELETE FROM" in each.text]
    findings = [found for each in deletes for found in wrongly_deleted(each.text, toured.tables, _month(each))]
    assert not findings
    assert len(deletes) > 10


def test_what_may_read_all_months_does(toured: Toured, analysis: SentAnalysis) -> None:
    """Else there would be no need to let it."""
    all_of = [each for each in toured.distinct if toured.may_read_all(each, analysis)]
    reading = {each.labels["asset"] for each in all_of if unbound(each.text, toured.tables, None)}
    assert reading == {_AD_HOC, "in_all_gold", "green_silver", "diff--green_silver-2024-02"}


def _reading(toured: Toured, analysis: SentAnalysis) -> list[Sent]:
    """Those for a month that read, or remove, what is published of it."""
    published = re.compile(rf"(?:FROM|JOIN) `?(?:{'|'.join(name.partition('.')[0] for name in toured.tables)})`?\.")
    return [each for each in toured.distinct if not toured.may_read_all(each, analysis) and published.search(each.text)]


def _one(toured: Toured, beginning: str, asset: str) -> Sent:
    return next(
        each for each in toured.sent if each.text.startswith(beginning) and each.labels.get("asset", "") == asset
    )


def test_bounds_that_are_taken_away_are_found_in_every_statement(toured: Toured, analysis: SentAnalysis) -> None:
    bounds = re.compile(
        r"`?\w+`? >= (?:CAST\('[^']+' AS \w+\)|\w+ '[^']+') AND `?\w+`? < (?:CAST\('[^']+' AS \w+\)|\w+ '[^']+')"
    )
    planted = 0
    for each in _reading(toured, analysis):
        changed = bounds.sub("TRUE", each.text)
        if changed != each.text and re.search(r"FROM `(?:silver|gold)`\.`\w+` WHERE TRUE", changed):
            assert unbound(changed, toured.tables, None)
            planted += 1
    assert planted > 10


def _without(column: str) -> Callable[[Sent], Sent]:
    def changed(sent: Sent) -> Sent:
        tables = {
            name: {each: type_ for each, type_ in columns.items() if each != column}
            for name, columns in sent.tables.items()
            if isinstance(columns, Mapping)
        }
        assert tables != sent.tables
        return replace(sent, tables=tables)

    return changed


def _changed(old: str, new: str) -> Callable[[Sent], Sent]:
    def changed(sent: Sent) -> Sent:
        assert old in sent.text
        return replace(sent, text=sent.text.replace(old, new))

    return changed


_PLANTS: Mapping[str, tuple[str, str, Callable[[Sent], Sent], str]] = {
    "a column that is not there": ("INSERT", "green_gold", _without("payment_type"), "payment_type"),
    "a parameter without a value": (
        "INSERT",
        "green_gold",
        lambda sent: replace(sent, parameters={}),
        "Query parameter",
    ),
    "a value of another type": ("BEGIN", "green_gold", _changed('"published"', "7"), "has type INT64"),
    "a constant of another type": ("BEGIN", "green_gold", _changed("DATE '2024-02-01'", "7"), "INT64"),
    "the table itself where its column is meant": (
        "BEGIN",
        "green_gold",
        _changed("AS t SET turn = t.turn + 1 WHERE t.", "SET turn = turn + 1 WHERE "),
        "updating the entire row",
    ),
    "a table that is not there": ("BEGIN", "green_gold", lambda sent: replace(sent, tables={}), "Table not found"),
    "a function of DuckDB's": ("INSERT", "green_gold", _changed("COUNTIF(", "COUNT_IF("), "Function not found"),
    "a statement that is none": ("BEGIN", "green_gold", _changed("COMMIT TRANSACTION", "COMMIT MONTH"), "Syntax error"),
}


@pytest.mark.parametrize("plant", _PLANTS)
def test_a_planted_wrong_statement_is_refused(toured: Toured, analysis: SentAnalysis, plant: str) -> None:
    beginning, asset, change, reason = _PLANTS[plant]
    right = _one(toured, beginning, asset)
    assert analysis.fault(right) is None
    assert reason in (analysis.fault(change(right)) or "")
