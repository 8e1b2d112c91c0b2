"""What becomes of a month that is spoilt in one of many ways, and which checks say so: the table of ``docs/audits.md``.

``python -m tests.audits.matrix`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import CheckFailed, ContractViolation
from lakehouse.partition import Month
from lakehouse.results import CheckResult
from tests.audits.corruptions import CORRUPTIONS
from tests.audits.months import MONTH, table
from tests.warehouse.implementations import House, MemoryImplementation, house_in

DOCUMENT = Path(__file__).parents[2] / "docs" / "audits.md"
BEFORE = (Month(2023, 10), Month(2023, 11), Month(2023, 12))
CONTRACT = "contract"
"""What refuses a file before it is read."""


@dataclass(frozen=True)
class Outcome:
    """What kept a month from being published, and what warned of it; neither where it slipped through."""

    blocked_by: tuple[str, ...] = ()
    warned_by: tuple[str, ...] = ()

    @property
    def checks(self) -> tuple[str, ...]:
        return (*self.blocked_by, *self.warned_by)

    def __str__(self) -> str:
        if self.blocked_by:
            return f"blocked: {', '.join(self.blocked_by)}"
        return f"warned: {', '.join(self.warned_by)}" if self.warned_by else "**slipped**"


@dataclass(frozen=True)
class Row:
    """Of one corruption: as the first landing of its month, and over the right one."""

    first: Outcome
    restated: Outcome

    @property
    def has_slipped(self) -> bool:
        return not self.first.checks or not self.restated.checks


class Trials:
    """A house with three months before the one in hand, in which files are tried one after the other."""

    def __init__(self, house: House) -> None:
        if not isinstance(house.implementation, MemoryImplementation):
            raise TypeError("only what is in memory can be put back")
        self._house = house
        self._store = house.implementation.store
        self._bronze = LocalBronzeStore(house.implementation.home, of_samples=False)
        house.publish_zones()
        for month in BEFORE:
            house.land(month, table(month))
            house.replace("green_silver", month)
        self._without = self._held()
        house.land(MONTH, table(MONTH))
        self.right = Outcome(warned_by=_failed(house.replace("green_silver", MONTH).checks))
        self._with = self._held()

    @contextmanager
    def changed(self) -> Iterator[House]:
        """The house, for its models to be changed; afterwards they are as they were."""
        path = self._house.sql / "silver" / "green_silver.sql"
        before = path.read_text()
        try:
            yield self._house
        finally:
            path.write_text(before)
            self._house.reopen()

    def row(self, corruption: str) -> Row:
        rmtree(self._bronze.record_folder("green", MONTH))  # so that it is the first landing
        self._house.land(MONTH, CORRUPTIONS[corruption]())
        return Row(self._outcome(self._without), self._outcome(self._with))

    def _outcome(self, held: Mapping[str, object]) -> Outcome:
        vars(self._store).update({name: copy(value) for name, value in held.items()})
        try:
            return Outcome(warned_by=_failed(self._house.replace("green_silver", MONTH).checks))
        except ContractViolation:
            return Outcome(blocked_by=(CONTRACT,))
        except CheckFailed as refused:
            blocking = [check for check in refused.checks if check.blocking]
            warning = [check for check in refused.checks if not check.blocking]
            return Outcome(_failed(blocking), _failed(warning))

    def _held(self) -> Mapping[str, object]:
        return {name: copy(value) for name, value in vars(self._store).items() if isinstance(value, dict | set)}


def _failed(checks: Iterable[CheckResult]) -> tuple[str, ...]:
    return tuple(check.name for check in checks if not check.passed)


@contextmanager
def trials() -> Iterator[Trials]:
    with TemporaryDirectory() as folder, house_in(Path(folder), MemoryImplementation(Path(folder) / "home")) as house:
        yield Trials(house)


def matrix(tried: Trials) -> Mapping[str, Row]:
    """All rows."""
    return {corruption: tried.row(corruption) for corruption in CORRUPTIONS}


SLIPS: Mapping[str, str] = {
    **dict.fromkeys(
        ("pickup and drop-off zone swapped", "vendor and payment type swapped", "rate code and passengers swapped"),
        "every value is one that its new column may have, and as many of them are NULL",
    ),
    **dict.fromkeys(
        ("money without its cents", "kilometres for miles", "miles zero"),
        "real months differ as much: a tenth of the money, or trips without miles; miles are held against nothing",
    ),
    **dict.fromkeys(
        ("voids without their sign", "voids missing", "the null block missing", "a day missing", "one vendor missing"),
        "so few of the records are concerned that a right month may be without them",
    ),
    **dict.fromkeys(
        ("tips doubled", "tips zero"),
        "small parts of the money are looked at only of 10,000 rows and more, as a real month has",
    ),
    **dict.fromkeys(
        ("an hour later", "in UTC", "midnight for the hour", "all trips on one day"),
        "when in a month trips begin is held against nothing: a storm or a holiday moves them, too",
    ),
    "all zones unknown": "264 is a zone, and half of a month of FHV is in it",
    "payment types off by one": "the next code is a code, too: only the largest would have been none",
    "all from one vendor": "who records trips changes: one of them may stop",
}
"""Corruptions that nothing says a word of when a month is first landed, or over the right one, and why."""


def document(rows: Mapping[str, Row]) -> str:
    """The page."""
    slips = [name for name, row in rows.items() if row.has_slipped]
    return "\n".join(
        [
            "# What the checks catch",
            "",
            f"A month of green trips like TLC's is spoilt in {len(rows)} ways, and landed: as the first landing of its "
            "month, after three right months, and over the right one. The table says what kept it from being "
            "published, or warned of it. `python -m tests.audits.matrix` makes it, and a test holds it against the "
            "checks; of each check that test takes a row, and sees the check gone from it once the check is removed.",
            "",
            f"Over the right month {sum(bool(row.restated.checks) for row in rows.values())} of the {len(rows)} are "
            f"blocked or warned of, as first landings {sum(bool(row.first.checks) for row in rows.values())}. "
            f"{len(slips)} slip through as either, for the reasons below the table. That number may only fall. "
            "`contract` is what refuses a file before it is read; the checks `grain` and `row_ledger` are of how the "
            "house works, which no file can make fail.",
            "",
            "| what is wrong | first landing | over the right month |",
            "|---|---|---|",
            *(f"| {name} | {row.first} | {row.restated} |" for name, row in rows.items()),
            "",
            "Why what slips through does:",
            "",
            *(f"- **{name}**: {SLIPS[name]}." for name in slips),
            "",
        ]
    )


if __name__ == "__main__":
    with trials() as made:
        DOCUMENT.write_text(document(matrix(made)))
