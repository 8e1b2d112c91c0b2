"""Landed files and landing records, wherever they are kept: what a store of them promises.

A file is kept as its source served it; nothing is overwritten or deleted. Each landing has one small record, written
last: the newest of a dataset's month is current, and a file without a record was never complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict

from lakehouse.bronze.footer import SourceColumn
from lakehouse.exceptions import CorruptFile, NotLanded
from lakehouse.files import readable
from lakehouse.partition import Partition, partition_of

LandingKind = Literal["full", "window", "keys"]
"""What is landed of a changing table."""


class Landing(BaseModel):
    """The record of one landed file: a dataset, or a month of it, as the source served it at ``observed_at``.

    The file is the source's answer, byte for byte, unless ``answer_sha256`` says what it was made from.
    ``ordered_at`` is its place among the others where the clock said less than at an earlier one.

    Of a changing table it is all rows (``full``), those since ``low`` (``window``), or key and cursor of all
    (``keys``), as the source had them at ``high`` by its own clock; its place is that moment, whenever it was recorded.
    ``beyond`` counts rows stamped after it. Where there were no rows there is no file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    month: str | None
    url: str
    etag: str | None
    last_modified: str | None
    bytes: int
    rows: int
    sha256: str
    observed_at: datetime
    suffix: str = "parquet"
    answer_sha256: str | None = None
    ordered_at: datetime | None = None
    kind: LandingKind | None = None
    low: datetime | None = None
    high: datetime | None = None
    beyond: int | None = None

    def __str__(self) -> str:
        return self.partition.of(self.dataset)

    @property
    def partition(self) -> Partition:
        """What of the dataset it is."""
        return partition_of(self.month)

    @property
    def place(self) -> datetime:
        """Later than that of every landing that was observed before."""
        return self.ordered_at or self.observed_at

    @property
    def has_file(self) -> bool:
        """Whether there is a file of it: not of no rows of a changing table."""
        return self.kind is None or self.rows > 0

    @property
    def served_sha256(self) -> str:
        """Hash of what the source served."""
        return self.answer_sha256 or self.sha256


class BronzeStore(Protocol):
    """Where landed files and landing records are kept.

    Of one that is elsewhere, whatever is asked may raise StorageUnavailable, or ConfigurationError of who may not ask.
    """

    @property
    def is_new(self) -> bool:
        """Whether it was never prepared."""
        ...

    def at_once(self) -> BronzeStore:
        """The same, to be read as it is now; where that is quicker, all that is there is looked at once."""
        ...

    def prepare(self) -> None:
        """Make ready to land. Safe to repeat and to race.

        Raises:
            ConfigurationError: it is one of samples and ought not to be, or the other way round.
        """
        ...

    def current(self, dataset: str, partition: Partition) -> Landing | None:
        """The newest landing, None if there is none.

        Raises:
            CorruptFile: its record cannot be read.
        """
        ...

    def history(self, dataset: str, partition: Partition) -> Iterator[Landing]:
        """Every landing there ever was, newest first.

        Raises:
            CorruptFile: a record cannot be read, as soon as it is that one's turn.
        """
        ...

    def landings(self) -> Iterable[tuple[Landing, bool]]:
        """Every landing there ever was, and whether it is current.

        Raises:
            CorruptFile: a record cannot be read.
        """
        ...

    def uri(self, landing: Landing) -> str:
        """Where a landed file is, or will be."""
        ...

    def size(self, landing: Landing) -> int | None:
        """Bytes of a landing's file as it is now, None if it is gone; 0 where there is none to be."""
        ...

    def is_intact(self, landing: Landing) -> bool:
        """Whether a landing's file is there with the bytes that were landed."""
        ...

    def footer(self, landing: Landing) -> tuple[SourceColumn, ...]:
        """What a landed file says of its columns; nothing where there is none.

        Raises:
            CorruptFile: it cannot be read.
        """
        ...

    def workspace(self) -> AbstractContextManager[Path]:
        """A private folder on this machine for a download; gone afterwards."""
        ...

    def adopt(self, landing: Landing, landed: Path) -> None:
        """Take a file out of a workspace to its place: atomic, and repairs what is damaged there.

        Raises:
            CorruptFile: the file is not what was fetched.
        """
        ...

    def observe(self, dataset: str, partition: Partition) -> datetime:
        """The place of an answer that begins to come now: the time, or just after that of the answer before if later.

        Raises:
            CorruptFile: the current record cannot be read.
        """
        ...

    def record(self, landing: Landing) -> None:
        """Make a landed file current, unless what was observed later is. Atomic: it is there whole or not at all.

        Raises:
            CorruptFile: the file is gone, which a store may notice.
            CommitConflict: another run recorded something else at its place.
        """
        ...

    def refuse(self, landing: Landing, reader: str, held_back: str | None) -> None:
        """Note that a model takes none of what was landed, until it accepts.

        ``held_back`` is what a guard said against it; what one said before stays noted where none did this time.
        """
        ...

    def is_refused(self, landing: Landing, reader: str) -> bool:
        """Whether a model takes none of what was landed."""
        ...

    def is_taken(self, landing: Landing, reader: str) -> bool:
        """Whether a model was made of what was landed, and has not refused it since."""
        ...

    def held_back(self, landing: Landing, reader: str) -> str | None:
        """What a guard last said against a landing that a model takes none of; None where none did.

        Raises:
            CorruptFile: what was noted cannot be read.
        """
        ...

    def accept(self, landing: Landing, reader: str) -> None:
        """Note that a model is made of what was landed."""
        ...

    def refused_at(self, landing: Landing) -> datetime | None:
        """When a model that there is last refused what was landed: then its ETag vouches for nothing. None if none."""
        ...

    def alone(self, dataset: str) -> AbstractContextManager[None]:
        """Land a dataset while no other run does, as far as a store can tell: of those on this machine.

        Raises:
            CommitConflict: another run does.
        """
        ...

    def sweep(self, dataset: str, partition: Partition) -> int:
        """Remove files that no record names and no running run can still be writing; how many there were."""
        ...


def is_there(store: BronzeStore, landing: Landing) -> bool:
    """Whether a landing's file is there in the size that was landed."""
    return store.size(landing) == landing.bytes


def open_current(store: BronzeStore, dataset: str, partition: Partition, asset: str) -> Landing:
    """The newest landing, whose file is there.

    Raises:
        NotLanded: there is none.
        CorruptFile: its file is gone or has another size than was landed.
    """
    landing = store.current(dataset, partition)
    what, how = partition.of(dataset), f"materialize {asset}{f' for {partition.key}' if partition.key else ''}"
    if landing is None:
        raise NotLanded(f"{what} has not been landed: {how} first, for example with --select '+{asset}'")
    if not is_there(store, landing):
        is_gone = store.size(landing) is None
        state = "is missing" if is_gone else f"is not the {landing.bytes:,} bytes that were landed"
        raise CorruptFile(f"{what}: {readable(store.uri(landing))} {state}: {how} to land it again")
    return landing
