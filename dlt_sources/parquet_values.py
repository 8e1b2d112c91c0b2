"""Whether every value of a parquet file can be read: a footer that is whole says nothing of the pages before it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData

_BATCH_ROWS = 1 << 17
_LONGEST_REASON = 200


def problem_of_values(path: Path, footer: FileMetaData) -> str | None:
    """Why the values of a file cannot all be read, None if they can.

    All are decoded, a batch of rows after the other, and pages are compared with their checksums where they have any.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            decoded = sum(batch.num_rows for batch in file.iter_batches(_BATCH_ROWS, use_threads=True))
    except pa.ArrowNotImplementedError:  # pyarrow has no type for a column, which is no fault of the file's
        return None
    except (pa.ArrowException, OSError, ValueError) as problem:
        return f"its values cannot be read ({' '.join(str(problem).split())[:_LONGEST_REASON]})"
    if decoded != footer.num_rows:
        return f"its values cannot be read (there are {decoded:,} rows of {footer.num_rows:,})"
    return None
