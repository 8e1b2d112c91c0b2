"""What checks catch of months that are spoilt in many ways is as documented, and each of them is needed for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from lakehouse.bronze.era import Era
from lakehouse.warehouse import guards, replacement, restatement
from lakehouse.warehouse.value_checks import Drift
from tests.audits.matrix import CONTRACT, DOCUMENT, SLIPS, Row, Trials, document, matrix, trials
from tests.warehouse.implementations import House

MOST_SLIPS = 20
"""As many as there were when this was written. Lower it when fewer do."""


@pytest.fixture(scope="module")
def tried() -> Iterator[Trials]:
    with trials() as made:
        yield made


@pytest.fixture(scope="module")
def rows(tried: Trials) -> Mapping[str, Row]:
    return matrix(tried)


def test_what_becomes_of_each_spoilt_month_is_as_documented(rows: Mapping[str, Row]) -> None:
    assert DOCUMENT.read_text() == document(rows), "python -m tests.audits.matrix writes it anew"


def test_what_slips_through_has_a_reason_and_is_no_more_than_before(rows: Mapping[str, Row]) -> None:
    slips = [name for name, row in rows.items() if row.has_slipped]
    assert sorted(slips) == sorted(SLIPS)
    assert len(slips) <= MOST_SLIPS
    assert len(rows) >= 40
    assert len(rows) - len(slips) >= 34


def test_the_right_month_is_published_without_a_warning(tried: Trials) -> None:
    assert tried.right.checks == ()


Removal = Callable[[House, pytest.MonkeyPatch], None]


def _line(begins: str) -> Removal:
    """Take a check out of the header of the model."""

    def remove(house: House, _: pytest.MonkeyPatch) -> None:
        path = house.sql / "silver" / "green_silver.sql"
        lines, kept, is_taken_out = path.read_text().splitlines(keepends=True), [], False
        for line in lines:
            is_taken_out = line.startswith(f"  - {begins}") or (is_taken_out and line.startswith("    "))
            kept += [] if is_taken_out else [line]
        assert len(kept) < len(lines)
        path.write_text("".join(kept))
        house.reopen()

    return remove


def _no_drift(_: House, monkeypatch: pytest.MonkeyPatch) -> None:
    of_drift = Drift.check
    monkeypatch.setattr(Drift, "check", lambda drift: replace(of_drift(drift), passed=True))


def _no_restatement(_: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = restatement.restatement_check
    monkeypatch.setattr(replacement, "restatement_check", lambda restated: replace(stated(restated), passed=True))


CHECKS: dict[str, tuple[str, Removal]] = {
    "rejected_share": ("a month earlier", _line("{type: rejected_share")),
    "total_amount_not_null": ("total empty", _line("{type: not_null, column: total_amount")),
    "duplicated_share": ("every record twice", _line("{type: duplicated_share")),
    "known_codes": ("vendors that nobody knows", _line("type: known_codes")),
    "zones_exist": ("zones off by one", _line("type: relationship")),
    "trip_miles_range": ("miles negative", _line("{type: range, column: trip_miles")),
    "contract_drift": ("a column nobody knows", _no_drift),
    "volume": ("half a month", lambda _, patch: patch.setattr(guards, "losses", lambda *_: ())),
    "usual_volume": ("half a month", lambda _, patch: patch.setattr(guards, "usual_bounds", lambda *_: ())),
    "restatement": ("in UTC", _no_restatement),
    CONTRACT: ("tip column missing", lambda _, patch: patch.setattr(Era, "misses", lambda *_, **__: False)),
}
"""Check → a row that it catches, and how it is removed."""


def test_every_check_catches_something(rows: Mapping[str, Row]) -> None:
    assert {check for row in rows.values() for check in (*row.first.checks, *row.restated.checks)} == CHECKS.keys()


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_what_it_catches_is_not_caught_by_it(
    check: str, rows: Mapping[str, Row], tried: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    corruption, remove = CHECKS[check]
    assert check in (*rows[corruption].first.checks, *rows[corruption].restated.checks)
    with tried.changed() as house:
        remove(house, monkeypatch)
        row = tried.row(corruption)
    assert check not in (*row.first.checks, *row.restated.checks)
