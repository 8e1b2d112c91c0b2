"""The columns of generated months against the files that TLC published."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_sources import tlc
from lakehouse.partition import Month, month_range
from lakehouse.sample import eras
from lakehouse.sample.trips import write_month

DATASETS = {dataset.name: dataset for dataset in (tlc.YELLOW, tlc.GREEN, tlc.FHV)}
EARLIEST = Month(2011, 1)
RE_SAVED = {
    "yellow 2025-02": {"passenger_count", "RatecodeID", "store_and_fwd_flag"},
    "green 2025-11": {"passenger_count", "RatecodeID", "payment_type", "trip_type"},
}
"""Files at hand that others than TLC wrote (TLC.md), and the columns whose types they changed."""

PHYSICAL = {pa.int32(): "INT32", pa.int64(): "INT64", pa.float64(): "DOUBLE", pa.null(): "INT32"}


@pytest.mark.parametrize(
    ("dataset", "month"),
    [
        *(("green", month) for month in ("2020-04", "2022-01", "2023-01", "2023-02", "2023-03", "2024-01", "2025-11")),
        *(("yellow", month) for month in ("2020-04", "2025-02")),
        ("fhv", "2020-04"),
    ],
)
def test_a_generated_file_has_the_columns_of_the_published_one(
    real_data: Path, tmp_path: Path, dataset: str, month: str
) -> None:
    published = real_data / "tlc" / "trip-data" / f"{dataset}_tripdata_{month}.parquet"
    generated = write_month(tmp_path / "month.parquet", DATASETS[dataset], Month.parse(month), 200).path
    ours, theirs = pq.read_schema(generated), pq.read_schema(published)
    assert ours.names == theirs.names
    re_saved = RE_SAVED.get(f"{dataset} {month}", set())
    differing = {name for name in ours.names if ours.field(name).type != theirs.field(name).type}
    assert differing == re_saved
    if not re_saved:
        codecs = {pq.read_metadata(file).row_group(0).column(0).compression for file in (generated, published)}
        assert len(codecs) == 1


def test_columns_are_called_as_in_every_file_since_2011(real_data: Path) -> None:
    with (real_data / "reference" / "tlc_published_files_2015-2024.csv").open(newline="") as file:
        files = [row for row in csv.DictReader(file) if row["file_record_type"] in DATASETS]
    compared = 0
    for row in files:
        month = Month(int(row["file_year"]), int(row["file_month"]))
        if month >= EARLIEST:
            names = eras.schema(DATASETS[row["file_record_type"]], month).names
            assert names == row["file_column_names"].split(","), row["file_name"]
            compared += 1
    assert compared > 350


def test_yellow_types_change_when_those_of_the_published_files_do(real_data: Path) -> None:
    """From 2019-01 on: before, and of the airport fee in 2020-08 and 09, null-typed columns come and go."""
    changes: list[dict[str, Any]] = json.loads(
        (real_data / "reference" / "yellow_parquet_schema_changes.json").read_text()
    )
    published: dict[str, str] = {}
    compared = set()
    by_month = {Month.parse(row["month"]): row["type_changes"] for row in changes}
    for month in month_range(EARLIEST, max(by_month)):
        for name, (_, now) in json.loads(by_month[month].replace("'", '"').replace("(", "[").replace(")", "]")).items():
            published[name] = now
        if month < Month(2019, 1):
            continue
        ours = {field.name.lower(): field.type for field in eras.schema(tlc.YELLOW, month)}
        for name, physical in published.items():
            if name == "airport_fee" and month in (Month(2020, 8), Month(2020, 9)):
                continue
            assert PHYSICAL[ours[name]] == physical, f"{name} in {month}"
            compared.add(name)
    assert {"congestion_surcharge", "airport_fee", "passenger_count", "ratecodeid", "vendorid"} <= compared


@pytest.mark.parametrize(("month", "type_"), [("2018-06", pa.int64()), ("2018-07", pa.float64())])
def test_yellow_counts_are_doubles_from_2018_07(month: str, type_: pa.DataType) -> None:
    schema = eras.schema(tlc.YELLOW, Month.parse(month))
    assert schema.field("passenger_count").type == schema.field("RatecodeID").type == type_


def test_location_ids_of_fhv_are_doubles_in_the_old_era_alone() -> None:
    old, new = (eras.schema(tlc.FHV, month) for month in (Month(2023, 1), Month(2023, 2)))
    assert [str(old.field(name).type) for name in ("PUlocationID", "DOlocationID", "SR_Flag")] == [
        *("double", "double", "null")
    ]
    assert [str(new.field(name).type) for name in ("PUlocationID", "DOlocationID", "SR_Flag")] == ["int32"] * 3
