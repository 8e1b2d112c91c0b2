"""The contracts against files of every era, and against files that break them."""

from __future__ import annotations

import ast
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dlt_sources import jsonplaceholder, tlc
from dlt_sources.dataset import Dataset
from lakehouse.bronze.contract import CanonicalColumn, Contract
from lakehouse.bronze.contracts.columns import column, text
from lakehouse.bronze.contracts.jsonplaceholder import USERS
from lakehouse.bronze.contracts.tlc import FHV, GREEN, YELLOW, ZONES
from lakehouse.bronze.footer import SourceColumn, read_footer
from lakehouse.bronze.projection import Cast
from lakehouse.exceptions import ConfigurationError, ContractViolation
from lakehouse.models import dialect
from lakehouse.models.reader import load_models
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import PROJECT_ROOT
from tests import fhv_files, green_files, reference_files, yellow_files
from tests.loading import CONTRACTS

MONTH = Month(2024, 1)
TAXI = [
    *("vendor_id", "pickup_at", "dropoff_at", "passenger_count", "trip_miles", "rate_code_id", "store_and_fwd_flag"),
    *("pickup_location_id", "dropoff_location_id", "payment_type"),
    *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount"),
    "congestion_surcharge",
]
DESIGNED_ORDER = [*TAXI, "cbd_congestion_fee", "ehail_fee", "trip_type"]
YELLOW_ORDER = [*TAXI, "airport_fee", "cbd_congestion_fee"]
FHV_ORDER = [
    *("dispatching_base_number", "pickup_at", "dropoff_at", "pickup_location_id", "dropoff_location_id"),
    *("shared_ride_flag", "affiliated_base_number"),
]
ADDED_TO_TRIPS = ["taxi_type", "is_reversal", "duration_seconds", "copies", "bronze_sha256"]
SILVER = {
    "taxi_silver": [*YELLOW_ORDER, *ADDED_TO_TRIPS],
    "green_silver": [*DESIGNED_ORDER, *ADDED_TO_TRIPS],
    "fhv_silver": [*FHV_ORDER, *ADDED_TO_TRIPS],
    "zones_silver": ["location_id", "borough", "zone", "service_zone"],
    "users_silver": [
        *("user_id", "name", "username", "email", "street", "suite", "city", "zipcode", "latitude", "longitude"),
        *("phone", "website", "company_name"),
    ],
}


def footer(era: green_files.Era, **changed: str) -> tuple[SourceColumn, ...]:
    kinds = {"int64": "integer", "int32": "integer", "double": "float", "null": "null", "timestamp[us]": "datetime"}
    columns = [(field.name, kinds.get(str(field.type), "string")) for field in green_files.schema(era)]
    return tuple(SourceColumn(name, changed.get(name, kind), kind) for name, kind in columns)


def footer_of(schema: pa.Schema, folder: Path) -> tuple[SourceColumn, ...]:
    """What a file with these columns says of itself."""
    return read_footer(green_files.write(folder / "file.parquet", schema.empty_table()))


def names(contract: Contract) -> list[str]:
    return [column.name for column in contract.columns]


def test_canonical_columns_are_those_of_the_design_in_its_order() -> None:
    assert names(GREEN) == DESIGNED_ORDER
    assert names(YELLOW) == YELLOW_ORDER
    assert names(FHV) == FHV_ORDER
    assert names(ZONES) == SILVER["zones_silver"]


def test_a_user_in_bronze_has_the_columns_that_dlt_makes_of_the_api() -> None:
    landed = reference_files.users_table([reference_files.user(1)]).column_names
    assert names(USERS) == [name for name in landed if not name.startswith("_dlt")]


@pytest.mark.parametrize("key", SILVER)
def test_silver_has_the_columns_of_the_design_in_its_order(key: str) -> None:
    models = load_models(PROJECT_ROOT / "sql", CONTRACTS)
    assert [column.name for column in models[key].table.columns] == SILVER[key]


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_every_canonical_column_has_a_description_and_money_has_a_unit(contract: Contract) -> None:
    for each in contract.columns:
        assert each.description
        if each.type.startswith("NUMERIC"):
            assert each.unit in ("USD", "miles")


@pytest.mark.parametrize("era", ["until 2023-01", "since 2023-02", "since 2025-01"])
def test_a_file_of_any_era_gives_the_same_columns_and_types(era: green_files.Era) -> None:
    select = GREEN.project(footer(era), "file", MONTH).select
    assert [projection.alias for projection in select.selects] == DESIGNED_ORDER
    assert [projection.this.to.sql("bigquery").replace(", ", ",") for projection in select.selects] == [
        column.type for column in GREEN.columns
    ]


def test_the_footer_of_a_real_parquet_file_is_read_by_kinds(tmp_path: Path) -> None:
    file = green_files.write(tmp_path / "g.parquet", green_files.trips(MONTH, 2), "until 2023-01")
    kinds = {column.name: column.kind for column in read_footer(file)}
    assert kinds["ehail_fee"] == "null"
    assert kinds["passenger_count"] == "float"
    assert kinds["VendorID"] == "integer"
    assert kinds["lpep_pickup_datetime"] == "datetime"
    assert kinds["store_and_fwd_flag"] == "string"


def test_dictionary_encoded_and_zoned_columns_are_told_apart(tmp_path: Path) -> None:
    table = pa.table(
        {
            "flag": pa.array(["Y", "N"]).dictionary_encode(),
            "zoned": pa.array([0, 1], pa.timestamp("us", tz="UTC")),
            "exact": pa.array([Decimal("1.50"), Decimal("2.00")]),
        }
    )
    kinds = [column.kind for column in read_footer(green_files.write(tmp_path / "t.parquet", table))]
    assert kinds == ["string", "timestamp", "decimal"]


def test_a_null_typed_optional_column_is_a_typed_null() -> None:
    projection = GREEN.project(footer("until 2023-01"), "file", MONTH)
    assert "CAST(NULL AS DECIMAL(18, 2)) AS ehail_fee" in dialect.render(projection.select, "duckdb")
    assert projection.absent == ("cbd_congestion_fee", "ehail_fee")


def test_names_are_matched_without_case() -> None:
    shouted = tuple(SourceColumn(column.name.upper(), column.kind, column.type) for column in footer("since 2025-01"))
    projection = GREEN.project(shouted, "file", MONTH)
    assert projection.absent == ()
    assert projection.unknown == ()


def test_an_unknown_column_is_reported_not_dropped_in_silence() -> None:
    projection = GREEN.project((*footer("since 2025-01"), SourceColumn("surge_fee", "float", "double")), "file", MONTH)
    assert projection.unknown == ("surge_fee",)


def test_integers_stored_as_floats_are_marked_to_be_checked() -> None:
    projection = GREEN.project(footer("until 2023-01"), "file", MONTH)
    assert {cast.name for cast in projection.whole_numbers} == {
        "passenger_count",
        "rate_code_id",
        "payment_type",
        "trip_type",
    }
    assert GREEN.project(footer("since 2023-02"), "file", MONTH).whole_numbers == ()


@pytest.mark.parametrize("missing", ["lpep_pickup_datetime", "PULocationID", "total_amount"])
def test_a_missing_required_column_stops_the_month_naming_file_and_column(missing: str) -> None:
    rest = tuple(column for column in footer("since 2023-02") if column.name != missing)
    with pytest.raises(ContractViolation, match=rf"green 2024-01 \(x\): required column {missing} .*is missing"):
        GREEN.project(rest, "green 2024-01 (x)", MONTH)


def test_a_required_column_without_a_type_stops_the_month() -> None:
    with pytest.raises(ContractViolation, match=r"total_amount .*has no type"):
        GREEN.project(footer("since 2023-02", total_amount="null"), "file", MONTH)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("VendorID", "string"),
        ("lpep_pickup_datetime", "string"),
        ("lpep_pickup_datetime", "timestamp[us, tz=UTC]"),
        ("total_amount", "string"),
        ("store_and_fwd_flag", "float"),
    ],
)
def test_a_type_that_cannot_be_cast_stops_the_month_naming_column_and_types(column: str, kind: str) -> None:
    with pytest.raises(ContractViolation) as error:
        GREEN.project(footer("since 2023-02", **{column: kind}), "file", MONTH)
    assert f"column {column} is of type {kind}, which cannot become" in str(error.value)


def test_two_columns_that_differ_only_in_case_stop_the_month() -> None:
    with pytest.raises(ContractViolation, match="vendorid occurs twice"):
        GREEN.project((*footer("since 2023-02"), SourceColumn("vendorid", "integer", "int64")), "file", MONTH)


# Yellow, by the rows of TLC.md's table of drift


@pytest.mark.parametrize("era", ["2009", "2010", "2010-02"])
def test_a_yellow_file_with_coordinates_is_refused_naming_what_it_is(era: yellow_files.Era, tmp_path: Path) -> None:
    file = footer_of(yellow_files.schema(era), tmp_path)
    with pytest.raises(ContractViolation) as error:
        YELLOW.project(file, "yellow 2010-02 (x)", MONTH)
    assert str(error.value).startswith(
        f"yellow 2010-02 (x): looks like a file of yellow of {era[:4]}, with coordinates for zones, which cannot be "
    )


def test_a_yellow_file_with_modern_names_and_no_zones_is_refused(tmp_path: Path) -> None:
    schema = yellow_files.schema("since 2011-01")
    without = schema.remove(schema.get_field_index("PULocationID"))
    with pytest.raises(ContractViolation, match=r"required column PULocationID \(pickup_location_id\) is missing"):
        YELLOW.project(footer_of(without, tmp_path), "file", MONTH)


ABSENT_YELLOW: dict[yellow_files.Era, tuple[str, ...]] = {
    "since 2011-01": ("congestion_surcharge", "airport_fee", "cbd_congestion_fee"),
    "since 2018-07": ("congestion_surcharge", "airport_fee", "cbd_congestion_fee"),
    "since 2023-02": ("cbd_congestion_fee",),
    "since 2025-01": (),
}


@pytest.mark.parametrize("era", ABSENT_YELLOW)
def test_a_yellow_file_of_any_era_gives_the_same_columns_and_types(era: yellow_files.Era, tmp_path: Path) -> None:
    projection = YELLOW.project(footer_of(yellow_files.schema(era), tmp_path), "file", yellow_files.first_month(era))
    assert [each.alias for each in projection.select.selects] == YELLOW_ORDER
    assert [each.this.to.sql("bigquery").replace(", ", ",") for each in projection.select.selects] == [
        column.type for column in YELLOW.columns
    ]
    assert projection.absent == ABSENT_YELLOW[era]
    assert projection.unknown == ()


def test_yellow_counts_are_looked_at_where_they_are_doubles(tmp_path: Path) -> None:
    found = {
        era: YELLOW.project(
            footer_of(yellow_files.schema(era), tmp_path), "file", yellow_files.first_month(era)
        ).whole_numbers
        for era in yellow_files.ZONED
    }
    doubles = (Cast("passenger_count", "passenger_count", "INT64"), Cast("RatecodeID", "rate_code_id", "INT64"))
    assert found == {"since 2011-01": (), "since 2018-07": doubles, "since 2023-02": (), "since 2025-01": ()}


_FEES = ("surcharge", "fee")


def kind(name: str, physical: str) -> str:
    """The kind of a column's type, from how Parquet stores it: a column without a type is stored as INT32."""
    if name.endswith("_datetime"):
        return "datetime"
    if physical == "INT32" and name.endswith(_FEES):
        return "null"
    return {"INT64": "integer", "INT32": "integer", "DOUBLE": "float", "BYTE_ARRAY": "string"}[physical]


def physical(field: Any) -> str:
    if pa.types.is_null(field.type):
        return "INT32"
    if pa.types.is_floating(field.type):
        return "DOUBLE"
    return "BYTE_ARRAY" if pa.types.is_string(field.type) else "INT64"


def listed(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def test_every_month_of_yellow_that_was_published_fits_its_contract_and_has_what_it_should(real_data: Path) -> None:
    changes = json.loads((real_data / "reference" / "yellow_parquet_schema_changes.json").read_text())
    stored = {field.name.lower(): physical(field) for field in yellow_files.schema("2009")}
    modern = {field.name: physical(field) for field in yellow_files.schema("since 2011-01")}
    # The first month that has them has them as doubles.
    modern = {name.lower(): "DOUBLE" if name.endswith(_FEES) else type_ for name, type_ in modern.items()}
    accepted = []
    for change in changes:
        month = Month.parse(change["month"])
        added, removed = listed(change["added"]), listed(change["removed"])
        assert removed <= stored.keys()
        assert not added & stored.keys()
        stored = {name: type_ for name, type_ in stored.items() if name not in removed}
        stored |= {name: modern.get(name, "DOUBLE") for name in added}
        for name, (before, after) in ast.literal_eval(change["type_changes"]).items():
            assert stored[name] == before, (month, name)
            stored[name] = after
        file = tuple(SourceColumn(name, kind(name, type_), type_) for name, type_ in stored.items())
        if month < Month(2011, 1):
            with pytest.raises(ContractViolation, match=r"looks like a file of yellow of 20(09|10), with coordinates"):
                YELLOW.project(file, change["month"], month)
            continue
        projection = YELLOW.project(file, change["month"], month)
        untyped = {column.name for column in file if column.kind == "null"}
        assert projection.unknown == (), month
        assert set(projection.absent) == untyped | {"cbd_congestion_fee"}, month
        assert projection.vanished == (), month
        accepted.append(change["month"])
    assert (accepted[0], accepted[-1], len(accepted)) == ("2011-01", "2024-08", 164)


# FHV


def test_an_fhv_file_is_understood_with_tlcs_own_use_of_capitals(tmp_path: Path) -> None:
    projection = FHV.project(footer_of(fhv_files.schema("whole ids"), tmp_path), "file", MONTH)
    assert [each.alias for each in projection.select.selects] == FHV_ORDER
    assert (projection.absent, projection.unknown) == ((), ())


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title], ids=["lower", "upper", "title"])
def test_fhv_names_are_matched_whatever_their_case(change: Any, tmp_path: Path) -> None:
    columns = footer_of(fhv_files.schema("whole ids"), tmp_path)
    projection = FHV.project(
        tuple(SourceColumn(change(column.name), column.kind, column.type) for column in columns), "file", MONTH
    )
    assert (projection.absent, projection.unknown) == ((), ())


def test_an_fhv_file_with_double_ids_and_an_untyped_flag_is_understood_and_its_ids_are_looked_at(
    tmp_path: Path,
) -> None:
    projection = FHV.project(footer_of(fhv_files.schema("double ids"), tmp_path), "file", MONTH)
    assert projection.absent == ("shared_ride_flag",)
    assert projection.whole_numbers == (
        Cast("PUlocationID", "pickup_location_id", "INT64"),
        Cast("DOlocationID", "dropoff_location_id", "INT64"),
    )


@pytest.mark.parametrize("missing", ["dispatching_base_num", "pickup_datetime"])
def test_an_fhv_file_without_a_required_column_is_refused(missing: str, tmp_path: Path) -> None:
    schema = fhv_files.schema("whole ids")
    without = schema.remove(schema.get_field_index(missing))
    with pytest.raises(ContractViolation, match=rf"required column {missing} .*is missing"):
        FHV.project(footer_of(without, tmp_path), "file", MONTH)


def test_what_the_sources_promise_is_what_the_contracts_read() -> None:
    users = {name for column in USERS.canonical for name in column.sources}
    assert users == {"id", *jsonplaceholder.TEXT_COLUMNS}
    assert [column.sources for column in ZONES.canonical] == [(name,) for name in tlc.ZONE_COLUMNS]


@pytest.mark.parametrize(
    ("columns", "order", "problem"),
    [
        ([column("id", "INT", "id", "Id")], "id", "column id has type INT; use INT64, FLOAT64"),
        ([column("id", "NUMERIC", "id", "Id")], "id", "column id has type NUMERIC; use"),
        ([column("id", "NUMERIC(38,10)", "id", "Id")], "id", r"column id has type NUMERIC\(38,10\); use"),
        ([column("id", "INT64", "id", "Id")], "at", "it is ordered by at, which is none of its columns"),
        ([column("id", "INT64", "id", "Id"), text("id", "name", "Id")], "id", "column id is there twice"),
        ([column("copies", "INT64", "copies", "Copies")], "copies", "column copies is there twice"),
        ([column("id", "INT64", "", "Id")], "id", "column id has no name in files"),
        ([column("id", "INT64", "id", "Id", padded=True)], "id", "column id is INT64: only text can be padded"),
    ],
)
def test_a_contract_that_could_not_be_read_is_refused_before_any_file_is(
    columns: list[CanonicalColumn], order: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"contract of bikes: {problem}"):
        Contract(Dataset(name="bikes", description="Bikes."), order, tuple(columns))


def test_a_column_may_have_names_with_spaces() -> None:
    started = text("start", ("Started At", "start"), "Where it began")
    contract = Contract(Dataset(name="bikes", description="Bikes."), "start", (started,))
    assert contract.project((SourceColumn("started at", "untyped", "text"),), "file", WHOLE).unknown == ()
