"""The folder that samples are published in."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from lakehouse.partition import Month
from lakehouse.sample.source import FIRST_VERSION, ROWS, prepare, publish
from tests.sample.scaled import scaled

FIRST, SECOND = Month(2023, 1), Month(2023, 2)
SCALE = 0.001


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of change of every file."""
    return {
        path.relative_to(folder).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_month_is_published_at_tlcs_paths_with_a_tenth_of_a_real_months_rows(tmp_path: Path) -> None:
    paths = publish(tmp_path, FIRST, scaled(SCALE), FIRST_VERSION)
    assert {path.relative_to(tmp_path).as_posix(): pq.read_metadata(path).num_rows for path in paths} == {
        "trip-data/yellow_tripdata_2023-01.parquet": 300,
        "trip-data/green_tripdata_2023-01.parquet": 7,
        "trip-data/fhv_tripdata_2023-01.parquet": 120,
    }
    assert dict(ROWS) == {"yellow": 300_000, "green": 7_000, "fhv": 120_000}
    assert set(contents(tmp_path)) == {path.relative_to(tmp_path).as_posix() for path in paths}


def test_however_small_a_month_has_records(tmp_path: Path) -> None:
    assert [pq.read_metadata(path).num_rows for path in publish(tmp_path, FIRST, scaled(1e-9), FIRST_VERSION)] == [
        1,
        1,
        1,
    ]


def test_another_version_restates_every_file_and_the_first_one_comes_back_as_it_was(tmp_path: Path) -> None:
    first, second, again = (
        {path.name: path.read_bytes() for path in publish(tmp_path, FIRST, scaled(SCALE), version)}
        for version in (1, 2, 1)
    )
    assert all(first[name] != second[name] for name in first)
    assert first == again


def test_preparing_writes_what_is_missing_and_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "users.json").write_text("[]")
    publish(tmp_path, FIRST, scaled(SCALE), 2)
    before = contents(tmp_path)
    written = prepare(tmp_path, [FIRST, SECOND], scaled(SCALE))
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        "misc/taxi_zone_lookup.csv",
        *(f"trip-data/{name}_tripdata_2023-02.parquet" for name in ROWS),
    }
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + len(written)


def test_preparing_again_writes_nothing(tmp_path: Path) -> None:
    assert len(prepare(tmp_path, [FIRST], scaled(SCALE))) == 5
    before = contents(tmp_path)
    assert prepare(tmp_path, [FIRST], scaled(SCALE)) == ()
    assert contents(tmp_path) == before


def test_preparing_mends_a_month_that_lacks_a_dataset(tmp_path: Path) -> None:
    _, green, _ = publish(tmp_path, FIRST, scaled(SCALE), FIRST_VERSION)
    green.unlink()
    prepare(tmp_path, [], ROWS)
    assert prepare(tmp_path, [FIRST], scaled(SCALE)) == (green,)


def test_zones_and_users_are_there_without_a_month(tmp_path: Path) -> None:
    prepare(tmp_path, (), ROWS)
    assert set(contents(tmp_path)) == {"misc/taxi_zone_lookup.csv", "users.json"}


def test_importing_the_samples_loads_none_of_the_libraries_they_use() -> None:
    code = (
        "import pkgutil, importlib, sys; import lakehouse.sample as package;"
        "names = [m.name for m in pkgutil.iter_modules(package.__path__)];"
        "[importlib.import_module(f'lakehouse.sample.{name}') for name in names];"
        "heavy = {'numpy', 'pyarrow', 'starlette', 'uvicorn', 'requests', 'dlt'};"
        "print(len(names) > 8, sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "True []"
