"""Whatever a person or a source gets wrong is one line that says what, where and what to do; nothing changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import Month
from lakehouse.settings import load_settings
from tests import green_files
from tests.commands import (
    Command,
    dagster_in_memory,
    free_port,
    held,
    lakehouse,
    of,
    run,
    run_arguments,
)
from tests.http_source import CLOUDFRONT_REQUEST_BLOCKED, S3_ACCESS_DENIED, Fault, SourceServer
from tests.odd_columns import with_odd_columns
from tests.project import Project

JANUARY, FEBRUARY = Month(2024, 1), Month(2024, 2)
LOADED = of(40, "480.00")
HTML = b"<!DOCTYPE html>\n<html><head><title>Maintenance</title></head><body>Back soon</body></html>\n"
GOLD = "gold.green_trips_by_payment_type"


@pytest.fixture(scope="module", autouse=True)
def _quick_runs() -> Iterator[None]:
    with dagster_in_memory():
        yield


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one loaded month, which no test may change."""
    project = Project(tmp_path_factory.mktemp("loaded"))
    project.publish(JANUARY, green_files.trips(JANUARY, 40))
    assert run(project, JANUARY).exit_code == 0
    return project


NOT_PUBLISHED = 3
"""Exit code of a run in which nothing failed, of months of which some are not published."""


def said(result: Command) -> str:
    """The one line that a refused command says, on standard error."""
    assert result.exit_code == 2
    assert result.output == ""
    (line,) = result.errors
    return line.removeprefix("Error: ")


def waited(result: Command, month: Month) -> str:
    """What is said of a month that is not published, with the asset that asked for it."""
    assert (result.exit_code, result.errors) == (NOT_PUBLISHED, ())
    assert re.search(rf"^{month}  ok .* made of what is published, waiting for green$", result.output, re.MULTILINE)
    assert result.output.endswith("1 month: 0 made, 0 unchanged, 1 waiting, 0 failed\n")
    line = next(line for line in result.output.splitlines() if line.split()[0] == "green_bronze")
    return re.sub(r"^\s+green_bronze +[0-9.]+ s  ", "", line)


def failed(result: Command, month: Month, exit_code: int = 1) -> str:
    """The one line that says why a run failed; a second one sums up."""
    assert result.exit_code == exit_code
    assert re.search(rf"^{month}  FAILED ", result.output, re.MULTILINE)
    assert result.output.endswith("1 month: 0 made, 0 unchanged, 0 waiting, 1 failed\n")
    line, summary = result.errors
    assert summary == f"failed: {month}"
    assert str(month) in line
    assert "unexpected" not in line
    return line.strip()


# A source that does not answer, or not with a file


class Source:
    """A source that has January, and an answer for February."""

    def __init__(self, project: Project, server: SourceServer) -> None:
        self.project = project
        self.url = f"{server.url}/{green_files.source_path(FEBRUARY)}"
        self._server = server

    def refusal(self, fault: Fault) -> str:
        """Why a run of February fails when it is answered so; it must leave everything as it was."""
        return failed(self._run(fault), FEBRUARY)

    def waits(self, fault: Fault) -> str:
        """Why a run of February has nothing of it when it is answered so; it must leave everything as it was."""
        return waited(self._run(fault), FEBRUARY)

    def _run(self, fault: Fault) -> Command:
        self._server.fail(f"/{green_files.source_path(FEBRUARY)}", fault)
        before = self.project.files()
        result = run(self.project, FEBRUARY, LAKEHOUSE_TLC_URL=self._server.url, LAKEHOUSE_HTTP_ATTEMPTS="1")
        assert self.project.files() == before
        assert not list((self.project.home / "staging").glob("landing-*"))
        assert held(self.project, JANUARY) == LOADED
        return result


@pytest.fixture(scope="module")
def source(loaded: Project) -> Iterator[Source]:
    with SourceServer(loaded.source) as server:
        # Zones are landed from here once, so that nothing is left to write but what is refused.
        assert run(loaded, JANUARY, LAKEHOUSE_TLC_URL=server.url).exit_code == 0
        yield Source(loaded, server)


def test_a_month_that_the_source_answers_404_for(source: Source) -> None:
    line = source.waits(Fault(status=404))
    assert line.startswith(f"green 2024-02: {source.url} answered 404")
    assert "not published (yet)" in line
    assert "LAKEHOUSE_TLC_URL" in line


def test_a_month_that_s3_denies_access_to(source: Source) -> None:
    line = source.waits(Fault(status=403, body=S3_ACCESS_DENIED))
    assert line.startswith(f"green 2024-02: {source.url} answered 403 with S3's AccessDenied")
    assert "not published (yet)" in line


def test_a_failure_beside_an_unpublished_month_is_a_failure(project: Project) -> None:
    file = project.source / green_files.source_path(JANUARY)
    file.write_bytes(HTML)
    assert run(project, JANUARY, FEBRUARY).exit_code == 1
    assert run(project, FEBRUARY).exit_code == NOT_PUBLISHED


def test_a_source_that_throttles(source: Source) -> None:
    line = source.refusal(Fault(status=403, body=CLOUDFRONT_REQUEST_BLOCKED))
    assert line.startswith(f"green 2024-02: {source.url} answered 403")
    assert "throttling" in line
    assert "run it again later" in line


def test_a_source_that_breaks_down(source: Source) -> None:
    line = source.refusal(Fault(status=503))
    assert line.startswith(f"green 2024-02: {source.url} answered 503 (gave up after 1 attempt)")
    assert "run it again later" in line


def test_a_page_instead_of_a_file(source: Source) -> None:
    line = source.refusal(Fault(status=200, body=HTML))
    assert line.startswith(f"green 2024-02: {source.url} is not a trip file: it is an HTML or XML page")
    assert "run it again later" in line


def test_a_file_that_is_cut_short_at_the_source(source: Source, tmp_path: Path) -> None:
    whole = green_files.write(tmp_path / "whole.parquet", green_files.trips(FEBRUARY, 40)).read_bytes()
    line = source.refusal(Fault(status=200, body=whole[:-20]))
    assert line.startswith(f"green 2024-02: {source.url} is not a trip file: its {len(whole) - 20:,} bytes")
    assert "run it again later" in line


def test_a_file_that_is_cut_short_on_its_way(source: Source, loaded: Project) -> None:
    file = loaded.publish(FEBRUARY, green_files.trips(FEBRUARY, 40))
    line = source.refusal(Fault(cut_bytes=20))
    file.unlink()
    assert line.startswith(f"green 2024-02: {source.url} did not deliver (IncompleteRead")
    assert "run it again later" in line


def test_a_file_without_rows(source: Source, tmp_path: Path) -> None:
    empty = green_files.write(tmp_path / "empty.parquet", []).read_bytes()
    line = source.refusal(Fault(status=200, body=empty))
    assert line.startswith(f"green 2024-02: {source.url} is not a trip file: it has no rows")


def test_a_source_that_cannot_be_reached(loaded: Project) -> None:
    port = free_port()
    before = loaded.files()
    completed = loaded.lakehouse(
        *run_arguments(FEBRUARY, FEBRUARY),
        LAKEHOUSE_TLC_URL=f"http://127.0.0.1:{port}",
        LAKEHOUSE_HTTP_ATTEMPTS="1",
    )
    assert completed.returncode == 1
    assert completed.stdout.endswith("1 month: 0 made, 0 unchanged, 0 waiting, 1 failed\n")
    *lines, summary = completed.stderr.splitlines()
    assert summary == "failed: 2024-02"
    assert {line.split(" did not")[0].strip() for line in lines} == {
        f"green 2024-02: http://127.0.0.1:{port}/trip-data/green_tripdata_2024-02.parquet",
        f"zones: http://127.0.0.1:{port}/misc/taxi_zone_lookup.csv",
    }
    for line in lines:
        assert "Connection refused" in line
        assert "run it again later" in line
    assert loaded.files() == before
    assert held(loaded, JANUARY) == LOADED


# A parquet file that is not what the contract says


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def with_value(name: str, value: object, type_: pa.DataType | None = None) -> Callable[[pa.Table], pa.Table]:
    """The table with one value of a column changed, and the column's type if one is given."""

    def changed(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        values = table.column(name).to_pylist()
        values[3] = value
        return table.set_column(position, name, pa.array(values, type_ or table.schema.field(name).type))

    return changed


def as_text(name: str) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        position = table.schema.get_field_index(name)
        return table.set_column(position, name, table.column(name).cast(pa.string()))

    return changed


BAD_FILES: dict[str, tuple[green_files.Era, Callable[[pa.Table], pa.Table], str, str]] = {
    "without a required column": (
        "since 2023-02",
        without("PULocationID"),
        "required column PULocationID (pickup_location_id) is missing",
        "Check what the source published",
    ),
    "with a fraction where a whole number belongs": (
        "until 2023-01",
        with_value("passenger_count", 2.5),
        "column passenger_count (passenger_count) must hold whole numbers, but 1 values do not, for example 2.5",
        "Check what the source published",
    ),
    "with text for a time": (
        "since 2023-02",
        as_text("lpep_pickup_datetime"),
        "column lpep_pickup_datetime is of type string, which cannot become pickup_at (DATETIME)",
        "Check what the source published",
    ),
}


@pytest.fixture(scope="module")
def restated(loaded: Project) -> Month:
    """A loaded month, of which the source then publishes one bad file after the other."""
    month = Month(2022, 1)
    loaded.publish(month, green_files.trips(month, 40))
    assert run(loaded, month).exit_code == 0
    return month


@pytest.mark.parametrize("what", BAD_FILES)
def test_a_loaded_month_stays_when_the_source_restates_it_with_a_file(
    loaded: Project, restated: Month, what: str
) -> None:
    era, spoil, reason, advice = BAD_FILES[what]
    before = tables(loaded)
    bad = spoil(green_files.table(green_files.trips(restated, 41), era))
    green_files.write(loaded.source / green_files.source_path(restated), bad)

    line = failed(run(loaded, restated), restated)
    assert line.startswith(f"green 2022-01 ({loaded.home}/bronze/green/year=2022/month=01/")
    assert reason in line
    assert "nothing was changed" in line
    assert advice in line
    assert tables(loaded) == before
    assert held(loaded, restated) == LOADED


def tables(project: Project) -> dict[str, int]:
    return {name: time for name, time in project.files().items() if not name.startswith("bronze/")}


def test_a_file_whose_footer_is_whole_and_whose_rows_are_damaged(loaded: Project) -> None:
    month = Month(2022, 11)
    file = loaded.publish(month, green_files.trips(month, 40))
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    before = tables(loaded)
    line = failed(run(loaded, month), month)
    assert line.startswith(f"green 2022-11: {file.as_uri()} is not a trip file: its values cannot be read (")
    assert "nothing was kept" in line
    assert tables(loaded) == before
    assert not list((loaded.home / "bronze" / "green").glob("year=2022/month=11/*"))


def test_a_time_after_the_year_9999_and_an_amount_that_is_no_number_reject_their_trips_whatever_else_there_is(
    loaded: Project,
) -> None:
    """BigQuery's DATETIME ends there, and so does Python's; Parquet's and DuckDB's time goes on."""
    month, name = Month(2022, 12), "lpep_dropoff_datetime"
    trips = green_files.table(green_files.trips(month, 40))
    moments = trips.column(name).cast(pa.int64()).to_pylist()
    moments[5] = 2**61
    spoiled = trips.set_column(
        trips.schema.get_field_index(name), name, pa.array(moments, pa.int64()).cast(pa.timestamp("us"))
    )
    spoiled = with_odd_columns(with_value("total_amount", float("nan"))(spoiled))
    green_files.write(loaded.source / green_files.source_path(month), spoiled)
    assert run(loaded, month).exit_code == 0
    rejected = f"SELECT unreadable_column FROM silver.green_trips_rejected WHERE month = '{month}-01' ORDER BY 1"
    assert loaded.rows(rejected) == [{"unreadable_column": "dropoff_at"}, {"unreadable_column": "total_amount"}]


# Months and assets that there are not


@pytest.mark.parametrize("month", ["2023-13", "hello", "2024", "2024-1", ""])
def test_text_that_is_not_a_month(loaded: Project, month: str) -> None:
    result = lakehouse(loaded, "run", "--from", month)
    assert result.exit_code == 2
    assert result.output == ""
    assert [line for line in result.errors if line.startswith("Error")] == [
        f"Error: Invalid value for '--from': '{month}' is not a month: write it as YYYY-MM, for example 2024-01"
    ]


def test_a_month_before_the_first(loaded: Project) -> None:
    line = said(run(loaded, Month(2023, 12), JANUARY, LAKEHOUSE_FIRST_MONTH="2024-01"))
    assert line.startswith("2023-12 is before 2024-01, the first month: set LAKEHOUSE_FIRST_MONTH=2023-12")


def test_a_month_before_there_were_zones(loaded: Project) -> None:
    """There is no setting that would help, so none is advised."""
    line = said(run(loaded, Month(2010, 12), JANUARY))
    assert line.startswith("2010-12 is before 2011-01")
    assert "set LAKEHOUSE_FIRST_MONTH" not in line


def test_a_month_in_the_future(loaded: Project) -> None:
    line = said(run(loaded, Month(2099, 1)))
    assert re.fullmatch(r"2099-01 is after 20\d\d-\d\d, the newest month: TLC publishes about two months late", line)


def test_a_range_that_ends_before_it_begins(loaded: Project) -> None:
    assert said(run(loaded, FEBRUARY, JANUARY)) == "--from 2024-02 is after --to 2024-01"


def test_an_asset_that_is_misspelt(loaded: Project) -> None:
    before = loaded.files()
    line = said(lakehouse(loaded, "run", "--select", "green_bronze,gren_gold"))
    assert line == "there is no asset gren_gold; did you mean green_gold or users_gold?"
    assert loaded.files() == before


@pytest.mark.parametrize("selection", ["", "++", "key:", "green_gold and"])
def test_a_selection_that_cannot_be_parsed(loaded: Project, selection: str) -> None:
    assert said(lakehouse(loaded, "run", "--select", selection)).startswith(f"--select '{selection}' cannot be used: ")


def test_a_selection_of_nothing(loaded: Project) -> None:
    line = said(lakehouse(loaded, "run", "--select", "group:nothing"))
    assert line.startswith("--select 'group:nothing' selects nothing; there is fhv_bronze, ")


# Queries that cannot be answered

QUERIES = {
    f"SELECT trip_cnt FROM {GOLD}": f"there is no column trip_cnt in {GOLD}; did you mean trip_count?",
    "SELECT * FROM gold.green_trips": "there is no table gold.green_trips; did you mean silver.green_trips",
    "SELECT * FROM nowhere": "there is no table nowhere; there is bronze.landings, ",
    f"SELECT * FROM {GOLD} WHERE": "not valid BigQuery SQL: ",
    f"SELEC * FROM {GOLD}": "not valid BigQuery SQL: ",
    "SELECT * FROM": "not valid BigQuery SQL: ",
    "SELECT 'open": "not valid BigQuery SQL: ",
    f"DROP TABLE {GOLD}": "expected exactly one SELECT",
    f"DELETE FROM {GOLD} WHERE TRUE": "expected exactly one SELECT",
    f"SELECT 1; DROP TABLE {GOLD}": "expected exactly one SELECT",
    "": "expected exactly one SELECT",
    f"SELECT month, COUNT(*) AS n FROM {GOLD}": "",
    "SELECT CAST('x' AS INT64) AS n": "",
    "SELECT * FROM read_csv('/etc/hostname')": "there is no table ",
    f"SELECT * FROM {GOLD} WHERE month = @month": "@month has no value; write the value itself",
}


@pytest.mark.parametrize("sql", QUERIES)
def test_a_query_that_cannot_be_answered(loaded: Project, sql: str) -> None:
    before = loaded.files()
    line = said(lakehouse(loaded, "query", sql))
    assert line.startswith(f"query: {QUERIES[sql]}")
    assert "SENTINEL" not in line
    assert loaded.files() == before


def test_a_query_with_an_ambiguous_column_is_not_told_that_there_is_none(loaded: Project) -> None:
    line = said(lakehouse(loaded, "query", f"SELECT month FROM {GOLD} AS a CROSS JOIN {GOLD} AS b"))
    assert "ambiguous" in line.lower()
    assert "there is no column month" not in line


def test_a_query_that_calls_a_function_for_a_table_names_it(loaded: Project) -> None:
    assert "read_csv" in said(lakehouse(loaded, "query", "SELECT * FROM read_csv('/etc/hostname')"))


def test_a_query_of_a_table_that_was_never_materialized(loaded: Project, tmp_path: Path) -> None:
    home = tmp_path / "new"
    line = said(lakehouse(loaded, "query", f"SELECT * FROM {GOLD}", LAKEHOUSE_HOME=str(home)))
    assert line == f"query: {GOLD} has not been materialized yet: materialize it with lakehouse run"
    assert not home.exists()


def test_a_query_refused_in_a_process_of_its_own_prints_one_line(loaded: Project) -> None:
    completed = loaded.lakehouse("query", "DROP TABLE silver.green_trips")
    assert (completed.returncode, completed.stdout) == (2, "")
    assert completed.stderr == "Error: query: expected exactly one SELECT\n"
    assert held(loaded, JANUARY) == LOADED


# Settings

SETTINGS = {
    "LAKEHOUSE_FIRST_MONTH=2009-01": ("2009-01 is before 2011-01",),
    "LAKEHOUSE_FIRST_MONTH=hello": ("write it as YYYY-MM",),
    "LAKEHOUSE_MEMORY_LIMIT=lots": ("for example", "GB"),
    "LAKEHOUSE_THREADS=0": ("greater than or equal to 1",),
    "LAKEHOUSE_HTTP_ATTEMPTS=often": ("integer",),
    "LAKEHOUSE_PROFILE=gcp": ("needs the project", "set LAKEHOUSE_PROJECT"),
    "LAKEHOUSE_PROFILE=azure": ("'local'", "'gcp'"),
    "LAKEHOUSE_EXECUTOR=celery": ("'in_process'", "'multiprocess'"),
    "LAKEHOUSE_HOME=/tmp/what?": ("?", "file patterns"),
    "LAKEHOUSE_HOME=~nosuch/x": ("is not a path",),
    "LAKEHOUSE_TLC_URL=ftp://x": ("is not an address", "begins with https://"),
    "LAKEHOUSE_USERS_URL=ftp://x": ("is not an address", "begins with https://"),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_that_cannot_be_used(loaded: Project, setting: str) -> None:
    name, _, value = setting.partition("=")
    before = loaded.files()
    for command in (("run",), ("query", "SELECT 1 AS one")):
        line = said(lakehouse(loaded, *command, **{name: value}))
        assert line.startswith(f"{setting}: ")
        assert "^" not in line  # a pattern is nothing to read
        for words in SETTINGS[setting]:
            assert words in line
    assert loaded.files() == before


def test_a_home_that_cannot_be_a_folder(loaded: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    home = tmp_path / "file" / "home"
    result = run(loaded, FEBRUARY, LAKEHOUSE_HOME=str(home))
    assert result.exit_code == 2
    assert "LAKEHOUSE_HOME" in result.errors[0]
    assert str(home) in result.errors[0]
    assert "unexpected" not in result.errors[0]


def test_a_home_of_dagster_that_cannot_be_a_folder(loaded: Project, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    home = tmp_path / "file" / "dagster"
    line = said(run(loaded, FEBRUARY, DAGSTER_HOME=str(home)))
    assert "DAGSTER_HOME" in line
    assert str(home) in line


def test_too_little_memory_names_the_setting(loaded: Project) -> None:
    trips_alone = ("run", "--from", str(JANUARY), "--to", str(JANUARY), "--select", "green_silver")
    line = failed(lakehouse(loaded, *trips_alone, LAKEHOUSE_MEMORY_LIMIT="1KB"), JANUARY, exit_code=2)
    assert "LAKEHOUSE_MEMORY_LIMIT=1KB: raise it" in line
    assert held(loaded, JANUARY) == LOADED


def test_threads_by_the_thousand_are_refused_before_one_is_started() -> None:
    """DuckDB starts as many as it is told to, which no machine survives: so nothing is run here."""
    with pytest.raises(ConfigurationError, match=r"^LAKEHOUSE_THREADS=100000: .*less than"):
        load_settings(threads=100_000)
