"""The extract job of the second emulator, which has one: what it writes is committed, but for its decimals."""

from __future__ import annotations

from pathlib import Path

from lakehouse.column_types import arrow_type
from lakehouse.partition import Month
from tests.emulators.emulator import Cloud
from tests.green_files import outside, trips
from tests.warehouse.bigquery.biglake.implementation import CatalogImplementation
from tests.warehouse.implementations import house_in

JANUARY = Month(2024, 1)


def test_what_an_extract_job_writes_is_of_the_types_that_are_committed(tmp_path: Path, second_cloud: Cloud) -> None:
    at = CatalogImplementation(tmp_path, second_cloud, has_extracts=True)
    with house_in(tmp_path, at) as house:
        house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
        house.replace("green_silver", JANUARY)
        specs = {spec.name: spec for spec in house.models.specs() if spec.format == "iceberg"}
        assert len(at.between.written) == len(specs) == 2
        for written, spec in zip(at.between.written, reversed(specs.values()), strict=True):
            wanted = {column.name: arrow_type(column.type) for column in spec.columns}
            differing = {field.name for field in written if field.type != wanted[field.name]}
            assert set(written.names) == wanted.keys()
            assert differing == {column.name for column in spec.columns if column.base_type == "NUMERIC"}
        for name, rows in {"silver.green_trips": 40, "silver.green_trips_rejected": 1}.items():
            assert at.read(name).num_rows == rows
        assert house.rows("SELECT COUNT(*) AS n FROM silver.green_trips") == [{"n": 40}]
        assert house.replace("green_silver", JANUARY).skipped
