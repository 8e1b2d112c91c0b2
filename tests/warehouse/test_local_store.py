"""What the local store keeps besides rows, and what it does with files that are not what they should be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat, ManifestContent, ManifestWriterV2
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.update.snapshot import _FastAppendFiles
from pyiceberg.types import ListType, StringType

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import CorruptFile, QueryError
from lakehouse.files import file_uri, path_of
from lakehouse.partition import Month
from lakehouse.results import Effect
from lakehouse.schema import Column, TableSpec
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse import inputs
from lakehouse.warehouse.local import private_pyiceberg
from lakehouse.warehouse.local.commits import Replaced, publish
from lakehouse.warehouse.local.records import IcebergRecords, content_hash, content_of, fingerprint_of
from lakehouse.warehouse.local.session import LocalSession, StagedFile
from lakehouse.warehouse.local.tables import IcebergTables
from tests import green_files
from tests.green_files import outside, trips
from tests.warehouse.implementations import RUN_ID, House, LocalImplementation, house_in

MONTH, FEBRUARY, MARCH = Month(2024, 1), Month(2024, 2), Month(2024, 3)
TABLE = "silver.green_trips"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with house_in(tmp_path, LocalImplementation(tmp_path / "home")) as house:
        house.land(MONTH, trips(MONTH, 6))
        house.replace("green_silver", MONTH)
        yield house


def data_file(house: House, tables: IcebergTables) -> Path:
    spec = house.models.spec(TABLE)
    assert spec is not None
    (file,) = IcebergRecords(tables).paths(spec, MONTH)
    return file


def months_committed(tables: IcebergTables) -> list[str]:
    """The months that green silver's snapshots published, in the order of their commits."""
    summaries = [snapshot.summary for snapshot in tables.catalog.load_table(TABLE).snapshots()]
    return [str(summary["lakehouse.month"]) for summary in summaries if summary is not None]


def overtake(monkeypatch: pytest.MonkeyPatch, another: Callable[[], object]) -> list[Callable[[], object]]:
    """Let another writer do this when the next commit is about to be made; what is returned is empty once it has."""
    pending, commit = [another], private_pyiceberg.point_at

    def overtaken(*arguments: Any) -> None:
        if pending:
            pending.pop()()
        commit(*arguments)

    monkeypatch.setattr(private_pyiceberg, "point_at", overtaken)
    return pending


class _Deletes(ManifestWriterV2):
    """Writes a manifest of delete files, which this library reads and does not write by itself."""

    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _RowDelta(_FastAppendFiles):
    """Adds files that delete single rows of others."""

    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriterV2:
        output = self.new_manifest_output()
        return _Deletes(spec, self.schema(), output, self._snapshot_id, self._compression)


def delete_first_row(table: Table, file: Path) -> None:
    """What another tool does that deletes a row without writing its file anew."""
    deletes = file.with_name("deletes.parquet")
    pq.write_table(pa.table({"file_path": [file_uri(file)], "pos": [0]}), deletes)
    (task,) = table.scan().plan_files()
    deleted = DataFile.from_args(
        content=DataFileContent.POSITION_DELETES,
        file_path=file_uri(deletes),
        file_format=FileFormat.PARQUET,
        partition=task.file.partition,
        record_count=1,
        file_size_in_bytes=deletes.stat().st_size,
    )
    deleted.spec_id = table.spec().spec_id
    with table.transaction() as transaction, _RowDelta(Operation.DELETE, transaction, table.io) as delta:
        delta.append_data_file(deleted)


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


def test_a_table_in_which_another_tool_deleted_single_rows_is_not_read_as_if_they_were_there(
    house: House, tables: IcebergTables
) -> None:
    table = tables.catalog.load_table(TABLE)
    delete_first_row(table, data_file(house, tables))
    assert table.refresh().scan().to_arrow().num_rows == 5
    for read in (lambda: house.rows(f"SELECT COUNT(*) AS n FROM {TABLE}"), lambda: house.replace("green_gold", MONTH)):
        with pytest.raises(CorruptFile, match=f"{TABLE} has row-level deletes"):
            read()


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
    pending = overtake(monkeypatch, lambda: second.replace(house.models["green_silver"], other, RUN_ID))
    assert house.replace("green_silver", FEBRUARY).rows == 9
    assert pending == []
    spec = house.models.spec(TABLE)
    assert spec is not None
    files = {month: len(IcebergRecords(tables).paths(spec, month)) for month in (MONTH, FEBRUARY, MARCH)}
    assert files == {MONTH: 1, FEBRUARY: 1, MARCH: 1 if other == MARCH else 0}


def test_a_writer_whom_another_month_overtakes_commits_what_it_has_staged(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it computed anew, seven writers of seven months would compute them some thirty times."""
    for month in (FEBRUARY, MARCH):
        house.land(month, trips(month, 9))
    second, _ = house.implementation.open(house.sql)
    pending = overtake(monkeypatch, lambda: second.replace(house.models["green_silver"], MARCH, RUN_ID))
    staged, stage = [], LocalSession.stage

    def counted(self: LocalSession, name: str, spec: TableSpec, *arguments: Any) -> StagedFile:
        staged.append((str(self._work), spec.name))
        return stage(self, name, spec, *arguments)

    monkeypatch.setattr(LocalSession, "stage", counted)
    assert house.replace("green_silver", FEBRUARY).effect is Effect.PUBLISHED
    assert pending == []
    both = (f"{TABLE}_rejected", TABLE)
    assert staged == [(f"green_silver {month}", table) for month in (FEBRUARY, MARCH) for table in both]
    assert months_committed(tables) == ["2024-01", "2024-03", "2024-02"]


@pytest.mark.parametrize("blocked", [TABLE, f"{TABLE}_rejected"])
def test_a_month_is_published_with_its_rejected_records_or_not_at_all(
    house: House, tables: IcebergTables, blocked: str
) -> None:
    """Whichever of the two tables cannot have its rows, neither has."""
    house.land(FEBRUARY, [*trips(FEBRUARY, 30), outside(FEBRUARY, 1)])
    obstacle = path_of(tables.catalog.load_table(blocked).location()) / "data" / "2024-02"
    obstacle.parent.mkdir(parents=True, exist_ok=True)
    obstacle.write_text("a file where the month's folder should be")
    with pytest.raises(FileExistsError) as fault:
        house.replace("green_silver", FEBRUARY)
    assert fault.value.filename == str(obstacle)

    def held() -> list[int]:
        counts = [
            f"SELECT COUNT(*) AS n FROM {TABLE}_rejected",
            f"SELECT COUNT(*) AS n FROM {TABLE} WHERE pickup_at >= '2024-02-01'",
        ]
        return [house.rows(sql)[0]["n"] for sql in counts]

    assert held() == [0, 0]
    assert FEBRUARY not in house.warehouse.holdings()["green_silver"].partitions
    obstacle.unlink()
    assert house.replace("green_silver", FEBRUARY).effect is Effect.PUBLISHED
    assert held() == [1, 30]


@pytest.mark.parametrize("how", ["narrower", "missing"])
def test_a_file_whose_columns_are_not_those_of_its_table_is_not_committed(
    house: House, tables: IcebergTables, tmp_path: Path, how: str
) -> None:
    """Iceberg would take it, and readers would fail at it."""
    spec = house.models.spec(TABLE)
    assert spec is not None
    rows = pq.read_table(data_file(house, tables))
    place = rows.schema.get_field_index("vendor_id")
    other = rows.remove_column(place)
    if how == "narrower":
        other = other.add_column(place, "vendor_id", rows.column(place).cast(pa.int32()))
    staged = tmp_path / "staged.parquet"
    pq.write_table(other, staged)
    wanted = Replaced(spec, MONTH, staged, rows.num_rows, "0" * 16, content_hash(staged), {})
    with pytest.raises(CorruptFile, match=f"columns vendor_id are not those of {TABLE}; nothing was published"):
        publish(tables, [wanted], lambda: True)
    assert months_committed(tables) == ["2024-01"]


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


def test_a_folder_above_the_home_that_is_called_as_a_column_and_its_value_is_no_column(tmp_path: Path) -> None:
    """Readers of partitioned folders would put it in the place of the column that the files have."""
    sql = shutil.copytree(PROJECT_ROOT / "sql", tmp_path / "sql")
    implementation = LocalImplementation(tmp_path / "payment_type=7" / "Borough=Moon" / "borough=Moon" / "home")
    house = House(implementation, sql)
    house.publish_zones()
    house.land(MONTH, trips(MONTH, 6))
    house.replace("green_silver", MONTH)
    assert house.rows(f"SELECT DISTINCT payment_type AS type FROM {TABLE} ORDER BY 1") == [{"type": 1}, {"type": 2}]
    assert house.rows("SELECT borough FROM silver.zones WHERE location_id = 7") == [{"borough": "Queens"}]
    implementation.close()


def test_asking_writes_nothing(tmp_path: Path) -> None:
    implementation = LocalImplementation(tmp_path / "nowhere")
    house = House(implementation, PROJECT_ROOT / "sql")
    assert house.rows("SELECT 1 AS x") == [{"x": 1}]
    assert house.warehouse.holdings()["green_silver"].partitions == {}
    assert not (tmp_path / "nowhere").exists()
    implementation.close()


def test_nothing_is_left_in_staging(house: House, tmp_path: Path) -> None:
    assert house.replace("green_silver", MONTH).effect is Effect.UNCHANGED
    assert [path.name for path in (tmp_path / "home" / "staging").iterdir() if path.name != "spill"] == []


def test_a_commit_that_was_overtaken_leaves_no_files_of_its_own(
    house: House, tables: IcebergTables, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def files() -> set[Path]:
        return {path for path in (tmp_path / "home" / "warehouse").rglob("*") if path.is_file()}

    def readable() -> set[Path]:
        """What the newest metadata lead to, and the metadata that were newest once."""
        found: set[str] = set()
        for spec in (house.models["green_silver"].table, house.models["green_silver"].rejected):
            assert spec is not None
            table = tables.catalog.load_table(spec.name)
            found |= {table.metadata_location, *(entry.metadata_file for entry in table.metadata.metadata_log)}
            for snapshot in table.snapshots():
                manifests = snapshot.manifests(table.io)
                found |= {snapshot.manifest_list, *(each.manifest_path for each in manifests)}
                entries = (entry for each in manifests for entry in each.fetch_manifest_entry(table.io))
                found |= {entry.data_file.file_path for entry in entries}
        return set(map(path_of, found))

    for month in (FEBRUARY, MARCH):
        house.land(month, [*trips(month, 30), outside(month, 1)])
    pending = overtake(monkeypatch, lambda: house.replace("green_silver", MARCH))
    house.replace("green_silver", FEBRUARY)
    assert pending == []
    assert files() == readable()


def test_the_snapshots_of_one_publication_say_that_they_are(house: House, tables: IcebergTables) -> None:
    """Also where the rejected records are none, or the same as before."""

    def publications(table: str) -> list[str]:
        summaries = [snapshot.summary for snapshot in tables.catalog.load_table(table).snapshots()]
        return [str(summary["lakehouse.publication"]) for summary in summaries if summary is not None]

    house.land(FEBRUARY, [*trips(FEBRUARY, 30), outside(FEBRUARY, 1)])
    house.replace("green_silver", FEBRUARY)
    house.land(FEBRUARY, [*trips(FEBRUARY, 31), outside(FEBRUARY, 1)])
    house.replace("green_silver", FEBRUARY)
    assert publications(TABLE) == publications(f"{TABLE}_rejected")
    assert len(set(publications(TABLE))) == 3
    assert house.rows(f"SELECT COUNT(*) AS n FROM {TABLE}_rejected") == [{"n": 1}]


def test_all_that_a_publication_writes_is_on_the_disk_before_the_catalog_points_at_it(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    fsync, point_at = os.fsync, private_pyiceberg.point_at
    home = tmp_path / "home"

    def noted(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def pointed(*arguments: Any) -> None:
        written = {path for path in (home / "warehouse").rglob("*") if path not in before}
        assert {path.suffix for path in written if path.is_file()} == {".parquet", ".avro", ".json"}
        needed = {path for path in written if path.is_file()} | {path.parent for path in written}
        assert [path for path in needed if path.stat().st_ino not in synced] == []
        point_at(*arguments)
        pointed_at.append(arguments)

    house.land(FEBRUARY, [*trips(FEBRUARY, 30), outside(FEBRUARY, 1)])
    before = set((home / "warehouse").rglob("*"))
    pointed_at: list[tuple[Any, ...]] = []
    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(private_pyiceberg, "point_at", pointed)
    house.replace("green_silver", FEBRUARY)
    assert len(pointed_at) == 1
