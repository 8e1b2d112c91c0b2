"""Real months of green through both warehouses, of which one has it in a catalog: row for row the same, gold too.

By files that stand for those of an extract job, and by those that the second emulator's own jobs write.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.partition import Month
from tests.emulators.comparison import require_same
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.biglake.implementation import CatalogImplementation
from tests.warehouse.bigquery.test_parity import landed_files, published, with_short_hash
from tests.warehouse.implementations import LocalImplementation, house_in

MONTHS = [
    Month(2020, 4),
    Month(2022, 1),
    Month(2023, 1),
    Month(2023, 2),
    Month(2023, 3),
    Month(2024, 1),
    Month(2025, 11),
]
"""All real ones that there are."""


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_green_and_its_gold_are_the_same_in_both_warehouses(
    tmp_path: Path, cloud: Cloud, real_data: Path, month: Month
) -> None:
    _require_the_same(tmp_path, real_data, month, CatalogImplementation(tmp_path, cloud))


@pytest.mark.parametrize("month", MONTHS, ids=str)
def test_what_the_second_emulator_extracts_by_itself_is_the_same(
    tmp_path: Path, second_cloud: Cloud, real_data: Path, month: Month
) -> None:
    at = CatalogImplementation(tmp_path, second_cloud, has_extracts=True)
    _require_the_same(tmp_path, real_data, month, at)
    assert at.between.written


def _require_the_same(tmp_path: Path, real_data: Path, month: Month, at: CatalogImplementation) -> None:
    files = landed_files(real_data, month, ("green_bronze",))
    (tmp_path / "local").mkdir()
    with (
        house_in(tmp_path / "local", LocalImplementation(tmp_path / "local" / "home")) as local,
        house_in(tmp_path, at) as remote,
    ):
        made = published(local, files, month)
        assert published(remote, files, month) == made
        for table in made:
            found = with_short_hash(local.warehouse.query(f"SELECT * FROM {table}"))
            in_catalog = table.startswith("silver.green")
            read = at.read(table) if in_catalog else remote.warehouse.query(f"SELECT * FROM {table}")
            require_same(_by_name(found), _by_name(read))
    assert {"silver.green_trips", "silver.green_trips_rejected", "gold.green_trips_by_payment_type"} <= made.keys()


def _by_name(rows: pa.Table) -> pa.Table:
    return rows.select(sorted(rows.column_names))
