"""A parquet file is kept only if all its values can be read, which its footer does not tell."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dlt_sources.parquet_values import problem_of_values
from dlt_sources.remote_file import RemoteFile
from dlt_sources.verify import parquet
from lakehouse.exceptions import CorruptFile
from tests.limits import no_more_files
from tests.parquet_files import bytes_of, encrypted, values_of

ROWS = 200_000
TABLE = pa.table({"id": pa.array(range(ROWS)), "name": [f"name {number % 1000}" for number in range(ROWS)]})
REMOTE = RemoteFile("green 2024-01", "https://host/green.parquet", "LAKEHOUSE_TLC_URL")
verify = parquet("a trip file")


def refusal(folder: Path, content: bytes) -> str:
    """Why a file is not kept: one line."""
    file = folder / "file.parquet"
    file.write_bytes(content)
    with pytest.raises(CorruptFile) as caught:
        verify(file, REMOTE)
    message = str(caught.value)
    assert message.splitlines() == [message]
    assert message.startswith("green 2024-01: https://host/green.parquet is not a trip file: ")
    return message


def test_a_page_that_is_overwritten_is_seen_without_a_checksum(tmp_path: Path) -> None:
    content = bytearray(bytes_of(TABLE, write_page_checksum=False))
    begin, end = values_of(content, column="name")
    content[begin:end] = b"\xff" * (end - begin)
    pq.read_metadata(pa.BufferReader(bytes(content)))  # the footer is whole
    assert "its values cannot be read (" in refusal(tmp_path, bytes(content))


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_one_flipped_bit_is_seen_where_pages_have_checksums(tmp_path: Path, compression: str) -> None:
    content = bytearray(bytes_of(TABLE, write_page_checksum=True, compression=compression, use_dictionary=False))
    _, end = values_of(content, column="id")
    content[end - 1] ^= 1
    assert "its values cannot be read (" in refusal(tmp_path, bytes(content))


def test_a_bit_flipped_where_nothing_vouches_for_it_cannot_be_seen(tmp_path: Path) -> None:
    content = bytearray(bytes_of(TABLE, write_page_checksum=False, compression="none", use_dictionary=False))
    _, end = values_of(content, column="id")
    content[end - 1] ^= 1
    (tmp_path / "file.parquet").write_bytes(content)
    assert verify(tmp_path / "file.parquet", REMOTE).rows == ROWS


def test_all_row_groups_are_read(tmp_path: Path) -> None:
    content = bytearray(bytes_of(TABLE, row_group_size=ROWS // 4))
    begin, end = values_of(content, column="name", row_group=3)
    content[begin:end] = b"\xff" * (end - begin)
    assert "its values cannot be read (" in refusal(tmp_path, bytes(content))


def test_columns_of_any_type_are_no_fault(tmp_path: Path) -> None:
    table = pa.table(
        {
            "nothing": pa.nulls(2),
            "nested": [{"a": [1, {"b": 2}["b"]]}, None],
            "list": [[[1], []], None],
            "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32())),
            "decimal": pa.array([Decimal("1.25"), None], pa.decimal256(60, 2)),
            "binary": pa.array([b"\xff", None], pa.large_binary()),
            "fixed": pa.array([b"ab", None], pa.binary(2)),
            "half": pa.array([1.5, None], pa.float16()),
            "date": [date(2024, 1, 1), None],
            "time": pa.array([1, None], pa.time64("ns")),
            "moment": pa.array([datetime(2024, 1, 1), None], pa.timestamp("ns", "UTC")),
            "duration": [timedelta(1), None],
            "dictionary": pa.array(["x", None]).dictionary_encode(),
            "view": pa.array(["x", None], pa.string_view()),
            "not text": pa.array([b"\xff\xfe", None]).cast(pa.string(), safe=False),
        }
    )
    pq.write_table(table, tmp_path / "file.parquet")
    assert verify(tmp_path / "file.parquet", REMOTE).rows == 2


@pytest.mark.parametrize("hidden_footer", [True, False])
def test_an_encrypted_file_is_refused_in_words(tmp_path: Path, hidden_footer: bool) -> None:
    words = "it is encrypted" if hidden_footer else "its values cannot be read (Cannot decrypt"
    assert words in refusal(tmp_path, encrypted(TABLE.slice(0, 3), hidden_footer=hidden_footer))


def test_no_rows_and_no_row_groups_are_refused(tmp_path: Path) -> None:
    groupless = pa.BufferOutputStream()
    pq.ParquetWriter(groupless, TABLE.schema).close()
    for content in (bytes_of(TABLE.slice(0, 0)), groupless.getvalue().to_pybytes()):
        assert "it has no rows" in refusal(tmp_path, content)
    assert pq.read_metadata(groupless.getvalue()).num_row_groups == 0


def test_a_name_in_the_footer_that_is_no_text_is_refused(tmp_path: Path) -> None:
    assert "its parquet footer cannot be read (" in refusal(
        tmp_path, bytes_of(TABLE.slice(0, 3), store_schema=False).replace(b"name", b"n\xc4me")
    )


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"])
def test_text_may_be_in_any_encoding(tmp_path: Path, encoding: str, version: str) -> None:
    options = {"use_dictionary": False, "column_encoding": {"name": encoding}, "data_page_version": version}
    (tmp_path / "file.parquet").write_bytes(bytes_of(TABLE, **options))
    assert verify(tmp_path / "file.parquet", REMOTE).rows == ROWS


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array([1]), pa.array([[{"b": "y"}]])], names=["a", "a", "a"])
    assert "two of its columns are called a" in refusal(tmp_path, bytes_of(table))


def test_text_inside_other_columns_may_be_in_any_number_of_row_groups(tmp_path: Path) -> None:
    inside: dict[str, list[object]] = {"list": [["x"]] * 900, "struct": [{"a": "x"}] * 900}
    table = pa.table({**inside, "map": pa.array([[("k", "x")]] * 900, pa.map_(pa.string(), pa.string()))})
    (tmp_path / "file.parquet").write_bytes(bytes_of(table, row_group_size=300))
    assert verify(tmp_path / "file.parquet", REMOTE).rows == 900


def test_what_nothing_here_can_decode_is_refused(tmp_path: Path) -> None:
    snappy, lzo = (b"\x02id\x15" + codec for codec in (b"\x02", b"\x06"))
    content = bytes_of(TABLE.select(["id", "name"]), compression="snappy")
    assert content.count(snappy) == 1
    assert "its values cannot be read (While LZO compression is sup" in refusal(tmp_path, content.replace(snappy, lzo))


@pytest.mark.parametrize("column", ["text", "texts.list.element", "inside.text", "by_key.key_value.value"])
def test_a_number_of_a_text_that_there_is_none_of_is_refused(tmp_path: Path, column: str) -> None:
    names = [f"name {number % 1000}" for number in range(20_000)]
    table = pa.table(
        {
            "text": names,
            "texts": [[name] for name in names],
            "inside": [{"text": name} for name in names],
            "by_key": pa.array([[(1, name)] for name in names], pa.map_(pa.int32(), pa.string())),
        }
    )
    content = bytearray(bytes_of(table.select([column.partition(".")[0]]), compression="none"))
    _, end = values_of(content, column=column)
    content[end - 200 : end - 100] = b"\xff" * 100  # 1023, of 10 bits
    assert "its values cannot be read (Index not in dictionary bounds)" in refusal(tmp_path, bytes(content))


def test_a_fault_of_this_machine_is_not_the_file_s(tmp_path: Path) -> None:
    file = tmp_path / "file.parquet"
    file.write_bytes(bytes_of(TABLE))
    footer = pq.read_metadata(file)
    with no_more_files(), pytest.raises(OSError, match="Too many open files"):
        problem_of_values(file, footer)
