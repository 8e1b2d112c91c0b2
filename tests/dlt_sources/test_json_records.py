"""Values of an answer are of their column's type, or refused by entry, field and value: dlt would make them NULL."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dlt
import pyarrow.parquet as pq
import pytest

from dlt_sources.dataset import Dataset
from dlt_sources.fetch import Download
from dlt_sources.json_records import json_list, records_source
from dlt_sources.remote_file import RemoteFile, now
from lakehouse.exceptions import CorruptFile

TYPES = {
    "id": "INT64",
    "level": "FLOAT64",
    "price": "NUMERIC(18,2)",
    "is_open": "BOOL",
    "opened": "DATE",
    "local_time": "DATETIME",
    "moment": "TIMESTAMP",
    "at__name": "STRING",
}
STATIONS = Dataset(name="stations", description="Stations.")


def download(folder: Path, *records: dict[str, Any]) -> Download:
    path = folder / "answer.json"
    path.write_text(json.dumps(records))
    return Download(
        path, "https://api.example/stations", None, None, path.stat().st_size, len(records), "0" * 64, now()
    )


def refusal(folder: Path, *records: dict[str, Any]) -> str:
    with pytest.raises(CorruptFile) as error:
        records_source("api", STATIONS, download(folder, *records), TYPES)
    return str(error.value)


@pytest.mark.usefixtures("quiet_dlt")
def test_values_of_every_type_arrive_as_json_or_as_text(tmp_path: Path) -> None:
    answer = download(
        tmp_path,
        {
            "id": "12",
            "level": "-2.5e-1",
            "price": 1.25,
            "is_open": "true",
            "opened": "2024-02-29T00:00:00.000",
            "local_time": "2024-02-29T12:00:00.5",
            "moment": "2024-02-29T12:00:00+02:00",
            "at": {"name": 5},
        },
        {"id": 13, "level": 2, "price": "3", "is_open": False, "opened": "2024-03-01", "at": None},
    )
    pipeline = dlt.pipeline(
        "stations",
        destination=dlt.destinations.filesystem(bucket_url=str(tmp_path), layout="{table_name}/{file_id}.{ext}"),
        dataset_name="landed",
        pipelines_dir=str(tmp_path / "dlt"),
    )
    pipeline.run(records_source("api", STATIONS, answer, TYPES), loader_file_format="parquet")
    (file,) = (tmp_path / "landed" / "stations").iterdir()
    rows = pq.read_table(file).select(list(TYPES)).to_pylist()
    assert rows == [
        {
            "id": 12,
            "level": -0.25,
            "price": 1.25,
            "is_open": True,
            "opened": date(2024, 2, 29),
            "local_time": datetime(2024, 2, 29, 12, 0, 0, 500_000),
            "moment": datetime(2024, 2, 29, 10, tzinfo=UTC),
            "at__name": "5",
        },
        {
            "id": 13,
            "level": 2.0,
            "price": 3.0,
            "is_open": False,
            "opened": date(2024, 3, 1),
            "local_time": None,
            "moment": None,
            "at__name": None,
        },
    ]


@pytest.mark.parametrize(
    ("field", "value", "type_"),
    [
        ("id", "x1", "INT64"),
        ("id", 1.5, "INT64"),
        ("id", True, "INT64"),
        ("level", "high", "FLOAT64"),
        ("level", "1e999", "FLOAT64"),
        ("level", False, "FLOAT64"),
        ("price", "1,5", "NUMERIC(18,2)"),
        ("is_open", 1, "BOOL"),
        ("is_open", "yes", "BOOL"),
        ("opened", "31/12/2020", "DATE"),
        ("opened", "2024-02-30", "DATE"),
        ("opened", "2024-02-29T12:00:00", "DATE"),
        ("local_time", "2024-02-29T12:00:00Z", "DATETIME"),
        ("local_time", "2024-02-29T25:00:00", "DATETIME"),
        ("local_time", 1709208000, "DATETIME"),
        ("moment", "2024-02-29 12:00:00", "TIMESTAMP"),
        ("moment", "yesterday", "TIMESTAMP"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, field: str, value: object, type_: str) -> None:
    said = refusal(tmp_path, {"id": 1}, {"id": 2, field: value})
    assert f"stations: the field {field} of entry 2 is {value!r}, which is no {type_}; nothing was kept" in said


def test_a_value_where_an_object_belongs_and_the_other_way_round_are_refused(tmp_path: Path) -> None:
    assert "the field at of entry 1 is 'here', where an object belongs" in refusal(tmp_path, {"id": 1, "at": "here"})
    inside = refusal(tmp_path, {"id": {"number": 1}})
    assert "the field id.number of entry 1 is inside an object, where a single value belongs" in inside


def test_a_long_value_is_shown_in_part(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, {"id": "x" * 10_000})) < 250


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({"id": 1, "deep": {"count": 2**63}}, "the deep.count of entry 1 is larger than any table's"),
        ({"id": 1, "": 2}, "entry 1 has a field without a name"),
    ],
)
def test_what_no_table_can_hold_is_refused_wherever_it_is(tmp_path: Path, record: dict[str, Any], problem: str) -> None:
    answer = download(tmp_path, record)
    remote = RemoteFile("stations", answer.url, "LAKEHOUSE_STATIONS_URL")
    with pytest.raises(CorruptFile, match=f"is not a list of stations: {problem}"):
        json_list("a list of stations")(answer.path, remote)
