"""The order of records is the order of observations, whatever the clock does and whoever is killed."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lakehouse.bronze import observations
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.bronze.store import BronzeStore
from lakehouse.partition import WHOLE, Month
from tests.bronze.places import MONTH, NOON, Place, land

OBSERVED = f"_landings/green/{MONTH}/.observed"


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(observations, "_now", lambda: now)


def test_an_observation_is_made_now(store: BronzeStore) -> None:
    before = datetime.now(UTC)
    assert before <= store.observe("green", MONTH) <= datetime.now(UTC)


def test_an_observation_is_later_than_the_one_before_even_when_the_clock_was_set_back(
    store: BronzeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON)
    first = store.observe("green", MONTH)
    set_clock(monkeypatch, NOON - timedelta(days=1))
    second, third = store.observe("green", MONTH), store.observe("green", MONTH)
    assert first == NOON
    assert [second - first, third - second] == [timedelta(microseconds=1)] * 2
    set_clock(monkeypatch, NOON + timedelta(seconds=1))
    assert store.observe("green", MONTH) == NOON + timedelta(seconds=1)


def test_months_and_datasets_have_an_order_each(store: BronzeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, NOON)
    observed = [store.observe("green", MONTH), store.observe("green", Month(2024, 2)), store.observe("zones", WHOLE)]
    assert observed == [NOON] * 3


def test_an_observation_is_later_than_every_record_of_a_place_that_remembers_none(
    place: Place, store: BronzeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = land(store, b"a", NOON)
    set_clock(monkeypatch, NOON - timedelta(days=1))
    assert store.observe("green", MONTH) > landing.observed_at
    place.write(OBSERVED, b"\xff torn")
    assert store.observe("green", MONTH) > landing.observed_at


def test_a_span_has_passed_since_a_time_that_is_as_far_ahead() -> None:
    day = timedelta(days=1)
    since = [NOON - day, NOON - day / 2, NOON, NOON + day / 2, NOON + day]
    assert [observations.has_passed(each, day, NOON) for each in since] == [True, False, False, False, True]


def test_the_later_observation_is_current_in_whatever_order_they_are_recorded(
    store: BronzeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, NOON)
    earlier = store.observe("green", MONTH)
    set_clock(monkeypatch, NOON - timedelta(hours=2))
    later = store.observe("green", MONTH)
    newest = land(store, b"b", later)
    land(store, b"a", earlier)
    assert store.current("green", MONTH) == newest


OBSERVE = """
import sys
from pathlib import Path
from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.partition import Month
store = LocalBronzeStore(Path(sys.argv[1]), of_samples=False)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(300):
    print(store.observe("green", Month(2024, 1)).isoformat())
"""


def test_no_two_processes_observe_at_the_same_time(tmp_path: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)  # both clocks are behind what was observed: only the lock orders them
    land(LocalBronzeStore(tmp_path, of_samples=False), b"a", ahead)
    command = [sys.executable, "-c", OBSERVE, str(tmp_path)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    observed = [[*map(datetime.fromisoformat, process.communicate(timeout=60)[0].split())] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert all(each == sorted(each) for each in observed)
    assert sorted(observed[0] + observed[1]) == [ahead + timedelta(microseconds=number) for number in range(1, 601)]
