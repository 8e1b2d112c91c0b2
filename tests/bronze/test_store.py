"""Landing records: what is current, what is whole, what is swept."""

from __future__ import annotations

import hashlib
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import Landing, open_current
from lakehouse.exceptions import CorruptFile, NotLanded
from lakehouse.partition import WHOLE, Month

MONTH = Month(2024, 1)
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> LocalBronzeStore:
    return LocalBronzeStore(tmp_path, of_samples=False)


def land(store: LocalBronzeStore, content: bytes, observed_at: datetime = NOON, etag: str = '"1"') -> Landing:
    landing = Landing(
        dataset="green",
        month=str(MONTH),
        url="file:///source",
        etag=etag,
        last_modified=None,
        bytes=len(content),
        rows=1,
        sha256=hashlib.sha256(content).hexdigest(),
        observed_at=observed_at,
    )
    with store.workspace() as folder:
        landed = folder / "landed"
        landed.write_bytes(content)
        store.adopt(landing, landed)
    store.record(landing)
    return landing


def test_a_landed_file_lies_under_its_month_named_by_its_content(store: LocalBronzeStore) -> None:
    landing = land(store, b"a")
    file = store.file(landing)
    assert file.read_bytes() == b"a"
    assert file.parent == store.root / "green" / "year=2024" / "month=01"
    assert file.stem == landing.sha256[:32]


def test_the_newest_landing_is_current_also_when_a_source_goes_back(store: LocalBronzeStore) -> None:
    first = land(store, b"a", NOON)
    second = land(store, b"b", NOON + timedelta(microseconds=1))
    assert store.current("green", MONTH) == second
    again = land(store, b"a", NOON + timedelta(seconds=1))
    assert store.current("green", MONTH) == again
    assert again.sha256 == first.sha256
    assert len(list(store.file(first).parent.iterdir())) == 2


def test_a_month_never_landed_says_which_asset_to_materialize(store: LocalBronzeStore) -> None:
    assert store.current("green", MONTH) is None
    with pytest.raises(NotLanded, match="green 2024-01 has not been landed: materialize green_bronze"):
        open_current(store, "green", MONTH, "green_bronze")


def test_a_dataset_that_comes_whole_lies_beside_the_months_under_its_own_suffix(store: LocalBronzeStore) -> None:
    monthly = land(store, b"a")
    with store.workspace() as folder:
        landing = monthly.model_copy(update={"dataset": "zones", "month": None, "suffix": "csv"})
        (folder / "landed").write_bytes(b"a")
        store.adopt(landing, folder / "landed")
    assert store.current("zones", WHOLE) is None
    store.record(landing)
    assert store.current("zones", WHOLE) == landing
    assert store.file(landing) == store.root / "zones" / "all" / f"{landing.sha256[:32]}.csv"
    assert [path.parent for path in store.record_folder("zones", WHOLE).iterdir()] == [
        store.root / "_landings" / "zones" / "all"
    ]
    assert (str(landing), landing.partition) == ("zones", WHOLE)


def test_a_dataset_that_comes_whole_and_was_never_landed_is_named_without_a_month(store: LocalBronzeStore) -> None:
    with pytest.raises(NotLanded, match=r"^zones has not been landed: materialize zones_bronze first"):
        open_current(store, "zones", WHOLE, "zones_bronze")


def test_a_file_that_was_not_written_whole_is_not_adopted(store: LocalBronzeStore, tmp_path: Path) -> None:
    landing = land(store, b"whole").model_copy(update={"sha256": "0" * 64})
    half = tmp_path / "half"
    half.write_bytes(b"who")
    with pytest.raises(CorruptFile, match="was not written whole"):
        store.adopt(landing, half)
    assert not store.file(landing).exists()


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_landed_file_that_is_damaged_is_named(store: LocalBronzeStore, damage: str) -> None:
    landing = land(store, b"content")
    file = store.file(landing)
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"con")
    with pytest.raises(CorruptFile, match="materialize green_bronze for 2024-01 to land it again"):
        open_current(store, "green", MONTH, "green_bronze")
    assert not store.is_intact(landing)


def test_changed_bytes_of_the_same_length_are_noticed(store: LocalBronzeStore) -> None:
    landing = land(store, b"content")
    store.file(landing).write_bytes(b"CONTENT")
    assert not store.is_intact(landing)


def test_files_without_a_record_are_swept_unless_somebody_is_landing(store: LocalBronzeStore) -> None:
    landing = land(store, b"kept")
    orphan = store.file(landing).parent / "orphan.parquet"
    orphan.write_bytes(b"x")
    os.utime(orphan, (0, 0))  # to a clock that is ahead anything is old
    with store.workspace():
        assert store.sweep("green", MONTH) == 0
        assert orphan.exists()
    assert store.sweep("green", MONTH) == 1
    assert not orphan.exists()
    assert store.is_intact(landing)


def test_files_of_what_comes_whole_are_swept_where_they_lie(store: LocalBronzeStore) -> None:
    folder = store.root / "zones" / "all"
    folder.mkdir(parents=True)
    old = folder / "old.csv"
    old.write_bytes(b"x")
    assert store.sweep("zones", WHOLE) == 1
    assert not old.exists()


def test_an_earlier_answer_that_is_recorded_later_does_not_become_current(store: LocalBronzeStore) -> None:
    later = land(store, b"b", NOON + timedelta(minutes=1))
    land(store, b"a", NOON)
    assert store.current("green", MONTH) == later


def test_a_record_that_cannot_be_read_is_named(store: LocalBronzeStore) -> None:
    land(store, b"a")
    record = next(store.record_folder("green", MONTH).glob("*.json"))
    record.write_text("{")
    with pytest.raises(CorruptFile, match="not a landing record"):
        store.current("green", MONTH)


def test_a_record_that_is_no_text_is_named(store: LocalBronzeStore) -> None:
    land(store, b"a")
    record = next(store.record_folder("green", MONTH).glob("*.json"))
    record.write_bytes(b"\xff\xfe\x00")
    for ask in (lambda: store.current("green", MONTH), lambda: list(store.landings())):
        with pytest.raises(CorruptFile, match="not a landing record \\(it is no text in UTF-8\\)"):
            ask()


def test_a_workspace_is_gone_afterwards(store: LocalBronzeStore) -> None:
    with store.workspace() as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_what_a_model_refuses_is_known_until_it_accepts_it(store: LocalBronzeStore) -> None:
    landing = land(store, b"bad")
    assert store.refused_at(landing) is None
    before = datetime.now(UTC) - timedelta(seconds=1)  # of what disks round times to
    store.refuse(landing, "green_silver", None)
    store.refuse(landing, "other_silver", None)
    refused_at = store.refused_at(landing)
    assert refused_at is not None
    assert before < refused_at <= datetime.now(UTC)
    time.sleep(0.02)
    store.refuse(landing, "green_silver", None)
    again_at = store.refused_at(landing)
    assert again_at is not None
    assert again_at > refused_at
    store.accept(landing, "green_silver")
    assert store.held_back(landing, "green_silver") is None
    assert store.refused_at(landing)
    store.accept(landing, "other_silver")
    store.accept(landing, "other_silver")
    assert store.refused_at(landing) is None


def mark_of(store: LocalBronzeStore, landing: Landing) -> Path:
    (mark,) = store.record_folder(landing.dataset, landing.partition).glob("*.green_silver.refused")
    return mark


def test_what_a_guard_said_is_known_until_the_model_accepts_whatever_it_is_refused_for_since(
    store: LocalBronzeStore,
) -> None:
    landing = land(store, b"small")
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") is None
    store.refuse(landing, "green_silver", "10 rows became 3")
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") == "10 rows became 3"
    assert store.held_back(landing, "other_silver") is None
    store.accept(landing, "green_silver")
    assert store.held_back(landing, "green_silver") is None


def test_a_mark_of_before_reasons_were_noted_holds_back(store: LocalBronzeStore) -> None:
    landing = land(store, b"small")
    store.refuse(landing, "green_silver", None)
    mark_of(store, landing).write_bytes(b"")
    assert store.held_back(landing, "green_silver") == "why was not noted"
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") == "why was not noted"


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe", b"[]", b'{"held_back": 3}'])
def test_a_mark_that_cannot_be_read_is_named(store: LocalBronzeStore, damage: bytes) -> None:
    landing = land(store, b"small")
    store.refuse(landing, "green_silver", None)
    mark = mark_of(store, landing)
    mark.write_bytes(damage)
    with pytest.raises(CorruptFile, match=rf"{re.escape(str(mark))}: does not say why green_silver refuses"):
        store.held_back(landing, "green_silver")
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") == "why was not noted"


def test_a_refusal_is_of_the_bytes_and_neither_a_record_nor_in_the_way_of_any(store: LocalBronzeStore) -> None:
    bad = land(store, b"bad")
    store.refuse(bad, "green_silver", None)
    good = land(store, b"good", NOON + timedelta(1))
    assert store.refused_at(good) is None
    again = land(store, b"bad", NOON + timedelta(2), etag='"2"')
    assert store.refused_at(again)
    assert store.current("green", MONTH) == again
    assert [landing for landing, _ in store.landings()] == [bad, good, again]
    assert list(store.history("green", MONTH)) == [again, good, bad]


def test_a_refusal_counts_as_long_as_there_is_a_model_of_that_name(tmp_path: Path, store: LocalBronzeStore) -> None:
    landing = land(store, b"bad")
    store.refuse(landing, "old_silver", None)
    renamed = LocalBronzeStore(tmp_path, of_samples=False, readers={"green_silver", "silver"})
    assert store.refused_at(landing)
    assert renamed.refused_at(landing) is None
    store.refuse(landing, "green_silver", None)
    assert renamed.refused_at(landing)
