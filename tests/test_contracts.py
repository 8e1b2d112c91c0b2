"""The contract of green against files of every era, and against files that break it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse import dialect
from lakehouse.contracts import GREEN
from lakehouse.exceptions import ContractViolation
from lakehouse.month import Month
from lakehouse.projection import SourceColumn, read_footer
from tests import green_files

MONTH = Month(2024, 1)
DESIGNED_ORDER = [
    *("vendor_id", "pickup_at", "dropoff_at", "passenger_count", "trip_miles", "rate_code_id", "store_and_fwd_flag"),
    *("pickup_location_id", "dropoff_location_id", "payment_type"),
    *("fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge", "total_amount"),
    *("congestion_surcharge", "cbd_congestion_fee", "ehail_fee", "trip_type"),
]


def footer(era: green_files.Era, **changed: str) -> tuple[SourceColumn, ...]:
    kinds = {"int64": "integer", "int32": "integer", "double": "float", "null": "null", "timestamp[us]": "datetime"}
    columns = [(field.name, kinds.get(str(field.type), "string")) for field in green_files.schema(era)]
    return tuple(SourceColumn(name, changed.get(name, kind)) for name, kind in columns)


def test_canonical_columns_are_those_of_the_design_in_its_order() -> None:
    assert [column.name for column in GREEN.columns] == DESIGNED_ORDER


def test_every_canonical_column_has_a_description_and_money_has_a_unit() -> None:
    for column in GREEN.columns:
        assert column.description
        if column.type.startswith("NUMERIC"):
            assert column.unit in ("USD", "miles")


@pytest.mark.parametrize("era", ["until 2023-01", "since 2023-02", "since 2025-01"])
def test_a_file_of_any_era_gives_the_same_columns_and_types(era: green_files.Era) -> None:
    select = GREEN.project(footer(era), "file").select
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
    assert kinds == ["string", "timestamp[us, tz=UTC]", "decimal"]


def test_a_null_typed_optional_column_is_a_typed_null() -> None:
    projection = GREEN.project(footer("until 2023-01"), "file")
    assert "CAST(NULL AS DECIMAL(18, 2)) AS ehail_fee" in dialect.render(projection.select, "duckdb")
    assert projection.absent == ("cbd_congestion_fee", "ehail_fee")


def test_names_are_matched_without_case() -> None:
    shouted = tuple(SourceColumn(column.name.upper(), column.kind) for column in footer("since 2025-01"))
    projection = GREEN.project(shouted, "file")
    assert projection.absent == ()
    assert projection.unknown == ()


def test_an_unknown_column_is_reported_not_dropped_in_silence() -> None:
    projection = GREEN.project((*footer("since 2025-01"), SourceColumn("surge_fee", "float")), "file")
    assert projection.unknown == ("surge_fee",)


def test_integers_stored_as_floats_are_marked_to_be_checked() -> None:
    projection = GREEN.project(footer("until 2023-01"), "file")
    assert {name for _, name in projection.whole_numbers} == {
        "passenger_count",
        "rate_code_id",
        "payment_type",
        "trip_type",
    }
    assert GREEN.project(footer("since 2023-02"), "file").whole_numbers == ()


@pytest.mark.parametrize("missing", ["lpep_pickup_datetime", "PULocationID", "total_amount"])
def test_a_missing_required_column_stops_the_month_naming_file_and_column(missing: str) -> None:
    rest = tuple(column for column in footer("since 2023-02") if column.name != missing)
    with pytest.raises(ContractViolation, match=rf"green 2024-01 \(x\): required column {missing} .*is missing"):
        GREEN.project(rest, "green 2024-01 (x)")


def test_a_required_column_without_a_type_stops_the_month() -> None:
    with pytest.raises(ContractViolation, match=r"total_amount .*has no type"):
        GREEN.project(footer("since 2023-02", total_amount="null"), "file")


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
        GREEN.project(footer("since 2023-02", **{column: kind}), "file")
    assert f"column {column} is of type {kind}, which cannot become" in str(error.value)


def test_two_columns_that_differ_only_in_case_stop_the_month() -> None:
    with pytest.raises(ContractViolation, match="vendorid occurs twice"):
        GREEN.project((*footer("since 2023-02"), SourceColumn("vendorid", "integer")), "file")
