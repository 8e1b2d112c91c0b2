"""What 168 months of three datasets take of each documented quota: ``docs/quotas.md``, which the rehearsal makes.

Quotas are those of the pages "Quotas and limits" (https://docs.cloud.google.com/bigquery/quotas) and "Quotas & limits"
(https://docs.cloud.google.com/storage/quotas), as they were stored in autumn 2026. All months are counted as if they
were done in one day, which is the worst that they can be for quotas of a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lakehouse.settings import PROJECT_ROOT
from tests.gcp.month_use import MUTATING, MonthUse, most, typical
from tests.gcp.rehearsal import AT_ONCE

PAGE = PROJECT_ROOT / "docs" / "quotas.md"
MONTHS, DATASETS = 168, 3

ANSWER_SECONDS = 0.05
"""The least that a request to Google takes from here, and a month's come one after the other."""

HALF = 0.5


@dataclass(frozen=True)
class Held:
    """What is there once all months are done: so many objects, and the most partitions that a table has."""

    objects: int
    partitions: int
    note_bytes: int
    """Of the object that has most."""
    name_bytes: int
    publications: int


@dataclass(frozen=True)
class Row:
    """A quota, and what is taken of it.

    One that ``is_no_limit`` says from when on something else holds; what ``grows`` does so with the months there are.
    """

    service: str
    quota: str
    allowed: float
    taken: float
    how: str
    is_no_limit: bool = False
    grows: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return self.service, self.quota

    @property
    def share(self) -> float:
        return self.taken / self.allowed


def least_seconds(found: Sequence[MonthUse]) -> float:
    """The least that a month takes: nothing but the ways of its requests."""
    return typical(found, lambda use: use.requests) * ANSWER_SECONDS


def rows(found: Sequence[MonthUse], held: Held, months: int) -> list[Row]:
    """Of each quota what :data:`MONTHS` take, as far as these months tell, of which ``held`` has so many."""
    return [*_bigquery(found, held, months), *_storage(found, held)]


def _bigquery(found: Sequence[MonthUse], held: Held, months: int) -> Iterator[Row]:
    def row(
        quota: str, allowed: float, taken: float, how: str, *, is_no_limit: bool = False, grows: bool = False
    ) -> Row:
        return Row("BigQuery", quota, allowed, taken, how, is_no_limit, grows)

    loads = typical(found, lambda use: use.kinds()["load"])
    to_one = typical(found, lambda use: most(use.statements("INSERT INTO")))
    meta = typical(found, lambda use: most(use.statements("INSERT INTO", *MUTATING)))
    of_partitioned = typical(found, lambda use: most(_of_months(use)))
    yield row(
        "load jobs a table a day", 1500, typical(found, lambda use: most(use.statements("LOAD"))), "a table a file"
    )
    yield row("load jobs a day", 100_000, MONTHS * loads, "one a landed file")
    yield row(
        "modifications of a table a day",
        1500,
        typical(found, lambda use: most(use.statements("LOAD"))),
        "the load; DML does not count",
    )
    yield row(
        "partition modifications a table a day",
        30_000,
        MONTHS * of_partitioned,
        "DELETE and INSERT of one month; they are DML, which does not count: this would be if it did",
    )
    yield row("partitions a table", 10_000, MONTHS * held.partitions / months, "one a month")
    yield row("partitions modified by one job", 4000, 1, "statements are of one month")
    yield row(
        "tables that a transaction changes",
        100,
        typical(found, lambda use: most(_tables_a_transaction(use))),
        "the table, what it rejected, `meta.publications`, `meta.turn`",
    )
    yield row(
        "INSERT statements of a table a day that run at once, however many",
        1500,
        MONTHS * to_one,
        "`meta.publications`, one a publication; beyond it so many run at a time as the next line says, and the "
        "others wait",
        is_no_limit=True,
    )
    yield row("INSERT statements of a table at a time, beyond these", 10, AT_ONCE, "one of each process")
    yield row("mutating statements of a table, 2 running and 20 waiting", 22, AT_ONCE, "one of each process")
    yield row("DML statements of a table in 10 s", 25, _rate(found, meta) * 10, "`meta.turn` and `meta.publications`")
    yield row(
        "metadata updates of a table without partitions in 10 s",
        5,
        typical(
            found,
            lambda use: max(
                n for name, n in use.tables_changed().items() if "_meta." not in name and not _is_of_months(name)
            ),
        ),
        "made, then filled, or loaded, then labelled; DML, as that of `meta.turn`, is not held off by it",
    )
    yield row("metadata updates of a partitioned table in 10 s", 50, _rate(found, of_partitioned) * 10, "DML counts")
    yield row(
        "updates of a dataset in 10 s",
        5,
        typical(found, lambda use: use.asked("datasets.insert", "datasets.patch")),
        "only `infrastructure` does, where something is to be changed: once each",
    )
    yield row(
        "requests a second, of one method", 100, _rate(found, typical(found, MonthUse.asked_most)), "getQueryResults"
    )
    yield row(
        "tables.insert a second",
        10,
        _rate(found, typical(found, lambda use: use.asked("tables.insert"))),
        "what is staged",
    )
    yield row("jobs.get a second", 1000, _rate(found, typical(found, lambda use: use.asked("jobs.get"))), "")
    yield row("requests at a time", 300, AT_ONCE, "one of each process")
    yield row("queries queued, interactive", 1000, AT_ONCE, "one of each process")
    yield row("scripts at a time", 1000, AT_ONCE, "one of each process")
    yield row("characters of a statement", 1_024_000, max(job.characters for use in found for job in use.jobs), "")
    yield row(
        "bytes of rows read a minute",
        7.5e9,
        _rate(found, typical(found, lambda use: use.answered_bytes)) * 60,
        "all that BigQuery answers; what is noted of all months of a table is read for each, so it grows with them; "
        "3.7 GB outside of US and EU",
        grows=True,
    )
    yield row("tables a dataset, from where on lists are slow", 50_000, MONTHS * loads, "of files, for seven days")


def _storage(found: Sequence[MonthUse], held: Held) -> Iterator[Row]:
    def row(quota: str, allowed: float, taken: float, how: str) -> Row:
        return Row("Cloud Storage", quota, allowed, taken, how)

    def rate(*what: str) -> float:
        return _rate(found, typical(found, lambda use: use.asked(*what)))

    yield row("objects written a second, at first", 1000, rate("objects.insert", "objects.patch", "objects.delete"), "")
    yield row("objects read or listed a second, at first", 5000, rate("objects.get", "objects.list"), "")
    yield row(
        "writes of one object a second",
        1,
        typical(found, lambda use: most(use.objects_written("objects.insert"))) / least_seconds(found),
        "each once a landing",
    )
    yield row(
        "metadata updates of one object a second",
        1,
        typical(found, lambda use: most(use.objects_written("objects.patch"))) / least_seconds(found),
        "a landed file, as it is recorded",
    )
    yield row(
        "metadata updates of a bucket a second", 1, rate("buckets.patch"), "only `infrastructure` does, at most once"
    )
    yield row("buckets made in 2 s", 1, rate("buckets.insert"), "only `infrastructure` does, once")
    yield row("bytes of an object's notes", 8192, held.note_bytes, "the columns of a file")
    yield row("bytes of an object's name", 1024, held.name_bytes, "")


def _rate(found: Sequence[MonthUse], a_month: float) -> float:
    """A second, of what a month takes, where as many are done at once as are, as fast as can be."""
    return AT_ONCE * a_month / least_seconds(found)


def _is_of_months(table: str) -> bool:
    return re.search(r"_(silver|gold)\.", table) is not None


def _of_months(use: MonthUse) -> Mapping[str, int]:
    return {table: n for table, n in use.statements().items() if _is_of_months(table)}


def _tables_a_transaction(use: MonthUse) -> Mapping[str, int]:
    return {job.id: len({change.table for change in job.changes}) for job in use.jobs if job.kind == "publish"}


_BEGINNING = """\
# Quotas

What {months} months of {datasets} datasets take, each month landed, silver made of it and its gold, two months at once, beside
what Google documents as allowed: "Quotas and limits" of [BigQuery](https://docs.cloud.google.com/bigquery/quotas) and
"Quotas & limits" of [Cloud Storage](https://docs.cloud.google.com/storage/quotas), as they were stored in autumn 2026.
It was counted on emulators, with generated months of a few records: no number here depends on how large a month is but
that of bytes. No real project was asked.

All months are counted as if they were done within one day. What is allowed in a second, or in ten, depends on how fast
months are: a month asks {requests:.0f} times, one after the other, and Google is taken to need at least {answer:.0f} ms to answer (a
query takes longer), so that a month takes at least {least:.1f} s. Slower months take less of these.

A month makes {jobs:.0f} jobs: {kinds}. It adds {objects:.0f} objects
and {publications:.0f} rows of `meta.publications`. Where two processes publish a table at the same moment, one is overtaken, and
that transaction, which changed nothing, is made once more: that is not counted here.

What is no limit says from when on another quota holds. Green as Iceberg in BigLake is not in this.

`LAKEHOUSE_QUOTAS=write LAKEHOUSE_SOAK=1 pytest tests/gcp/test_rehearsal.py` makes this page of all months; the same test
holds what a few take against it.

| of | quota | allowed | {months} months of {datasets} | share | because |
|---|---|---|---|---|---|
"""  # noqa: E501 - numbers are shorter than their names


def text(found: Sequence[MonthUse], held: Held, months: int) -> str:
    """The page."""

    def a_month(kind: str) -> float:
        return typical(found, lambda use: use.kinds()[kind])

    kinds = {"load": "loads", "stage": "that stage", "publish": "transactions", "query": "queries"}
    beginning = _BEGINNING.format(
        months=MONTHS,
        datasets=DATASETS,
        requests=typical(found, lambda use: use.requests),
        answer=ANSWER_SECONDS * 1000,
        least=least_seconds(found),
        jobs=typical(found, lambda use: len(use.jobs)),
        kinds=", ".join(f"{a_month(kind):.0f} {name}" for kind, name in kinds.items()),
        objects=held.objects / months,
        publications=held.publications / months,
    )
    return beginning + "\n".join(map(_line, rows(found, held, months))) + "\n"


def _line(row: Row) -> str:
    share = f"{row.share:.1%}" if row.share >= 0.001 or not row.taken else "< 0.1%"
    quota = f"{row.quota} (no limit)" if row.is_no_limit else row.quota
    return f"| {row.service} | {quota} | {_number(row.allowed)} | {_number(row.taken)} | {share} | {row.how} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def told(page: str) -> Mapping[tuple[str, str], tuple[float, float]]:
    """Of each quota of a page what is allowed, and taken."""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    numbers = {(each[0], each[1].removesuffix(" (no limit)")): (each[2], each[3]) for each in cells[1:]}
    return {key: (_value(allowed), _value(taken)) for key, (allowed, taken) in numbers.items()}


def _value(text: str) -> float:
    return float(text.replace(",", ""))
