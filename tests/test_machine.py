"""What the machine refuses is one line with the right blame, whichever library met it; every fault here is real."""

from __future__ import annotations

import resource
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dlt_sources.file_url import look_at
from dlt_sources.remote_file import RemoteFile
from dlt_sources.verify import corrupt
from lakehouse.databases import name_databases_in_errors
from lakehouse.exceptions import (
    ConfigurationError,
    DatabaseUnusable,
    DiskFull,
    LakehouseError,
    MachineFault,
    NotWritable,
    SourceUnavailable,
    TooManyOpenFiles,
)
from lakehouse.machine import (
    OPEN_FILES,
    Place,
    machine_fault,
    machine_fault_told,
    raise_open_file_limit,
    require_writable,
    size,
)
from lakehouse.warehouse.local.engine import connect, faults_named
from tests.limits import no_more_files, refused, small_files

A_TABLE = "CREATE TABLE t AS SELECT 1 AS n"


@pytest.fixture
def where(tmp_path: Path) -> tuple[Place, ...]:
    return (Place("LAKEHOUSE_HOME", tmp_path / "home"), Place("DAGSTER_HOME", tmp_path / "dagster"))


def database(file: Path, *statements: str) -> str:
    """A database; its address for SQLAlchemy, which is not to wait for locks."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return f"sqlite:///{file}?timeout=0"


def asked(address: str, statement: str) -> None:
    """Ask a database as the catalog and Dagster do."""
    name_databases_in_errors()
    with create_engine(address, poolclass=NullPool).begin() as connection:
        connection.execute(text(statement))


def fault_of(act: Callable[[], object], where: tuple[Place, ...]) -> MachineFault | None:
    """What is said of the error that this raises, looked at while the machine still refuses."""
    try:
        act()
    except (OSError, SQLAlchemyError, duckdb.Error, LakehouseError) as error:
        found = machine_fault(error, where)
        assert "\n" not in str(found)
        return found
    pytest.fail("nothing was refused")


@pytest.mark.parametrize("library", ["python", "sqlite", "pyarrow", "duckdb"])
def test_the_limit_of_open_files_is_named_and_how_to_raise_it(
    tmp_path: Path, where: tuple[Place, ...], library: str
) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    for file in (first, second):
        duckdb.execute(f"COPY (SELECT 1 AS n) TO '{file}'")
    address = database(tmp_path / "home" / "catalog.db", A_TABLE)
    opens: dict[str, Callable[[Path], object]] = {
        "python": Path.read_bytes,
        "sqlite": lambda _: asked(address, "SELECT n FROM t"),
        "pyarrow": pq.read_metadata,
        "duckdb": lambda file: duckdb.execute(f"SELECT * FROM read_parquet('{file}')").fetchall(),
    }
    opens[library](first)  # loads what is loaded on first use
    with no_more_files() as limit:
        fault = fault_of(lambda: opens[library](second), where)
    assert isinstance(fault, TooManyOpenFiles)
    assert fault.fact == f"Too many open files: a process may have {limit:,} open (ulimit -n)"
    assert fault.advice.startswith("say ulimit -n 4096")


def test_a_file_that_could_not_be_opened_for_the_limit_is_not_damaged(tmp_path: Path, where: tuple[Place, ...]) -> None:
    file = tmp_path / "green.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS n) TO '{file}'")
    remote = RemoteFile("green 2024-01", f"file://{file}", "LAKEHOUSE_TLC_URL")

    def unreadable() -> None:
        try:
            file.read_bytes()
        except OSError as problem:
            raise corrupt(remote, "its footer cannot be read") from problem

    with no_more_files():
        fault = fault_of(unreadable, where)
    assert isinstance(fault, TooManyOpenFiles)


def test_a_source_that_may_not_be_read_keeps_its_own_words(tmp_path: Path, where: tuple[Place, ...]) -> None:
    file = tmp_path / "green.parquet"
    file.touch()
    file.chmod(0)
    remote = RemoteFile("green 2024-01", f"file://{file}", "LAKEHOUSE_TLC_URL")
    with refused(file), pytest.raises(SourceUnavailable, match=r"cannot be opened \(Permission denied\)") as error:
        look_at(remote, None)
    assert machine_fault(error.value, where) is None


def test_the_limit_of_open_files_is_raised_as_far_as_it_may_be() -> None:
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most // 2, hard))
        raise_open_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        raise_open_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def test_a_full_disk_is_that_of_the_folder_that_was_written(tmp_path: Path, where: tuple[Place, ...]) -> None:
    address = database(tmp_path / "dagster" / "history" / "runs.db", A_TABLE)

    def fill() -> None:
        """SQLite answers what it answers of a full disk."""
        with create_engine(address, poolclass=NullPool).begin() as connection:
            connection.execute(text("PRAGMA max_page_count = 3"))
            connection.execute(text("CREATE TABLE much AS SELECT randomblob(100000) AS b"))

    name_databases_in_errors()
    fault = fault_of(fill, where)
    assert isinstance(fault, DiskFull)
    assert f"No space left on device: {tmp_path}/dagster/history/runs.db (" in fault.fact
    assert f"are free now on the disk of DAGSTER_HOME={tmp_path}/dagster" in fault.fact


@pytest.mark.parametrize("library", ["python", "sqlite", "duckdb"])
def test_a_file_that_may_not_grow_names_the_limit(tmp_path: Path, where: tuple[Place, ...], library: str) -> None:
    address = database(tmp_path / "dagster" / "runs.db", A_TABLE)
    rows = "SELECT range AS n, hash(range) AS h FROM range(300000)"
    writes: dict[str, Callable[[], object]] = {
        "python": lambda: (tmp_path / "much").write_bytes(bytes(200_000)),
        "sqlite": lambda: asked(address, "CREATE TABLE much AS SELECT randomblob(200000) AS b"),
        "duckdb": lambda: duckdb.execute(f"COPY ({rows}) TO '{tmp_path / 'much.parquet'}'"),
    }
    with small_files(100_000):
        fault = fault_of(writes[library], where)
    assert isinstance(fault, DiskFull)
    assert "File too large" in fault.fact
    assert "a file may have 100.0 kB at most (ulimit -f)" in fault.fact
    assert fault.advice.startswith("say ulimit -f unlimited")


def test_a_disk_too_small_to_spill_to_is_full_and_memory_is_not_blamed(tmp_path: Path) -> None:
    spill = tmp_path / "staging" / "spill"
    spill.mkdir(parents=True)
    with connect("60MB", 2, spill) as connection:
        connection.execute("SET max_temp_directory_size = '1MB'")
        with pytest.raises(DiskFull) as error, faults_named("green 2024-01", "60MB", spill):
            connection.execute("SELECT * FROM range(3000000) AS t(n) ORDER BY hash(n)").fetchone()
    assert error.value.fact.startswith("green 2024-01: needs more memory than LAKEHOUSE_MEMORY_LIMIT=60MB, and room")
    assert f"on the disk of LAKEHOUSE_HOME={tmp_path}" in error.value.fact


@pytest.mark.parametrize("name", ["runs.db", "."])
def test_a_database_that_may_not_be_written_is_named(tmp_path: Path, where: tuple[Place, ...], name: str) -> None:
    file = tmp_path / "dagster" / "runs.db"
    address = database(file, A_TABLE)
    with refused(file.parent / name):
        fault = fault_of(lambda: asked(address, "INSERT INTO t VALUES (2)"), where)
    assert isinstance(fault, NotWritable)
    assert fault.fact == f"Permission denied: {file} (DAGSTER_HOME={tmp_path}/dagster)"


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "dagster" / "history" / "runs.db"
    database(file, A_TABLE)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield file


def test_a_statement_is_shown_only_where_it_is_to_blame(locked: Path) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        asked(f"sqlite:///{locked}?timeout=0", "SELECT n FROM t")
    assert str(error.value) == "(sqlite3.OperationalError) database is locked"
    with pytest.raises(SQLAlchemyError) as error:
        asked(database(locked.with_name("index.db")), "SELECT FROM")
    assert "syntax error\n[SQL: SELECT FROM]" in str(error.value)


def test_a_locked_database_is_named(locked: Path, where: tuple[Place, ...]) -> None:
    fault = fault_of(lambda: asked(f"sqlite:///{locked}?timeout=0", "SELECT n FROM t"), where)
    assert isinstance(fault, DatabaseUnusable)
    assert str(fault).startswith(f"{locked}: database is locked: another process has it")


@pytest.mark.parametrize(
    ("file", "advice"),
    [("dagster/history/runs.db", "move it away with its -wal"), ("home/catalog.db", "put back a copy of it, or run")],
)
@pytest.mark.parametrize("damage", ["not a database", "malformed"])
def test_a_damaged_database_is_named_and_what_to_do_is_that_of_its_kind(
    tmp_path: Path, where: tuple[Place, ...], file: str, advice: str, damage: str
) -> None:
    path = tmp_path / file
    address = database(path, A_TABLE, *(f"CREATE TABLE t{number} (n)" for number in range(50)))
    content = path.read_bytes()
    path.write_bytes(b"\xff" * 5000 if damage == "not a database" else content[:200] + b"\xff" * (len(content) - 200))
    fault = fault_of(lambda: asked(address, "SELECT n FROM t"), where)
    assert isinstance(fault, DatabaseUnusable)
    assert fault.fact.startswith(f"{path} is damaged or cannot be read (")
    assert fault.advice.startswith(advice)


@pytest.mark.parametrize(
    "statement", ["SELECT n FROM missing", "SELECT missing FROM t", "INSERT INTO t (m) VALUES (1)"]
)
def test_a_database_of_another_version_of_dagster_is_named(
    tmp_path: Path, where: tuple[Place, ...], statement: str
) -> None:
    file = tmp_path / "dagster" / "history" / "runs.db"
    address = database(file, A_TABLE)
    fault = fault_of(lambda: asked(address, statement), where)
    assert isinstance(fault, DatabaseUnusable)
    assert fault.fact.startswith(f"{file}: ")
    assert fault.advice.startswith("if another version of Dagster made it, say dagster instance migrate; else move it")


def test_a_table_that_sqlalchemy_looks_for_in_vain_is_one_of_dagsters(tmp_path: Path, where: tuple[Place, ...]) -> None:
    engine = create_engine(database(tmp_path / "runs.db"), poolclass=NullPool)
    fault = fault_of(lambda: inspect(engine).get_columns("runs"), where)
    assert "a database of Dagster's in DAGSTER_HOME=" in str(fault)


def test_an_error_that_dagster_kept_the_words_of_is_understood(locked: Path) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        asked(f"sqlite:///{locked}?timeout=0", "SELECT n FROM t")
    told = serializable_error_info_from_exc_info((error.type, error.value, error.tb))
    assert told.cause is not None
    fault = machine_fault_told([told.message, told.cause.message])
    assert isinstance(fault, DatabaseUnusable)
    assert str(fault).startswith(f"{locked}: database is locked")


@pytest.mark.parametrize("error", [FileNotFoundError(2, "No such file", "/x"), ValueError("28"), KeyError("locked")])
def test_what_is_not_the_machine_s_fault_is_left(where: tuple[Place, ...], error: Exception) -> None:
    assert machine_fault(error, where) is None
    assert machine_fault_told([repr(error)]) is None


def test_a_statement_that_is_wrong_is_not_the_machine_s_fault(tmp_path: Path, where: tuple[Place, ...]) -> None:
    with pytest.raises(SQLAlchemyError) as error:
        asked(database(tmp_path / "runs.db"), "SELECT FROM")
    assert machine_fault(error.value, where) is None


def test_a_folder_to_be_made_needs_one_that_can_be_written(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    require_writable("LAKEHOUSE_HOME", folder, ["."])
    with refused(tmp_path), pytest.raises(ConfigurationError, match=f"LAKEHOUSE_HOME={folder}: {tmp_path} cannot be w"):
        require_writable("LAKEHOUSE_HOME", folder, ["."])


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (73_400_000_000, "73.4 GB")]
)
def test_sizes_are_for_people(count: int, shown: str) -> None:
    assert size(count) == shown


def test_the_folder_that_is_nearest_is_blamed(tmp_path: Path) -> None:
    within = (Place("LAKEHOUSE_HOME", tmp_path), Place("DAGSTER_HOME", tmp_path / "dagster"))
    database(tmp_path / "dagster" / "runs.db", A_TABLE)
    with refused(tmp_path / "dagster" / "runs.db"):
        fault = fault_of(lambda: (tmp_path / "dagster" / "runs.db").write_bytes(b""), within)
    assert f"DAGSTER_HOME={tmp_path}/dagster" in str(fault)


def test_no_temporary_folder_is_said_to_be_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o555)
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path)])
    with refused(tmp_path):
        fault = fault_of(tempfile.TemporaryDirectory, (Place("LAKEHOUSE_HOME", tmp_path),))
    tmp_path.chmod(0o755)
    assert isinstance(fault, NotWritable)
    assert fault.fact == f"No usable temporary directory found in ['{tmp_path}']"
    assert "TMPDIR" in fault.advice
