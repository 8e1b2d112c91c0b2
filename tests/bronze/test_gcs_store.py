"""Landed files in a bucket: what lies where, what is sent and read, and what comes between runs on other machines."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.bronze.connection import connect
from lakehouse.bronze.gcs import store as gcs_store
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.bronze.landing import Landed, Lander
from lakehouse.bronze.landing_table import landing_table
from lakehouse.bronze.sources import SOURCES
from lakehouse.exceptions import CommitConflict, ConfigurationError, CorruptFile
from lakehouse.partition import WHOLE, Month
from lakehouse.settings import load_settings
from tests import green_files
from tests.bronze.between import LOST_ANSWER, UNAVAILABLE, Between
from tests.bronze.clients import client_of
from tests.bronze.places import MONTH, NOON, InBucket, adopt, land, landing_of, name_of, records
from tests.http_source import SourceServer

if TYPE_CHECKING:
    from google.cloud.storage import Blob, Bucket

MIB = 1024 * 1024


@pytest.fixture
def place(bucket: Bucket, tmp_path: Path) -> InBucket:
    return InBucket(bucket, tmp_path)


@pytest.fixture
def store(place: InBucket) -> GcsBronzeStore:
    return place.open()


@pytest.fixture
def between(cloud_storage: str) -> Iterator[Between]:
    with Between(cloud_storage) as server:
        yield server


@pytest.fixture
def by_way(between: Between, place: InBucket) -> Iterator[GcsBronzeStore]:
    """A store that asks by way of :func:`between`."""
    with closing(client_of(between.address)) as client:
        yield InBucket(client.bucket(place.bucket.name), place.home).open()


def blob_of(place: InBucket, name: str) -> Blob:
    blob = place.bucket.get_blob(f"bronze/{name}")
    assert blob is not None
    return blob


def test_objects_lie_in_folders_that_no_reader_makes_a_column_of(place: InBucket, store: GcsBronzeStore) -> None:
    store.prepare()
    landing = land(store, b"a")
    store.observe("green", MONTH)
    store.refuse(landing, "green_silver", None)
    name = f"{landing.sha256[:32]}"
    assert store.uri(landing) == f"gs://{place.bucket.name}/bronze/green/2024-01/{name}.parquet"
    assert place.names() == [
        "_kind",
        "_landings/green/2024-01/.observed",
        f"_landings/green/2024-01/20240301T120000000000Z-{name}.json",
        f"_landings/green/2024-01/{name}.green_silver.refused",
        f"green/2024-01/{name}.parquet",
    ]


def test_a_record_is_one_line_of_json(place: InBucket, store: GcsBronzeStore) -> None:
    landing = land(store, b"a")
    (record,) = records(place)
    content = place.read(record)
    assert b"\n" not in content
    assert json.loads(content)["sha256"] == landing.sha256
    assert blob_of(place, record).content_type == "application/json"


def test_prefixes_of_one_bucket_know_nothing_of_each_other(bucket: Bucket, tmp_path: Path) -> None:
    production, trial = InBucket(bucket, tmp_path, "production"), InBucket(bucket, tmp_path, "trial")
    production.open().prepare()
    landing = land(production.open(), b"a")
    samples = trial.open(of_samples=True)
    assert samples.is_new
    samples.prepare()
    assert samples.current("green", MONTH) is None
    assert list(samples.landings()) == []
    assert production.open().uri(landing).startswith(f"gs://{bucket.name}/production/bronze/green/")
    assert production.open().is_intact(landing)


def test_samples_are_not_put_among_what_nothing_says_is_samples(place: InBucket) -> None:
    land(place.open(), b"a")
    with pytest.raises(ConfigurationError, match=f"^gs://{place.bucket.name}/bronze: holds real data"):
        place.open(of_samples=True).prepare()
    place.open().prepare()


def test_of_two_that_prepare_at_once_the_second_learns_of_the_first(
    place: InBucket, between: Between, by_way: GcsBronzeStore
) -> None:
    between.before("POST", place.open(of_samples=True).prepare)
    with pytest.raises(ConfigurationError, match="holds generated sample data"):
        by_way.prepare()
    assert between.statuses("POST") == [412]


def test_what_is_there_whole_is_not_sent_again(place: InBucket, store: GcsBronzeStore) -> None:
    landing = landing_of(b"content")
    adopt(store, landing, b"content")
    sent = blob_of(place, name_of(place, landing)).generation
    adopt(store, landing, b"content")
    assert blob_of(place, name_of(place, landing)).generation == sent
    place.write(name_of(place, landing), b"content")  # right, but nobody vouches for it
    adopt(store, landing, b"content")
    assert store.is_intact(landing)
    assert blob_of(place, name_of(place, landing)).generation != sent


@pytest.mark.parametrize("length", [MIB, 9 * MIB], ids=["at once", "in parts"])
def test_what_is_sent_is_compared_with_the_hash_of_what_was_fetched(
    place: InBucket, between: Between, by_way: GcsBronzeStore, length: int
) -> None:
    content = b"fetched" + bytes(length)
    other = b"changed" + bytes(length)
    landing = landing_of(content)
    damaged = f"^{by_way.uri(landing)}: arrived damaged .*MD5.*: run it again$"
    with by_way.workspace() as folder:
        file = folder / "landed"
        file.write_bytes(content)

        def changes_when_it_has_been_hashed() -> None:
            file.write_bytes(other)

        between.before("GET", changes_when_it_has_been_hashed)
        with pytest.raises(CorruptFile, match=damaged):
            by_way.adopt(landing, file)
        assert file.read_bytes() == other
        file.write_bytes(content)
        between.sent = lambda body: body.replace(b"fetched", b"changed")
        with pytest.raises(CorruptFile, match=damaged):
            by_way.adopt(landing, file)
        assert place.names() == []
        between.sent = None
        by_way.adopt(landing, file)
    assert place.open().is_intact(landing)


def test_a_file_is_read_once_for_both_of_its_hashes(store: GcsBronzeStore, tmp_path: Path) -> None:
    opened: list[str] = []

    class Watched(PosixPath):
        def open(self, mode: str = "r", *_: Any, **__: Any) -> Any:
            opened.append(mode)
            return super().open(mode)

    content = bytes(3 * MIB)
    (tmp_path / "landed").write_bytes(content)
    store.adopt(landing_of(content), Watched(tmp_path / "landed"))
    assert opened == ["rb", "rb"]  # the second time for its footer, which is little of it
    with pytest.raises(CorruptFile, match="was not written whole, is the disk full"):
        store.adopt(landing_of(b"other"), Watched(tmp_path / "landed"))


def test_other_bytes_under_the_notes_of_the_right_ones_are_noticed(place: InBucket, store: GcsBronzeStore) -> None:
    landing = land(store, b"content")
    notes = blob_of(place, name_of(place, landing)).metadata
    assert notes["md5"] == base64.b64encode(hashlib.md5(b"content", usedforsecurity=False).digest()).decode()
    blob = place.bucket.blob(f"bronze/{name_of(place, landing)}")
    blob.metadata = notes
    blob.upload_from_string(b"CONTENT")
    assert blob_of(place, name_of(place, landing)).metadata == notes
    assert not store.is_intact(landing)


def test_whether_a_file_is_intact_is_known_without_its_bytes(
    place: InBucket, between: Between, by_way: GcsBronzeStore
) -> None:
    landing = land(place.open(), bytes(2 * MIB))
    assert by_way.is_intact(landing)
    assert by_way.size(landing) == 2 * MIB
    assert len(between.passed) == 2
    assert between.sent_bytes() < 4096


def test_a_large_file_is_sent_in_parts_and_only_its_footer_is_read(
    place: InBucket, between: Between, by_way: GcsBronzeStore, tmp_path: Path
) -> None:
    numbers = np.random.default_rng(1).integers(0, 2**60, (40, 75_000))
    table = pa.table({f"column_{number}": values for number, values in enumerate(numbers)})
    pq.write_table(table, tmp_path / "large.parquet", compression="none", use_dictionary=False, row_group_size=5_000)
    content = (tmp_path / "large.parquet").read_bytes()
    landing = landing_of(content)
    between.answer("PUT", UNAVAILABLE, times=1)
    adopt(by_way, landing, content)
    assert 16 * MIB < len(content) < 32 * MIB
    assert between.statuses("PUT") == [503, 308, 200]
    assert place.open().is_intact(landing)
    columns = [(f"column_{number}", "int64") for number in range(40)]
    between.passed.clear()
    assert [(column.name, column.type) for column in by_way.footer(landing)] == columns
    assert between.sent_bytes() < 4096  # as it was noted
    blob = blob_of(place, name_of(place, landing))
    blob.metadata = {**blob.metadata, "columns": None}
    blob.patch()
    between.passed.clear()
    assert [(column.name, column.type) for column in by_way.footer(landing)] == columns
    assert 4096 < between.sent_bytes() < MIB


def test_many_months_are_looked_at_by_one_list_and_a_request_for_each_record(
    place: InBucket, between: Between, by_way: GcsBronzeStore, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "small.parquet")
    content = (tmp_path / "small.parquet").read_bytes()
    months = [Month(2023, number) for number in range(1, 13)]
    for month in months:
        landing = landing_of(content).model_copy(update={"month": str(month)})
        adopt(place.open(), landing, content)
        place.open().record(landing)
    between.passed.clear()
    there = by_way.at_once()
    for month in months:
        current = there.current("green", month)
        assert current is not None
        assert there.size(current) == len(content)
        assert there.is_intact(current)
        assert [column.name for column in there.footer(current)] == ["a"]
    assert len(list(there.landings())) == len(months)
    assert len(between.statuses("GET")) == 1 + len(months)
    landed = land(place.open(), content, NOON)
    assert there.current("green", landed.partition) is None
    assert by_way.current("green", landed.partition) == landed


def test_of_a_large_csv_only_the_beginning_is_read(place: InBucket, between: Between, by_way: GcsBronzeStore) -> None:
    content = b"a,b\n" + b"1,2\n" * MIB
    landing = landing_of(content).model_copy(update={"suffix": "csv"})
    adopt(place.open(), landing, content)
    assert [column.name for column in by_way.footer(landing)] == ["a", "b"]
    assert 0 < between.sent_bytes() < MIB


def test_a_footer_of_a_file_that_is_gone_says_so(place: InBucket, between: Between, by_way: GcsBronzeStore) -> None:
    content = bytes(MIB)
    landing = land(place.open(), content)
    missing = f"^{by_way.uri(landing)}: is missing; materialize its bronze again"

    def goes_at_the_second_request() -> None:
        between.before("GET", lambda: place.remove(name_of(place, landing)))

    between.before("GET", goes_at_the_second_request)
    with pytest.raises(CorruptFile, match=missing):
        by_way.footer(landing)
    assert between.statuses("GET") == [200, 404]
    with pytest.raises(CorruptFile, match=missing):
        by_way.footer(landing)


def test_a_file_that_is_gone_is_not_recorded(place: InBucket, store: GcsBronzeStore) -> None:
    landing = landing_of(b"a")
    with pytest.raises(CorruptFile, match="is missing, and was not recorded: land it again"):
        store.record(landing)
    assert records(place) == []


def test_a_record_whose_answer_is_lost_is_there_once(place: InBucket, between: Between, by_way: GcsBronzeStore) -> None:
    landing = landing_of(b"a")
    adopt(place.open(), landing, b"a")
    between.answer("POST", LOST_ANSWER, times=1)
    by_way.record(landing)
    assert between.statuses("POST") == [503, 412]
    assert place.open().current("green", MONTH) == landing
    assert len(records(place)) == 1


def test_a_record_takes_no_other_ones_place(place: InBucket, store: GcsBronzeStore) -> None:
    landing = land(store, b"a")
    (record,) = records(place)
    store.record(landing)
    with pytest.raises(CommitConflict, match=f"{record}: another run recorded something else there"):
        store.record(landing.model_copy(update={"etag": '"2"'}))
    assert store.current("green", MONTH) == landing


def test_a_file_without_a_record_is_swept_when_no_run_can_still_record_it(
    store: GcsBronzeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = land(store, b"kept")
    orphan = landing_of(b"orphan")
    adopt(store, orphan, b"orphan")
    assert store.sweep("green", MONTH) == 0
    assert store.is_intact(orphan)
    monkeypatch.setattr(gcs_store, "_SWEPT_AFTER", timedelta(0))
    assert store.sweep("green", MONTH) == 1
    assert store.size(orphan) is None
    assert store.is_intact(landing)
    assert store.sweep("zones", WHOLE) == 0


def test_a_file_that_is_recorded_while_it_is_swept_stays(
    place: InBucket, between: Between, by_way: GcsBronzeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan, other = landing_of(b"orphan"), place.open()
    adopt(other, orphan, b"orphan")
    monkeypatch.setattr(gcs_store, "_SWEPT_AFTER", timedelta(0))
    between.before("DELETE", lambda: other.record(orphan))
    assert by_way.sweep("green", MONTH) == 0
    assert between.statuses("DELETE") == [412]
    assert other.current("green", MONTH) == orphan
    assert other.is_intact(orphan)


def test_no_two_runs_observe_at_the_same_time(place: InBucket) -> None:
    observed: dict[int, list[object]] = {0: [], 1: []}
    ahead = land(place.open(), b"a", NOON.replace(year=2099)).place  # only the bucket orders them
    barrier = threading.Barrier(2)

    def observe(number: int) -> None:
        store = place.open()
        barrier.wait()
        observed[number] = [store.observe("green", MONTH) for _ in range(8)]

    runs = [threading.Thread(target=observe, args=(number,)) for number in observed]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert all(each == sorted(cast("list[str]", each)) for each in observed.values())
    assert sorted(cast("list[str]", observed[0] + observed[1])) == [
        ahead + timedelta(microseconds=number) for number in range(1, 17)
    ]


def test_an_observation_that_another_one_comes_before_is_made_after_it(
    place: InBucket, between: Between, by_way: GcsBronzeStore
) -> None:
    land(place.open(), b"a", NOON.replace(year=2099))
    first = place.open().observe("green", MONTH)
    between.before("POST", lambda: observed.append(place.open().observe("green", MONTH)))
    observed = [first]
    observed.append(by_way.observe("green", MONTH))
    assert between.statuses("POST") == [412, 200]
    assert [each - first for each in observed] == [timedelta(microseconds=number) for number in range(3)]


def test_what_a_source_serves_is_landed_once_and_again_when_it_changes_or_is_damaged(
    place: InBucket, store: GcsBronzeStore, tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    warnings: list[str] = []
    green = next(source for source in SOURCES if source.asset == "green_bronze")
    with SourceServer(tmp_path / "source") as server:
        settings = load_settings(home=tmp_path / "home", addresses={"tlc": server.url}, http_attempts=1)
        lander = Lander(store, connect(settings, green), of_samples=False)

        def land_trips(trips: int) -> Landed:
            file = server.folder / green_files.source_path(MONTH)
            content = green_files.write(file, green_files.trips(MONTH, trips)).read_bytes()
            landed = lander.land(MONTH, lambda download, _: download.path, warnings.append)
            assert place.read(name_of(place, landed.landing)) == content
            assert store.current("green", MONTH) == landed.landing
            return landed

        assert [land_trips(trips).is_unchanged for trips in (3, 3, 4)] == [False, True, False]
        current = land_trips(4).landing
        place.write(name_of(place, current), b"damaged")
        assert warnings == []
        assert land_trips(4).landing.sha256 == current.sha256
        assert warnings == ["green 2024-01: the landed file is gone or damaged; landing it again"]
        assert server.statuses() == [200, 304, 200, 304, 200]
    assert {landing.rows for landing, _ in store.landings()} == {3, 4}
    assert [each["rows"] for each in landing_table(store).to_pylist()] == [3, 4, 4]
