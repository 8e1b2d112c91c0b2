"""Every contract and every SQL model, compiled for DuckDB and for BigQuery, gives what pandas computes, on both.

Each engine goes the whole way by itself: from the landed file to bronze, silver, the audit's counts, gold and
the row ledger, each from results of its own. What an emulator cannot tell about BigQuery is in the README here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from sqlglot import exp

from lakehouse.models import dialect
from lakehouse.models.checks.base import STAGED
from lakehouse.models.checks.kinds import Check, CustomSql, RejectedShare, Unique
from lakehouse.models.checks.values import AcceptedValues, KnownCodes, NotNull, Range, Relationship
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.compared import compared
from lakehouse.warehouse.difference import AFTER, BEFORE, CHANGES, changes_query, counts_query, pairs_query
from lakehouse.warehouse.difference_rows import grain_rows_query, record_rows_query
from lakehouse.warehouse.failing_rows import causes, causes_query, sample_query
from lakehouse.warehouse.value_checks import number_query, value_query
from tests.emulators.comparison import Outcome
from tests.emulators.run import Run, steps
from tests.emulators.scenarios import HALF_CENTS, SCENARIOS, Scenario
from tests.loading import CONTRACTS

_MODELS = load_models(PROJECT_ROOT / "sql", CONTRACTS)
_GENERATED_GREEN = next(each for each in SCENARIOS if not each.is_real and "green_bronze" in each.eras)
_STEPS = [(scenario, step) for scenario in SCENARIOS for step in steps(scenario, _MODELS)]


@pytest.mark.parametrize(("scenario", "step"), _STEPS, ids=lambda value: str(getattr(value, "name", value)))
def test_both_engines_give_what_pandas_computes(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    step: str,
    run: Run,
    outcomes: list[Outcome],
) -> None:
    found = run.outcomes(step)
    outcomes.extend(found)
    wrong = [f"{each.relation} on {each.engine} {each.verdict}: {each.detail}" for each in found if each.detail]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scenario", [HALF_CENTS], ids=["half a cent"])
def test_half_a_cent_is_rounded_up_on_both_engines(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    run: Run,
    outcomes: list[Outcome],
) -> None:
    found = run.outcomes("green_bronze")
    outcomes.extend(found)
    assert {outcome.verdict for outcome in found} == {"agrees"}


_LANDED = [(scenario, step) for scenario, step in _STEPS if step in CONTRACTS]


@pytest.mark.parametrize(("scenario", "asset"), _LANDED, ids=lambda value: str(getattr(value, "name", value)))
def test_the_values_of_a_landed_file_are_counted_alike_on_both_engines(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    asset: str,
    run: Run,
) -> None:
    assert {outcome.verdict for outcome in run.outcomes(asset)} == {"agrees"}
    projection = run.projection(asset)
    for statement in filter(None, (value_query(projection), number_query(projection))):
        local, remote = run.of_landed(asset, statement.query)
        assert local == remote
        assert len(local) == 1


_FAILING: tuple[Check, ...] = (
    NotNull(type="not_null", columns=("ehail_fee", "trip_type")),
    AcceptedValues(type="accepted_values", column="store_and_fwd_flag", values=("?",)),
    KnownCodes(type="known_codes", codes={"vendor_id": (2,), "store_and_fwd_flag": ("Y",)}),
    Range(type="range", column="trip_miles", min=1, max=2),
    Unique(type="unique", columns=("payment_type", "trip_type")),
    RejectedShare(type="rejected_share", max="0.5"),
    Relationship(
        type="relationship", columns=("vendor_id", "dropoff_location_id"), to="silver.green_trips.payment_type"
    ),
    CustomSql(type="sql", name="late", sql="SELECT * FROM audit.staged WHERE pickup_at < @partition_end"),
)


@pytest.mark.parametrize("check", _FAILING, ids=lambda check: check.type)
@pytest.mark.parametrize("scenario", [_GENERATED_GREEN], ids=["green"])
def test_what_a_failed_check_shows_is_the_same_on_both_engines(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    run: Run,
    models: Models,
    check: Check,
) -> None:
    assert {outcome.verdict for outcome in run.outcomes("green_silver")} == {"agrees"}
    model = replace(models["green_silver"], checks=(check,))
    sample = sample_query(model, models.schema, check.label)
    assert sample is not None
    local, remote = (table.to_pylist() for table in run.audited(model, sample))
    assert local == remote
    assert local
    counted = causes_query(model, models.schema, check.label)
    if counted is not None:
        found, theirs = (causes(table) for table in run.audited(model, counted))
        assert found == theirs
        assert found


@pytest.mark.parametrize("scenario", [_GENERATED_GREEN], ids=["green"])
def test_what_a_restatement_changes_is_the_same_on_both_engines(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    run: Run,
    models: Models,
) -> None:
    """Old rows are all staged ones, new ones lack a vendor, and of another each total is higher."""
    for key, lacks, changed in (
        ("green_silver", "payment_type = 2", "IF(vendor_id = 1, total_amount + 1, total_amount) AS total_amount"),
        ("green_gold", "payment_type = 2", "IF(payment_type = 1, total_amount + 1, total_amount) AS total_amount"),
    ):
        assert {outcome.verdict for outcome in run.outcomes(key)} == {"agrees"}
        model = models[key]
        how = compared(model.table, model.identity, None)
        names = [changed if column.name == "total_amount" else column.name for column in model.table.columns]
        named: dict[str, exp.Query] = {
            BEFORE: dialect.all_of(STAGED),
            AFTER: exp.select(*names, dialect="bigquery").from_(STAGED).where(f"NOT COALESCE({lacks}, FALSE)"),
        }
        named[CHANGES] = _with_relations(changes_query(how), named)
        queries = [counts_query(how), pairs_query(how), record_rows_query(how), grain_rows_query(how, how.rest, None)]
        for query in queries[: 3 if key == "green_silver" else 4]:
            local, remote = (table.to_pylist() for table in run.audited(model, _with_relations(query, named)))
            assert local == remote
            assert local


def _with_relations(query: exp.Query, named: Mapping[str, exp.Query]) -> exp.Query:
    """A query with what names stand for in a session in their places."""

    def replaced(node: exp.Expr) -> exp.Expr:
        relation = named.get(f"{node.db}.{node.name}") if isinstance(node, exp.Table) else None
        return node if relation is None else relation.copy().subquery(f"{node.name}_rows")

    placed: exp.Query = query.transform(replaced)  # type: ignore[assignment] # of the tree's own kind
    return placed


def test_every_contract_and_every_model_is_compared(models: Models) -> None:
    compared = {step for _, step in _STEPS}
    assert compared >= {*CONTRACTS, *models.keys()}
