"""What every warehouse promises: months replaced whole, checked before they are published.

Assets and commands know no more than this. The test suite in ``tests/warehouse`` is written against it and runs for
every implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from lakehouse.bronze.store import Landing
from lakehouse.models.model import SqlModel
from lakehouse.partition import Partition
from lakehouse.results import Holdings, Preparation, Remark, ReplaceResult, Restatement
from lakehouse.warehouse.acceptance import Acceptance

if TYPE_CHECKING:
    import pyarrow as pa


class Warehouse(Protocol):
    """Tables of the layers, replaced a month at a time."""

    def prepare(self) -> Preparation:
        """Create what is missing and bring every table to its model's schema. Safe to repeat and to race.

        Raises:
            ModelError: a table cannot be brought to its model's schema in place. One that is damaged is told of.
            ConfigurationError: what is there holds samples and ought not to, or the other way round.
        """
        ...

    def replace(
        self, model: SqlModel, partition: Partition, run_id: str, acceptance: Acceptance | None = None
    ) -> ReplaceResult:
        """Compute a partition (the whole of an unpartitioned table), check it and publish it.

        Readers see the old month or the new one, never a mix or a gap. A month whose inputs and model are
        those of the published one is left as it is; its checks are still reported. ``run_id`` is the run that asks
        for it, for whoever looks at the engine's own records. What a guard holds back is published all the same
        where a person's ``acceptance`` covers the landing that it is made of.

        Raises:
            CheckFailed: a blocking check failed; the published month is unchanged.
            ContractViolation: the landed file does not fit its contract.
            NotLanded: the month's file was never landed.
            CorruptFile: the landed file, or a table, is damaged.
            CommitConflict: other writers kept changing the same month.
        """
        ...

    def holdings(self) -> Mapping[str, Holdings]:
        """What each model's table holds, by the model's key. A damaged table does not hide the others."""
        ...

    def set_aside(self, table: str) -> str:
        """Make anew, empty, a table that is damaged, or cannot be brought to its model; what is left is kept: where.

        Raises:
            ConfigurationError: there is no such table, or nothing is wrong with it.
        """
        ...

    def query(
        self, sql: str, remark: Callable[[Remark], None] = ..., *, only_portable: bool = True, recount: bool = False
    ) -> pa.Table:
        """Run one SELECT in BigQuery's dialect over published tables, or a SHOW TABLES or DESCRIBE of them.

        ``remark`` is told what a reader of these tables should know, before there are any rows. What engines answer
        differently is refused, or else, if not ``only_portable``, remarked on and answered as this one does.
        ``recount`` has ``silver.row_ledger`` count what tables hold, also where it would tell what was counted when
        they were published.

        Raises:
            QueryError: it cannot be parsed, names what does not exist, does anything but read tables, needs more than a
                query may have, or is not portable.
            CorruptFile: a table that it reads is damaged.
        """
        ...

    def compare(
        self,
        model: SqlModel,
        partition: Partition,
        landings: Sequence[Landing] = (),
        show: Callable[[pa.Table], None] | None = None,
    ) -> Restatement:
        """What tells what would be computed from what is published, and what that changes in gold; changes nothing.

        Of one landing: what would be computed of that; of two, what the second makes from what the first does.
        ``show`` is given every record that differs; see :func:`lakehouse.warehouse.difference_rows.record_rows`.

        Raises:
            NotLanded: there is nothing to compare.
            ContractViolation: a landed file does not fit its contract.
            CorruptFile: a landed file, or a table, is damaged.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
