"""The tool that finds reads of more than a month finds planted ones, of each kind."""

from __future__ import annotations

import pytest

from lakehouse.partition import Month
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.bigquery.constants import deleted
from tests.warehouse.bigquery.months import unbound, wrongly_deleted

MONTH = Month(2024, 2)
_AT, _DAY, _N = Column("at", "DATETIME", "When"), Column("month", "DATE", "Month"), Column("n", "INT64", "Number")
TRIPS = TableSpec("silver.trips", (_AT, _N), "Trips", partition="at")
SUMS = TableSpec("gold.sums", (_DAY, _N), "Sums", partition="month")
ZONES = TableSpec("silver.zones", (_N,), "Zones")
TABLES = {"e_silver.trips": TRIPS, "e_gold.sums": SUMS, "e_silver.zones": ZONES}

_FROM, _TO = "at >= DATETIME '2024-02-01 00:00:00'", "at < DATETIME '2024-03-01 00:00:00'"
_BOUND = f"(SELECT `at`, `n` FROM `e_silver`.`trips` WHERE {_FROM} AND {_TO})"
_JOINED = "SELECT t.n FROM e_silver.trips AS t JOIN staging.o AS o ON TRUE"

RIGHT = [
    f"SELECT * FROM {_BOUND} AS t JOIN e_silver.zones AS z ON z.n = t.n",
    f"INSERT INTO e_silver.trips (at, n) SELECT at, n FROM {_BOUND}",
    "SELECT n FROM e_gold.sums WHERE month >= CAST('2024-02-01' AS DATE) AND month < CAST('2024-03-01' AS DATE)",
    f"SELECT t.n FROM e_silver.trips AS t JOIN e_silver.zones AS z ON TRUE WHERE t.{_FROM} AND t.{_TO} AND z.n = 1",
    f"BEGIN TRANSACTION; DELETE FROM e_silver.trips WHERE {_FROM} AND {_TO}; COMMIT TRANSACTION;",
    "DELETE FROM e_silver.zones WHERE TRUE",
    "ALTER TABLE e_silver.trips ADD COLUMN IF NOT EXISTS `z` INT64",
    "INSERT INTO e_silver.trips (at, n) SELECT at, n FROM staging.trips",
]

READS = {
    "no condition": "SELECT n FROM e_silver.trips",
    "half of one": f"SELECT n FROM e_silver.trips WHERE {_FROM}",
    "a condition around it": f"SELECT * FROM (SELECT * FROM e_silver.trips) WHERE {_FROM} AND {_TO}",
    "one of another table": f"{_JOINED} WHERE o.{_FROM} AND o.{_TO}",
    "one of nobody knows which": f"{_JOINED} WHERE {_FROM} AND {_TO}",
    "either of two": f"SELECT n FROM e_silver.trips WHERE ({_FROM} AND {_TO}) OR n = 1",
    "parameters": "SELECT n FROM e_silver.trips WHERE at >= @partition_start AND at < @partition_end",
    "what is computed": f"SELECT n FROM e_silver.trips WHERE {_FROM} AND at < CURRENT_DATETIME()",
    "another type": "SELECT n FROM e_silver.trips WHERE at >= DATE '2024-02-01' AND at < DATE '2024-03-01'",
    "another column": "SELECT n FROM e_gold.sums WHERE day >= DATE '2024-02-01' AND day < DATE '2024-03-01'",
    "two months": f"SELECT n FROM e_silver.trips WHERE {_FROM} AND at < DATETIME '2024-04-01 00:00:00'",
    "not a whole month": f"SELECT n FROM e_silver.trips WHERE at >= DATETIME '2024-02-02 00:00:00' AND {_TO}",
    "another month": "SELECT n FROM e_gold.sums WHERE month >= DATE '2024-03-01' AND month < DATE '2024-04-01'",
    "a second more": f"SELECT at FROM e_silver.trips WHERE {_FROM} AND at < DATETIME '2024-03-01 00:00:01'",
    "a subquery of a condition": "SELECT IF((SELECT COUNT(*) FROM e_silver.trips) = 1, 'ok', ERROR('no'))",
    "a subquery of a SELECT that is bound": f"SELECT n FROM e_silver.trips WHERE {_FROM} AND {_TO} "
    "AND n IN (SELECT n FROM e_gold.sums)",
    "a query of an INSERT": "INSERT INTO staging.t (n) SELECT n FROM e_silver.trips",
    "a query of a CREATE": "CREATE TABLE staging.t AS SELECT n FROM e_silver.trips",
    "a WITH": "WITH t AS (SELECT * FROM e_silver.trips) SELECT n FROM t",
    "one of a UNION": f"SELECT at, n FROM {_BOUND} UNION ALL SELECT at, n FROM e_silver.trips",
    "one of a script": "BEGIN TRANSACTION; SELECT n FROM e_silver.trips; COMMIT TRANSACTION;",
    "an UPDATE": "UPDATE e_silver.trips AS t SET n = t.n + 1 WHERE t.n = 2",
    "a DELETE": "DELETE FROM e_silver.trips WHERE TRUE",
    "the rows that a DELETE looks for": f"DELETE FROM e_silver.trips WHERE {_FROM} AND {_TO} "
    "AND n IN (SELECT n FROM e_gold.sums)",
}

DELETES = {
    "no condition": "DELETE FROM e_silver.trips WHERE TRUE",
    "another column": "DELETE FROM e_silver.trips WHERE n = 1",
    "another column too": f"DELETE FROM e_silver.trips WHERE {_FROM} AND {_TO} AND n = 1",
    "half a month": f"DELETE FROM e_silver.trips WHERE {_FROM} AND at < DATETIME '2024-02-15 00:00:00'",
    "another month": "DELETE FROM e_gold.sums WHERE month >= DATE '2024-03-01' AND month < DATE '2024-04-01'",
    "parameters": "DELETE FROM e_silver.trips WHERE at >= @partition_start AND at < @partition_end",
    "either of two": f"DELETE FROM e_silver.trips WHERE {_FROM} OR {_TO}",
    "some of a whole table": "DELETE FROM e_silver.zones WHERE n = 1",
    "a table that nobody knows": "DELETE FROM e_silver.others WHERE TRUE",
    "in a script": "BEGIN TRANSACTION; DELETE FROM e_silver.trips WHERE n = 1; COMMIT TRANSACTION;",
}


@pytest.mark.parametrize("sql", RIGHT)
def test_what_is_bound_is_none(sql: str) -> None:
    assert not unbound(sql, TABLES, MONTH)
    assert not wrongly_deleted(sql, TABLES, MONTH)


@pytest.mark.parametrize("plant", READS)
def test_a_planted_read_is_found(plant: str) -> None:
    assert len(unbound(READS[plant], TABLES, MONTH)) == 1


@pytest.mark.parametrize("plant", DELETES)
def test_a_planted_delete_is_found(plant: str) -> None:
    assert len(wrongly_deleted(DELETES[plant], TABLES, MONTH)) == 1


def test_another_month_is_one_where_none_is_given() -> None:
    assert not unbound(READS["another month"], TABLES, None)
    assert unbound(READS["two months"], TABLES, None) == ["SELECT of silver.trips that is of no one month"]


def test_what_cannot_be_judged_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="cannot be judged: CALL"):
        unbound("CALL e_silver.anything()", TABLES, None)


@pytest.mark.parametrize(("name", "spec"), TABLES.items())
def test_the_statement_of_the_project_removes_just_a_month(name: str, spec: TableSpec) -> None:
    assert not wrongly_deleted(deleted(spec, MONTH, name), TABLES, MONTH)
    assert not unbound(deleted(spec, MONTH, name), TABLES, MONTH)
