"""Real months of green through both warehouses, of which one has it in a catalog: row for row the same, gold too."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.partition import Month
from tests.emulators.comparison import require_same
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.biglake.implementation import CatalogImplementation
from tests.warehouse.bigquery.test_parity import _published, _with_short_hash
from tests.warehouse.implementations import LocalImplementation, house_in

MONTHS = [Month(2020, 4), Month(2023, 1), Month(2025, 11)]


def _by_name(rows: pa.Table) -> pa.Table:
    return rows.select(sorted(rows.column_names))


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_green_and_its_gold_are_the_same_in_both_warehouses(
    tmp_path: Path, cloud: Cloud, real_data: Path, month: Month
) -> None:
    source = real_data / "tlc"
    files = {
        "zones_bronze": source / "misc" / "taxi_zone_lookup.csv",
        "green_bronze": source / "trip-data" / f"green_tripdata_{month}.parquet",
    }
    for name in ("local", "cloud"):
        (tmp_path / name).mkdir()
    at = CatalogImplementation(tmp_path / "cloud", cloud)
    with (
        house_in(tmp_path / "local", LocalImplementation(tmp_path / "local" / "home")) as local,
        house_in(tmp_path / "cloud", at) as remote,
    ):
        made = _published(local, files, month)
        assert _published(remote, files, month) == made
        for table in made:
            found = _with_short_hash(local.warehouse.query(f"SELECT * FROM {table}"))
            in_catalog = table.startswith("silver.green")
            read = at.read(table) if in_catalog else at.exported(table)
            require_same(_by_name(found), _by_name(read))
    assert {"silver.green_trips", "silver.green_trips_rejected", "gold.green_trips_by_payment_type"} <= made.keys()
