"""One reading of a changing table: its window, and its keys if they are wanted, of one moment, a file each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dlt_sources.changing_table import ChangingTable, DeclaredColumn, Snapshot, require_columns
from dlt_sources.fetch import Download
from dlt_sources.postgres_table import postgres_snapshot
from dlt_sources.remote_file import Address, HttpPolicy, RemoteFile, with_retries
from dlt_sources.sql_table import sql_snapshot
from dlt_sources.table_address import database_url, is_sqlite
from dlt_sources.table_file import WrittenTable, write_table
from lakehouse.exceptions import ContractViolation

if TYPE_CHECKING:
    import pyarrow as pa
    from dlt.sources import DltSource

Begin = Callable[[datetime, Sequence[DeclaredColumn]], datetime | None]
"""Told the source's clock and the table's columns before any row is read: where its window begins, None for all rows.

What it raises ends the reading.
"""


@dataclass(frozen=True)
class TableReading:
    """What one reading brought: all rows since ``low`` as the source had them at ``high``, by its own clock, UTC.

    A file is None where there were no rows. ``beyond`` are those stamped after ``high``, of which ``latest`` names the
    one stamped last. ``keys`` is None as well where they were not asked for.
    """

    low: datetime | None
    high: datetime
    window: Download | None
    keys: Download | None
    beyond: int
    latest: str
    columns: tuple[DeclaredColumn, ...]


def remote_table(table: ChangingTable, address: Address) -> RemoteFile:
    """A table as messages and records call it.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    url = database_url(address, table.what)
    return RemoteFile(what=table.what, url=url, setting=address.setting)


def read_table(
    table: ChangingTable, address: Address, policy: HttpPolicy, into: Path, begin: Begin, *, with_keys: bool
) -> TableReading:
    """Read a table into two folders below ``into``, ``window`` and ``keys``; what may pass is tried again, as a whole.

    Raises:
        ConfigurationError: the address cannot be used, or the database refuses who asks.
        ContractViolation: there is no such table, it lacks what windows need, or a row has no cursor or no key of its
            own.
        SourceUnavailable: it could not be reached, or broke off, after bounded retries.
        OSError: ``into`` cannot be written.
    """
    remote = remote_table(table, address)

    def once() -> TableReading:
        with _snapshot(table, remote, policy) as snapshot:
            return _Reader(table, remote, snapshot, into).read(begin, with_keys=with_keys)

    return with_retries(once, remote, policy)


def table_source(table: ChangingTable, download: Download | None) -> DltSource:
    """The dlt source that lands a file of a table; without one it yields nothing."""
    from dlt_sources.dataset import file_source

    return file_source(table.database, table, download)


def _snapshot(table: ChangingTable, remote: RemoteFile, policy: HttpPolicy) -> AbstractContextManager[Snapshot]:
    return (sql_snapshot if is_sqlite(remote.url) else postgres_snapshot)(table, remote, policy)


@dataclass(frozen=True)
class _Reader:
    table: ChangingTable
    remote: RemoteFile
    snapshot: Snapshot
    into: Path

    def read(self, begin: Begin, *, with_keys: bool) -> TableReading:
        columns = tuple(self.snapshot.columns)
        require_columns(self.table, columns)
        low = begin(self.snapshot.high, columns)
        self._require_values(columns)
        self._require_unique(None if with_keys else low)
        named = {*self.table.key, self.table.cursor}
        window = self._written("window", columns, low)
        keys = self._written("keys", [each for each in columns if each.name in named], None) if with_keys else None
        return TableReading(
            low=low,
            high=self.snapshot.high,
            window=self._download(window),
            keys=self._download(keys),
            beyond=window.beyond,
            latest=window.latest,
            columns=columns,
        )

    def _require_values(self, columns: Sequence[DeclaredColumn]) -> None:
        for role, name in (*(("key", each) for each in self.table.key), ("cursor", self.table.cursor)):
            is_nullable = next(each.is_nullable for each in columns if each.name == name)
            if is_nullable and (number := self.snapshot.nulls(name)):
                raise self._wrong(f"{number:,} of its rows have no {name}, its {role}")
        if number := self.snapshot.misfits():
            raise self._wrong(f"{number:,} of its rows have a cursor {self.table.cursor} that is no time in UTC")

    def _require_unique(self, low: datetime | None) -> None:
        if self.snapshot.has_unique_key or (key := self.snapshot.repeated_key(low)) is None:
            return
        which = ", ".join(f"{name}={value}" for name, value in zip(self.table.key, key, strict=True))
        raise self._wrong(f"several of its rows have the key {which}")

    def _wrong(self, problem: str) -> ContractViolation:
        return ContractViolation(f"{self.table.what}: {problem}; nothing was landed. Mend the table at its source")

    def _written(self, kind: str, columns: Sequence[DeclaredColumn], low: datetime | None) -> WrittenTable:
        folder = self.into / kind
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{self.table.name}.parquet"
        file.unlink(missing_ok=True)  # of a try before
        batches: Iterator[pa.RecordBatch] = self.snapshot.rows(columns, low)
        return write_table(self.table, columns, batches, self.snapshot.high, file)

    def _download(self, written: WrittenTable | None) -> Download | None:
        if written is None or not written.rows:
            return None
        return Download(
            path=written.path,
            url=f"{self.remote.address}#{self.table.table}",
            etag=None,
            last_modified=None,
            bytes=written.bytes,
            rows=written.rows,
            sha256=written.sha256,
            answered_at=self.snapshot.high,
        )
