"""Green in the catalog: by how many snapshots and files it is published, what tables say of it, and who can read it."""

from __future__ import annotations

import json

import duckdb
import polars as pl
import pytest

from lakehouse.exceptions import CorruptFile, StorageUnavailable
from lakehouse.partition import Month
from lakehouse.results import Effect
from lakehouse.warehouse.bigquery import transactions
from lakehouse.warehouse.bigquery.biglake import commits
from lakehouse.warehouse.bigquery.biglake.tables import CatalogTables
from tests.bronze.clients import client_of
from tests.green_files import outside, trips
from tests.warehouse.bigquery.biglake.conftest import Lake
from tests.warehouse.bigquery.biglake.rest_stand_in import LOST_ANSWER, UNAVAILABLE

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
GREEN, REJECTED = "silver.green_trips", "silver.green_trips_rejected"
_MOST_BYTES = 1_000_000
"""Of a metadata.json: "Troubleshooting Lakehouse"."""

_KEPT = commits.KEPT_SNAPSHOTS
COUNT = "SELECT COUNT(*) AS n FROM silver.green_trips"


def _rejected(**counts: int) -> dict[str, int]:
    reasons = ("unreadable_value", "missing_pickup_time", "pickup_outside_month", "dropoff_before_pickup")
    return {reason: counts.get(reason, 0) for reason in reasons}


def test_a_month_is_one_snapshot_of_each_table_which_says_all_of_it(lake: Lake) -> None:
    house = lake.house
    landing = house.land(JANUARY, [*trips(JANUARY, 40), outside(JANUARY, 1)])
    result = house.replace("green_silver", JANUARY)
    (snapshot,) = lake.at.table(GREEN).snapshots()
    (of_rejected,) = lake.at.table(REJECTED).snapshots()
    assert (result.effect, result.version) == (Effect.PUBLISHED, str(snapshot.snapshot_id))
    assert snapshot.summary is not None
    assert of_rejected.summary is not None
    told = {name: snapshot.summary[f"lakehouse.{name}"] for name in ("month", "rows", "landing", "copies", "rejected")}
    assert told == {
        "month": "2024-01",
        "rows": "40",
        "landing": landing.sha256,
        "copies": "0",
        "rejected": json.dumps(_rejected(pickup_outside_month=1)),
    }
    assert snapshot.summary["lakehouse.content"] == result.content
    assert snapshot.summary["lakehouse.publication"] == of_rejected.summary["lakehouse.publication"]
    assert [job.kind for job in result.jobs].count("extract") == lake.at.between.extracts == 2
    jobs = lake.at.between.configurations
    of_month = [each for each in jobs if each["labels"].get("month") == "2024-01"]
    kinds = {kind for each in of_month for kind in ("query", "load", "extract") if kind in each}
    assert kinds == {"query", "load", "extract"}
    assert {each["labels"].get("asset") for each in of_month} == {"green_silver"}
    assert [each for each in jobs if each["labels"].get("managed-by") != "lakehouse"] == []
    assert [each for each in jobs if "query" in each and not each["query"].get("maximumBytesBilled")] == []
    native = {table.table_id for table in lake.at.client.list_tables("silver")}
    assert native.isdisjoint({"green_trips", "green_trips_rejected"})

    requests = len(lake.at.rest.requests)
    again = house.replace("green_silver", JANUARY)
    asked = lake.at.rest.requests[requests:]
    assert (again.effect, again.version) == (Effect.UNCHANGED, result.version)
    assert [each for each in asked if not each.startswith("GET")] == []
    assert len(asked) <= 8
    assert len(lake.at.table(GREEN).snapshots()) == 1


def test_a_month_replaces_no_other_whatever_number_of_files_it_has(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    house.land(FEBRUARY, trips(FEBRUARY, 30))
    lake.at.between.files_of_an_extract = 3
    for month in (JANUARY, FEBRUARY):
        house.replace("green_silver", month)
    files = lake.at.table(GREEN).inspect.files()
    assert sorted(files["record_count"].to_pylist()) == [10, 10, 10, 12, 14, 14]
    before = set(files["file_path"].to_pylist())
    house.land(JANUARY, trips(JANUARY, 20))
    lake.at.between.files_of_an_extract = 1
    house.replace("green_silver", JANUARY)
    after = set(lake.at.table(GREEN).inspect.files()["file_path"].to_pylist())
    assert len(before & after) == 3
    assert len(after - before) == 1
    by_month = "SELECT FORMAT_DATE('%m', DATE(pickup_at)) AS m, COUNT(*) AS n FROM silver.green_trips GROUP BY m"
    assert {row["m"]: row["n"] for row in house.rows(by_month)} == {"01": 20, "02": 30}
    house.replace("green_gold", JANUARY)
    assert house.warehouse.holdings()["green_gold"].partitions[JANUARY].is_current


def test_pyiceberg_polars_and_duckdb_read_the_same(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    table = lake.at.table(GREEN)
    total = house.rows("SELECT SUM(total_amount) AS total FROM silver.green_trips")[0]["total"]
    assert sum(table.scan().to_arrow()["total_amount"].to_pylist()) == total
    place = lake.at.running.cloud.objects
    files = [str(place / path.removeprefix("gs://")) for path in table.inspect.files()["file_path"].to_pylist()]
    bucket = client_of(lake.at.running.cloud.storage).bucket(lake.at.running.place.catalog)
    for path in files:
        assert bucket.get_blob(path.removeprefix(f"{place}/{bucket.name}/")) is not None
    assert pl.read_parquet(files)["total_amount"].sum() == total
    (found,) = duckdb.execute("SELECT SUM(total_amount) FROM read_parquet(?)", [files]).fetchall()
    assert found == (total,)


def test_snapshots_are_so_few_that_metadata_stay_small(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "KEPT_SNAPSHOTS", 3)
    house = lake.house
    for rows in range(1, 6):
        house.land(JANUARY, trips(JANUARY, rows))
        house.replace("green_silver", JANUARY)
    table = lake.at.table(GREEN)
    assert len(table.snapshots()) == 3
    assert house.rows(COUNT) == [{"n": 5}]
    whole = len(table.metadata.model_dump_json())
    snapshot = max(len(each.model_dump_json()) for each in table.snapshots())
    stated = max(
        len(f"{name}{value}") for name, value in table.properties.items() if name.startswith("lakehouse.month.")
    )
    months = 12 * 14
    assert whole + (_KEPT - 3) * snapshot + months * (stated + 10) < _MOST_BYTES / 2, (whole, snapshot, stated)


def test_a_column_that_is_added_is_null_in_older_months(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 4))
    house.replace("green_silver", JANUARY)
    house.edit(
        "silver/green_silver.sql",
        ("columns:\n", "columns:\n  trip_label: {type: STRING, description: A label}\n"),
        ("  'green' AS taxi_type,", "  'green' AS taxi_type,\n  'x' AS trip_label,"),
    )
    house.land(FEBRUARY, trips(FEBRUARY, 6))
    house.replace("green_silver", FEBRUARY)
    assert house.rows(
        "SELECT trip_label AS label, COUNT(*) AS n FROM silver.green_trips GROUP BY label ORDER BY n"
    ) == [
        {"label": None, "n": 4},
        {"label": "x", "n": 6},
    ]


def test_an_answer_that_was_lost_is_looked_for(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    lake.at.rest.refuse("/tables/green_trips", LOST_ANSWER, times=0)
    house.warehouse.prepare()
    lake.at.rest.refuse("POST", LOST_ANSWER, times=1)
    result = house.replace("green_silver", JANUARY)
    assert result.effect is Effect.PUBLISHED
    assert len(lake.at.table(GREEN).snapshots()) == 1
    assert len([each for each in lake.at.rest.requests if "POST" in each and each.endswith("/green_trips")]) == 1
    assert house.warehouse.holdings()["green_silver"].remarks == ()


def test_a_catalog_that_refuses_all_commits_is_told_in_one_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "_FAILURES", 2)
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, trips(JANUARY, 20))
    lake.at.rest.refuse("/tables/green_trips", UNAVAILABLE)
    with pytest.raises(StorageUnavailable, match="BigLake refuses to answer for now") as error:
        house.replace("green_silver", JANUARY)
    assert "\n" not in str(error.value)
    lake.at.rest.refuse("/tables/green_trips", UNAVAILABLE, times=0)
    assert house.rows(COUNT) == [{"n": 40}]


def test_files_that_lack_rows_are_not_committed(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    house.land(JANUARY, trips(JANUARY, 30))
    lake.at.between.files_of_an_extract = 2
    files_under = CatalogTables.files_under
    monkeypatch.setattr(CatalogTables, "files_under", lambda *given: files_under(*given)[:1])
    with pytest.raises(CorruptFile, match="15 of its 30 rows were extracted"):
        house.replace("green_silver", JANUARY)
    assert house.rows(COUNT) == [{"n": 40}]


def test_a_month_that_lost_rows_by_another_hand_is_made_again(lake: Lake) -> None:
    house = lake.house
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    lake.at.table(GREEN).delete("pickup_at < '2024-03-01T00:00:00'")
    assert house.rows(COUNT) == [{"n": 0}]
    (publication,) = house.warehouse.holdings()["green_silver"].partitions.values()
    assert not publication.is_current
    assert house.replace("green_silver", JANUARY).effect is Effect.PUBLISHED
    assert house.rows(COUNT) == [{"n": 40}]


@pytest.mark.parametrize(
    "written", ["junk", "7", {"published_at": "yesterday"}, {"rows": "40"}, {"rejected": {"a": None}}, {"more": 1}]
)
def test_what_another_tool_wrote_of_a_month_is_told(lake: Lake, written: str | dict[str, object]) -> None:
    house, january = lake.house, "lakehouse.month.2024-01"
    house.land(JANUARY, trips(JANUARY, 40))
    house.replace("green_silver", JANUARY)
    table = lake.at.table(GREEN)
    text = written if isinstance(written, str) else json.dumps({**json.loads(table.properties[january]), **written})
    with table.transaction() as transaction:
        transaction.set_properties({january: text})
    damage = house.warehouse.holdings()["green_silver"].damage
    assert str(damage).startswith(f"{GREEN}: a property lakehouse.month.* cannot be read (")
    with pytest.raises(CorruptFile, match="make the table anew: lakehouse set-aside"):
        house.replace("green_silver", JANUARY)
