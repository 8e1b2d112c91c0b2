"""Landing without Dagster: what a real server on loopback serves, put into a real store by a load that copies."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from dlt_sources.fetch import Download
from lakehouse.bronze import observations
from lakehouse.bronze.connection import Connection, connect
from lakehouse.bronze.landing import Landed, Lander
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.sources import SOURCES
from lakehouse.bronze.store import Landing
from lakehouse.exceptions import ConfigurationError, CorruptFile, NotPublished
from lakehouse.partition import Month
from lakehouse.settings import Settings, load_settings
from tests import green_files
from tests.http_source import Fault, SourceServer

MONTH = Month(2024, 1)
PATH = f"/{green_files.source_path(MONTH)}"


_GREEN = next(source for source in SOURCES if source.asset == "green_bronze")


class _NothingNew(Connection):
    """A source whose fetch says "unchanged", whatever it is asked."""

    def fetch(self, *_: object) -> None:
        return None


class House:
    """A store, a source that publishes green months, and the loads that landing took."""

    def __init__(self, folder: Path, server: SourceServer) -> None:
        self.server = server
        self.store = LocalBronzeStore(folder / "home", of_samples=False)
        self.settings: Settings = load_settings(home=folder / "home", addresses={"tlc": server.url}, http_attempts=1)
        self.loads: list[str] = []
        self.warnings: list[str] = []

    def publish(self, trips: int) -> bytes:
        return green_files.write(self.server.folder / PATH[1:], green_files.trips(MONTH, trips)).read_bytes()

    def land(
        self, connection: Connection | None = None, *, of_samples: bool = False, asks_anew: bool = False
    ) -> Landed:
        connection = connection or connect(self.settings, _GREEN)
        lander = Lander(self.store, connection, of_samples=of_samples, asks_anew=asks_anew)
        return lander.land(MONTH, self._load, self.warnings.append)

    def current(self) -> Landing | None:
        return self.store.current("green", MONTH)

    def file(self) -> Path:
        landing = self.current()
        assert landing is not None
        return self.store.file(landing)

    def records(self) -> int:
        return len(list(self.store.record_folder("green", MONTH).glob("*.json")))

    def _load(self, download: Download, folder: Path) -> Path:
        self.loads.append(download.sha256)
        return Path(shutil.copy(download.path, folder / "loaded"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "source").mkdir()
    with SourceServer(tmp_path / "source") as server:
        yield House(tmp_path, server)


def test_a_file_is_landed_byte_for_byte_and_recorded(house: House) -> None:
    served = house.publish(3)
    landed = house.land()
    assert (landed.is_unchanged, house.warnings) == (False, [])
    assert house.current() == landed.landing
    assert house.file().read_bytes() == served
    assert (landed.landing.rows, landed.landing.url) == (3, f"{house.server.url}{PATH}")


def test_what_is_unchanged_is_not_sent_again_and_not_recorded(house: House) -> None:
    house.publish(3)
    first = house.land()
    again = house.land()
    assert (again.landing, again.is_unchanged) == (first.landing, True)
    assert (house.server.statuses(), len(house.loads), house.records()) == ([200, 304], 1, 1)


def test_a_restated_file_becomes_current_beside_the_one_before(house: House) -> None:
    house.publish(3)
    first = house.land().landing
    house.publish(4)
    second = house.land()
    assert (second.is_unchanged, second.landing.rows, house.records()) == (False, 4, 2)
    assert house.store.is_intact(first)


def test_a_source_that_goes_back_is_followed_without_landing_its_bytes_again(house: House) -> None:
    house.publish(3)
    first = house.land().landing
    house.publish(4)
    house.land()
    house.publish(3)
    back = house.land()
    assert (back.is_unchanged, back.landing.sha256, len(house.loads), house.records()) == (False, first.sha256, 2, 3)


@pytest.mark.parametrize("damage", ["gone", "other bytes"])
def test_a_damaged_file_is_asked_for_unconditionally_and_landed_again(house: House, damage: str) -> None:
    served = house.publish(3)
    house.land()
    if damage == "gone":
        house.file().unlink()
    else:
        house.file().write_bytes(served[:-1] + b"x")
    mended = house.land()
    assert not mended.is_unchanged
    assert house.warnings == ["green 2024-01: the landed file is gone or damaged; landing it again"]
    assert house.file().read_bytes() == served
    assert house.server.statuses() == [200, 200]


def test_a_damaged_file_that_the_source_has_no_more_is_a_fault_and_not_unpublished(house: House) -> None:
    house.publish(3)
    house.land()
    house.file().unlink()
    (house.server.folder / PATH[1:]).unlink()
    with pytest.raises(CorruptFile, match=r"green 2024-01: the landed file is gone or damaged, and .*AccessDenied"):
        house.land()
    assert len(house.warnings) == 1


def test_a_month_that_is_not_published_leaves_nothing(house: House) -> None:
    with pytest.raises(NotPublished):
        house.land()
    assert house.current() is None
    assert [path for path in house.store.root.rglob("*") if path.is_file()] == []


def test_unchanged_is_no_answer_to_an_unconditional_request(house: House) -> None:
    house.publish(3)
    with pytest.raises(CorruptFile, match="answered 'unchanged' to an unconditional request"):
        house.land(_NothingNew(**vars(connect(house.settings, _GREEN))))


def test_another_source_is_not_asked_with_the_version_that_the_first_one_gave(house: House) -> None:
    house.publish(3)
    first = house.land().landing
    with SourceServer(house.server.folder) as second:
        house.settings = house.settings.model_copy(update={"addresses": {"tlc": second.url}})
        landed = house.land()
        assert second.statuses() == [200]
    assert landed.is_unchanged  # the same bytes of the same version, wherever they come from
    assert (landed.landing.sha256, landed.landing.url) == (first.sha256, f"{second.url}{PATH}")
    assert (len(house.loads), house.records()) == (1, 2)


def test_a_load_that_does_not_land_what_was_fetched_is_noticed(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.publish(3)
    wrong = tmp_path / "half"
    wrong.write_bytes(b"PAR1")
    monkeypatch.setattr(house, "_load", lambda *_: wrong)
    with pytest.raises(CorruptFile, match="was not written whole"):
        house.land()
    assert house.current() is None


def test_a_broken_answer_leaves_what_was_current(house: House) -> None:
    served = house.publish(3)
    first = house.land().landing
    house.publish(4)
    house.server.fail(PATH, Fault(status=200, body=b"<html>maintenance</html>"))
    with pytest.raises(CorruptFile, match="HTML or XML page"):
        house.land()
    assert house.current() == first
    assert house.file().read_bytes() == served


def test_a_store_of_samples_takes_no_real_data_and_keeps_nothing_of_it(house: House, tmp_path: Path) -> None:
    house.publish(3)
    house.store = LocalBronzeStore(tmp_path / "samples", of_samples=True)
    with pytest.raises(ConfigurationError, match="does not serve sample data, and LAKEHOUSE_SAMPLE=true"):
        house.land(of_samples=True)
    assert house.current() is None


def test_a_file_that_a_model_refuses_is_asked_for_unconditionally_until_the_source_serves_another(
    house: House,
) -> None:
    good = house.publish(3)
    house.server.etag_of = lambda *_: '"good"'
    house.land()
    bad = house.publish(4)
    refused = house.land(asks_anew=True).landing
    house.store.refuse(refused, "green_silver", None)
    assert (refused.etag, house.file().read_bytes()) == ('"good"', bad)
    for _ in range(3):
        again = house.land()
        assert (again.landing, again.is_unchanged, house.records()) == (refused, True, 2)
    house.publish(3)
    mended = house.land()
    assert (mended.is_unchanged, mended.landing.etag, house.records()) == (False, '"good"', 3)
    assert house.file().read_bytes() == good
    assert house.server.statuses() == [200] * 6
    house.land()
    assert house.server.statuses()[-1] == 304


def test_a_file_that_a_model_refused_and_accepts_now_is_asked_for_by_its_etag(house: House) -> None:
    house.publish(3)
    landing = house.land().landing
    house.store.refuse(landing, "green_silver", None)
    house.store.accept(landing, "green_silver")
    house.land()
    assert house.server.statuses() == [200, 304]


def test_what_is_asked_for_anew_is_recorded_as_looked_at_though_it_is_unchanged(house: House) -> None:
    house.publish(3)
    first = house.land().landing
    again = house.land(asks_anew=True)
    assert again.is_unchanged
    assert house.current() == again.landing
    assert again.landing.observed_at > first.observed_at
    assert again.landing.sha256 == first.sha256
    assert (house.server.statuses(), len(house.loads), house.records()) == ([200, 200], 1, 2)


def test_a_new_etag_of_the_same_bytes_is_recorded_once_for_the_next_request_to_ask_with(house: House) -> None:
    house.publish(3)
    house.land()
    house.server.etag_of = lambda *_: '"moved"'
    moved = house.land()
    assert (moved.is_unchanged, moved.landing.etag, house.records()) == (True, '"moved"', 2)
    house.land()
    assert house.server.statuses() == [200, 200, 304]


def test_a_source_that_gives_another_etag_with_every_answer_makes_two_records_and_no_more(house: House) -> None:
    served = house.publish(3)
    numbers = count()
    house.server.etag_of = lambda *_: f'"{next(numbers)}"'
    for number in range(6):
        assert house.land().is_unchanged is (number > 0)
    assert (house.server.statuses(), house.records(), len(house.loads)) == ([200] * 6, 2, 1)
    assert house.file().read_bytes() == served


@pytest.mark.parametrize("etags", [True, False])
def test_a_source_that_dates_each_answer_anew_makes_three_records_and_no_more(house: House, etags: bool) -> None:
    house.publish(3)
    numbers = count()
    house.server.etag_of = lambda *_: f'"{next(numbers)}"'
    house.server.has_etags = etags
    for second in range(6):
        os.utime(house.server.folder / PATH[1:], (second, second))
        house.land()
    assert (house.server.statuses(), house.records(), len(house.loads)) == ([200] * 6, 3, 1)
    house.publish(4)
    house.land()
    assert house.records() == 4


def test_of_two_runs_the_one_that_was_answered_later_is_current_though_the_other_records_last_and_the_clock_goes_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime(2024, 3, 1, 12, tzinfo=UTC)
    monkeypatch.setattr(observations, "_now", lambda: noon)
    house.publish(3)
    copied = house._load

    def slowly(download: Download, folder: Path) -> Path:
        monkeypatch.setattr(house, "_load", copied)
        monkeypatch.setattr(observations, "_now", lambda: noon - timedelta(hours=1))
        house.publish(4)
        assert house.land().landing.rows == 4
        return copied(download, folder)

    monkeypatch.setattr(house, "_load", slowly)
    landed = house.land()
    current = house.current()
    assert (landed.landing, landed.is_unchanged) == (current, False)
    assert current is not None
    assert (current.rows, house.records(), len(house.loads)) == (4, 2, 2)


def test_of_two_runs_the_one_that_was_answered_later_is_current_though_the_download_of_the_other_is_slow(
    house: House,
) -> None:
    house.publish(3)
    observed = house.store.record_folder("green", MONTH) / ".observed"

    def restate() -> None:
        until = time.monotonic() + 5
        while not observed.exists() and time.monotonic() < until:
            time.sleep(0.01)  # the run that waits for the body has yet to see the headers
        house.publish(4)
        assert house.land().landing.rows == 4

    house.server.fail(PATH, Fault(before_body=restate), times=1)
    landed = house.land()
    current = house.current()
    assert current is not None
    assert (current.rows, house.records(), len(house.loads)) == (4, 2, 2)
    assert (landed.landing, landed.is_unchanged) == (current, False)


def test_what_another_run_landed_while_this_one_was_told_that_nothing_changed_is_what_is_current(house: House) -> None:
    house.publish(3)
    house.land()

    class _Overtaken(Connection):
        def fetch(self, *given: Any) -> Download | None:
            answer = super().fetch(*given)
            assert answer is None
            house.publish(4)
            house.land()
            return None

    landed = house.land(_Overtaken(**vars(connect(house.settings, _GREEN))))
    assert (landed.landing, landed.landing.rows, landed.is_unchanged) == (house.current(), 4, False)


def test_a_landing_after_one_that_a_clock_ahead_dated_is_later_and_dated_by_the_clock(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = datetime.now(UTC) + timedelta(days=3650)
    with monkeypatch.context() as patched:
        patched.setattr(observations, "_now", lambda: ahead)
        house.publish(3)
        house.land()
    first = house.current()
    for trips in (4, 5):
        before = datetime.now(UTC)
        house.publish(trips)
        landing = house.land().landing
        assert house.current() == landing
        assert before <= landing.observed_at <= datetime.now(UTC)
    assert first is not None
    assert [each.rows for each in house.store.history("green", MONTH)] == [5, 4, 3]


def test_what_another_run_landed_meanwhile_is_not_recorded_again(house: House) -> None:
    house.publish(3)
    others: list[Landed] = []
    house.server.fail(PATH, Fault(before_body=lambda: others.append(house.land())), times=1)
    landed = house.land()
    (other,) = others
    assert (landed.landing, landed.is_unchanged, house.records()) == (other.landing, True, 1)


class _Watched(LocalBronzeStore):
    """A store that notes, when a landing becomes current, whether its file is in place."""

    def record(self, landing: Landing) -> None:
        self.in_place = [*getattr(self, "in_place", []), self.is_intact(landing)]
        super().record(landing)


def test_a_landing_is_recorded_when_its_file_is_in_place_as_readers_may_come_at_once(
    house: House, tmp_path: Path
) -> None:
    house.store = watched = _Watched(tmp_path / "home", of_samples=False)
    house.publish(3)
    house.land()
    house.publish(4)
    house.land()
    assert watched.in_place == [True, True]
