"""Whether every value of a parquet file can be read: a footer that is whole says nothing of the pages before it."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pyarrow import Array
    from pyarrow.parquet import FileMetaData

_MOST_ROWS = 1 << 17
_BATCH_BYTES = 1 << 26
"""What the values of a batch may take, as far as a footer tells."""

_FEW_ROWS, _FEWEST_ROWS = 256, 16
"""Of text that is not decoded as dictionaries each may be, or begin as, the one before, and take little of the file."""

_MANY_TEXTS = 2
"""As many times as many as a batch has rows; so they are hardly ever the same, and better read as they are."""

_LARGEST_GROUP, _MOST_FOLD = 1 << 28, 100
"""What the pages of a row group may be in bytes, and in how many times the file's. TLC's are two or three times theirs;
a page is decompressed at once, however large."""

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_LONGEST_REASON = 200
_UNKNOWN_TO_DICTIONARIES = "Not yet implemented"
"""What pyarrow says of encodings that it does not decode as dictionaries."""


def problem_of_values(path: Path, footer: FileMetaData) -> str | None:
    """Why the values of a file cannot all be read, None if they can.

    All are decoded, a batch of rows after the other, and pages are compared with their checksums where they have any.
    Text is decoded as dictionaries, so a long one that is repeated takes its room once. Few rows are decoded at once of
    text of which that cannot be done, and of what is inside other columns: a row may have any number of it.

    Raises:
        OSError, MemoryError: this machine is at fault.
    """
    import pyarrow as pa

    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    largest = max((int(group.total_byte_size) for group in groups), default=0)
    if largest > max(_LARGEST_GROUP, _MOST_FOLD * path.stat().st_size):
        return f"its {path.stat().st_size:,} bytes are {largest:,} once they are decompressed"
    rows = max(1, min(_MOST_ROWS, _BATCH_BYTES // _bytes_of_a_row(footer)))
    few = min(rows, max(_FEWEST_ROWS, min(_FEW_ROWS, _BATCH_BYTES // 4 // max(1, largest))))
    try:
        decoded = set(_decoded_rows(path, _Columns.of(footer), rows, few))
    except (pa.ArrowException, OSError, ValueError) as problem:
        if is_of_machine(problem):
            raise
        return f"its values cannot be read ({' '.join(str(problem).split())[:_LONGEST_REASON]})"
    if decoded != {footer.num_rows}:
        return f"its values cannot be read (there are {min(decoded):,} rows of {footer.num_rows:,})"
    return None


@dataclass(frozen=True)
class _Columns:
    """The columns of a file by how they are decoded: those of a fixed size, texts, and what is inside others."""

    fixed: tuple[str, ...]
    texts: tuple[str, ...]
    inside: tuple[str, ...]

    @classmethod
    def of(cls, footer: FileMetaData) -> Self:
        columns = [footer.schema.column(number) for number in range(footer.num_columns)]
        outer = {column.path for column in columns if column.path == column.name and not column.max_repetition_level}
        texts = {column.path for column in columns if column.physical_type == "BYTE_ARRAY"}
        paths = [column.path for column in columns]
        return cls(
            tuple(path for path in paths if path in outer - texts),
            tuple(path for path in paths if path in outer & texts),
            tuple(path for path in paths if path not in outer),
        )


class _TooManyTextsError(Exception):
    """A dictionary of texts is larger than a batch: each batch would have a larger one than that before."""


def is_of_machine(problem: Exception) -> bool:
    """Whether an error of pyarrow's is this machine's: no memory, or what the system says by number."""
    # EINVAL is the answer to a place that no file has.
    return isinstance(problem, MemoryError) or (
        isinstance(problem, OSError) and problem.errno not in {None, errno.EINVAL}
    )


def _decoded_rows(path: Path, columns: _Columns, rows: int, few: int) -> Iterator[int]:
    """How many rows there are, all their values decoded, as each group of columns tells."""
    import pyarrow as pa

    slowly = columns.inside
    try:
        if columns.fixed or columns.texts:
            yield _rows_of(path, (*columns.fixed, *columns.texts), rows, columns.texts)
    except (_TooManyTextsError, pa.ArrowNotImplementedError, OSError) as problem:
        if not isinstance(problem, _TooManyTextsError) and _UNKNOWN_TO_DICTIONARIES not in str(problem):
            raise
        slowly = (*columns.texts, *slowly)
        if columns.fixed:
            yield _rows_of(path, columns.fixed, rows)
    if slowly:
        yield _rows_of(path, slowly, few)


def _rows_of(path: Path, columns: Sequence[str], rows: int, texts: Sequence[str] = ()) -> int:
    """How many rows there are of these columns, so many decoded at a time; these texts as dictionaries.

    Raises:
        _TooManyTextsError: too many of them are different.
        ValueError, ArrowException, OSError: they cannot be decoded.
    """
    import pyarrow.parquet as pq

    decoded = 0
    with pq.ParquetFile(
        path, page_checksum_verification=True, read_dictionary=texts, arrow_extensions_enabled=False
    ) as file:
        for groups in _some_groups(file.metadata, rows):
            for batch in file.iter_batches(rows, groups, columns, use_threads=True):
                decoded += batch.num_rows
                for column in batch.columns:
                    _require_entries(column, _MANY_TEXTS * rows)
    return decoded


def _some_groups(footer: FileMetaData, rows: int) -> Iterator[list[int]]:
    """Row groups, as many together as have so many rows: dictionaries grow with all that is read at once."""
    some: list[int] = []
    held = 0
    for number in range(footer.num_row_groups):
        some.append(number)
        held += footer.row_group(number).num_rows
        if held >= rows:
            yield some
            some, held = [], 0
    if some:
        yield some


def _require_entries(array: Array, at_most: int) -> None:
    """Refuse numbers of texts that a dictionary lacks, which pyarrow looks at no sooner than they are used.

    Raises:
        _TooManyTextsError: it has more than so many texts.
        ValueError: there are such numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        numbers = pc.min_max(array.indices).as_py()
        if numbers["max"] is not None and not 0 <= numbers["min"] <= numbers["max"] < len(array.dictionary):
            raise ValueError("Index not in dictionary bounds")
        if len(array.dictionary) > at_most:
            raise _TooManyTextsError


def _bytes_of_a_row(footer: FileMetaData) -> int:
    """What a row takes once it is decoded: its values of fixed size, and as much text as there is in the file at most.

    A footer's column chunks are not looked at: pyarrow ends the process over those of an encrypted column.
    """
    columns = (footer.schema.column(number) for number in range(footer.num_columns))
    fixed = sum(_WIDTHS.get(column.physical_type, max(4, column.length)) for column in columns)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    sizes = (max(0, group.total_byte_size) // max(1, group.num_rows) for group in groups)
    return int(max(1, fixed + max(sizes, default=0)))
