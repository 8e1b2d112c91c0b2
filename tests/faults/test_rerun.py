"""Running a month again: nothing to do, a restated file, a changed model, a damaged landing, what a crash left."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.partition import Month
from lakehouse.private_folders import PrivateFolders
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.local import session
from lakehouse.warehouse.local.records import IcebergRecords
from tests import direct, green_files
from tests.commands import dagster_in_memory, data_files, held, landed, ledger, of, run
from tests.http_source import SourceServer
from tests.loading import models_of
from tests.project import Project
from tests.reference_files import ZONES_PATH

DAY_SECONDS = 24 * 3600.0


@pytest.fixture(scope="module", autouse=True)
def _in_memory() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One project for tests that each have a month of their own."""
    return Project(tmp_path_factory.mktemp("reruns"))


def publish(project: Project, month: Month, rows: list[dict[str, Any]] | None = None) -> None:
    project.publish(month, green_files.trips(month, 40) if rows is None else rows)


def load(project: Project, month: Month, rows: list[dict[str, Any]] | None = None) -> None:
    """Have a month in all tables, as a run would; where what a run says or does besides is tested, it is a run."""
    publish(project, month, rows)
    direct.load(project, month)


def bronze_file(project: Project, month: Month) -> Path:
    return project.bronze.file(landed(project, month))


def age(path: Path, seconds: float) -> None:
    past = time.time() - seconds
    os.utime(path, (past, past))


def test_a_rerun_of_an_unchanged_month_writes_no_file_and_no_snapshot(project: Project) -> None:
    month = Month(2024, 1)
    load(project, month, [*green_files.trips(month, 40), green_files.outside(month, 0)])
    before = project.files(), project.snapshots()
    (outcome,) = project.run(month)

    assert outcome.succeeded
    assert {asset.key: asset.unchanged for asset in outcome.assets if asset.key != "infrastructure"} == {
        "zones_bronze": True,
        "zones_silver": True,
        "green_bronze": True,
        "green_silver": True,
        "green_gold": True,
    }
    assert (project.files(), project.snapshots()) == before


def test_a_file_that_is_restated_and_then_restored_is_followed_both_ways(shared: Project) -> None:
    month = Month(2024, 1)
    original = green_files.trips(month, 40)
    load(shared, month, original)
    first = landed(shared, month)

    load(shared, month, green_files.trips(month, 40, total_amount=13.0))
    assert landed(shared, month).sha256 != first.sha256
    assert held(shared, month) == of(40, "520.00")
    assert [row["is_balanced"] for row in ledger(shared, month)] == [True]

    load(shared, month, original)
    assert landed(shared, month).sha256 == first.sha256
    assert landed(shared, month).observed_at > first.observed_at
    assert held(shared, month) == of(40, "480.00")
    assert [row["is_balanced"] for row in ledger(shared, month)] == [True]
    assert len(list(bronze_file(shared, month).parent.glob("*.parquet"))) == 2
    assert data_files(shared, month) == {
        "silver.green_trips": 1,
        "silver.green_trips_rejected": 0,
        "gold.green_trips_by_payment_type": 1,
    }


def test_a_file_served_anew_with_the_same_content_changes_no_table(shared: Project) -> None:
    month = Month(2024, 2)
    load(shared, month)
    before = data_folder(shared), shared.snapshots()
    age(shared.source / green_files.source_path(month), DAY_SECONDS)
    direct.load(shared, month)
    assert (data_folder(shared), shared.snapshots()) == before


def data_folder(project: Project) -> set[str]:
    return {name for name in project.files() if name.endswith(".parquet")}


def copied_sql(project: Project) -> Path:
    return Path(shutil.copytree(PROJECT_ROOT / "sql", project.folder / "sql"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def test_a_changed_model_is_computed_anew_and_so_is_what_reads_it(project: Project) -> None:
    month = Month(2024, 1)
    project.sql = copied_sql(project)
    load(project, month, [*green_files.trips(month, 40), green_files.trip(month, 40, trip_distance=0.0)])
    assert held(project, month) == of(41, "492.00")

    edit(
        project.sql / "silver" / "green_silver.sql",
        "  dropoff_before_pickup: dropoff_at < pickup_at\n",
        "  dropoff_before_pickup: dropoff_at < pickup_at\n  without_distance: trip_miles = 0\n",
    )
    unchanged = direct.make(project, month, *direct.GREEN)
    assert {asset for asset in unchanged if unchanged[asset]} == {"zones_bronze", "zones_silver", "green_bronze"}
    assert held(project, month) == of(40, "480.00")
    assert [(row["rejected_rows"], row["is_balanced"]) for row in ledger(project, month)] == [(1, True)]


def test_a_changed_description_rewrites_nothing_and_a_new_column_is_null_in_months_not_run_since(
    project: Project,
) -> None:
    old, new = Month(2024, 1), Month(2024, 2)
    project.sql = copied_sql(project)
    model = project.sql / "gold" / "green_gold.sql"
    for month in (old, new):
        load(project, month)
    before = data_folder(project), project.snapshots()

    edit(model, "Voids and refunds", "Voided and refunded trips")
    direct.load(project, new)
    assert (data_folder(project), project.snapshots()) == before
    assert columns(project)["reversal_count"] == "Voided and refunded trips [records]"

    edit(
        model, "checks:\n", '  mta_tax: {type: "NUMERIC(18,2)", description: Sum of the MTA tax, unit: USD}\nchecks:\n'
    )
    edit(model, "    trip_miles AS miles\n", "    trip_miles AS miles,\n    mta_tax AS tax\n")
    edit(model, "SUM(miles) AS trip_miles\n", "SUM(miles) AS trip_miles,\n  SUM(tax) AS mta_tax\n")
    direct.load(project, new)
    assert taxes(project) == {old.first_day: None, new.first_day: Decimal("20.00")}
    assert held(project, old) == held(project, new) == of(40, "480.00")

    direct.load(project, old)
    assert taxes(project) == {old.first_day: Decimal("20.00"), new.first_day: Decimal("20.00")}


def columns(project: Project) -> dict[str, str]:
    with project.tables() as tables:
        table = tables.catalog.load_table("gold.green_trips_by_payment_type")
    return {field.name: field.doc or "" for field in table.schema().fields}


def taxes(project: Project) -> dict[Any, Any]:
    rows = project.rows("SELECT month, SUM(mta_tax) AS tax FROM gold.green_trips_by_payment_type GROUP BY month")
    return {row["month"]: row["tax"] for row in rows}


def test_identical_records_are_folded_where_valid_and_counted_one_by_one_where_rejected(shared: Project) -> None:
    month = Month(2024, 3)
    twice, thrice, rejected = (green_files.trip(month, number) for number in (100, 101, 102))
    rejected["lpep_dropoff_datetime"] = month.start
    load(
        shared,
        month,
        [*green_files.trips(month, 80), twice, thrice, thrice, rejected, twice, rejected, thrice, rejected],
    )

    assert [{**row, "bronze_sha256": ""} for row in ledger(shared, month)] == [
        {
            "bronze_sha256": "",
            "bronze_rows": 88,
            "silver_rows": 82,
            "duplicate_copies": 3,
            "rejected_rows": 3,
            "is_balanced": True,
        }
    ]
    assert held(shared, month) == of(82, "984.00")
    copies = shared.rows(
        "SELECT copies, COUNT(*) AS trips FROM silver.green_trips "
        f"WHERE DATE_TRUNC(pickup_at, MONTH) = DATETIME '{month.first_day}' GROUP BY copies ORDER BY copies"
    )
    assert copies == [{"copies": 1, "trips": 80}, {"copies": 2, "trips": 1}, {"copies": 3, "trips": 1}]


def loaded_uncompressed(project: Project, month: Month) -> Path:
    """Load a month whose file gives no decompressor a chance to notice a changed value; returns where it landed."""
    trips = green_files.table(green_files.trips(month, 40))
    source = green_files.write(project.source / green_files.source_path(month), trips)
    pq.write_table(trips, source, compression="none", use_dictionary=False)
    direct.load(project, month)
    return bronze_file(project, month)


def delete(file: Path) -> None:
    file.unlink()


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-8])


def change_a_value(file: Path) -> None:
    """One total of $12 becomes $13; size, footer and time of change stay."""
    before, content = file.stat(), file.read_bytes()
    totals = struct.pack("<d", 12.0) * 40
    assert content.count(totals) == 1
    file.write_bytes(content.replace(totals, totals[:-8] + struct.pack("<d", 13.0)))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


UNCOMPRESSED = Month(2024, 4)
HARM = pytest.mark.parametrize("harm", [delete, cut_short, change_a_value])


@pytest.fixture(scope="module")
def uncompressed(shared: Project) -> Path:
    return loaded_uncompressed(shared, UNCOMPRESSED)


@HARM
def test_a_damaged_landed_file_is_landed_again_by_the_next_run(
    shared: Project, uncompressed: Path, harm: Callable[[Path], None]
) -> None:
    content = uncompressed.read_bytes()
    harm(uncompressed)
    result = run(shared, UNCOMPRESSED)

    assert (result.exit_code, result.errors) == (0, ())
    assert uncompressed.read_bytes() == content
    assert held(shared, UNCOMPRESSED) == of(40, "480.00")
    assert [row["is_balanced"] for row in ledger(shared, UNCOMPRESSED)] == [True]


@dataclass(frozen=True)
class Bereft:
    """A project with a loaded month that the source no longer has, and a model changed since."""

    project: Project
    file: Path
    content: bytes


@pytest.fixture(scope="module")
def bereft(tmp_path_factory: pytest.TempPathFactory) -> Bereft:
    project = Project(tmp_path_factory.mktemp("bereft"))
    file = loaded_uncompressed(project, UNCOMPRESSED)
    (project.source / green_files.source_path(UNCOMPRESSED)).unlink()
    project.sql = copied_sql(project)
    edit(project.sql / "silver" / "green_silver.sql", "'green' AS taxi_type", "'Green' AS taxi_type")
    return Bereft(project, file, file.read_bytes())


@HARM
def test_a_damaged_landed_file_that_the_source_no_longer_has_is_reported_and_never_read(
    bereft: Bereft, harm: Callable[[Path], None]
) -> None:
    project = bereft.project
    bereft.file.write_bytes(bereft.content)
    harm(bereft.file)
    result = run(project, UNCOMPRESSED)
    assert result.exit_code == 1
    assert f"{green_files.source_path(UNCOMPRESSED)} does not exist" in result.errors[0]

    # Silver alone does not ask the source, and its changed model has it read the file.
    (outcome,) = project.run(UNCOMPRESSED, selection="green_silver")
    assert held(project, UNCOMPRESSED) == of(40, "480.00")
    (failure,) = outcome.failures
    assert str(bereft.file) in failure
    assert f"materialize green_bronze for {UNCOMPRESSED} to land it again" in failure


@pytest.mark.parametrize(
    ("table", "harm"), [("silver.green_trips", cut_short), ("gold.green_trips_by_payment_type", delete)]
)
def test_a_damaged_data_file_of_a_table_is_computed_anew_by_the_next_run(
    project: Project, table: str, harm: Callable[[Path], None]
) -> None:
    month = Month(2024, 1)
    load(project, month)
    spec = models_of(project.sql).spec(table)
    assert spec is not None
    with project.tables() as tables:
        (file,) = IcebergRecords(tables).paths(spec, month)
    harm(file)
    direct.load(project, month)
    assert held(project, month) == of(40, "480.00")


def test_a_damaged_landing_record_is_named(project: Project) -> None:
    month = Month(2024, 1)
    load(project, month)
    (record,) = project.bronze.record_folder("green", month).glob("*.json")
    record.write_text(record.read_text()[:40])
    result = run(project, month)
    assert result.exit_code == 1
    assert f"{record}: not a landing record" in result.errors[0]
    assert "remove it and land it again" in result.errors[0]
    assert held(project, month) == of(40, "480.00")

    record.unlink()
    direct.load(project, month)
    assert [row["is_balanced"] for row in ledger(project, month)] == [True]


@pytest.mark.parametrize("moment", ["landing", "computing"])
def test_a_full_disk_is_reported_and_the_month_stays(
    shared: Project, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    month = Month(2024, 6 + ["landing", "computing"].index(moment))
    load(shared, month)
    before = landed(shared, month), data_folder(shared)
    shared.publish(month, green_files.trips(month, 50))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def refuse(*_: Any) -> None:
        raise full if moment == "landing" else duckdb.IOException(f"IO Error: Could not write: {full}")

    with monkeypatch.context() as patch:
        if moment == "landing":
            patch.setattr(LocalBronzeStore, "adopt", refuse)
        else:
            patch.setattr(session, "make_durable", refuse)
        result = run(shared, month)
    assert result.exit_code == 1
    assert held(shared, month) == of(40, "480.00")
    if moment == "landing":
        assert (landed(shared, month), data_folder(shared)) == before
    direct.load(shared, month)
    assert held(shared, month) == of(50, "600.00")

    reason, summary = result.errors
    assert summary == f"failed: {month}"
    assert "No space left on device" in reason
    assert str(month) in reason


def test_a_month_before_the_dataset_began_is_empty_and_the_source_is_not_asked(project: Project) -> None:
    month = Month(2013, 7)
    with SourceServer(project.source) as server:
        project.tlc_url = server.url
        for _ in range(2):
            (outcome,) = project.run(month)
            assert outcome.succeeded
            assert {asset.key: asset.rows for asset in outcome.assets if asset.key.startswith("green")} == {
                "green_bronze": None,
                "green_silver": None,
                "green_gold": None,
            }
            assert all("had not begun" in str(asset.note) for asset in outcome.assets if asset.key.startswith("green"))
        assert {request.path for request in server.requests} == {f"/{ZONES_PATH}"}
    assert held(project, month) == of(0, None)
    assert set(data_files(project, month).values()) == {0}
    snapshots = project.snapshots()
    assert snapshots.pop("silver.zones") == 1
    assert set(snapshots.values()) == {0}


def test_files_without_a_record_are_never_read_and_removed_once_no_run_can_be_writing_them(shared: Project) -> None:
    month = Month(2024, 8)
    load(shared, month)
    folder = bronze_file(shared, month).parent
    orphan = folder / f"{'f' * 32}.parquet"
    green_files.write(orphan, green_files.trips(month, 7))
    age(orphan, 365 * DAY_SECONDS)
    with PrivateFolders(shared.home / "staging").folder("landing"):
        direct.load(shared, month)
        assert orphan.exists()
    direct.load(shared, month)

    assert list(folder.iterdir()) == [bronze_file(shared, month)]
    assert held(shared, month) == of(40, "480.00")
    assert [row["bronze_rows"] for row in ledger(shared, month)] == [40]


def test_what_killed_runs_left_in_staging_is_removed_by_the_next(project: Project) -> None:
    staging = project.home / "staging"
    for name in ("model-killed", "landing-killed"):
        (staging / name).mkdir(parents=True)
        (staging / name / "staged.parquet").write_bytes(b"PAR1")
    with PrivateFolders(staging).folder("model") as at_work:
        direct.make(project, Month(2024, 1))
        assert {path.name for path in staging.iterdir()} == {at_work.name, f"{at_work.name}.lock"}


def test_a_table_whose_metadata_is_gone_is_named_with_what_to_do(project: Project) -> None:
    month = Month(2024, 1)
    load(project, month)
    for file in (project.home / "warehouse" / "gold" / "green_trips_by_payment_type").rglob("*.metadata.json"):
        file.unlink()
    (again,) = project.run(month)
    assert [failure.partition(":")[0] for failure in again.failures] == ["gold.green_trips_by_payment_type"]
    assert "Put it back" in again.failures[0]
