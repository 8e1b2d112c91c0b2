"""Every type that a contract may give a column, from parquet and from text: a value arrives, or its file is refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from dlt_sources.dataset import Dataset
from lakehouse.bronze.contract import Contract
from lakehouse.bronze.contracts.columns import column
from lakehouse.exceptions import ContractViolation
from lakehouse.partition import WHOLE
from tests.warehouse.implementations import RUN_ID, LocalImplementation, MemoryImplementation

_MODEL = """/*
description: Readings of every type
table: silver.readings
grain: [id]
*/
SELECT
  id,
  level,
  amount,
  is_open,
  day,
  local_time,
  moment,
  note
FROM bronze.readings_bronze
"""

_ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "level": -0.25,
        "amount": Decimal("1234.500"),
        "is_open": True,
        "day": date(2024, 2, 29),
        "local_time": datetime(2024, 2, 29, 23, 59, 59, 123456),
        "moment": datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
        "note": "open",
    },
    dict.fromkeys(("level", "amount", "is_open", "day", "local_time", "moment", "note")) | {"id": 2},
]


def contract(suffix: str) -> Contract:
    return Contract(
        Dataset(name="readings", description="Readings.", suffix=suffix),
        "id",
        (
            column("id", "INT64", "id", "Number", required=True),
            column("level", "FLOAT64", "level", "Level", "m"),
            column("amount", "NUMERIC(20,3)", "amount", "Amount"),
            column("is_open", "BOOL", "is_open", "Whether it is open"),
            column("day", "DATE", "day", "Day"),
            column("local_time", "DATETIME", "local_time", "Time there"),
            column("moment", "TIMESTAMP", "moment", "Moment"),
            column("note", "STRING", "note", "Note"),
        ),
    )


_PARQUET = pa.schema(
    [
        ("id", pa.int32()),
        ("level", pa.float32()),
        ("amount", pa.decimal128(12, 3)),
        ("is_open", pa.bool_()),
        ("day", pa.date32()),
        ("local_time", pa.timestamp("us")),
        ("moment", pa.timestamp("us", tz="America/New_York")),
        ("note", pa.large_string()),
    ]
)


class Readings:
    """One dataset of every type, and the model that passes all of it on."""

    def __init__(self, kind: type[LocalImplementation | MemoryImplementation], folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._sql = folder / "sql"
        (self._sql / "silver").mkdir(parents=True)
        (self._sql / "silver" / "readings_silver.sql").write_text(_MODEL)

    def of_parquet(self, table: pa.Table) -> list[dict[str, Any]]:
        pq.write_table(table, self._folder / "readings.parquet")
        return self._published("parquet")

    def of_csv(self, text: str) -> list[dict[str, Any]]:
        (self._folder / "readings.csv").write_text(text)
        return self._published("csv")

    def _published(self, suffix: str) -> list[dict[str, Any]]:
        implementation = self._kind(self._folder / "home", {"readings_bronze": contract(suffix)})
        warehouse, models = implementation.open(self._sql)
        with closing(warehouse):
            implementation.land("readings_bronze", WHOLE, self._folder / f"readings.{suffix}")
            warehouse.replace(models["readings_silver"], WHOLE, RUN_ID)
            rows: list[dict[str, Any]] = warehouse.query("SELECT * FROM silver.readings ORDER BY id").to_pylist()
        return rows


@pytest.fixture(params=[LocalImplementation, MemoryImplementation], ids=["duckdb_iceberg", "in_memory"])
def readings(request: pytest.FixtureRequest, tmp_path: Path) -> Readings:
    return Readings(request.param, tmp_path)


def table(**changed: pa.Array) -> pa.Table:
    rows = pa.Table.from_pylist(_ROWS, schema=_PARQUET)
    for name, values in changed.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows


def csv_text(**changed: str) -> str:
    values = {
        "id": "1",
        "level": "-2.5e-1",
        "amount": "1234.5",
        "is_open": "TRUE",
        "day": "2024-02-29",
        "local_time": "2024-02-29 23:59:59.123456",
        "moment": "2024-02-29T18:59:59.123456-05:00",
        "note": "open",
    }
    return f"{','.join(values)}\n{','.join((values | changed).values())}\n2,,,,,,,\n"


def test_every_type_arrives_from_parquet_whatever_its_width_there(readings: Readings) -> None:
    assert readings.of_parquet(table()) == _ROWS


def test_every_type_arrives_from_text(readings: Readings) -> None:
    assert readings.of_csv(csv_text()) == _ROWS


def test_whole_numbers_are_levels_too(readings: Readings) -> None:
    found = readings.of_parquet(table(level=pa.array([2**53, None], pa.int64())))
    assert [row["level"] for row in found] == [float(2**53), None]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("id", "1.5", "must hold whole numbers, but 1 values do not, for example 1.5"),
        ("level", "high", "must hold numbers, but 1 values do not, for example high"),
        ("amount", "1.2345", "numbers of at most 17 digits before the point and 3 after it, but 1 values do not"),
        ("amount", "1e3", "numbers of at most 17 digits before the point"),
        ("is_open", "yes", "must hold true or false, but 1 values do not, for example yes"),
        ("is_open", "1", "must hold true or false"),
        ("day", "2024-02-30", "must hold dates such as 2024-01-31, but 1 values do not, for example 2024-02-30"),
        ("day", "02/29/2024", "must hold dates such as 2024-01-31"),
        ("local_time", "2024-02-29T24:59:59", "must hold times without a zone"),
        ("local_time", "2024-02-29 23:59:59Z", "must hold times without a zone"),
        ("moment", "2024-02-29 23:59:59", "must hold times with a zone"),
        ("moment", "2024-02-29 23:59:59+99:00", "must hold times with a zone"),
        ("local_time", "2024-02-29 24:00:00", "must hold times without a zone"),
        ("day", "0000-01-01", "must hold dates"),
        ("moment", "0001-01-01T00:00:00+05:00", "must hold times with a zone"),
        ("moment", "9999-12-31T23:59:59-05:00", "must hold times with a zone"),
        ("level", "1e400", "must hold numbers"),
        ("level", "nan", "must hold numbers"),
        ("amount", "123456789012345678", "numbers of at most 17 digits before the point"),
    ],
)
def test_text_that_engines_would_read_differently_or_not_at_all_is_refused(
    tmp_path: Path, name: str, value: str, problem: str
) -> None:
    with pytest.raises(ContractViolation, match=f"column {name} .*{problem}"):
        Readings(LocalImplementation, tmp_path).of_csv(csv_text(**{name: value}))


_OTHER_TYPES: Mapping[str, pa.Array] = {
    "level": pa.array([Decimal("0.1"), None], pa.decimal128(4, 1)),
    "is_open": pa.array([1, None], pa.int8()),
    "day": pa.array([datetime(2024, 2, 29), None], pa.timestamp("us")),
    "local_time": pa.array([datetime(2024, 2, 29, tzinfo=UTC), None], pa.timestamp("us", tz="UTC")),
    "moment": pa.array([datetime(2024, 2, 29), None], pa.timestamp("us")),
}


@pytest.mark.parametrize("name", _OTHER_TYPES)
def test_a_type_that_would_lose_or_invent_something_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ContractViolation, match=f"column {name} is of type .*, which cannot become {name}"):
        Readings(LocalImplementation, tmp_path).of_parquet(table(**{name: _OTHER_TYPES[name]}))


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("level", pa.array([2**53 + 1, None], pa.int64()), "whole numbers that a FLOAT64 can hold"),
        ("level", pa.array([-(2**63), None], pa.int64()), "whole numbers that a FLOAT64 can hold"),
        ("id", pa.array([2**63, 1], pa.uint64()), "has 1 values that are not numbers or are too large"),
        ("amount", pa.array([10**18, None], pa.int64()), "has 1 values that are not numbers or are too large"),
        ("amount", pa.array([1e14, None], pa.float64()), "numbers whose decimals a FLOAT64 can tell apart"),
        ("amount", pa.array([float("nan"), None], pa.float64()), "has 1 values that are not numbers or are too large"),
        ("id", pa.array([float("nan"), 1.0], pa.float64()), "has 1 values that are not numbers or are too large"),
        ("day", pa.array([2**30, None], pa.int32()).cast(pa.date32()), "has 1 times outside the years 1 to 9999"),
        ("level", pa.array([float("nan"), None], pa.float64()), "has 1 values that are not numbers or are too large"),
        ("level", pa.array([float("nan"), 1.0], pa.float32()), "has 1 values that are not numbers or are too large"),
        ("level", pa.array([float("inf"), 1.0], pa.float64()), "has 1 values that are not numbers or are too large"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(
    tmp_path: Path, name: str, values: pa.Array, problem: str
) -> None:
    with pytest.raises(ContractViolation, match=f"column {name} .*{problem}"):
        Readings(LocalImplementation, tmp_path).of_parquet(table(**{name: values}))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("amount", ".5", Decimal("0.500")),
        ("amount", "-000123.4560000", Decimal("-123.456")),
        ("amount", "12345678901234567.125", Decimal("12345678901234567.125")),
        ("level", "1e-3", 0.001),
        ("day", "9999-12-31", date(9999, 12, 31)),
        ("day", "0001-01-01", date(1, 1, 1)),
        ("local_time", "9999-12-31 23:59:59.999999", datetime(9999, 12, 31, 23, 59, 59, 999999)),
        ("moment", "2024-02-29T23:59:59+14:00", datetime(2024, 2, 29, 9, 59, 59, tzinfo=UTC)),
    ],
)
def test_text_at_the_edges_of_a_type_arrives(tmp_path: Path, name: str, text: str, value: object) -> None:
    assert Readings(LocalImplementation, tmp_path).of_csv(csv_text(**{name: text}))[0][name] == value


def test_the_last_day_of_the_calendar_and_finer_instants_arrive_from_parquet(readings: Readings) -> None:
    ends = {
        "day": pa.array([date(9999, 12, 31), None], pa.date64()),
        "local_time": pa.array([datetime(9999, 12, 31), None], pa.timestamp("ms")),
        "moment": pa.array([1709251199123456000, None], pa.timestamp("ns", tz="UTC")),
    }
    found = readings.of_parquet(table(**ends))[0]
    assert [found[name] for name in ends] == [
        date(9999, 12, 31),
        datetime(9999, 12, 31),
        datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC),
    ]


def test_decimals_are_rounded_once(readings: Readings) -> None:
    finer = pa.array([Decimal("1.000499999999"), Decimal("1.000500000000")], pa.decimal128(38, 12))
    assert [row["amount"] for row in readings.of_parquet(table(amount=finer))] == [Decimal("1.000"), Decimal("1.001")]


def test_more_decimals_than_the_column_has_are_rounded_and_counted(readings: Readings) -> None:
    finer = pa.array([Decimal("1.0005"), Decimal("2.0000")], pa.decimal128(12, 4))
    assert [row["amount"] for row in readings.of_parquet(table(amount=finer))] == [Decimal("1.001"), Decimal("2.000")]


@pytest.mark.parametrize("digits", [1, 9, 18, 19, 38])
def test_a_decimal_without_decimals_is_a_whole_number_whatever_its_width(readings: Readings, digits: int) -> None:
    whole = pa.decimal128(digits, 0)
    found = readings.of_parquet(
        table(
            id=pa.array([Decimal(7), Decimal(2)], whole),
            level=pa.array([Decimal(3), None], whole),
            amount=pa.array([Decimal(-4), None], whole),
        )
    )
    assert [(row["id"], row["level"], row["amount"]) for row in found] == [(2, None, None), (7, 3.0, Decimal("-4.000"))]


def test_decimals_that_are_all_whole_are_whole_numbers(readings: Readings) -> None:
    ids = pa.array([Decimal("1.00"), Decimal("-92233720368547758.00")], pa.decimal128(20, 2))
    assert [row["id"] for row in readings.of_parquet(table(id=ids))] == [-92233720368547758, 1]


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        (
            "id",
            pa.array([Decimal("1.50"), Decimal("2.00")], pa.decimal128(5, 2)),
            "whole numbers, but 1 .* example 1.5",
        ),
        (
            "id",
            pa.array([Decimal("1.00"), Decimal("-0.01")], pa.decimal32(5, 2)),
            "whole numbers, but 1 .* example -0.01",
        ),
        (
            "id",
            pa.array([Decimal(2**63), Decimal(2)], pa.decimal128(19, 0)),
            "has 1 values that are not numbers or are",
        ),
        ("level", pa.array([Decimal(2**53 + 1), None], pa.decimal128(38, 0)), "whole numbers that a FLOAT64 can hold"),
        ("amount", pa.array([Decimal(10**17), None], pa.decimal128(38, 0)), "has 1 values that are not numbers or are"),
    ],
)
def test_a_decimal_that_its_column_cannot_hold_is_refused(
    tmp_path: Path, name: str, values: pa.Array, problem: str
) -> None:
    with pytest.raises(ContractViolation, match=f"column {name} .*{problem}"):
        Readings(LocalImplementation, tmp_path).of_parquet(table(**{name: values}))


def test_a_decimal_of_more_digits_than_engines_hold_is_refused(tmp_path: Path) -> None:
    wide = pa.array([Decimal("90071992547409.93"), None], pa.decimal256(50, 2))
    with pytest.raises(ContractViolation, match=r"column amount is of type decimal256\(50, 2\), which cannot become"):
        Readings(LocalImplementation, tmp_path).of_parquet(table(amount=wide))


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (1.1, "1.100"),
        (-0.07, "-0.070"),
        (1.0005, "1.001"),
        (2.6735, "2.674"),
        (-2.6735, "-2.674"),
        (9999.999, "9999.999"),
        (1e-7, "0.000"),
        (2.0**40, "1099511600000.000"),
    ],
)
def test_a_float32_is_rounded_from_its_own_digits(readings: Readings, value: float, amount: str) -> None:
    found = readings.of_parquet(table(amount=pa.array([value, None], pa.float32())))
    assert found[0]["amount"] == Decimal(amount)


def test_half_floats_and_views_of_text_are_read_where_numbers_and_text_belong(readings: Readings) -> None:
    halves = pa.array([1.5, None], pa.float32()).cast(pa.float16())
    found = readings.of_parquet(
        table(
            id=pa.array([1, 2], pa.float32()).cast(pa.float16()),
            level=halves,
            amount=halves,
            note=pa.array(["open", None], pa.string_view()),
        )
    )
    assert [(row["id"], row["level"], row["amount"], row["note"]) for row in found] == [
        (1, 1.5, Decimal("1.500"), "open"),
        (2, None, None, None),
    ]


_LAST_MOMENT = datetime(9999, 12, 31, 23, 59, 59, 999999)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "+14:00"])
def test_the_ends_of_the_calendar_arrive_to_the_microsecond(readings: Readings, zone: str) -> None:
    first = datetime(1, 1, 1)
    found = readings.of_parquet(
        table(
            day=pa.array([date(9999, 12, 31), date(1, 1, 1)], pa.date32()),
            local_time=pa.array([_LAST_MOMENT, first], pa.timestamp("us")),
            moment=pa.array([253402300799999999, -62135596800000000], pa.timestamp("us", tz=zone)),
        )
    )
    assert [(row["day"], row["local_time"], row["moment"]) for row in found] == [
        (date(9999, 12, 31), _LAST_MOMENT, _LAST_MOMENT.replace(tzinfo=UTC)),
        (date(1, 1, 1), first, first.replace(tzinfo=UTC)),
    ]


@pytest.mark.parametrize("name", ["day", "local_time", "moment"])
@pytest.mark.parametrize("end", ["first", "last"])
def test_one_step_beyond_the_calendar_is_refused(tmp_path: Path, name: str, end: str) -> None:
    day = 2932896 + 1 if end == "last" else -719162 - 1
    values = pa.array([day, None], pa.int32()).cast(pa.date32())
    if name != "day":
        beyond = 253402300800000000 if end == "last" else -62135596800000001
        values = pa.array([beyond, None], pa.timestamp("us", tz="UTC" if name == "moment" else None))
    with pytest.raises(ContractViolation, match=f"column {name} .* has 1 times outside the years 1 to 9999"):
        Readings(LocalImplementation, tmp_path).of_parquet(table(**{name: values}))
