"""What the local store keeps besides rows, and what it does with files that are not what they should be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import ListType, StringType

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import CorruptFile, QueryError
from lakehouse.partition import Month
from lakehouse.results import Effect
from lakehouse.schema import Column
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse import inputs
from lakehouse.warehouse.local.records import IcebergRecords, content_of, fingerprint_of
from lakehouse.warehouse.local.tables import IcebergTables
from tests import green_files
from tests.green_files import outside, trips
from tests.warehouse.implementations import RUN_ID, House, LocalImplementation

MONTH, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)
TABLE = "silver.green_trips"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    sql = tmp_path / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    implementation = LocalImplementation(tmp_path / "home")
    house = House(implementation, sql)
    house.land(MONTH, trips(MONTH, 6))
    house.replace("green_silver", MONTH)
    yield house
    implementation.close()


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[IcebergTables]:
    tables = IcebergTables(tmp_path / "home", of_samples=False)
    yield tables
    tables.close()


def data_file(house: House, tables: IcebergTables) -> Path:
    spec = house.models.spec(TABLE)
    assert spec is not None
    (file,) = IcebergRecords(tables).paths(spec, MONTH)
    return file


def test_a_snapshot_says_which_run_published_which_month_from_which_file(house: House, tables: IcebergTables) -> None:
    snapshot = tables.catalog.load_table(TABLE).current_snapshot()
    assert snapshot is not None
    assert snapshot.summary is not None
    said = {name: snapshot.summary[f"lakehouse.{name}"] for name in ("model", "run", "month", "rows")}
    assert said == {"model": "green_silver", "run": RUN_ID, "month": "2024-01", "rows": "6"}
    (landing,) = house.rows("SELECT sha256 FROM bronze.landings")
    assert snapshot.summary["lakehouse.bronze-sha256"] == landing["sha256"]
    assert snapshot.summary["lakehouse.fingerprint"] == fingerprint_of(data_file(house, tables))


def test_a_month_that_is_confirmed_gets_no_file_and_no_snapshot(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, snapshots = data_file(house, tables), tables.catalog.load_table(TABLE).snapshots()
    monkeypatch.setattr(inputs, "_WRITER_VERSION", 99)
    assert house.replace("green_silver", MONTH).effect is Effect.CONFIRMED
    table = tables.catalog.load_table(TABLE)
    assert (data_file(house, tables), table.snapshots()) == (file, snapshots)
    assert table.properties["lakehouse.confirmed.2024-01"].endswith(content_of(file))
    assert sorted(file.parent.iterdir()) == [file]


def test_a_damaged_file_of_an_older_fingerprint_is_not_confirmed_but_replaced(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = data_file(house, tables)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    monkeypatch.setattr(inputs, "_WRITER_VERSION", 99)
    result = house.replace("green_silver", MONTH)
    assert (result.effect, result.rows) == (Effect.PUBLISHED, 6)
    assert data_file(house, tables) != damaged
    assert house.rows(f"SELECT COUNT(*) AS n FROM {TABLE}") == [{"n": 6}]


def test_a_damaged_file_gets_its_own_bytes_again_without_a_snapshot(house: House, tables: IcebergTables) -> None:
    file, snapshots = data_file(house, tables), tables.catalog.load_table(TABLE).snapshots()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    result = house.replace("green_silver", MONTH)
    assert (result.effect, result.reason) == (Effect.PUBLISHED, f"{TABLE} is damaged")
    assert (file.read_bytes(), tables.catalog.load_table(TABLE).snapshots()) == (whole, snapshots)


def test_a_damaged_file_of_rejected_records_is_noticed(house: House, tables: IcebergTables) -> None:
    house.land(MONTH, [*trips(MONTH, 30), outside(MONTH, 1)])
    house.replace("green_silver", MONTH)
    spec = house.models.spec(f"{TABLE}_rejected")
    assert spec is not None
    (file,) = IcebergRecords(tables).paths(spec, MONTH)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"x")
    result = house.replace("green_silver", MONTH)
    assert (result.effect, result.reason) == (Effect.PUBLISHED, f"{TABLE}_rejected is damaged")
    assert file.read_bytes() == whole


def test_a_month_whose_rejected_records_somebody_removed_is_computed_anew(house: House, tables: IcebergTables) -> None:
    house.land(MONTH, [*trips(MONTH, 30), outside(MONTH, 1)])
    house.replace("green_silver", MONTH)
    tables.catalog.load_table(f"{TABLE}_rejected").delete("month = '2024-01-01'")
    result = house.replace("green_silver", MONTH)
    assert (result.effect, result.reason) == (Effect.PUBLISHED, "its ledger is out of balance")
    assert [
        row["is_balanced"] for row in house.rows("SELECT is_balanced FROM silver.row_ledger WHERE bronze_rows = 31")
    ] == [True]


def test_another_description_reaches_the_table_of_a_month_that_is_left_as_it_is(
    house: House, tables: IcebergTables
) -> None:
    house.edit("silver/green_silver.sql", ("Which of TLC's datasets the trip is from", "Colour of the taxi"))
    assert house.replace("green_silver", MONTH).effect is Effect.UNCHANGED
    assert tables.catalog.load_table(TABLE).schema().find_field("taxi_type").doc == "Colour of the taxi"


def test_a_column_that_another_tool_added_does_no_harm(house: House, tables: IcebergTables) -> None:
    with tables.catalog.load_table(TABLE).update_schema() as update:
        update.add_column("seen_by", ListType(1, StringType(), element_required=False))
    house.warehouse.prepare()
    assert house.replace("green_silver", MONTH).effect is Effect.UNCHANGED
    assert house.rows(f"SELECT COUNT(*) AS n FROM {TABLE}") == [{"n": 6}]
    with pytest.raises(QueryError, match="seen_by"):
        house.rows(f"SELECT seen_by FROM {TABLE}")


def test_a_landed_file_that_became_another_one_of_its_size_is_not_computed(house: House, tmp_path: Path) -> None:
    def plain(total: float) -> Path:
        table = green_files.table(trips(FEBRUARY, 6, total_amount=total))
        pq.write_table(table, tmp_path / "plain.parquet", compression="none", use_dictionary=False)
        return tmp_path / "plain.parquet"

    landing = house.implementation.land("green_bronze", FEBRUARY, plain(12.0))
    landed = LocalBronzeStore(tmp_path / "home", of_samples=False).file(landing)
    landed.write_bytes(plain(13.0).read_bytes())
    assert landed.stat().st_size == landing.bytes
    with pytest.raises(CorruptFile, match="is not the file that was landed; materialize green_bronze for 2024-02"):
        house.replace("green_silver", FEBRUARY)
    assert house.rows(f"SELECT COUNT(*) AS n FROM {TABLE}") == [{"n": 6}]


@pytest.mark.parametrize("other", [FEBRUARY, MARCH], ids=["the same month", "another month"])
def test_two_writers_of_one_table_end_as_if_one_had_come_after_the_other(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch, other: Month
) -> None:
    """The second commits while the first is about to, which then must find out what has changed."""
    for month in (FEBRUARY, MARCH):
        house.land(month, trips(month, 9))
    second, _ = house.implementation.open(house.sql)
    pending = [lambda: second.replace(house.models["green_silver"], other, RUN_ID)]
    commit = SqlCatalog.commit_table

    def overtaken(self: SqlCatalog, *arguments: Any) -> Any:
        if pending:
            pending.pop()()
        return commit(self, *arguments)

    monkeypatch.setattr(SqlCatalog, "commit_table", overtaken)
    assert house.replace("green_silver", FEBRUARY).rows == 9
    assert pending == []
    spec = house.models.spec(TABLE)
    assert spec is not None
    files = {month: len(IcebergRecords(tables).paths(spec, month)) for month in (MONTH, FEBRUARY, MARCH)}
    assert files == {MONTH: 1, FEBRUARY: 1, MARCH: 1 if other == MARCH else 0}


def test_several_may_evolve_a_table_at_once(house: House, tmp_path: Path) -> None:
    spec = house.models.spec(TABLE)
    assert spec is not None
    wider = replace(spec, columns=(*spec.columns, *(Column(f"c{n}", "INT64", "New") for n in range(3))))
    stores = [IcebergTables(tmp_path / "home", of_samples=False) for _ in range(4)]
    barrier = Barrier(len(stores))

    def evolve(tables: IcebergTables) -> None:
        barrier.wait()
        tables.evolve(wider)

    with ThreadPoolExecutor() as pool:
        list(pool.map(evolve, stores))
    names = [field.name for field in stores[0].catalog.load_table(TABLE).schema().fields]
    assert names[-3:] == ["c0", "c1", "c2"]
    for each in stores:
        each.close()


def test_asking_writes_nothing(tmp_path: Path) -> None:
    implementation = LocalImplementation(tmp_path / "nowhere")
    house = House(implementation, PROJECT_ROOT / "sql")
    assert house.rows("SELECT 1 AS x") == [{"x": 1}]
    assert house.warehouse.publications()["green_silver"] == {}
    assert not (tmp_path / "nowhere").exists()
    implementation.close()


def test_nothing_is_left_in_staging(house: House, tmp_path: Path) -> None:
    assert house.replace("green_silver", MONTH).effect is Effect.UNCHANGED
    assert [path.name for path in (tmp_path / "home" / "staging").iterdir() if path.name != "spill"] == []
