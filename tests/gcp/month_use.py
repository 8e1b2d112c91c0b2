"""What a month takes of BigQuery and Cloud Storage, by what was asked for while it was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from tests.gcp.noting import Job, Request
from tests.gcp.rehearsal import TABLES, DoneMonth, Phase

MUTATING = ("DELETE FROM", "UPDATE", "MERGE")
_WRITES = ("objects.insert", "objects.insert, a part", "objects.patch", "objects.delete")
_PUBLISHED = ("published",) * len(TABLES)
_LANDED = 3


@dataclass(frozen=True)
class MonthUse:
    """Of a month that was landed and published in one go."""

    done: DoneMonth
    bigquery: tuple[Request, ...]
    storage: tuple[Request, ...]
    jobs: tuple[Job, ...]

    @property
    def seconds(self) -> float:
        return self.done.ended - self.done.begun

    @property
    def requests(self) -> int:
        return len(self.bigquery) + len(self.storage)

    @property
    def answered_bytes(self) -> int:
        """Of what BigQuery answered."""
        return sum(each.answered_bytes for each in self.bigquery)

    def asked(self, *what: str) -> int:
        return sum(each.what in what for each in (*self.bigquery, *self.storage))

    def asked_most(self) -> int:
        """Requests of that method of BigQuery's that is asked for most."""
        return max(Counter(each.what for each in self.bigquery).values())

    def kinds(self) -> Counter[str]:
        return Counter(job.kind for job in self.jobs)

    def statements(self, *verbs: str) -> Counter[str]:
        """Of each table the statements that write it, by these verbs."""
        changes = (change for job in self.jobs for change in job.changes)
        return Counter(change.table for change in changes if not verbs or change.verb in verbs)

    def objects_written(self, *what: str) -> Counter[str]:
        """How often each object is, by these methods."""
        return Counter(each.name for each in self.storage if each.what in (what or _WRITES))

    def tables_changed(self) -> Counter[str]:
        """Of each table what is counted as an update of its metadata: DML, too."""
        asked = Counter(each.name for each in self.bigquery if each.what in ("tables.insert", "tables.patch"))
        return asked + self.statements()


def uses(phases: Iterable[Phase]) -> list[MonthUse]:
    """Of each month that was landed and published in one go, in the order in which they were begun.

    Those that were overtaken by another, and so published a table twice, are left out: that is counted apart.
    """
    found = [use for phase in phases for use in _uses(phase)]
    return [use for use in found if use.kinds()["publish"] == len(TABLES)]


def _uses(phase: Phase) -> Iterator[MonthUse]:
    for done in phase.months:
        if done.landed == _LANDED and done.effects == _PUBLISHED:
            asked = phase.asked[done.worker]
            within = _within(done)
            jobs = tuple(job for job in asked.jobs if done.begun <= job.at <= done.ended)
            yield MonthUse(done, within(asked.bigquery), within(asked.storage), jobs)


def _within(done: DoneMonth) -> Callable[[Sequence[Request]], tuple[Request, ...]]:
    return lambda requests: tuple(each for each in requests if done.begun <= each.at <= done.ended)


def typical(found: Sequence[MonthUse], of: Callable[[MonthUse], float]) -> float:
    """The median of something."""
    return median(map(of, found))


def growth(found: Sequence[MonthUse], of: Callable[[MonthUse], float]) -> float:
    """How much more of something the last quarter of the months takes than the first."""
    part = max(1, len(found) // 4)
    return typical(found[-part:], of) / typical(found[:part], of)


def most(counted: Mapping[str, int]) -> int:
    """What is most of all."""
    return max(counted.values(), default=0)
