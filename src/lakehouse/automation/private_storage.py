"""Dagster's own SQLite storages of runs, events and schedules, the same files and tables, on connections that are kept.

Dagster opens and closes a connection several times for each event, and makes each run's database table by table: that
was half of what a run of a small month took.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import (
    SqliteEventLogStorage,
    SqliteEventLogStorageWatchdog,
)
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import URL, NullPool, create_engine, make_url

from lakehouse.automation.empty_run import EmptyRun
from lakehouse.automation.kept_connections import BUSY_SECONDS, KeptDatabase, forks

if TYPE_CHECKING:
    from dagster._core.event_api import EventHandlerFn
    from sqlalchemy import Connection
    from watchdog.events import FileSystemEvent

_INDEX = "index"
_MOST_OPEN_RUNS = 8
_NEWEST = """
SELECT newest.id, newest.run_id, newest.timestamp, wiped.wipe_timestamp
FROM (SELECT MAX(id) AS id FROM event_logs WHERE asset_key = ? AND dagster_event_type = ? AND partition = ?) AS last
LEFT JOIN event_logs AS newest ON newest.id = last.id
LEFT JOIN asset_keys AS wiped ON wiped.asset_key = ?
"""
"""The newest event of a kind of a partition of an asset, and when the asset's were wiped.

Its number is not enough: that of an event that was deleted with its run is the next one's.
"""
_LAST_EVENTS = {
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
}


class KeptInstance(dg.DagsterInstance):
    """Dagster's instance; where its ``dagster.yaml`` names no storage of its own it has :class:`KeptStorage`."""

    @staticmethod
    def config_schema() -> Mapping[str, Any]:
        """What it can be told beside what every instance can."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, ConfigurableClassData | None]:
        """What it is made of unless its ``dagster.yaml`` says otherwise."""
        kept = ConfigurableClassData(__name__, KeptStorage.__name__, yaml.dump({"base_dir": base_dir}))
        return {**InstanceRef.config_defaults(base_dir), "storage": kept}


class KeptStorage(DagsterSqliteStorage):
    """The three storages of an instance."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.base_dir = base_dir
        history = Path(base_dir, "history")
        self._run_storage = KeptRuns.from_local(str(history))
        self._event_log_storage = KeptEvents(str(history / "runs"))
        self._schedule_storage = KeptSchedules.from_local(str(Path(base_dir, "schedules")))
        self._inst_data = inst_data
        super(DagsterSqliteStorage, self).__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> Self:
        return cls.from_local(inst_data=inst_data, **config_value)


class _InOneDatabase:
    """A storage of Dagster's in one database, which is kept; ``made_last`` is the table that is made last in it."""

    made_last: ClassVar[str]
    name: ClassVar[str]

    def __init__(self, conn_string: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._database = KeptDatabase(_path(conn_string))
        super().__init__(conn_string, inst_data)  # type: ignore[call-arg]

    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        address = create_db_conn_string(base_dir, cls.name)
        if _is_made(_path(address), also=cls.made_last):
            return cls(address, inst_data)
        made: Self = super().from_local(base_dir, inst_data)  # type: ignore[misc]
        return made

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            yield connection

    def dispose(self) -> None:
        super().dispose()  # type: ignore[misc]
        self._database.close()


class KeptRuns(_InOneDatabase, SqliteRunStorage):
    """Runs, in ``runs.db``."""

    name, made_last = "runs", "instance_info"


class KeptSchedules(_InOneDatabase, SqliteScheduleStorage):
    """Ticks and states of schedules and sensors, in ``schedules.db``."""

    name, made_last = "schedules", "alembic_version"


class KeptEvents(SqliteEventLogStorage):
    """Events: each run's in a database of its own, and those that are looked up across runs in ``index.db``.

    A run's database is a copy of an empty one that Dagster has made once, and is closed when the run is over.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._index: KeptDatabase | None = None
        self._runs: OrderedDict[str, KeptDatabase] = OrderedDict()
        self._tables: set[str] = set()
        self._newest: tuple[object, dg.EventRecordsResult] | None = None
        self._empty = EmptyRun(Path(base_dir), self._make)
        super().__init__(base_dir, inst_data)
        forks().add(self)

    def before_fork(self) -> None:
        """Its databases see to what a child may not have."""

    def after_fork(self, *, in_child: bool) -> None:
        """In a child nobody would give the lock back."""
        if in_child:
            self._db_lock = threading.Lock()

    def store_event(self, event: dg.EventLogEntry) -> None:
        super().store_event(event)
        if event.is_dagster_event and event.dagster_event_type in _LAST_EVENTS:
            with self._db_lock:
                if run := self._runs.pop(event.run_id, None):
                    run.close()

    def has_table(self, table_name: str) -> bool:
        """Dagster asks with each event; what is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def fetch_materializations(
        self,
        records_filter: dg.AssetKey | dg.AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> dg.EventRecordsResult:
        """Dagster asks with each check of a step which materialization it is of: one is read again if it is another."""
        if (limit, cursor, ascending) != (1, None, False) or isinstance(records_filter, dg.AssetKey):
            return super().fetch_materializations(records_filter, limit, cursor, ascending)
        asset, partitions = records_filter.asset_key, records_filter.asset_partitions or ()
        if len(partitions) != 1 or records_filter != dg.AssetRecordsFilter(asset, partitions):
            return super().fetch_materializations(records_filter, limit, cursor, ascending)
        name, kind = asset.to_string(), dg.DagsterEventType.ASSET_MATERIALIZATION.value
        with self._connect(_INDEX) as connection:
            row = connection.exec_driver_sql(_NEWEST, (name, kind, partitions[0], name)).one()
        asked = name, partitions[0], *row
        known = self._newest
        if known is None or known[0] != asked:
            known = self._newest = asked, super().fetch_materializations(records_filter, limit, cursor, ascending)
        return known[1]

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        from watchdog.observers import Observer

        observer: Any = self._obs
        if observer is None:
            self._obs = observer = Observer()  # type: ignore[assignment]
            observer.start()
        looking = _Watch(self, run_id, callback, cursor)
        self._watchers[run_id][callback] = (looking, observer.schedule(looking, self._base_dir))

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def dispose(self) -> None:
        super().dispose()
        self._close()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._database(shard).transaction() as connection:
            yield connection

    def _database(self, shard: str) -> KeptDatabase:
        if shard == _INDEX:
            self._index = self._index or KeptDatabase(Path(self.path_for_shard(_INDEX)), self._prepare)
            return self._index
        if shard not in self._runs:
            self._runs[shard] = KeptDatabase(Path(self.path_for_shard(shard)), self._prepare)
        self._runs.move_to_end(shard)
        while len(self._runs) > _MOST_OPEN_RUNS:
            self._runs.popitem(last=False)[1].close()
        return self._runs[shard]

    def _close(self) -> None:
        with self._db_lock:
            for database in (*self._runs.values(), *filter(None, [self._index])):
                database.close()
            self._runs.clear()

    def _prepare(self, path: Path) -> None:
        """Have a database that Dagster can use, whoever makes it."""
        if not _is_there(path):
            with suppress(OSError):  # Dagster makes it then, or says why it cannot
                self._empty.place(path)
        if not _is_made(path):
            self._make(path)

    def _make(self, path: Path) -> None:
        address = URL.create("sqlite", database=str(path))
        self._initdb(create_engine(address, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS}))


class _Watch(SqliteEventLogStorageWatchdog):
    """Tells of a run's new events. They are in the write-ahead log for as long as its database is open."""

    @property
    def patterns(self) -> list[str]:
        return [self._log_path, f"{self._log_path}-wal"]

    def on_modified(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - both files tell the same
        self._process_log()


def _path(address: str) -> Path:
    return Path(make_url(address).database or "")


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - one that may not be looked for is left to SQLite


def _is_made(path: Path, also: str = "alembic_version") -> bool:
    """Whether a database is there and says of which version it is; if not, Dagster has to look at it itself."""
    if not _is_there(path):
        return False
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        is_there = connection.execute(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", (also,)
        ).fetchone()
        return bool(is_there and connection.execute("SELECT 1 FROM alembic_version").fetchone())
    return False
