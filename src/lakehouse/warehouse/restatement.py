"""A restatement states itself: what is about to replace a published month, and what that changes in gold."""

from __future__ import annotations

from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS, RESTATEMENT
from lakehouse.models.model import SqlModel
from lakehouse.partition import Partition
from lakehouse.results import CheckResult, Difference, Restatement
from lakehouse.warehouse.consequences import UNTOLD, Consequences, Versions
from lakehouse.warehouse.difference import AFTER, BEFORE, difference
from lakehouse.warehouse.store import PublishedRows, Records, Session, Staged
from lakehouse.warehouse.workings import Workings

LARGE_SHARE = 0.05
"""Share of what was published that a restatement may remove, or add, or change, before it warns."""

_MONTHS_AT_MOST, _ROWS_AT_MOST = 12, 20
"""What a run tells of; ``lakehouse diff`` tells all."""


class Restatements:
    """States those of a warehouse."""

    def __init__(self, workings: Workings) -> None:
        self._workings = workings

    def stated(
        self, session: Session, records: Records, model: SqlModel, partition: Partition, staged: str, rows: Staged
    ) -> Restatement | None:
        """What rows that the session names so would replace; None where there are none, or the very same.

        It never keeps a month from being published: where something cannot be told, it says why.
        """
        record = records.partition(model.table, partition)
        if record is None or record.content == rows.content:
            return None
        consequences = Consequences(self._workings, session, records, _MONTHS_AT_MOST, _ROWS_AT_MOST)
        try:
            session.relate(BEFORE, PublishedRows(model.table, partition))
            session.relate(AFTER, dialect.all_of(staged))
            found = difference(session, self._workings.compared(model), partition, in_a_hurry=True)
        except UNTOLD as error:
            return Restatement(None, fault=str(error))
        told = () if found.is_empty else tuple(consequences.told(model.table, partition, Versions(staged)))
        return Restatement(found, told, consequences.left_out)


def nothing_replaced() -> CheckResult:
    """What the check says where nothing that was published is replaced."""
    return CheckResult(RESTATEMENT, True, 0, "warn", False, IMPLICIT_CHECKS[RESTATEMENT])


def restatement_check(restatement: Restatement) -> CheckResult:
    """A restatement as a check that states it; it fails, as a warning, where it is large."""
    found = restatement.difference
    if found is None:
        facts: dict[str, str | int] = {"not_compared": restatement.fault or ""}
        return CheckResult(RESTATEMENT, True, 0, "warn", False, "It could not be told what was replaced", facts)
    share = max(found.added, found.removed) / max(found.before, 1)
    facts = restatement_facts(restatement)
    return CheckResult(
        name=RESTATEMENT,
        passed=share <= LARGE_SHARE,
        failing=max(found.added, found.removed),
        severity="warn",
        blocking=False,
        description=f"{in_words(found)}, of {found.before:,} records that were published",
        facts=facts,
    )


def in_words(found: Difference) -> str:
    """The records of a difference, in words: those that changed are among neither the removed nor the added."""
    if found.is_empty:
        return "the same records"
    if found.one_in > 1:
        return f"{found.removed:,} removed, {_added_in_words(found)}, {found.kept:,} kept"
    removed = found.removed - found.changed
    return f"{found.changed:,} changed, {removed:,} removed, {_added_in_words(found)}, {found.kept:,} kept"


def _added_in_words(found: Difference) -> str:
    added = found.added if found.one_in > 1 else found.added - found.changed
    if not found.copied:
        return f"{added:,} added"
    which = "all" if found.copied == added else f"{found.copied:,}"
    return f"{added:,} added ({which} of them further copies of records that were there)"


def restatement_facts(restatement: Restatement) -> dict[str, str | int]:
    """What is put down of it, with the check and with what was made."""
    found = restatement.difference
    if found is None:
        return {"not_compared": restatement.fault or ""}
    facts: dict[str, str | int] = {
        "restated": in_words(found),
        "records_before": found.before,
        "records_kept": found.kept,
        "records_added": found.added,
        "records_removed": found.removed,
        "records_changed": found.changed,
        "records_copied": found.copied,
    }
    if found.one_in > 1:
        facts["records_changed"] = f"{found.changed:,} in a sample of one in {found.one_in}; lakehouse diff tells all"
    if found.by_column:
        facts["changed_columns"] = columns_in_words(found)
    facts |= {f"sum_of_{column}": f"{change:+,}" for column, change in found.sums.items()}
    for each in restatement.consequences:
        told = each.fault if each.difference is None else rows_in_words(each.difference)
        facts[each.partition.of(f"effect on {each.asset}")] = told or ""
    if restatement.left_out:
        months = ", ".join(f"{months} of {asset}" for asset, months in restatement.left_out.items())
        facts["months_not_looked_at"] = f"{months}; lakehouse diff tells of all"
    return facts


def columns_in_words(found: Difference) -> str:
    """In how many changed records which columns differ, the most first."""
    columns = sorted(found.by_column.items(), key=lambda item: -item[1])
    return ", ".join(f"{column} {records:,}" for column, records in columns)


def rows_in_words(found: Difference) -> str:
    """What of a table's rows, each of which is known by its grain, becomes another."""
    if found.is_empty:
        return f"none of {found.before:,} rows"
    parts = {"changed": found.changed, "removed": found.removed - found.changed, "added": found.added - found.changed}
    named = ", ".join(f"{rows:,} {what}" for what, rows in parts.items() if rows)
    sums = ", ".join(f"{column} {change:+,}" for column, change in found.sums.items())
    return f"{named} of {found.before:,} rows{f'; {sums}' if sums else ''}"
