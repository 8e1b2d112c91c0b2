"""Whether what was fetched is what it should be: a parquet or CSV file with rows, and not a page that says "sorry"."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TextIO

from dlt_sources.fetch import SAMPLE_MARK, Content, Verify
from dlt_sources.parquet_values import is_of_machine, problem_of_values
from dlt_sources.remote_file import RemoteFile
from lakehouse.exceptions import CorruptFile

_PARQUET_MAGIC = b"PAR1"
_ENCRYPTED_MAGIC = b"PARE"
_LONGEST_ROW = 1 << 17
_LONGEST_NAME = 60


def corrupt(remote: RemoteFile, problem: str) -> CorruptFile:
    """What to raise of a file that cannot be kept."""
    advice = "nothing was kept: open the address to see what it serves, and run it again later"
    return CorruptFile(remote.message(problem, advice))


def parquet(what: str) -> Verify:
    """Verifies that a file is parquet with rows, and that every value can be read.

    ``what`` messages call it: "a trip file".
    A key "sample" in its metadata marks generated data.
    """

    def verify(path: Path, remote: RemoteFile) -> Content:
        import pyarrow as pa
        import pyarrow.parquet as pq

        def refused(problem: str) -> CorruptFile:
            return corrupt(remote, f"is not {what}: {problem}")

        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(max(0, size - len(_PARQUET_MAGIC)))
            tail = file.read()
        if _is_page(head):
            raise refused(f"it is an HTML or XML page of {size:,} bytes")
        if head.startswith(_ENCRYPTED_MAGIC) and tail == _ENCRYPTED_MAGIC:
            raise refused("it is encrypted")
        if not head.startswith(_PARQUET_MAGIC) or tail != _PARQUET_MAGIC:
            raise refused(f"its {size:,} bytes begin with {head[:4]!r} and end with {tail!r}, not with PAR1")
        try:
            footer = pq.read_metadata(path)
            names = footer.schema.to_arrow_schema().names
        except (pa.ArrowException, OSError, ValueError) as problem:
            if is_of_machine(problem):
                raise
            raise refused(f"its parquet footer cannot be read ({problem})") from problem
        if footer.num_rows == 0:
            raise refused("it has no rows")
        if len(set(names)) < len(names):
            twice = next(name for name, times in Counter(names).items() if times > 1)
            raise refused(f"two of its columns are called {twice[:_LONGEST_NAME]}")
        unreadable = problem_of_values(path, footer)
        if unreadable is not None:
            raise refused(unreadable)
        return Content(int(footer.num_rows), SAMPLE_MARK.encode() in (footer.metadata or {}))

    return verify


def csv_with(
    columns: Sequence[str], what: str, is_sample: Callable[[dict[str, str]], bool] = lambda _: False
) -> Verify:
    """Verifies that a file is CSV in UTF-8 with these columns, every line complete, and rows.

    Names of columns are compared without case and outer blanks.

    ``what`` messages call it: "the zone lookup". ``is_sample`` tells by a row, its names in lower case, that data are
    generated.
    """

    def verify(path: Path, remote: RemoteFile) -> Content:
        def refused(problem: str) -> CorruptFile:
            return corrupt(remote, f"is not {what}: {problem}")

        with path.open("rb") as file:
            if _is_page(file.read(64)):
                raise refused(f"it is an HTML or XML page of {path.stat().st_size:,} bytes")
        count, sampled = 0, False
        try:
            with path.open(encoding="utf-8-sig", newline="") as text:
                source = _Lines(text)
                lines = csv.reader(source, strict=True)
                header = [name.strip().lower() for name in next(lines, [])]
                source.row_ends()
                if missing := [name for name in columns if name.lower() not in header]:
                    raise refused(f"its header lacks {', '.join(missing)}")
                for number, row in enumerate(lines, start=2):
                    source.row_ends()
                    if len(row) != len(header):
                        raise refused(f"line {number} has {len(row)} values for {len(header)} columns")
                    count += 1
                    sampled = sampled or is_sample(dict(zip(header, row, strict=True)))
        except (ValueError, csv.Error) as problem:
            raise refused(f"it is not CSV in UTF-8 ({problem})") from problem
        if not count:
            raise refused("it has no rows")
        return Content(count, sampled)

    return verify


class _Lines:
    """The lines of a text, as many at a time as a row may have: else one open quote would hold all of it."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._left = _LONGEST_ROW

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._left)
        self._left -= len(line)
        if not line:
            raise StopIteration
        if not self._left:
            raise ValueError(f"a row has {_LONGEST_ROW:,} characters or more")
        return line

    def row_ends(self) -> None:
        self._left = _LONGEST_ROW


def _is_page(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
