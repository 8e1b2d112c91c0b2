"""Whatever somebody writes into a query: it reads no file, writes nothing, ends in time, and is refused in words."""

from __future__ import annotations

import resource
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from lakehouse.bronze.local import LocalBronzeStore
from lakehouse.exceptions import QueryError, QueryTookTooLong
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.local.engine import connect, seal
from lakehouse.warehouse.query_limits import Deadline, QueryLimits, memory_kept
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests.loading import CONTRACTS, models_of
from tests.warehouse.hostile import HOSTILE, Hostile
from tests.warehouse.implementations import House, LocalImplementation, local_store

SECRET = "a-secret-that-nobody-is-told"  # noqa: S105 - a secret of this test alone
VARIABLE = "SECRET_OF_A_TEST"
LIMITS = QueryLimits(seconds=2.0, memory=600_000_000)
PUTTING_AWAY_SECONDS = 10.0
"""How long the command waits for the end of a query that is over its limit."""
LONGEST_MESSAGE = 1100
ZONES = 265


@dataclass(frozen=True)
class Target:
    """A warehouse with a table, and beside its home a folder with files that hold a secret."""

    warehouse: StoreWarehouse
    root: Path

    @property
    def patient(self) -> StoreWarehouse:
        """The same with the time that an honest query takes on a busy machine."""
        return opened(self.root, replace(LIMITS, seconds=60.0))

    @property
    def folder(self) -> Path:
        return self.root / "beside"

    def statement(self, hostile: Hostile) -> str:
        return self.with_paths(hostile.sql).replace("{variable}", VARIABLE)

    def with_paths(self, sql: str) -> str:
        return sql.replace("{canary}", str(self.folder / "canary")).replace("{folder}", str(self.folder))

    def files(self) -> Mapping[Path, bytes]:
        """All that there is in the home and beside it; an empty folder for what an engine spills is nothing."""
        return {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def zones(self) -> int:
        (row,) = self.warehouse.query("SELECT COUNT(*) AS n FROM silver.zones").to_pylist()
        return int(row["n"])


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    root = tmp_path_factory.mktemp("hostile")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, SECRET)
        implementation = LocalImplementation(root / "home")
        shutil.copytree(PROJECT_ROOT / "sql", root / "sql")
        House(implementation, root / "sql").publish_zones()
        implementation.close()
        plant(root / "beside")
        warehouse = opened(root, LIMITS)
        yield Target(warehouse, root)
        warehouse.close()


def opened(root: Path, limits: QueryLimits) -> StoreWarehouse:
    store, bronze = local_store(root / "home"), LocalBronzeStore(root / "home", of_samples=False)
    return StoreWarehouse(store, bronze, models_of(root / "sql"), CONTRACTS, limits)


def plant(folder: Path) -> None:
    """Files with a secret, in every format that an engine reads."""
    folder.mkdir()
    (folder / "canary.csv").write_text(f"secret\n{SECRET}\n")
    (folder / "canary.json").write_text(f'{{"secret": "{SECRET}"}}\n')
    duckdb.connect().execute(f"COPY (SELECT '{SECRET}' AS secret) TO '{folder}/canary.parquet'")


def test_there_are_enough_of_them() -> None:
    assert len({each.sql for each in HOSTILE}) == len({each.tries for each in HOSTILE}) == len(HOSTILE) >= 98


@pytest.mark.parametrize("hostile", HOSTILE, ids=str)
def test_a_hostile_query_gets_nothing_and_is_told_so(target: Target, hostile: Hostile) -> None:
    before, started = target.files(), time.monotonic()
    try:
        told = str(target.warehouse.query(target.statement(hostile)).to_pylist())
        assert hostile.may_answer, told[:1000]
    except QueryError as error:
        told = str(error)
        assert told.startswith("query: ")
        assert told.isprintable()
        assert len(told) < LONGEST_MESSAGE
        assert "damaged" not in told.replace(hostile.sql, "")
        assert "Traceback" not in told
    assert time.monotonic() - started < LIMITS.seconds + PUTTING_AWAY_SECONDS
    assert SECRET not in told
    assert target.files() == before
    assert target.zones() == ZONES


STEPS = "".join(f", a{n} AS (SELECT x FROM a{n - 1})" for n in range(1, 5001))
"""Takes a resolver the longer the more of them there are, and no bound but that of the time stops it."""

READ_BY_AN_ENGINE = tuple(
    each
    for each in HOSTILE
    if each.sql.startswith("SELECT * FROM") and "{canary}" in each.sql
    if each.tries
    in {
        *("a parquet file as a table function", "a csv file as a table function", "a text file as a table function"),
        *("a JSON file as a table function", "a file's name as a table, in single quotes"),
        *("a file's name as a table, in double quotes",),
    }
)


def test_what_is_read_by_an_engine_that_is_not_sealed_is_the_secret(target: Target) -> None:
    """The canaries sing: without what is tested here these statements do give the secret away."""
    assert len(READ_BY_AN_ENGINE) == 6
    with duckdb.connect() as plain, connect("100MB", 1, target.root / "spill") as ours:
        for hostile in READ_BY_AN_ENGINE:
            assert SECRET in str(plain.execute(target.statement(hostile)).fetchall())
            assert SECRET in str(ours.execute(target.statement(hostile)).fetchall())
        seal(ours, (), 10)
        for hostile in READ_BY_AN_ENGINE:
            with pytest.raises(duckdb.PermissionException):
                ours.execute(target.statement(hostile))


REFUSED_BY_A_SEALED_ENGINE = (
    *("COPY (SELECT 1 AS x) TO '{folder}/stolen.csv'", "EXPORT DATABASE '{folder}/stolen'"),
    *("ATTACH '{folder}/stolen.db' AS stolen", "INSTALL httpfs", "LOAD httpfs", "LOAD '{folder}/canary.csv'"),
    *("SET lock_configuration = FALSE", "SET enable_external_access = TRUE", "RESET max_execution_time"),
    *("SET allowed_directories = ['/']", "SET GLOBAL threads = 1", "PRAGMA memory_limit = '10GB'"),
    *("SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')", "SELECT * FROM read_parquet('s3://bucket/x.parquet')"),
    *("SELECT * FROM glob('{folder}/*')", "SELECT * FROM read_text('/proc/self/environ')", "SELECT getenv('HOME')"),
    *("SELECT * FROM sniff_csv('{folder}/canary.csv')", "SELECT * FROM read_blob('{folder}/canary.json')"),
    *("SELECT * FROM query('SELECT * FROM read_text(''{folder}/canary.csv'')')", "SELECT * FROM variable_of_python"),
    *("CREATE PERSISTENT SECRET a (TYPE s3)", "SELECT * FROM query_table('{folder}/canary.csv')"),
    *("COPY (SELECT 1 AS x) TO '{allowed}'", "SELECT * FROM read_text('{allowed}/../canary.csv')"),
)


@pytest.mark.parametrize("sql", REFUSED_BY_A_SEALED_ENGINE)
def test_a_sealed_engine_refuses_by_itself_what_no_parser_would_let_through(target: Target, sql: str) -> None:
    variable_of_python = pa.table({"x": [1]})
    allowed, before = target.folder / "canary.parquet", target.files()
    with connect("100MB", 1, target.root / "spill") as connection:
        connection.register("given", variable_of_python)
        seal(connection, [allowed], 10)
        with pytest.raises(duckdb.Error) as error:
            connection.execute(target.with_paths(sql).replace("{allowed}", str(allowed))).fetchall()
        assert SECRET not in str(error.value)
        assert connection.execute("SELECT x FROM given").fetchall() == [(1,)]
        assert connection.execute(f"SELECT secret FROM read_parquet('{allowed}')").fetchall() == [(SECRET,)]
    assert target.files() == before


def test_a_sealed_engine_still_spills(tmp_path: Path) -> None:
    with connect("60MB", 1, tmp_path / "spill") as connection:
        seal(connection, (), 60)
        sql = "SELECT MAX(n) FROM (SELECT hash(x) AS n FROM range(8000000) AS t(x) ORDER BY n LIMIT 7999999)"
        assert connection.execute(sql).fetchall()
        spilled = "SELECT SUM(size) FROM duckdb_temporary_files()"
        held = "CREATE TEMP TABLE held AS SELECT hash(x) AS n, hash(x + 1) AS m FROM range(8000000) AS t(x)"
        connection.execute(held)
        ((size,),) = connection.execute(spilled).fetchall()
        assert size > 10_000_000


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT LENGHT(zone) AS x FROM silver.zones", "there is no function LENGHT; did you mean LENGTH"),
        ("SELECT getenv('HOME') AS x", "there is no function GETENV"),
        ("SELECT READ_PARQUET('x') AS x", "READ_PARQUET is on no list"),
        ("SELECT * FROM read_text('x')", "there is no table read_text: it is a function, and only tables can be read"),
        ("WITH a AS (DELETE FROM silver.zones WHERE TRUE) SELECT 1 AS x", "DELETE changes something, and a query only"),
        ("SELECT zone INTO x FROM silver.zones", "INTO changes something"),
        (f"SELECT {'(' * 3000}1{')' * 3000} AS x", "it is nested 3,000 deep, and 64 is the most"),
        (f"SELECT 1 AS x{' ' * 250_000}", "it is 250,013 characters long, and 250,000 is the most"),
        (" UNION ALL ".join(["SELECT 1 AS x"] * 5000)[:240_000], "parts are"),
        ("SELECT 'a\0b' AS x", "it has a NUL at character 10"),
        ("SELECT '\ud800' AS x", "it is not UTF-8 text (surrogates not allowed at character 9)"),
        ("SELECT 18446744073709551616 AS x", "the number 1844674407370955161… is beyond INT64"),
        ("SELECT LENGTH(REPEAT('x', 1000001)) AS x", "1000001 is more than the 1,000,000 characters"),
        ("SELECT REGEXP_CONTAINS(zone, '(') AS x FROM silver.zones", "missing )"),
        ("SELECT * FROM memory.silver.zones", "there is no table memory.silver.zones here"),
        (
            "SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000)) AS x",
            "more memory than LAKEHOUSE_QUERY_MEMORY_LIMIT=0.6GB",
        ),
    ],
)
def test_it_is_said_what_is_wrong_and_which_bound_it_was(target: Target, sql: str, said: str) -> None:
    with pytest.raises(QueryError) as error:
        target.warehouse.query(sql)
    assert said in str(error.value)
    assert error.value.is_lasting


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT COUNT(*) AS n FROM {', '.join(f'silver.zones AS z{n}' for n in range(9))} WHERE z0.zone < z8.zone",
        f"WITH a0 AS (SELECT 1 AS x){STEPS} SELECT x FROM a5000",
    ],
    ids=["by the engine", "before the engine is asked"],
)
def test_a_query_that_takes_too_long_may_be_asked_again_and_the_setting_is_named(target: Target, sql: str) -> None:
    with pytest.raises(QueryTookTooLong, match="longer than LAKEHOUSE_QUERY_TIMEOUT=2 seconds") as error:
        target.warehouse.query(sql)
    assert not error.value.is_lasting


def test_what_ends_as_its_time_is_over_is_told_so_only_there() -> None:
    """Most rounds end with their time; where exactly threads take turns is the system's, so there are many."""
    late, before = 0, sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for each in range(600):
            end = time.monotonic() + (0.05 if each % 100 == 0 else 0.002 + (each % 41 - 15) * 1e-5)
            try:
                Deadline(0.002).kept(partial(_busy_until, end))
            except QueryTookTooLong:
                late += 1
        time.sleep(0.5)  # who is still told that it is out of time is told so in here
    finally:
        sys.setswitchinterval(before)
    assert 6 <= late < 600
    assert [thread for thread in threading.enumerate() if "(end)" in thread.name] == []


def _busy_until(end: float) -> None:
    while time.monotonic() < end:
        pass


def test_the_memory_that_a_query_may_have_is_the_process_s_own_again(target: Target) -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with memory_kept(LIMITS), memory_kept(LIMITS):
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        with pytest.raises(MemoryError):
            bytes(4_000_000_000)
    with pytest.raises(QueryError, match=r"more memory than LAKEHOUSE_QUERY_MEMORY_LIMIT=0\.6GB"), memory_kept(LIMITS):
        bytes(4_000_000_000)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert target.zones() == ZONES


def test_what_is_honest_is_answered_within_the_bounds(target: Target) -> None:
    """168 months put together, and a list of all ids that anybody may ask for."""
    months = " UNION ALL ".join(f"SELECT {n} AS month, COUNT(*) AS n FROM silver.zones" for n in range(168))
    assert len(target.patient.query(f"SELECT month, n FROM ({months})")) == 168
    ids = ", ".join(map(str, range(20_000)))
    sql = f"SELECT COUNT(*) AS n FROM silver.zones WHERE location_id IN ({ids})"
    assert target.patient.query(sql).to_pylist() == [{"n": ZONES}]
