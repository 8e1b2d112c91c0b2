"""Guards of a month that is made of a landed file: what it is held against, what they say, what is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from lakehouse.models.checks.kinds import IMPLICIT_CHECKS, USUAL_VOLUME, VOLUME
from lakehouse.models.model import SqlModel
from lakehouse.partition import WHOLE, Partition
from lakehouse.results import CheckResult
from lakehouse.warehouse.acceptance import FEWEST_DIGITS, Acceptance
from lakehouse.warehouse.publication_note import PublicationNote
from lakehouse.warehouse.statistics import Statistics
from lakehouse.warehouse.store import Records
from lakehouse.warehouse.usual_volume import around, usual_bounds
from lakehouse.warehouse.volume import LOST, losses


@dataclass(frozen=True)
class Guards:
    """Of one month of a model, or all of it, that is made of the landing with this SHA-256.

    ``refusal`` tells what the model's checks said of that landing, if they refused it before.
    """

    model: SqlModel
    partition: Partition
    landing: str
    records: Records
    acceptance: Acceptance | None
    refusal: Callable[[], Mapping[str, str]]

    def judge(self, now: Statistics) -> PublicationNote:
        """What is to be written down with a publication of these statistics; its results may keep it from being."""
        volume, accepted = self._volume(now)
        results = (volume,) if self.partition is WHOLE else (volume, self._usual_volume(now))
        return PublicationNote(self.landing, now, results, accepted)

    def repeated(self) -> tuple[CheckResult, ...]:
        """What was said when the month was published; nothing of one from before anything was written down."""
        note = self._notes.get(self.partition)
        return () if note is None else note.results

    def confirming(self, note: PublicationNote) -> PublicationNote:
        """What is to be written down where the rows are those that are published: who accepted them stays."""
        before = self._notes.get(self.partition)
        if before is None:
            return note
        also = tuple(each for each in dict.fromkeys((before.landing, *before.also)) if each != note.landing)
        if before.accepted is not None and note.accepted is None:
            return replace(note, also=also, accepted=before.accepted, results=before.results)
        return replace(note, also=also)

    @cached_property
    def _notes(self) -> dict[Partition, PublicationNote]:
        texts = self.records.notes(self.model.table)
        notes = {partition: PublicationNote.read(text) for partition, text in texts.items()}
        return {partition: note for partition, note in notes.items() if note is not None}

    def _volume(self, now: Statistics) -> tuple[CheckResult, Acceptance | None]:
        """Whether the published version is to be replaced by a much smaller one, and who accepts that."""
        record, note = self.records.partition(self.model.table, self.partition), self._notes.get(self.partition)
        if record is None or (note is not None and note.is_of(self.landing)):
            before = None  # nothing is to be lost, or it is the model's doing
        elif note is not None and note.statistics.rows == record.rows:
            before = note.statistics
        else:  # published before any were written down, or changed by another tool
            before = Statistics(record.rows)
        lost = () if before is None else losses(before, now, self.partition)
        words = "; ".join(lost)
        if record is None and (words := self.refusal().get(VOLUME, "")):
            lost = (f"it was held back before ({words}), and the version before is not known any more",)
        accepted = self.acceptance if lost and self.acceptance and self.acceptance.covers(self.landing) else None
        facts: dict[str, str | int] = {"landing": self.landing, "rows": now.rows}
        if before is not None:
            facts |= {"rows_before": before.rows}
        if note is not None and before is not None:
            facts |= {"landing_before": note.landing}
        if lost:
            facts |= {LOST: words}
        words = IMPLICIT_CHECKS[VOLUME]
        if accepted is not None:
            words = f"{'; '.join(lost)}: accepted by {accepted.by}: {accepted.because}"
            facts |= {"accepted_by": accepted.by, "accepted_because": accepted.because}
        elif lost:
            words = f"{'; '.join(lost)}. {self._way_through()}"
        is_held = bool(lost) and accepted is None
        result = CheckResult(VOLUME, not is_held, len(lost) if is_held else 0, "error", True, words, facts)
        return result, accepted

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
