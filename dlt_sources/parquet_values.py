"""Whether every value of a parquet file can be read: a footer that is whole says nothing of the pages before it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

_MOST_ROWS = 1 << 17
_BATCH_BYTES = 1 << 26
"""What the values of a batch may take, as far as a footer tells."""

_LARGEST_GROUP, _MOST_FOLD = 1 << 28, 100
"""What the pages of a row group may be in bytes, and in how many times the file's. TLC's are two or three times theirs;
a page is decompressed at once, however large."""

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT64": 8, "DOUBLE": 8, "INT96": 12}
_LONGEST_REASON = 200


def problem_of_values(path: Path, footer: FileMetaData) -> str | None:
    """Why the values of a file cannot all be read, None if they can.

    All are decoded, a batch of rows after the other, and pages are compared with their checksums where they have any.
    Text is decoded as dictionaries, so a long one that is repeated takes its room once.

    Raises:
        OSError, MemoryError: this machine is at fault.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    largest = max((int(group.total_byte_size) for group in groups), default=0)
    if largest > max(_LARGEST_GROUP, _MOST_FOLD * path.stat().st_size):
        return f"its {path.stat().st_size:,} bytes are {largest:,} once they are decompressed"
    columns = [footer.schema.column(number) for number in range(footer.num_columns)]
    texts = [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]
    rows = max(1, min(_MOST_ROWS, _BATCH_BYTES // _bytes_of_a_row(footer)))

    def decoded_rows(dictionaries: Sequence[str]) -> int:
        with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=dictionaries) as file:
            return sum(batch.num_rows for batch in file.iter_batches(rows, use_threads=True))

    try:
        try:
            decoded = decoded_rows(texts)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, ValueError):  # also of encodings of text that are no dictionaries
            decoded = decoded_rows(())
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, ValueError) as problem:
        if getattr(problem, "errno", None) is not None:
            raise
        return f"its values cannot be read ({' '.join(str(problem).split())[:_LONGEST_REASON]})"
    if decoded != footer.num_rows:
        return f"its values cannot be read (there are {decoded:,} rows of {footer.num_rows:,})"
    return None


def _bytes_of_a_row(footer: FileMetaData) -> int:
    """What a row takes once it is decoded: its values of fixed size, and as much text as there is in the file at most.

    A footer's column chunks are not looked at: pyarrow ends the process over those of an encrypted column.
    """
    columns = (footer.schema.column(number) for number in range(footer.num_columns))
    fixed = sum(_WIDTHS.get(column.physical_type, max(4, column.length)) for column in columns)
    groups = (footer.row_group(number) for number in range(footer.num_row_groups))
    sizes = (max(0, group.total_byte_size) // max(1, group.num_rows) for group in groups)
    return int(max(1, fixed + max(sizes, default=0)))
