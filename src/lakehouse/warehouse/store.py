"""What an engine supplies so that a warehouse is made of it: tables, what they hold, and sessions that compute.

Everything between :class:`Store` and the warehouse's own promises knows no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from sqlglot import exp

from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.store import Landing
from lakehouse.partition import Partition
from lakehouse.results import CheckResult, EngineJob, Groundwork, Ledger, Remark
from lakehouse.schema import Column, TableSpec
from lakehouse.warehouse.measured import Measured
from lakehouse.warehouse.query_limits import Deadline
from lakehouse.warehouse.statements import Statement
from lakehouse.warehouse.traits import Traits

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Work:
    """What a session is opened for: a month of an asset, asked for by a run, or a query."""

    asset: str
    partition: Partition
    run_id: str

    def __str__(self) -> str:
        return self.partition.of(self.asset)


@dataclass(frozen=True)
class TableShape:
    """A table as it is: its columns, each with its :attr:`Column.doc` as description, and its partition column."""

    columns: tuple[Column, ...]
    partition: str | None


@dataclass(frozen=True)
class Record:
    """What a table holds of a month (or whole), which has rows.

    ``fingerprints`` identify what is known to have that ``content``: the statements and inputs it was made of, and
    any that were found to make the same. ``version`` is the snapshot or job that published it.
    """

    fingerprints: frozenset[str]
    content: str
    rows: int
    bytes: int
    version: str | None
    published_at: datetime | None


class Records(Protocol):
    """What all tables hold, as of one moment: that of the first look at any of them.

    Raises:
        CorruptFile: from whatever looks at a table that cannot be read.
    """

    def shape(self, spec: TableSpec) -> TableShape | None:
        """A table as it is, None if there is none."""
        ...

    def remarks(self, spec: TableSpec) -> tuple[Remark, ...]:
        """What a reader of a table should know."""
        ...

    def partition(self, spec: TableSpec, partition: Partition) -> Record | None:
        """Of a month, or whole if the table is not partitioned; None where there are no rows."""
        ...

    def partitions(self, spec: TableSpec) -> Mapping[Partition, Record]:
        """Every month of a table; the whole is that of one without partitions."""
        ...

    def changed(self, spec: TableSpec) -> Collection[Partition]:
        """What of these is gone, or not what was published, as far as can be told without reading it."""
        ...

    def notes(self, spec: TableSpec) -> Mapping[Partition, str]:
        """What was written down with the newest publication of each month, as :attr:`StagedPartition.note` was."""
        ...

    def was_published(self, spec: TableSpec) -> bool:
        """Whether anything ever was published in it, for whatever month."""
        ...

    def accounts(self, columns: Sequence[Column], reasons: Sequence[str]) -> exp.Query | None:
        """What was put down of each month's ledger; None of a store whose tables are to be counted instead.

        See :func:`lakehouse.warehouse.ledger.account_columns` for its columns; its sessions know the names in it.
        """
        ...

    def is_intact(self, spec: TableSpec, partition: Partition) -> bool:
        """Whether a month's data are what was published: as the engine guarantees, or else read in full."""
        ...


@dataclass(frozen=True)
class LandedFile:
    """The rows of a landed file as they are; ``uri`` is where it is, ``columns`` what it says of itself."""

    landing: Landing
    uri: str
    columns: tuple[SourceColumn, ...]


@dataclass(frozen=True)
class PublishedRows:
    """The rows that a table holds of a month; of all of them where that is the whole."""

    spec: TableSpec
    partition: Partition


Relation: TypeAlias = "LandedFile | PublishedRows | exp.Query | pa.Table"
"""What a name can stand for in a session: rows that are somewhere, a query over other names, or rows at hand."""


@dataclass(frozen=True)
class Staged:
    """A computed month that is not published yet; equal ``content``, equal rows."""

    spec: TableSpec
    rows: int
    content: str
    bytes: int


@dataclass(frozen=True)
class StagedPartition:
    """What is to be published of a month: staged rows of one or more tables, the model's own last.

    ``fingerprint`` identifies all that they were made of: rows of the tables that it ``reads``, and of the landed file
    ``bronze_sha256``, if of one; ``ledger`` accounts for each of its records. What is made of each staged table in turn
    is in ``read_by``, by the table's name. ``note`` is kept with the publication of the model's own table.
    """

    staged: tuple[Staged, ...]
    fingerprint: str
    reads: tuple[TableSpec, ...]
    read_by: Mapping[str, tuple[TableSpec, ...]]
    bronze_sha256: str | None
    ledger: Ledger | None
    note: str | None


@dataclass(frozen=True)
class Commit:
    """What publishing came to: the version that holds the month, None while the table has never been written.

    ``is_new`` says that anything was written but that the rows are known: other rows than before, or the same anew.
    """

    version: str | None
    is_new: bool


class Session(Protocol):
    """One private connection to an engine, in which relations have the names that models and checks know.

    Of the parameters that it is given it binds those that a statement has.

    Raises:
        StatementFailed: from whatever runs a statement; or other errors of ours, where neither the statement nor what
            it reads is at fault.
    """

    def relate(self, name: str, relation: Relation) -> None:
        """Let a name stand for a relation, from now on."""
        ...

    def stage(self, name: str, spec: TableSpec, statement: Statement, parameters: Mapping[str, object]) -> Staged:
        """Compute rows aside, where no reader sees them, in the statement's order; ``name`` stands for them."""
        ...

    def keep(self, name: str, statement: Statement, parameters: Mapping[str, object]) -> int:
        """Compute rows for this session alone, to which ``name`` refers from now on; how many there are."""
        ...

    def one(self, statement: Statement, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        """The one row of a query, by column name."""
        ...

    def measured(self, staged: Staged, statements: Sequence[Statement], parameters: Mapping[str, object]) -> Measured:
        """What these queries say of rows that it staged, one row each, and how many of them have NULL."""
        ...

    def first(self, name: str, rows: int) -> pa.Table:
        """So many of the rows that a name stands for: the first, if they are stored in an order."""
        ...

    def rows(self, statement: Statement, parameters: Mapping[str, object]) -> pa.Table:
        """The rows of a query; where it has no order, in that in which they are stored if there is one."""
        ...

    def answer(self, statement: Statement, deadline: Deadline) -> pa.Table:
        """The rows of a query that anybody may have written, as :meth:`rows` gives them; the session's last statement.

        It reads what is related and nothing else that there is, whatever it says, and changes nothing. It is ended
        at its deadline: the fault is :attr:`StatementFault.TIME`.

        Raises:
            QueryTookTooLong: it is over before the engine is asked.
            TooLittleMemory: it needs more than the engine may have.
        """
        ...

    def jobs(self) -> tuple[EngineJob, ...]:
        """What the engine has done for the session, where it keeps an account of that."""
        ...

    def own_checks(self, spec: TableSpec) -> tuple[CheckResult, ...]:
        """What the engine finds of what it did for a month of a table, where it looks at that; none of it blocks."""
        ...

    def publish(self, partition: StagedPartition, is_current: Callable[[], bool]) -> Commit:
        """Make the staged rows the content of the month that the session is for, and their columns the tables'.

        The last one is the model's table, and the truth if not all could be published at once. Where a month holds
        just these rows already, only the fingerprint is put down, and the table's columns stay. ``is_current`` is
        asked after the latest look at the tables, so that a writer who was overtaken never undoes a newer month. What
        was made of rows that are others now has a remark, until it is published anew.

        It returns the version of the last table; new if anything in any of them is.

        Raises:
            StaleInputs: what the rows were computed from is no longer current; nothing was published.
            CommitConflict: other writers kept changing the month.
            CorruptFile: the rows are not exactly of the table's types.
        """
        ...


class Store(Protocol):
    """An engine with the tables it keeps."""

    @property
    def traits(self) -> Traits: ...

    def prepare(self) -> Groundwork:
        """Make what tables, and landed files, need besides themselves. Safe to repeat and to race.

        Raises:
            ConfigurationError: what is there is of samples and ought not to be, or the other way round, or is not ours.
        """
        ...

    def create(self, spec: TableSpec) -> None:
        """Create a table. Safe to race."""
        ...

    def evolve(self, spec: TableSpec) -> None:
        """Add, widen and describe columns, see :mod:`lakehouse.warehouse.evolution`; drops none. Safe to race."""
        ...

    def set_aside(self, spec: TableSpec, owed: Iterable[Partition]) -> str:
        """Make a table anew, empty, and keep what is left of it; where that is.

        Each month that is ``owed`` to it has a remark from then on, until it is published.
        """
        ...

    def records(self, work: Work | None = None) -> Records:
        """What the tables hold from now on; ``work`` is what it is asked for, if it is known."""
        ...

    def session(self, work: Work, records: Records) -> AbstractContextManager[Session]:
        """A session that reads published rows as these records have them; or publishing finds that they changed."""
        ...

    def tie_breaker(self, columns: Sequence[str]) -> exp.Expr | None:
        """What orders rows that other keys leave equal, so that a rerun writes the same bytes.

        None where rows are stored in no order.
        """
        ...

    def digest(self, columns: Sequence[str]) -> exp.Expr | None:
        """Whole number of 64 bits that equal rows share, others by chance; None where values are as fast to compare."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
