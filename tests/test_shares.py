"""What CI leaves out it leaves out for now: every test has its turn, and a soak runs them all."""

from __future__ import annotations

import shlex
import subprocess
from collections import Counter

import pytest

from lakehouse.settings import PROJECT_ROOT
from tests.shares import SHARES, TURNS, Share, left_out


@pytest.fixture
def ours(request: pytest.FixtureRequest) -> list[pytest.Function]:
    """The tests of this file."""
    return [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]


@pytest.fixture
def _drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKEHOUSE_SHARES", "true")
    monkeypatch.delenv("LAKEHOUSE_SOAK", raising=False)


@pytest.mark.parametrize("number", range(6))
def test_a_share_is_of_behaviours_and_of_their_values(
    ours: list[pytest.Function], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("LAKEHOUSE_SOAK_SEED", str(number))
    assert len(ours) > 9
    behaviours = {item.originalname for item in ours}
    values = Counter(item.originalname for item in Share(values=1 / 3).of("values", ours))
    assert values.keys() == behaviours
    assert values["test_a_share_is_of_behaviours_and_of_their_values"] == 2
    assert {item.originalname for item in Share(1e-9).of("one", ours)} < behaviours
    assert Share().of("all", ours) == set(ours)


@pytest.mark.each_time
def test_what_is_marked_is_in_every_share(ours: list[pytest.Function]) -> None:
    for number in range(20):
        names = {item.originalname for item in Share(1e-9).of(str(number), ours)}
        assert "test_what_is_marked_is_in_every_share" in names


@pytest.mark.usefixtures("_drawn")
def test_the_same_is_drawn_of_the_same_seed_and_everything_in_time(
    ours: list[pytest.Function], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SHARES, "tests/test_shares.py", Share(1 / 3, values=1 / 2))
    drawn: set[pytest.Item] = set()
    for seed in range(60):
        monkeypatch.setenv("LAKEHOUSE_SOAK_SEED", str(seed))
        without = left_out(ours)
        assert without == left_out(ours)
        assert without
        drawn |= set(ours) - without
    assert drawn == set(ours)


@pytest.mark.usefixtures("_drawn")
@pytest.mark.parametrize("name", ["LAKEHOUSE_SHARES", "LAKEHOUSE_SOAK"])
def test_nothing_is_left_out_unless_shares_are_asked_for_nor_in_a_soak(
    ours: list[pytest.Function], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(SHARES, "tests/test_shares.py", Share(1 / 3))
    assert left_out(ours)
    monkeypatch.setenv(name, "1")
    assert not left_out(ours)


def test_what_is_listed_is_there() -> None:
    listed = [*SHARES, *(each for line in TURNS for turn in line for each in turn)]
    assert [each for each in listed if not (PROJECT_ROOT / each).exists()] == []
    assert len(set(listed)) == len(listed)


def test_a_soak_runs_everything_once() -> None:
    """In two parts: what is drawn many times, and the rest."""
    said = subprocess.run(
        ["make", "--dry-run", "test-soak"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    drawn, rest = [
        shlex.split(line.partition("||")[0].partition("&&")[0])
        for line in said.stdout.splitlines()
        if "LAKEHOUSE_SOAK=" in line
    ]
    ignored = [rest[place + 1] for place, word in enumerate(rest) if word == "--ignore"]
    assert [word for word in drawn if word.startswith("tests/")] == ignored
    assert [word for word in rest if word.startswith("tests/")] == ignored
    assert all((PROJECT_ROOT / each).exists() for each in ignored)
    assert not {"-k", "-m", "--deselect"} & {*drawn, *rest}
