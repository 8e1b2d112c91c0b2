"""Landed files on a disk: where they lie, and when they are swept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.partition import WHOLE
from tests.bronze.places import MONTH, land


@pytest.fixture
def store(tmp_path: Path) -> LocalBronzeStore:
    return LocalBronzeStore(tmp_path, of_samples=False)


def test_a_landed_file_lies_under_its_month_named_by_its_content(store: LocalBronzeStore) -> None:
    landing = land(store, b"a")
    file = store.file(landing)
    assert file.read_bytes() == b"a"
    assert file.parent == store.root / "green" / "year=2024" / "month=01"
    assert file.stem == landing.sha256[:32]


def test_records_lie_apart_by_dataset_and_month(store: LocalBronzeStore) -> None:
    land(store, b"a")
    folder = store.record_folder("green", MONTH)
    assert folder == store.root / "_landings" / "green" / "2024-01"
    assert [path.suffix for path in folder.iterdir()] == [".json"]
    assert store.record_folder("zones", WHOLE) == store.root / "_landings" / "zones" / "all"


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
