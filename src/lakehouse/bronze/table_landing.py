"""What becomes of a changing table's rows: read since the last record, landed once, recorded last.

The records are the checkpoint, and there is no other: a window begins the table's look-back before the newest recorded
moment. So whatever ends a run, the next one reads again what was not recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dlt_sources.changing_table import DeclaredColumn
from dlt_sources.fetch import Download
from dlt_sources.table_reading import TableReading
from lakehouse.bronze.landing import Load
from lakehouse.bronze.store import BronzeStore, Landing, LandingKind
from lakehouse.bronze.table_contract import require_declared
from lakehouse.bronze.table_source import TableConnection
from lakehouse.exceptions import ConfigurationError, CorruptFile
from lakehouse.files import hash_file
from lakehouse.partition import WHOLE

_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of no bytes: that of a landing without rows."""

_JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True)
class LandedTable:
    """What one run landed: a window, or all rows, and the keys of the same moment if they were asked for.

    ``is_unchanged`` says that the window has no rows, or those of a landing that was there. ``notes`` say which columns
    are landed as another type than they are declared, ``unknown`` which the contract does not know.
    """

    window: Landing
    keys: Landing | None
    is_unchanged: bool
    notes: tuple[str, ...]
    unknown: tuple[str, ...]


class TableLander:
    """Lands a changing table in a store.

    ``is_full`` has all rows read, whatever was landed; ``since`` has the window begin so early, for rows that keys have
    and no window had. ``with_keys`` has the keys of all rows read besides, which tell what is deleted.
    """

    def __init__(
        self,
        store: BronzeStore,
        connection: TableConnection,
        *,
        is_full: bool = False,
        since: datetime | None = None,
        with_keys: bool = False,
    ) -> None:
        self._store = store
        self._connection = connection
        self._is_full = is_full
        self._since = since
        self._with_keys = with_keys

    def land(self, load: Load, warn: Callable[[str], None]) -> LandedTable:
        """Land the rows that changed since the newest record; nothing is kept of what cannot be.

        Raises:
            ConfigurationError: the database refuses who asks, or its clock was set back, or says so.
            ContractViolation: the table is not what its contract says, or a row has no cursor or no key of its own.
            SourceUnavailable: it could not be reached, or broke off, after bounded retries.
            CommitConflict: another run lands it.
            StorageUnavailable: where files are landed could not be reached.
            OSError: a file cannot be written.
        """
        dataset = self._connection.dataset
        self._store.prepare()
        with self._store.alone(dataset.name):
            self._store.sweep(dataset.name, WHOLE)
            low = self._low(warn)
            known: list[tuple[str, ...]] = []

            def begin(high: datetime, columns: Sequence[DeclaredColumn]) -> datetime | None:
                self._require_later(high)
                known.append(require_declared(self._connection.source.contract, dataset, columns))
                return low

            with self._store.workspace() as folder:
                reading = self._connection.read(folder, begin, with_keys=self._with_keys)
                if reading.beyond:
                    warn(_beyond(dataset.what, reading))
                kind: LandingKind = "full" if reading.low is None else "window"
                window, is_unchanged = self._landed(kind, reading, reading.window, folder / "window", load)
                keys = None
                if self._with_keys:
                    keys, _ = self._landed("keys", reading, reading.keys, folder / "keys", load)
        notes = tuple(f"{each.name} is {each.declared}, {each.note}" for each in reading.columns if each.note)
        return LandedTable(window, keys, is_unchanged, notes, known[-1])

    def _newest(self) -> Landing | None:
        """The newest landing, by what the source said.

        Raises:
            CorruptFile: its record cannot be read, or is none of a table.
        """
        newest = self._store.current(self._connection.dataset.name, WHOLE)
        if newest is not None and newest.high is None:
            raise CorruptFile(f"{newest}: its newest landing record is none of a table: another dataset is called so")
        return newest

    def _require_later(self, high: datetime) -> None:
        """Refuse a source whose clock says no more than it did: what it stamps from now on would be taken for old."""
        newest = self._newest()
        if newest is not None and high <= newest.place:
            raise ConfigurationError(
                f"{self._connection.dataset.what}: the clock of {self._connection.url} says "
                f"{_told(high)}, and said {_told(newest.place)} before: it was set back, or the database is "
                "an older one; nothing was landed. Set the clock right; of another database, use another LAKEHOUSE_HOME"
            )

    def _low(self, warn: Callable[[str], None]) -> datetime | None:
        """Where the window begins; None of all rows."""
        newest = self._newest()
        if newest is None or newest.high is None or self._is_full:
            return None
        what = self._connection.dataset.what
        if newest.url != self._connection.url:
            warn(f"{what}: was landed from {newest.url}, and now comes from {self._connection.url}: all of it is read")
            return None
        history = self._store.history(newest.dataset, WHOLE)
        rows = next((each for each in history if each.kind != "keys"), newest)
        if not self._store.is_intact(rows):
            warn(f"{what}: {self._store.uri(rows)} is gone or damaged: all of the table is read")
            return None
        low = newest.high - self._connection.dataset.look_back
        return low if self._since is None else min(low, self._since)

    def _landed(
        self, kind: LandingKind, reading: TableReading, download: Download | None, folder: Path, load: Load
    ) -> tuple[Landing, bool]:
        """The landing of what was read, its file in place and its record written; whether there was nothing new."""
        if download is None:
            landing = self._landing(kind, reading, _NOTHING, 0, 0)
            self._store.record(landing)
            return landing, True
        landing = self._landing(kind, reading, download.sha256, download.bytes, download.rows)
        if is_there := self._store.is_intact(landing):
            self._store.record(landing)
            return landing, is_there
        landed = load(download, folder)
        landing = self._landing(kind, reading, hash_file(landed), landed.stat().st_size, download.rows)
        self._store.adopt(landing, landed)
        self._store.record(landing)
        return landing, False

    def _landing(self, kind: LandingKind, reading: TableReading, sha256: str, size: int, rows: int) -> Landing:
        is_keys = kind == "keys"
        return Landing(
            dataset=self._connection.dataset.name,
            month=None,
            url=self._connection.url,
            etag=None,
            last_modified=None,
            bytes=size,
            rows=rows,
            sha256=sha256,
            observed_at=datetime.now(UTC),
            ordered_at=reading.high + _JUST_AFTER if is_keys else reading.high,
            kind=kind,
            low=None if is_keys else reading.low,
            high=reading.high,
            beyond=None if is_keys else reading.beyond,
        )


def _beyond(what: str, reading: TableReading) -> str:
    rows = "1 row is" if reading.beyond == 1 else f"{reading.beyond:,} rows are"
    return (
        f"{what}: {rows} stamped after the source's own clock, which said {_told(reading.high)}, the last of them "
        f"{reading.latest}; landed, and read again each time until it has passed"
    )


def _told(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f UTC")
