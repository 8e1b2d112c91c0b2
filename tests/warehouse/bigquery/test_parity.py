"""Real months through both warehouses, from the landed file to gold: row for row the same, and as pandas computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from lakehouse.partition import WHOLE, Month
from lakehouse.warehouse.bigquery.publications import SHA256_DIGITS
from tests.emulators.comparison import require_same
from tests.emulators.emulator import Cloud
from tests.emulators.golden import Golden
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House, LocalImplementation, house_in

_TRIPS = {"green_bronze": "green", "taxi_bronze": "yellow", "fhv_bronze": "fhv"}
_CASES = {
    "2020-04, all datasets": (Month(2020, 4), tuple(_TRIPS)),
    "2023-01, green": (Month(2023, 1), ("green_bronze",)),
    "2025-11, green": (Month(2025, 11), ("green_bronze",)),
}


def landed_files(real_data: Path, month: Month, assets: Iterable[str]) -> dict[str, Path]:
    """Real files of bronze assets of a month, and of zones."""
    source = real_data / "tlc"
    trips = {asset: source / "trip-data" / f"{_TRIPS[asset]}_tripdata_{month}.parquet" for asset in assets}
    return {"zones_bronze": source / "misc" / "taxi_zone_lookup.csv", **trips}


def published(house: House, files: Mapping[str, Path], month: Month) -> dict[str, str]:
    """Land the files and make all that can be made of them; tables by the key of the model that fills each."""
    made: dict[str, str] = {}
    given = set(files)
    for asset, file in files.items():
        house.implementation.land(asset, month if asset in _TRIPS else WHOLE, file)
    for model in house.models:
        unioned = {maker.key for maker in house.models.union_inputs(model)}
        needed = {house.models.asset_key(table) for table in model.references} - unioned
        if needed <= given and (not unioned or unioned & given):
            house.replace(model.key, month if model.is_partitioned else WHOLE)
            given.add(model.key)
            made |= {spec.name: model.key for spec in (model.table, model.rejected) if spec is not None}
    return made


def with_short_hash(rows: pa.Table) -> pa.Table:
    """Rows with as many digits of their file's hash as BigQuery's have."""
    if "bronze_sha256" not in rows.column_names:
        return rows
    position = rows.column_names.index("bronze_sha256")
    return rows.set_column(position, "bronze_sha256", pc.utf8_slice_codeunits(rows[position], 0, SHA256_DIGITS))


@pytest.mark.parametrize("case", _CASES)
def test_every_table_is_the_same_in_both_warehouses_and_as_pandas_computes_it(
    tmp_path: Path, cloud: Cloud, real_data: Path, case: str
) -> None:
    month, assets = _CASES[case]
    files = landed_files(real_data, month, assets)
    for name in ("local", "cloud"):
        (tmp_path / name).mkdir()
    implementation = CloudImplementation(tmp_path / "cloud", cloud)
    with (
        house_in(tmp_path / "local", LocalImplementation(tmp_path / "local" / "home")) as local,
        house_in(tmp_path / "cloud", implementation) as remote,
    ):
        made = published(local, files, month)
        assert published(remote, files, month) == made
        golden = Golden(files, month, local.models)
        for table, key in made.items():
            found = with_short_hash(local.warehouse.query(f"SELECT * FROM {table}"))
            require_same(found, implementation.exported(table))
            if golden.knows(key) and table in (expected := golden.model(key)):
                require_same(with_short_hash(expected[table]), found)
    assert {table.partition(".")[0] for table in made} == {"silver", "gold"}
