"""Landing records: what is current, what is whole, what is swept. In every kind of store."""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.bronze.store import BronzeStore, open_current
from lakehouse.exceptions import ConfigurationError, CorruptFile, NotLanded
from lakehouse.partition import WHOLE
from tests import green_files
from tests.bronze.places import MONTH, NOON, Place, adopt, land, landing_of, name_of, records


def test_a_landed_file_is_kept_byte_for_byte_named_by_its_content(place: Place, store: BronzeStore) -> None:
    landing = land(store, b"a")
    name = name_of(place, landing)
    assert place.read(name) == b"a"
    assert name.rpartition("/")[2] == f"{landing.sha256[:32]}.parquet"
    assert (store.size(landing), store.is_intact(landing)) == (1, True)


def test_a_file_takes_the_place_of_a_damaged_one(place: Place, store: BronzeStore) -> None:
    landing = land(store, b"whole")
    for damage in (b"who", b"WHOLE"):
        place.write(name_of(place, landing), damage)
        assert not store.is_intact(landing)
        adopt(store, landing, b"whole")
        assert store.is_intact(landing)
        assert place.read(name_of(place, landing)) == b"whole"


def test_what_a_file_says_of_its_columns_is_read(store: BronzeStore, tmp_path: Path) -> None:
    content = green_files.write(tmp_path / "green.parquet", green_files.trips(MONTH, 3)).read_bytes()
    columns = store.footer(land(store, content))
    assert "lpep_pickup_datetime" in [column.name for column in columns]
    assert {column.kind for column in columns} > {"datetime", "integer"}
    csv = landing_of(b'\xef\xbb\xbfa,"b,c"\n1,2\n').model_copy(update={"suffix": "csv"})
    adopt(store, csv, b'\xef\xbb\xbfa,"b,c"\n1,2\n')
    assert [(column.name, column.kind) for column in store.footer(csv)] == [("a", "untyped"), ("b,c", "untyped")]


@pytest.mark.parametrize(("suffix", "content"), [("parquet", b"no parquet at all"), ("csv", b"\xff\xfea,b")])
def test_a_footer_that_cannot_be_read_is_named(place: Place, store: BronzeStore, suffix: str, content: bytes) -> None:
    landing = landing_of(content).model_copy(update={"suffix": suffix})
    adopt(store, landing, content)
    with pytest.raises(CorruptFile, match=f"{re.escape(name_of(place, landing))}: its footer cannot be read"):
        store.footer(landing)


def test_the_newest_landing_is_current_also_when_a_source_goes_back(store: BronzeStore) -> None:
    first = land(store, b"a", NOON)
    second = land(store, b"b", NOON + timedelta(microseconds=1))
    assert store.current("green", MONTH) == second
    again = land(store, b"a", NOON + timedelta(seconds=1))
    assert store.current("green", MONTH) == again
    assert again.sha256 == first.sha256
    assert store.is_intact(first)
    assert store.is_intact(second)


def test_a_month_never_landed_says_which_asset_to_materialize(store: BronzeStore) -> None:
    assert store.current("green", MONTH) is None
    with pytest.raises(NotLanded, match="green 2024-01 has not been landed: materialize green_bronze"):
        open_current(store, "green", MONTH, "green_bronze")


def test_a_dataset_that_comes_whole_lies_beside_the_months_under_its_own_suffix(
    place: Place, store: BronzeStore
) -> None:
    landing = land(store, b"a").model_copy(update={"dataset": "zones", "month": None, "suffix": "csv"})
    adopt(store, landing, b"a")
    assert store.current("zones", WHOLE) is None
    store.record(landing)
    assert store.current("zones", WHOLE) == landing
    assert name_of(place, landing) == f"zones/all/{landing.sha256[:32]}.csv"
    assert len(records(place, "zones", "all")) == 1
    assert (str(landing), landing.partition) == ("zones", WHOLE)


def test_a_dataset_that_comes_whole_and_was_never_landed_is_named_without_a_month(store: BronzeStore) -> None:
    with pytest.raises(NotLanded, match=r"^zones has not been landed: materialize zones_bronze first"):
        open_current(store, "zones", WHOLE, "zones_bronze")


def test_a_file_that_was_not_written_whole_is_not_adopted(store: BronzeStore) -> None:
    landing = land(store, b"whole").model_copy(update={"sha256": "0" * 64})
    with pytest.raises(CorruptFile, match="was not written whole"):
        adopt(store, landing, b"who")
    assert store.size(landing) is None


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_landed_file_that_is_damaged_is_named(place: Place, store: BronzeStore, damage: str) -> None:
    landing = land(store, b"content")
    if damage == "gone":
        place.remove(name_of(place, landing))
    else:
        place.write(name_of(place, landing), b"con")
    with pytest.raises(CorruptFile, match="materialize green_bronze for 2024-01 to land it again"):
        open_current(store, "green", MONTH, "green_bronze")
    assert not store.is_intact(landing)


def test_what_has_a_record_is_not_swept(store: BronzeStore) -> None:
    landings = [land(store, b"a", NOON), land(store, b"b", NOON + timedelta(1))]
    assert store.sweep("green", MONTH) == 0
    assert all(store.is_intact(landing) for landing in landings)
    assert store.sweep("zones", WHOLE) == 0


def test_an_earlier_answer_that_is_recorded_later_does_not_become_current(store: BronzeStore) -> None:
    later = land(store, b"b", NOON + timedelta(minutes=1))
    land(store, b"a", NOON)
    assert store.current("green", MONTH) == later


def test_two_runs_that_record_at_once_are_both_recorded_and_the_later_observed_is_current(place: Place) -> None:
    contents = [b"%d" % number for number in range(6)]
    barrier = threading.Barrier(2)

    def record(ours: list[bytes]) -> None:
        store = place.open()
        barrier.wait()
        for content in ours:
            land(store, content, NOON + timedelta(seconds=int(content)))

    runs = [threading.Thread(target=record, args=(ours,)) for ours in (contents[::2], contents[-1::-2])]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    store = place.open()
    assert [landing.bytes for landing in store.history("green", MONTH)] == [1] * 6
    places = [landing.place for landing in store.history("green", MONTH)]
    assert places == [NOON + timedelta(seconds=number) for number in reversed(range(6))]
    assert store.current("green", MONTH) == landing_of(b"5", NOON + timedelta(seconds=5))


def test_every_landing_is_listed_and_the_newest_of_each_month_is_current(store: BronzeStore) -> None:
    first, second = land(store, b"a", NOON), land(store, b"b", NOON + timedelta(1))
    other = landing_of(b"c").model_copy(update={"month": "2024-02"})
    adopt(store, other, b"c")
    store.record(other)
    assert list(store.landings()) == [(first, False), (second, True), (other, True)]


@pytest.mark.parametrize(
    ("damage", "reason"), [(b"{", "not a landing record"), (b"\xff\xfe\x00", "it is no text in UTF-8")]
)
def test_a_record_that_cannot_be_read_is_named(place: Place, store: BronzeStore, damage: bytes, reason: str) -> None:
    land(store, b"a")
    (record,) = records(place)
    place.write(record, damage)
    for ask in (lambda: store.current("green", MONTH), lambda: list(store.landings())):
        with pytest.raises(CorruptFile, match=rf"{re.escape(f'{place.root}/{record}')}: .*{reason}"):
            ask()


def test_an_older_record_that_cannot_be_read_is_in_nobodys_way_before_it_is_its_turn(
    place: Place, store: BronzeStore
) -> None:
    land(store, b"a", NOON)
    newest = land(store, b"b", NOON + timedelta(1))
    place.write(records(place)[0], b"{")
    history = store.history("green", MONTH)
    assert next(history) == newest
    with pytest.raises(CorruptFile, match="not a landing record"):
        next(history)


@pytest.mark.parametrize("of_samples", [False, True])
def test_real_data_and_samples_are_never_in_one_place(place: Place, of_samples: bool) -> None:
    store = place.open(of_samples=of_samples)
    assert store.is_new
    for _ in range(2):
        store.prepare()
        assert not store.is_new
    land(store, b"a")
    held = "generated sample data" if of_samples else "real data"
    with pytest.raises(ConfigurationError, match=f"holds {held}"):
        place.open(of_samples=not of_samples).prepare()


def test_a_workspace_is_gone_afterwards(store: BronzeStore) -> None:
    with store.workspace() as folder:
        (folder / "file").write_text("x")
    assert not folder.exists()


def test_what_a_model_refuses_is_known_until_it_accepts_it(store: BronzeStore) -> None:
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


def mark_of(place: Place) -> str:
    (mark,) = [name for name in place.names() if name.endswith(".green_silver.refused")]
    return mark


def test_a_landing_is_taken_from_when_a_model_accepts_it_until_it_refuses_it(store: BronzeStore) -> None:
    landing = land(store, b"a")

    def verdicts() -> tuple[bool, bool]:
        return store.is_taken(landing, "green_silver"), store.is_refused(landing, "green_silver")

    assert verdicts() == (False, False)
    store.accept(landing, "green_silver")
    assert verdicts() == (True, False)
    store.refuse(landing, "green_silver", None)
    assert verdicts() == (False, True)
    store.accept(landing, "green_silver")
    assert verdicts() == (True, False)
    assert not store.is_taken(landing, "other_silver")
    assert not store.is_taken(landing_of(b"b"), "green_silver")


def test_what_a_guard_said_is_known_until_the_model_accepts_whatever_it_is_refused_for_since(
    store: BronzeStore,
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


def test_a_mark_of_before_reasons_were_noted_holds_back(place: Place, store: BronzeStore) -> None:
    landing = land(store, b"small")
    store.refuse(landing, "green_silver", None)
    place.write(mark_of(place), b"")
    assert store.held_back(landing, "green_silver") == "why was not noted"
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") == "why was not noted"


@pytest.mark.parametrize("damage", [b"{", b"\xff\xfe", b"[]", b'{"held_back": 3}'])
def test_a_mark_that_cannot_be_read_is_named(place: Place, store: BronzeStore, damage: bytes) -> None:
    landing = land(store, b"small")
    store.refuse(landing, "green_silver", None)
    mark = mark_of(place)
    place.write(mark, damage)
    with pytest.raises(
        CorruptFile, match=rf"{re.escape(f'{place.root}/{mark}')}: does not say why green_silver refuses"
    ):
        store.held_back(landing, "green_silver")
    store.refuse(landing, "green_silver", None)
    assert store.held_back(landing, "green_silver") == "why was not noted"


def test_a_refusal_is_of_the_bytes_and_neither_a_record_nor_in_the_way_of_any(store: BronzeStore) -> None:
    bad = land(store, b"bad")
    store.refuse(bad, "green_silver", None)
    good = land(store, b"good", NOON + timedelta(1))
    assert store.refused_at(good) is None
    again = land(store, b"bad", NOON + timedelta(2), etag='"2"')
    assert store.refused_at(again)
    assert store.current("green", MONTH) == again
    assert [landing for landing, _ in store.landings()] == [bad, good, again]
    assert list(store.history("green", MONTH)) == [again, good, bad]


def test_a_refusal_counts_as_long_as_there_is_a_model_of_that_name(place: Place, store: BronzeStore) -> None:
    landing = land(store, b"bad")
    store.refuse(landing, "old_silver", None)
    renamed = place.open(readers={"green_silver", "silver"})
    assert store.refused_at(landing)
    assert renamed.refused_at(landing) is None
    store.refuse(landing, "green_silver", None)
    assert renamed.refused_at(landing)
