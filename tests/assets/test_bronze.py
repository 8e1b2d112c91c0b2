"""What Dagster's bronze assets land, and when they land it again; a whole month of everything on the way."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest

from lakehouse.bronze.store import Landing
from lakehouse.cli.outcomes import RunOutcome
from lakehouse.exceptions import CheckFailed
from lakehouse.partition import WHOLE, Month
from tests import direct, fhv_files, green_files, yellow_files
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, Fault, SourceServer
from tests.loading import CONTRACTS
from tests.project import Project
from tests.reference_files import ZONES_PATH, user

MONTH = Month(2024, 1)
USERS = "+key:users_gold"
ZONES = "+key:zones_silver"
ASSETS_OF = {ZONES: ("zones_bronze", "zones_silver"), USERS: ("users_bronze", "users_silver", "users_gold")}
CITIES = "SELECT * FROM gold.user_counts_by_city ORDER BY city"


def run(project: Project, selection: str) -> RunOutcome:
    """A run of what comes whole."""
    (outcome,) = project.run(MONTH, selection=selection)
    return outcome


def succeeded(project: Project, selection: str) -> dict[str, bool]:
    """What a successful run left as it was, by asset."""
    outcome = run(project, selection)
    assert outcome.failures == ()
    return {asset.key: asset.unchanged for asset in outcome.assets if asset.key != "infrastructure"}


def made(project: Project, selection: str) -> dict[str, bool]:
    """What making what a run would left as it was, by asset, where the run is not what is tested."""
    return direct.make(project, MONTH, *ASSETS_OF[selection])


def current(project: Project, dataset: str) -> Landing:
    landing = project.bronze.current(dataset, WHOLE)
    assert landing is not None
    return landing


def landed_files(project: Project, dataset: str) -> list[Path]:
    return sorted((project.home / "bronze" / dataset / "all").iterdir())


def landings(project: Project, dataset: str) -> list[dict[str, Any]]:
    return project.rows(
        "SELECT month, `rows`, sha256, answer_sha256, is_current FROM bronze.landings "
        f"WHERE dataset = '{dataset}' ORDER BY observed_at"
    )


def publish_users(project: Project, *users: dict[str, Any]) -> str:
    """Put an answer at the source; its SHA-256."""
    content = json.dumps(users).encode()
    (project.source / "users.json").write_bytes(content)
    return hashlib.sha256(content).hexdigest()


# Everything


def test_one_run_of_everything_fills_every_asset(whole: tuple[Project, RunOutcome]) -> None:
    _, outcome = whole
    assert outcome.failures == ()
    assert {asset.key: asset.rows for asset in outcome.assets if asset.key != "infrastructure"} == {
        **{"users_bronze": 2, "users_silver": 2, "users_gold": 2},
        **{"zones_bronze": 265, "zones_silver": 265},
        **{"taxi_bronze": 4, "taxi_silver": 4},
        **{"fhv_bronze": 3, "fhv_silver": 3},
        **{"green_bronze": 5, "green_silver": 5, "green_gold": 2},
        "trips_gold": 7,
    }
    assert all(asset.warnings == () for asset in outcome.assets)


@pytest.mark.parametrize("key", CONTRACTS)
def test_a_materialized_bronze_asset_shows_the_columns_of_its_file_and_describes_the_canonical_ones(
    whole: tuple[Project, RunOutcome], key: str
) -> None:
    project, _ = whole
    contract = CONTRACTS[key]
    event = materialization(project, key)
    schema = event.metadata["dagster/column_schema"].value
    assert isinstance(schema, dg.TableSchema)
    landing = project.bronze.current(contract.dataset.name, MONTH if contract.dataset.is_partitioned else WHOLE)
    assert landing is not None
    shown = {column.name.lower(): (column.type, column.description) for column in schema.columns}
    assert all(type_ for type_, _ in shown.values())
    described = {name: description for name, (_, description) in shown.items() if description}
    missing_in_file = {"taxi_bronze": {"cbd_congestion_fee"}, "green_bronze": {"cbd_congestion_fee"}}.get(key, set())
    assert described == {
        canonical.sources[0].lower(): canonical.column.description
        for canonical in contract.canonical
        if canonical.column.name not in missing_in_file
    }
    assert event.metadata["sha256"].value == landing.sha256
    assert event.metadata["dagster/row_count"].value == landing.rows


def materialization(project: Project, key: str) -> dg.AssetMaterialization:
    with project.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(key))
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization


def test_landings_of_months_have_one_and_those_of_what_comes_whole_have_none(
    whole: tuple[Project, RunOutcome],
) -> None:
    project, _ = whole
    rows = project.rows("SELECT dataset, month, `rows` FROM bronze.landings ORDER BY dataset")
    assert [tuple(row.values()) for row in rows] == [
        ("fhv", date(2024, 1, 1), 3),
        ("green", date(2024, 1, 1), 5),
        ("users", None, 2),
        ("yellow", date(2024, 1, 1), 4),
        ("zones", None, 265),
    ]
    ledger = project.rows("SELECT dataset, bronze_rows, is_balanced FROM silver.row_ledger ORDER BY dataset")
    assert [tuple(row.values()) for row in ledger] == [("fhv", 3, True), ("green", 5, True), ("yellow", 4, True)]


# Zones


def test_zones_are_landed_byte_for_byte_as_csv(project: Project) -> None:
    served = (project.source / ZONES_PATH).read_bytes()
    made(project, ZONES)
    (file,) = landed_files(project, "zones")
    assert (file.read_bytes(), file.suffix) == (served, ".csv")
    landing = current(project, "zones")
    assert (landing.sha256, landing.answer_sha256) == (hashlib.sha256(served).hexdigest(), None)
    assert landing.rows == 265


def test_zones_are_landed_again_only_when_they_changed(project: Project) -> None:
    file = project.source / ZONES_PATH
    original = file.read_bytes()
    succeeded(project, ZONES)
    before = project.files()
    assert succeeded(project, ZONES) == {"zones_bronze": True, "zones_silver": True}
    assert project.files() == before

    file.write_bytes(original.replace(b'"Zone 1"', b'"Newark"'))
    assert succeeded(project, ZONES) == {"zones_bronze": False, "zones_silver": False}
    assert project.rows("SELECT zone FROM silver.zones WHERE location_id = 1") == [{"zone": "Newark"}]

    file.write_bytes(original)
    succeeded(project, ZONES)
    assert len(landed_files(project, "zones")) == 2
    assert [row["is_current"] for row in landings(project, "zones")] == [False, False, True]
    assert project.rows("SELECT zone FROM silver.zones WHERE location_id = 1") == [{"zone": "Zone 1"}]


def test_zones_that_are_refused_leave_what_was_there(project: Project) -> None:
    made(project, ZONES)
    before = project.files()
    (project.source / ZONES_PATH).write_bytes(CLOUDFRONT_REQUEST_BLOCKED)
    (failure,) = run(project, ZONES).failures
    assert failure.startswith(f"zones: file://{project.source}/{ZONES_PATH} is not the zone lookup")
    assert project.files() == before


# Users


def test_users_are_landed_again_only_when_the_answer_changed_and_followed_when_it_goes_back(project: Project) -> None:
    first = publish_users(project, user(1), user(2))
    succeeded(project, USERS)
    original = project.rows("SELECT * FROM silver.users ORDER BY user_id")
    before = project.files()
    assert succeeded(project, USERS) == {"users_bronze": True, "users_silver": True, "users_gold": True}
    assert project.files() == before

    second = publish_users(project, user(1), user(2, address=user(1)["address"]))
    assert succeeded(project, USERS) == {"users_bronze": False, "users_silver": False, "users_gold": False}
    assert project.rows(CITIES) == [{"city": "City 1", "user_count": 2}]

    publish_users(project, user(1), user(2))
    succeeded(project, USERS)
    assert project.rows("SELECT * FROM silver.users ORDER BY user_id") == original
    assert [
        (row["month"], row["rows"], row["answer_sha256"], row["is_current"]) for row in landings(project, "users")
    ] == [
        (None, 2, first, False),
        (None, 2, second, False),
        (None, 2, first, True),
    ]
    assert project.rows("SELECT COUNT(*) AS n FROM silver.row_ledger") == [{"n": 0}]


def test_the_same_answer_under_a_new_version_lands_no_file_and_changes_no_table(project: Project) -> None:
    made(project, USERS)
    landing, files, snapshots = current(project, "users"), landed_files(project, "users"), project.snapshots()
    os.utime(project.source / "users.json", ns=(1, 1))
    assert made(project, USERS) == {"users_bronze": True, "users_silver": True, "users_gold": True}
    again = current(project, "users")
    assert (again.sha256, again.etag != landing.etag) == (landing.sha256, True)
    assert (landed_files(project, "users"), project.snapshots()) == (files, snapshots)


def test_a_landed_file_of_users_is_flat_and_named_by_its_own_hash(project: Project) -> None:
    answer = publish_users(project, user(1), user(2))
    made(project, USERS)
    (file,) = landed_files(project, "users")
    landing = current(project, "users")
    assert landing.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (landing.answer_sha256, landing.served_sha256) == (answer, answer)
    assert file.name == f"{landing.sha256[:32]}.parquet"
    assert pq.read_table(file).column("address__city").to_pylist() == ["City 1", "City 2"]


@pytest.mark.parametrize("damage", ["gone", "changed"])
def test_a_damaged_file_of_users_is_landed_again(project: Project, damage: str) -> None:
    made(project, USERS)
    (file,) = landed_files(project, "users")
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert not succeeded(project, USERS)["users_bronze"]
    assert project.bronze.is_intact(current(project, "users"))
    assert project.rows(CITIES) == [{"city": "City 1", "user_count": 1}, {"city": "City 2", "user_count": 1}]


def test_users_over_http_are_asked_for_only_if_they_changed_and_their_secret_is_nowhere(project: Project) -> None:
    with SourceServer(project.source) as server:
        project.users_url = f"{server.url}/users.json?key=t0ken"
        succeeded(project, USERS)
        assert succeeded(project, USERS)["users_bronze"]
        assert server.statuses() == [200, 304]
        assert {request.query for request in server.requests} == {"key=t0ken"}
        server.fail("/users.json", Fault(status=418))
        (failure,) = run(project, USERS).failures
    assert failure.startswith(f"users: {server.url}/users.json answered 418")
    assert "t0ken" not in failure
    assert current(project, "users").url == f"{server.url}/users.json"
    event = materialization(project, "users_bronze")
    assert "t0ken" not in repr(event)


def test_users_that_are_refused_leave_what_was_there(project: Project) -> None:
    made(project, USERS)
    before = project.files()
    (project.source / "users.json").write_text("[]")
    (failure,) = run(project, USERS).failures
    assert failure.startswith(f"users: file://{project.source}/users.json is not a list of users: it is empty")
    assert project.files() == before


def test_users_that_silver_refuses_are_asked_for_until_their_source_answers_rightly_under_the_same_etag(
    project: Project,
) -> None:
    with SourceServer(project.source) as server:
        server.etag_of = lambda *_: '"the same"'
        project.users_url = f"{server.url}/users.json"
        publish_users(project, user(1), user(2, email="user1@example.com", id=1))
        for _ in range(2):
            with pytest.raises(CheckFailed, match="users_silver"):
                made(project, USERS)
        publish_users(project, user(1), user(3))
        assert made(project, USERS) == dict.fromkeys(ASSETS_OF[USERS], False)
        assert project.rows(CITIES) == [{"city": "City 1", "user_count": 1}, {"city": "City 3", "user_count": 1}]
        made(project, USERS)
        assert server.statuses() == [200, 200, 200, 304]
    assert len(landings(project, "users")) == 2


@pytest.mark.parametrize(("days_ago", "statuses"), [(364, [200, 304]), (366, [200, 200])])
def test_users_that_were_fetched_a_year_ago_are_fetched_anew_whatever_their_etag(
    project: Project, days_ago: int, statuses: list[int]
) -> None:
    with SourceServer(project.source) as server:
        server.etag_of = lambda *_: '"the same"'
        project.users_url = f"{server.url}/users.json"
        made(project, USERS)
        landing = current(project, "users")
        (record,) = project.bronze.record_folder("users", WHOLE).glob("*.json")
        record.unlink()
        project.bronze.record(
            landing.model_copy(update={"observed_at": landing.observed_at - timedelta(days=days_ago)})
        )
        assert succeeded(project, USERS)["users_bronze"]
        assert server.statuses() == statuses
    assert len(landings(project, "users")) == statuses.count(200)


def test_trips_that_silver_refuses_are_asked_for_until_their_source_serves_the_right_ones_under_the_same_etag(
    project: Project,
) -> None:
    with SourceServer(project.source) as server:
        server.etag_of = lambda *_: '"the same"'
        project.tlc_url = server.url
        project.publish(MONTH, green_files.trips(MONTH.next(), 30))
        for _ in range(2):
            with pytest.raises(CheckFailed, match="green_silver 2024-01"):
                direct.make(project, MONTH, *direct.GREEN)
        project.publish(MONTH, green_files.trips(MONTH, 4))
        direct.make(project, MONTH, *direct.GREEN)
        assert project.rows("SELECT COUNT(*) AS trips FROM silver.green_trips") == [{"trips": 4}]
        direct.make(project, MONTH, *direct.GREEN)
        asked = [each.status for each in server.requests if "green" in each.path]
        assert asked == [200, 200, 200, 304]


def test_a_field_of_users_that_nobody_knows_is_a_warning(project: Project) -> None:
    publish_users(project, user(1, tags=["a"]), user(2))
    outcome = run(project, USERS)
    assert outcome.failures == ()
    assert {asset.key: asset.warnings for asset in outcome.assets}["users_silver"] == ("contract_drift",)


# Trips


def test_yellow_and_fhv_are_landed_byte_for_byte(whole: tuple[Project, RunOutcome]) -> None:
    project, _ = whole
    for dataset, path in (("yellow", yellow_files.source_path(MONTH)), ("fhv", fhv_files.source_path(MONTH))):
        landing = project.bronze.current(dataset, MONTH)
        assert landing is not None
        assert project.bronze.file(landing).read_bytes() == (project.source / path).read_bytes()


def test_fhv_before_it_began_is_empty_says_so_and_nobody_is_asked(project: Project) -> None:
    before = Month(2014, 12)
    (outcome,) = project.run(before, selection="infrastructure,fhv_bronze")
    assert outcome.failures == ()
    event = materialization(project, "fhv_bronze")
    assert event.metadata["dagster/row_count"].value == 0
    assert event.metadata["note"].value == "fhv had not begun in 2014-12: it began in 2015-01; nothing was fetched"
    assert project.bronze.current("fhv", before) is None


def test_another_source_is_not_asked_with_the_version_that_the_first_one_gave(project: Project) -> None:
    with SourceServer(project.source) as first, SourceServer(project.source) as second:
        for server in (first, second, second):
            project.users_url = f"{server.url}/users.json"
            made(project, USERS)
        # The same folder gives the same version, so the second would answer 304 if it were asked with the first's.
        assert (first.statuses(), second.statuses()) == ([200], [200, 304])
