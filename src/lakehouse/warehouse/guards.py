"""Guards of a month that is made of a landed file: what it is held against, what they say, what is written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from lakehouse.models.checks.kinds import IMPLICIT_CHECKS, USUAL_VOLUME, VOLUME
from lakehouse.models.model import SqlModel
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import CheckResult
from lakehouse.warehouse.acceptance import FEWEST_DIGITS, Acceptance
from lakehouse.warehouse.publication_note import PublicationNote
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.store import Record, Records
from lakehouse.warehouse.usual_volume import around, usual_bounds
from lakehouse.warehouse.volume import LOST, fewer_landed, losses

_ALSO_AT_MOST = 20
"""So many landings that made the same rows are remembered, the newest: a table's metadata are to stay small."""


@dataclass(frozen=True)
class Guards:
    """Of one month of a model, or all of it, that is made of the landing with this SHA-256.

    ``landed`` are the landing's records. ``held_back`` tells what was said against it when it was refused last, if a
    guard did, and ``landed_before`` how many records the landing before had that was not refused.
    """

    model: SqlModel
    partition: Partition
    landing: str
    landed: int
    records: Records
    acceptance: Acceptance | None
    held_back: Callable[[], str | None]
    landed_before: Callable[[], int | None]

    def judge(self, now: Statistics, *, is_blocked: bool) -> PublicationNote:
        """What is to be written down with a publication of these statistics; its results may keep it from being.

        One that other checks keep from being is not told a way through.
        """
        volume, accepted = self._volume(now, is_blocked=is_blocked)
        results = (volume,) if self.partition is WHOLE else (volume, self._usual_volume(now))
        return PublicationNote(self.landing, now, results, accepted)

    def repeated(self) -> tuple[CheckResult, ...]:
        """What was said when the month was published; nothing of one from before anything was written down."""
        return () if self._note is None else self._note.results

    def confirming(self, note: PublicationNote) -> PublicationNote:
        """What is to be written down where the rows are those that are published: who accepted them stays."""
        before = self._note
        if before is None:
            return note
        if before.is_of(note.landing) and before.statistics == note.statistics:
            return before
        landings = dict.fromkeys(each[:FEWEST_DIGITS] for each in (before.landing, *before.also))
        also = tuple(each for each in landings if not note.landing.startswith(each))[:_ALSO_AT_MOST]
        if before.accepted is not None and note.accepted is None:
            return replace(note, also=also, accepted=before.accepted, results=before.results)
        return replace(note, also=also)

    @cached_property
    def _notes(self) -> dict[Partition, PublicationNote]:
        texts = self.records.notes(self.model.table)
        notes = {partition: PublicationNote.read(text) for partition, text in texts.items()}
        return {partition: note for partition, note in notes.items() if note is not None}

    def _volume(self, now: Statistics, *, is_blocked: bool) -> tuple[CheckResult, Acceptance | None]:
        """Whether the published version is to be replaced by a much smaller one, and who accepts that."""
        before = self._before()
        lost = () if before is None else losses(before, now, self.partition)
        said = "; ".join(lost)
        if self._is_unknown:
            lost, said = self._told_by_landings()
        accepted = self.acceptance if lost and self.acceptance and self.acceptance.covers(self.landing) else None
        facts: dict[str, str | int] = {"landing": self.landing, "rows": now.rows}
        if before is not None:
            facts |= {"rows_before": before.rows}
            facts |= {"landing_before": note.landing} if (note := self._note) is not None else {}
        if not lost:
            return CheckResult(VOLUME, True, 0, "error", True, IMPLICIT_CHECKS[VOLUME], facts), None
        facts |= {LOST: "; ".join(lost)}
        if accepted is not None:
            words = f"{said}: accepted by {accepted.by}: {accepted.because}"
            facts |= {"accepted_by": accepted.by, "accepted_because": accepted.because}
            return CheckResult(VOLUME, True, 0, "error", True, words, facts), accepted
        words = said if is_blocked else f"{said}. {self._way_through()}"
        return CheckResult(VOLUME, False, len(lost), "error", True, words, facts), None

    def _told_by_landings(self) -> tuple[tuple[str, ...], str]:
        """What would be lost, and that in words, where the table does not tell what was published."""
        if (noted := self.held_back()) is not None:
            return (noted,), f"it was held back before ({noted}), and the version before is not known any more"
        landed = self.landed_before()
        lost = () if landed is None else fewer_landed(landed, self.landed, self.partition)
        return lost, f"{'; '.join(lost)}, and what was published of them is not known"

    @property
    def _note(self) -> PublicationNote | None:
        return self._notes.get(self.partition)

    @cached_property
    def _record(self) -> Record | None:
        return self.records.partition(self.model.table, self.partition)

    @property
    def _is_unknown(self) -> bool:
        """Whether nothing is known of what was published, if anything was; also a version without rows is known."""
        return self._record is None and self._note is None

    def _before(self) -> Statistics | None:
        """Of the version that is to be held against; None where nothing is to be lost, or the model loses it."""
        if self._record is None or (self._note is not None and self._note.is_of(self.landing)):
            return None
        if self._note is not None and self._note.statistics.rows == self._record.rows:
            return self._note.statistics
        return Statistics(self._record.rows)  # published before any were written down, or changed by another tool

    def _way_through(self) -> str:
        landing = self.landing[:FEWEST_DIGITS]
        # What follows from a whole is made a month at a time, which a command without a month is not for.
        month, after = ("", "") if self.partition is WHOLE else (f"--month {self.partition} ", "+")
        given = self.acceptance
        other = "" if given is None else f" (what was accepted is landing {given.landing[:FEWEST_DIGITS]})"
        selection = f"'+{self.model.key}{after}'"
        command = f"lakehouse run --accept volume {month}--select {selection} --because '...'"
        return f"If landing {landing} is right{other}: {command}"

    def _usual_volume(self, now: Statistics) -> CheckResult:
        """Whether it is like the published months around it."""
        others = around(self.partition, {partition: note.statistics for partition, note in self._notes.items()})
        bounds = usual_bounds(now, others)
        odd = [each for each in bounds if not each.is_usual]
        facts: dict[str, str | int] = {"months": len(others)}
        for each in dict.fromkeys([*bounds[:1], *odd]):
            name = each.what.replace(" ", "_").lower()
            facts |= {name: each.shown(each.value), f"{name}_low": each.shown(each.low)}
            facts |= {f"{name}_high": each.shown(each.high)}
        words = IMPLICIT_CHECKS[USUAL_VOLUME]
        if not bounds:
            words = "Too few months around it are published to tell what is usual"
        if odd:
            words = f"{'; '.join(map(str, odd))}, by {len(others)} months around it"
        return CheckResult(USUAL_VOLUME, not odd, len(odd), "warn", False, words, facts)
