"""Months of samples on their way through the whole house in the cloud, as a backfill does them, and what that takes.

All 168 months in ``make test-soak``, a few elsewhere: what a month takes is what it takes.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lakehouse.sample.server import SampleServer
from lakehouse.sample.source import prepare as prepare_samples
from lakehouse.schema import TableSpec
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS
from tests import soak
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.gcp import quotas
from tests.gcp.keys import Google, write_key
from tests.gcp.keys import google as running_google
from tests.gcp.month_use import MonthUse, growth, uses
from tests.gcp.noting import Noting
from tests.gcp.rehearsal import AT_ONCE, MONTHLY, ROWS, TABLES, Between, House, Phase, Rehearsal, months
from tests.loading import models_of
from tests.warehouse.cloud import bigquery_client

MONTHS = months(quotas.MONTHS if soak.is_long() else 4)
KILLED_AT = len(MONTHS) * len(TABLES) // 2
PREFIX = "dev"
NOT_FOUND = 404
_WRITE = os.environ.get("LAKEHOUSE_QUOTAS") == "write"
"""Whether the page is to be written, not to be held against what is found."""


@dataclass(frozen=True)
class Rehearsed:
    """A backfill: prepared, killed in the middle, done again from its first month on, and once more."""

    project: str
    cloud: Cloud
    prepared: Phase
    killed: Phase
    resumed: Phase
    again: Phase

    @property
    def uses(self) -> list[MonthUse]:
        return uses((self.killed, self.resumed))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        client = bigquery_client(self.cloud.bigquery, self.project)
        try:
            return [dict(row.items()) for row in client.query(sql).result()]
        finally:
            client.close()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory, cloud: Cloud) -> Iterator[Rehearsed]:
    folder, name = tmp_path_factory.mktemp("rehearsal"), f"rehearsal-{uuid4().hex[:12]}"
    prepare_samples(folder / "source", MONTHS, ROWS)
    with ExitStack() as stack:
        google = stack.enter_context(running_google())
        source = stack.enter_context(SampleServer(folder / "source", 0))
        between = [
            Between(*(stack.enter_context(Noting(each)) for each in (cloud.bigquery, cloud.storage)))
            for _ in range(AT_ONCE)
        ]
        rehearsal = Rehearsal(House(folder, _environment(folder, name, google), source.port), between)
        yield Rehearsed(
            name,
            cloud,
            prepared=rehearsal.prepared(),
            killed=rehearsal.worked("killed", MONTHS, killed_at=KILLED_AT),
            resumed=rehearsal.worked("resumed", MONTHS),
            again=rehearsal.worked("again", MONTHS),
        )


def _environment(folder: Path, name: str, google: Google) -> dict[str, str]:
    """The place, and nothing of this machine's own credentials."""
    nowhere = "http://127.0.0.1:1"
    return {
        "LAKEHOUSE_PROFILE": "gcp",
        "LAKEHOUSE_PROJECT": name,
        "LAKEHOUSE_BUCKET": name,
        "LAKEHOUSE_PREFIX": PREFIX,
        "LAKEHOUSE_CREDENTIALS": str(write_key(folder, google.token_uri)),
        "CLOUDSDK_CONFIG": str(folder / "gcloud"),
        "DLT_PROJECT_DIR": str(folder),
        "NO_GCE_CHECK": "true",
        "HTTPS_PROXY": nowhere,
        "https_proxy": nowhere,
    }


def test_each_month_is_published_once_whatever_was_killed(
    rehearsed: Rehearsed, record_property: Callable[[str, object], None]
) -> None:
    assert rehearsed.killed.exits == (-signal.SIGKILL,) * AT_ONCE
    assert len(rehearsed.killed.months) < len(MONTHS)
    assert rehearsed.resumed.exits == (0,) * AT_ONCE
    effects = Counter(effect for done in rehearsed.resumed.months for effect in done.effects)
    assert effects["unchanged"] >= KILLED_AT - AT_ONCE * len(TABLES)
    assert effects.keys() == {"published", "unchanged"}

    found = rehearsed.rows(f"SELECT * FROM {PREFIX}_sample_{PUBLICATIONS.name} WHERE month IS NOT NULL")
    of_own = [row for row in found if row["landed_records"] is not None or str(row["table_name"]).startswith("gold.")]
    assert set(Counter((row["table_name"], row["month"]) for row in found).values()) == {1}
    assert len(of_own) == len(MONTHS) * len(TABLES)
    assert {row["kind"] for row in of_own} == {"published"}
    assert all(_is_balanced(row) for row in of_own)
    for table, month_rows in _by_table(of_own).items():
        assert _held(rehearsed, table) == month_rows, table

    committed = {row["version"] for row in of_own}
    sent = [job.id for phase in (rehearsed.killed, rehearsed.resumed) for job in phase.jobs if job.kind == "publish"]
    assert committed <= set(sent)
    record_property("soak transactions of the rehearsal", len(committed))
    record_property("soak transactions of the rehearsal that were overtaken or killed", len(sent) - len(committed))
    assert len(sent) - len(committed) <= len(committed) / 2


def test_each_file_is_loaded_once_but_for_those_that_were_at_hand(rehearsed: Rehearsed) -> None:
    jobs = [*rehearsed.killed.jobs, *rehearsed.resumed.jobs]
    loads = Counter(change.table for job in jobs for change in job.changes if job.kind == "load")
    assert len(loads) == len(MONTHS) * len(MONTHLY)
    assert set(loads.values()) <= {1, 2}
    assert sum(number == 2 for number in loads.values()) <= AT_ONCE
    landed = Counter(
        each.name
        for phase in (rehearsed.killed, rehearsed.resumed)
        for each in phase.requests
        if each.what == "objects.insert" and each.name.endswith(".parquet")
    )
    assert len(landed) == len(MONTHS) * len(MONTHLY)
    assert set(landed.values()) == {1}


def test_two_months_are_done_at_once(rehearsed: Rehearsed) -> None:
    one, other = ([done for done in rehearsed.resumed.months if done.worker == number] for number in range(AT_ONCE))
    assert any(a.begun < b.ended and b.begun < a.ended for a in one for b in other)


def test_once_more_does_nothing(rehearsed: Rehearsed) -> None:
    assert rehearsed.again.exits == (0,) * AT_ONCE
    assert [done.landed for done in rehearsed.again.months] == [0] * len(MONTHS)
    assert {done.effects for done in rehearsed.again.months} == {("unchanged",) * len(TABLES)}
    assert {job.kind for job in rehearsed.again.jobs} == {"query"}
    asked = {each.what for each in rehearsed.again.requests if each.status < NOT_FOUND}
    assert asked == {"jobs.insert", "jobs.getQueryResults", "tables.get", "objects.get", "objects.list"}


def test_a_month_takes_no_more_jobs_or_requests_after_many_than_at_first(
    rehearsed: Rehearsed, record_property: Callable[[str, object], None]
) -> None:
    found, at_most = rehearsed.uses, 1.03 if soak.is_long() else 1.15  # the first have fewer months to be held against
    assert growth(found, lambda use: len(use.jobs)) <= at_most
    assert growth(found, lambda use: use.requests) <= at_most
    assert growth(found, lambda use: max(job.characters for job in use.jobs)) <= at_most
    assert growth(found, lambda use: use.done.cpu_seconds) <= 1.5, "a machine may be busy: not more than that"
    for what, of in (("time", lambda use: use.seconds), ("bytes answered", lambda use: use.answered_bytes)):
        record_property(
            f"soak {what} of the rehearsal's last months, per cent of its first", round(100 * growth(found, of))
        )


def test_no_quota_is_used_by_half(rehearsed: Rehearsed) -> None:
    held = _all_held(rehearsed)
    assert held.partitions == len(MONTHS)
    found = quotas.rows(rehearsed.uses, held, len(MONTHS))
    too_much = [row for row in found if row.share > quotas.HALF and not row.is_no_limit]
    assert not too_much
    page = quotas.text(rehearsed.uses, held, len(MONTHS))
    if _WRITE:
        quotas.PAGE.write_text(page)
    kept = quotas.told(quotas.PAGE.read_text())
    assert {key: allowed for key, (allowed, _) in kept.items()} == {row.key: row.allowed for row in found}
    for row in found:
        written = kept[row.key][1]
        is_as_written = row.taken <= written * 1.15 if row.grows else written == pytest.approx(row.taken, rel=0.15)
        assert is_as_written, f"{row}, not {written}: LAKEHOUSE_QUOTAS=write, LAKEHOUSE_SOAK=1"


def _all_held(rehearsed: Rehearsed) -> quotas.Held:
    client = client_of(rehearsed.cloud.storage)
    try:
        blobs = [blob for blob in client.list_blobs(rehearsed.project) if "/zones/" not in blob.name]
    finally:
        client.close()
    publications = f"{PREFIX}_sample_{PUBLICATIONS.name}"
    (count,) = rehearsed.rows(f"SELECT COUNT(*) AS n FROM {publications} WHERE month IS NOT NULL")
    return quotas.Held(
        objects=len(blobs),
        partitions=max(len(_held(rehearsed, spec.name)) for spec in _specs().values() if spec.partition),
        note_bytes=max(len(json.dumps(blob.metadata or {})) for blob in blobs),
        name_bytes=max(len(blob.name.encode()) for blob in blobs),
        publications=int(str(count["n"])),
    )


def _specs() -> dict[str, TableSpec]:
    return {spec.name: spec for spec in models_of(PROJECT_ROOT / "sql").specs()}


def _held(rehearsed: Rehearsed, table: str) -> dict[object, object]:
    """How many rows a table has of each month."""
    column = _specs()[table].partition
    month = f"DATE_TRUNC(CAST({column} AS DATE), MONTH)"
    sql = f"SELECT {month} AS month, COUNT(*) AS n FROM {PREFIX}_sample_{table} GROUP BY {month}"
    return {row["month"]: row["n"] for row in rehearsed.rows(sql)}


def _by_table(found: list[dict[str, Any]]) -> dict[str, dict[object, object]]:
    tables: dict[str, dict[object, object]] = {}
    for row in found:
        tables.setdefault(row["table_name"], {})[row["month"]] = row["row_count"]
    return tables


def _is_balanced(row: dict[str, Any]) -> bool:
    """Whether all records of the landed file are rows, copies or rejected; gold has no such file."""
    if row["landed_records"] is None:
        return str(row["table_name"]).startswith("gold.")
    return bool(row["landed_records"] == row["row_count"] + row["copies"] + sum(json.loads(row["rejected"]).values()))
