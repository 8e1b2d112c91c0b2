"""Results as a person or a program reads them."""

from __future__ import annotations

import json
import time
from datetime import datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from lakehouse.cli.output import write
from lakehouse.exceptions import QueryError


def test_a_table_shows_every_column_however_wide(capsys: pytest.CaptureFixture[str]) -> None:
    write(pa.table({f"column_{number}": ["x" * 30] for number in range(20)}), "table")
    header = capsys.readouterr().out.splitlines()[1]
    assert all(f"column_{number}" in header for number in range(20))


def test_numbers_stand_under_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    write(pa.table({"trip_count": [1, 333]}), "table")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()[3:5]] == ["          1", "        333"]


def test_brackets_in_values_are_values(capsys: pytest.CaptureFixture[str]) -> None:
    write(pa.table({"a": ["[bold]x[/foo]"]}), "table")
    assert "[bold]x[/foo]" in capsys.readouterr().out


def test_money_keeps_its_cents_in_every_style(capsys: pytest.CaptureFixture[str]) -> None:
    result = pa.table({"total": pa.array([Decimal("1234567.10"), None], pa.decimal128(18, 2))})
    write(result, "table")
    assert "1,234,567.10" in capsys.readouterr().out
    write(result, "csv")
    assert capsys.readouterr().out.splitlines() == ['"total"', "1234567.10", ""]
    write(result, "json")
    text = capsys.readouterr().out
    assert '"total":1234567.10' in text
    assert json.loads(text)[1] == {"total": None}


def test_decimals_that_no_value_needs_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    nine = pa.decimal128(38, 9)
    shares = pa.array([Decimal("0"), Decimal("0.125"), None], nine)
    result = pa.table({"share": shares, "whole": pa.array([Decimal(3)] * 3, nine), "none": pa.nulls(3, nine)})
    write(result, "csv")
    assert capsys.readouterr().out.splitlines()[1:] == ["0.000,3,", "0.125,3,", ",3,"]
    write(result, "json")
    assert json.loads(capsys.readouterr().out)[:2] == [
        {"share": 0, "whole": 3, "none": None},
        {"share": 0.125, "whole": 3, "none": None},
    ]
    write(result, "table")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[3:5]] == [["0.000", "3", "-"], ["0.125", "3", "-"]]


def test_decimals_that_only_a_late_value_needs_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    values = [Decimal("1.5")] * 500 + [Decimal("0.0625")]
    write(pa.table({"v": pa.array(values, pa.decimal128(38, 9))}), "csv")
    assert capsys.readouterr().out.splitlines()[-2:] == ["1.5000", "0.0625"]


def test_the_smallest_numeric_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    write(pa.table({"v": pa.array([Decimal("0.000000001"), Decimal(0)], pa.decimal128(38, 9))}), "table")
    assert [line.strip() for line in capsys.readouterr().out.splitlines()[3:5]] == ["0.000000001", "0.000000000"]


@pytest.mark.parametrize(("rows", "said"), [(200, "200 rows"), (201, "… the first 200 of 201 rows; --format csv")])
def test_a_long_table_is_cut_and_says_so(capsys: pytest.CaptureFixture[str], rows: int, said: str) -> None:
    write(pa.table({"number": range(rows)}), "table")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith(said)
    assert [line.strip() for line in lines if line.strip().isdigit()] == [str(number) for number in range(200)]


def test_no_rows_are_an_empty_array_and_a_header(capsys: pytest.CaptureFixture[str]) -> None:
    result = pa.table({"a": pa.array([], pa.int64())})
    write(result, "json")
    assert json.loads(capsys.readouterr().out) == []
    write(result, "csv")
    assert capsys.readouterr().out == '"a"\n'


def test_what_csv_cannot_hold_says_what_can() -> None:
    with pytest.raises(QueryError, match="use --format json"):
        write(pa.table({"a": [[1, 2]]}), "csv")


@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_an_instant_is_said_in_utc_in_every_style_wherever_the_machine_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    instant = pa.array([datetime(2024, 1, 31, 23, 30)], pa.timestamp("us", "UTC"))
    with monkeypatch.context() as there:
        there.setenv("TZ", "America/New_York")
        time.tzset()
        write(pa.table({"at": instant}), style)
    time.tzset()
    assert "2024-01-31 23:30:00" in capsys.readouterr().out
