"""Files of every era go through each warehouse to the same table, or stop with what is wrong with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from lakehouse.exceptions import ContractViolation
from lakehouse.partition import Month
from lakehouse.results import CheckResult, ReplaceResult
from tests import fhv_files, green_files, yellow_files
from tests.odd_columns import ODD_COLUMNS, with_odd_columns
from tests.warehouse.implementations import House

MONTH = Month(2024, 1)
FEES = ("improvement_surcharge", "congestion_surcharge", "airport_fee", "cbd_congestion_fee")


def untyped(table: pa.Table, *names: str) -> pa.Table:
    """The table with these columns null-typed, as pandas writes one that holds nothing."""
    for name in names:
        table = table.set_column(table.schema.get_field_index(name), name, pa.nulls(len(table)))
    return table


def with_column(table: pa.Table, name: str, values: list[Any], type_: pa.DataType) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values, type_))


def drift(result: ReplaceResult) -> CheckResult:
    return next(check for check in result.checks if check.name == "contract_drift")


def fees(house: House) -> dict[str, Decimal | None]:
    """The fees of the one trip there is."""
    (row,) = house.rows("SELECT * FROM silver.yellow_trips")
    return {name: row[name] for name in FEES}


# Yellow


@pytest.mark.parametrize("era", yellow_files.ZONED)
def test_a_yellow_file_of_every_era_gives_the_same_row(house: House, era: yellow_files.Era) -> None:
    month = yellow_files.first_month(era)
    house.land_yellow(month, yellow_files.trips(month, 1), era)
    assert house.replace("taxi_silver", month).rows == 1
    (row,) = house.rows("SELECT * FROM silver.yellow_trips")
    assert (row["vendor_id"], row["passenger_count"], row["rate_code_id"], row["payment_type"]) == (1, 2, 1, 1)
    assert (row["pickup_location_id"], row["dropoff_location_id"], row["store_and_fwd_flag"]) == (1, 1, "N")
    assert (row["trip_miles"], row["total_amount"]) == (Decimal("1.25"), Decimal("12.00"))
    assert (row["taxi_type"], row["is_reversal"], row["duration_seconds"]) == ("yellow", False, 660)
    counted = era in ("since 2023-02", "since 2025-01")
    assert {name: row[name] for name in FEES} == {
        "improvement_surcharge": Decimal("1.00"),
        "congestion_surcharge": Decimal("2.50") if counted else None,
        "airport_fee": Decimal("1.75") if counted else None,
        "cbd_congestion_fee": Decimal("0.75") if era == "since 2025-01" else None,
    }


@pytest.mark.parametrize("era", ["2009", "2010", "2010-02"])
def test_a_yellow_file_with_coordinates_publishes_nothing_and_is_named(house: House, era: yellow_files.Era) -> None:
    month = Month.parse(f"{era[:4]}-02")
    house.land_yellow(month, yellow_files.trips(month, 3), era)
    with pytest.raises(
        ContractViolation, match=rf"^yellow {month} .*looks like a file of yellow of {era[:4]}, with coordinates"
    ):
        house.replace("taxi_silver", month)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.yellow_trips") == [{"n": 0}]


FLIPPING = [
    # Month, columns without a type, columns that are doubles: TLC.md, Schema drift.
    (Month(2011, 1), (), ("congestion_surcharge", "airport_fee", "improvement_surcharge")),
    (Month(2011, 2), ("congestion_surcharge", "airport_fee"), ("improvement_surcharge",)),
    (Month(2014, 8), ("improvement_surcharge", "congestion_surcharge", "airport_fee"), ()),
    (Month(2018, 12), ("congestion_surcharge", "airport_fee"), ("improvement_surcharge",)),
    (Month(2019, 1), ("airport_fee",), ("congestion_surcharge", "improvement_surcharge")),
    (Month(2020, 10), ("airport_fee",), ("congestion_surcharge", "improvement_surcharge")),
    (Month(2020, 11), (), ("congestion_surcharge", "airport_fee", "improvement_surcharge")),
]


@pytest.mark.parametrize(("month", "nothing", "doubles"), FLIPPING, ids=[str(month) for month, _, _ in FLIPPING])
def test_a_fee_without_a_type_is_null_and_a_double_one_an_amount_and_neither_is_drift(
    house: House, month: Month, nothing: tuple[str, ...], doubles: tuple[str, ...]
) -> None:
    table = yellow_files.table(yellow_files.trips(month, 1), "since 2018-07")
    for name in doubles:
        table = with_column(table, name, [2.75], pa.float64())
    house.land_yellow(month, untyped(table, *nothing))
    result = house.replace("taxi_silver", month)
    assert fees(house) == {
        **dict.fromkeys(nothing),
        **dict.fromkeys(doubles, Decimal("2.75")),
        "cbd_congestion_fee": None,
    }
    assert drift(result).passed
    assert "vanished_columns" not in drift(result).facts


@pytest.mark.parametrize(("file", "name"), [("passenger_count", "passenger_count"), ("RatecodeID", "rate_code_id")])
def test_a_fraction_in_a_yellow_count_that_is_a_double_stops_the_month(house: House, file: str, name: str) -> None:
    month = Month(2018, 7)
    house.land_yellow(month, yellow_files.trips(month, 3), "since 2018-07")
    house.replace("taxi_silver", month)
    house.land_yellow(
        month, [*yellow_files.trips(month, 3), yellow_files.trip(month, 4, **{file: 2.5})], "since 2018-07"
    )
    with pytest.raises(ContractViolation, match=rf"column {file} \({name}\) must hold whole numbers, .* example 2.5"):
        house.replace("taxi_silver", month)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.yellow_trips") == [{"n": 3}]


def test_a_yellow_count_that_is_unknown_in_a_double_is_null(house: House) -> None:
    month = Month(2018, 7)
    house.land_yellow(month, yellow_files.trips(month, 1, passenger_count=None), "since 2018-07")
    house.replace("taxi_silver", month)
    assert house.rows("SELECT passenger_count FROM silver.yellow_trips") == [{"passenger_count": None}]


# Columns that a file of its month should have

BEFORE_THEIR_TIME = [
    ("congestion_surcharge", Month(2018, 12), Month(2019, 1), "null-typed"),
    ("airport_fee", Month(2020, 10), Month(2020, 11), "null-typed"),
    ("improvement_surcharge", Month(2014, 12), Month(2015, 1), "null-typed"),
    ("cbd_congestion_fee", Month(2024, 12), Month(2025, 1), "null-typed"),
    ("cbd_congestion_fee", Month(2024, 12), Month(2025, 1), "missing"),
]


def land_without(house: House, month: Month, name: str, how: str) -> CheckResult:
    table = yellow_files.table(yellow_files.trips(month, 2), "since 2025-01")
    file = "Airport_fee" if name == "airport_fee" else name
    house.land_yellow(month, table.drop_columns([file]) if how == "missing" else untyped(table, file))
    return drift(house.replace("taxi_silver", month))


@pytest.mark.parametrize(("name", "before", "since", "how"), BEFORE_THEIR_TIME)
def test_a_fee_that_a_file_of_its_month_should_have_is_demanded_and_not_before_its_time(
    house: House, name: str, before: Month, since: Month, how: str
) -> None:
    early = land_without(house, before, name, how)
    assert (early.passed, early.facts) == (True, {"absent_columns": name})
    with pytest.raises(ContractViolation, match=rf"required column \w+ \({name}\) is .*; nothing was changed"):
        land_without(house, since, name, how)
    assert house.rows("SELECT COUNT(*) AS n FROM silver.yellow_trips") == [{"n": 2}]


@pytest.mark.parametrize("how", ["missing", "null-typed"])
def test_a_column_on_which_nothing_rests_is_missed_with_a_warning(house: House, how: str) -> None:
    result = land_without(house, Month(2025, 1), "passenger_count", how)
    assert (result.passed, result.severity, result.blocking, result.failing) == (False, "warn", False, 1)
    assert result.facts == {"absent_columns": "passenger_count", "vanished_columns": "passenger_count"}


def test_all_columns_that_are_missed_are_named_at_once(house: House) -> None:
    table = yellow_files.table(yellow_files.trips(MONTH, 2), "since 2025-01")
    house.land_yellow(MONTH, untyped(table, "tip_amount").drop_columns(["fare_amount", "payment_type"]))
    with pytest.raises(ContractViolation) as caught:
        house.replace("taxi_silver", MONTH)
    assert (
        "required column payment_type (payment_type) is missing, required column fare_amount (fare_amount) is missing, "
        "required column tip_amount (tip_amount) is there but has no type (all null); nothing was changed"
    ) in str(caught.value)


@pytest.mark.not_in_bigquery("no column of it is called so: such a file is refused")
def test_names_of_columns_with_blanks_around_them_are_theirs(house: House) -> None:
    table = yellow_files.table(yellow_files.trips(Month(2025, 1), 1), "since 2025-01")
    blanks = {
        name: f" {name}\t" if number % 2 else f"{name.upper()} " for number, name in enumerate(table.column_names)
    }
    house.land_yellow(Month(2025, 1), table.rename_columns(list(blanks.values())))
    result = drift(house.replace("taxi_silver", Month(2025, 1)))
    assert (result.passed, result.facts) == (True, {})
    (row,) = house.rows("SELECT congestion_surcharge, total_amount, vendor_id FROM silver.yellow_trips")
    assert row == {"congestion_surcharge": Decimal("2.50"), "total_amount": Decimal("12.00"), "vendor_id": 1}


def test_a_green_file_that_lost_its_e_hail_fee_again_is_noticed(house: House) -> None:
    for month, passed in ((Month(2023, 1), True), (Month(2023, 2), False)):
        house.land(month, green_files.trips(month, 2), "until 2023-01")
        assert drift(house.replace("green_silver", month)).passed is passed


# Columns of types that trips do not have


@pytest.mark.emulator_gap("it takes columns of parquet by their place, also where it is told to leave some out")
def test_columns_of_whatever_type_that_nobody_asked_for_are_listed_and_stop_no_month(house: House) -> None:
    house.land(MONTH, with_odd_columns(green_files.table(green_files.trips(MONTH, 5), "since 2025-01")))
    result = house.replace("green_silver", MONTH)
    assert (result.rows, drift(result).severity) == (5, "warn")
    assert drift(result).facts["unknown_columns"] == ", ".join(ODD_COLUMNS)


def test_flags_and_amounts_of_other_types_of_text_and_numbers_are_read(house: House) -> None:
    table = green_files.table(green_files.trips(MONTH, 3), "since 2025-01")
    for name, type_ in {
        "store_and_fwd_flag": pa.string_view(),
        "PULocationID": pa.decimal128(12, 0),
        "DOLocationID": pa.decimal64(14, 2),
        "passenger_count": pa.float16(),
        "trip_distance": pa.float16(),
        "fare_amount": pa.decimal256(20, 4),
        "total_amount": pa.float32(),
    }.items():
        position = table.schema.get_field_index(name)
        values = table.column(position)
        exact = values.cast(pa.float32()).cast(type_) if type_ == pa.float16() else values.cast(type_)
        table = table.set_column(position, name, exact)
    house.land(MONTH, table)
    result = house.replace("green_silver", MONTH)
    assert drift(result).passed
    found = house.rows(
        "SELECT store_and_fwd_flag, pickup_location_id, dropoff_location_id, passenger_count, trip_miles, fare_amount, "
        "total_amount FROM silver.green_trips ORDER BY pickup_at LIMIT 1"
    )
    assert list(found[0].values()) == ["N", 1, 1, 1, Decimal("1.25"), Decimal("10.00"), Decimal("12.00")]


@pytest.mark.parametrize("name", ["uuid", "json", "duration", "decimal256", "time64", "list", "map"])
def test_a_type_that_a_column_cannot_be_read_from_is_refused_by_its_name(house: House, name: str) -> None:
    table = green_files.table(green_files.trips(MONTH, 3), "since 2025-01")
    odd = ODD_COLUMNS[name](3)
    column = "store_and_fwd_flag" if name in ("uuid", "json") else "passenger_count"
    house.land(MONTH, table.set_column(table.schema.get_field_index(column), column, odd))
    with pytest.raises(ContractViolation, match=rf"column {column} is of type .*{name}.*, which cannot become"):
        house.replace("green_silver", MONTH)


# FHV


@pytest.mark.parametrize("era", ["whole ids", "double ids"])
def test_an_fhv_file_with_whole_or_double_ids_gives_the_same_rows(house: House, era: fhv_files.Era) -> None:
    house.land_fhv(MONTH, [fhv_files.trip(MONTH, 4, DOlocationID=None)], era)
    result = house.replace("fhv_silver", MONTH)
    (row,) = house.rows("SELECT * FROM silver.fhv_trips")
    del row["bronze_sha256"]
    assert row == {
        "dispatching_base_number": "B00013",
        "pickup_at": fhv_files.trip(MONTH, 4)["pickup_datetime"],
        "dropoff_at": fhv_files.trip(MONTH, 4)["dropOff_datetime"],
        "pickup_location_id": 5,
        "dropoff_location_id": None,
        "shared_ride_flag": None,
        "affiliated_base_number": "B00014",
        "taxi_type": "fhv",
        "is_reversal": False,
        "duration_seconds": 1200,
        "copies": 1,
    }
    assert drift(result).passed


def test_an_fhv_flag_that_is_typed_is_kept(house: House) -> None:
    house.land_fhv(MONTH, [fhv_files.trip(MONTH, 1, SR_Flag=1), fhv_files.trip(MONTH, 2)])
    house.replace("fhv_silver", MONTH)
    rows = house.rows("SELECT shared_ride_flag FROM silver.fhv_trips ORDER BY pickup_at")
    assert [row["shared_ride_flag"] for row in rows] == [1, None]


@pytest.mark.parametrize(
    ("file", "name"), [("PUlocationID", "pickup_location_id"), ("DOlocationID", "dropoff_location_id")]
)
def test_a_fraction_in_an_fhv_zone_stops_the_month(house: House, file: str, name: str) -> None:
    house.land_fhv(MONTH, [fhv_files.trip(MONTH, 1), fhv_files.trip(MONTH, 2, **{file: 7.5})], "double ids")
    with pytest.raises(ContractViolation, match=rf"^fhv 2024-01 .*column {file} \({name}\) must hold whole .* 7.5"):
        house.replace("fhv_silver", MONTH)


@pytest.mark.parametrize(
    ("published", "kept"),
    [
        ("B00021  ", "B00021"),
        ("  B00021", "B00021"),
        (" B00021 ", "B00021"),
        ("B 21", "B 21"),
        ("", None),
        ("   ", None),
    ],
)
def test_spaces_around_an_fhv_base_number_go_and_an_empty_one_is_null(
    house: House, published: str, kept: str | None
) -> None:
    house.land_fhv(MONTH, [fhv_files.trip(MONTH, 1, Affiliated_base_number=published)])
    house.replace("fhv_silver", MONTH)
    assert house.rows("SELECT affiliated_base_number AS base FROM silver.fhv_trips") == [{"base": kept}]


def test_fhv_records_that_differ_only_in_spaces_are_one_trip_twice(house: House) -> None:
    trips = [fhv_files.trip(MONTH, 1), fhv_files.trip(MONTH, 1, dispatching_base_num=" B00013")]
    house.land_fhv(MONTH, trips)
    result = house.replace("fhv_silver", MONTH)
    assert result.ledger is not None
    assert (result.rows, result.ledger.bronze_rows, result.ledger.duplicate_copies) == (1, 2, 1)
