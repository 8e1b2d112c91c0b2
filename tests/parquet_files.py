"""Parquet files as bytes, and where in them the values of a column are: to be spoilt."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def bytes_of(table: pa.Table, **options: Any) -> bytes:
    """The table as a file, written with options of ``pyarrow.parquet.write_table``."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def put(table: pa.Table, path: Path) -> Path:
    """Write the file at once: whoever reads at that moment has the one before it or all of this one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    pq.write_table(table, unfinished)
    return unfinished.replace(path)


def values_of(content: bytes | bytearray, *, column: str, row_group: int = 0) -> tuple[int, int]:
    """Where the data pages of a column begin and end in a file, without the header of the first."""
    group = pq.read_metadata(pa.BufferReader(bytes(content))).row_group(row_group)
    chunk = next(each for each in map(group.column, range(group.num_columns)) if each.path_in_schema == column)
    begin = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
    longest_header = 64
    return begin + longest_header, begin + chunk.total_compressed_size


def encrypted(table: pa.Table, *, hidden_footer: bool) -> bytes:
    """The table as a file that only a key opens."""
    from pyarrow.parquet import encryption

    class Keys(encryption.KmsClient):  # type: ignore[misc]
        def __init__(self, _: object) -> None:
            super().__init__()

        def wrap_key(self, key: bytes, _: str) -> bytes:
            return base64.b64encode(key)

    properties = encryption.CryptoFactory(Keys).file_encryption_properties(
        encryption.KmsConnectionConfig(),
        encryption.EncryptionConfiguration(
            footer_key="footer", column_keys={"column": [table.column_names[0]]}, plaintext_footer=not hidden_footer
        ),
    )
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content
