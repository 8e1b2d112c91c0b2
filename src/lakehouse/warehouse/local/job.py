"""One month of one model on its way into the local warehouse: what goes into it, and what its audit says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.exceptions import CheckFailed, CorruptFile
from lakehouse.models.model import SqlModel
from lakehouse.results import CheckResult, Ledger
from lakehouse.warehouse.local.engine import DuckDbEngine
from lakehouse.warehouse.local.inputs import MonthInputs
from lakehouse.warehouse.local.publications import MONTH_PROPERTY
from lakehouse.warehouse.local.statements import ModelStatements

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class MonthJob:
    """One month of one model, ready to be computed; ``fingerprint`` identifies all that goes into it.

    ``checks`` are those whose results are known before anything is computed: they are about the inputs.
    """

    model: SqlModel
    statements: ModelStatements
    inputs: MonthInputs
    fingerprint: str
    checks: tuple[CheckResult, ...] = ()

    def __str__(self) -> str:
        return f"{self.model.key} {self.inputs.month or ''}".strip()

    def properties(self, rows: int) -> dict[str, str]:
        """What the snapshot that publishes the month says of it."""
        properties = {
            "lakehouse.models.model": self.model.key,
            "lakehouse.fingerprint": self.fingerprint,
            "lakehouse.rows": str(rows),
        }
        if self.inputs.month is not None:
            properties[MONTH_PROPERTY] = str(self.inputs.month)
        if self.inputs.landed is not None:
            properties["lakehouse.bronze.store-sha256"] = self.inputs.landed.sha256
        return properties

    @contextmanager
    def naming(self, engine: DuckDbEngine) -> Iterator[None]:
        """Damage that a footer hides, and values that cannot be cast, show when rows are read: say where.

        Raises:
            ContractViolation: the landed file has a value that its column's type does not hold.
            CorruptFile: the landed file cannot be read.
        """
        import duckdb

        try:
            yield
        except duckdb.OutOfMemoryException:
            raise
        except duckdb.Error as error:
            landed = self.inputs.landed
            if landed is None or landed.file is None:
                raise
            if isinstance(error, duckdb.ConversionException):
                landed.require_numbers(engine)
            raise CorruptFile(
                f"{self}: {landed.file} cannot be read as it should ({first_line(error)}); nothing was published. "
                f"Look at what the source serves; materialize {landed.asset} again when it is mended"
            ) from error


@dataclass(frozen=True)
class MonthAudit:
    """What the audit of a staged or published month says."""

    rows: int
    ledger: Ledger | None
    checks: tuple[CheckResult, ...]
    preview: pa.Table

    def require_blocking_checks(self, job: MonthJob) -> None:
        """Stop a month that may not be published.

        Raises:
            CheckFailed: a blocking check failed.
        """
        failed = [check for check in self.checks if check.blocking and not check.passed]
        if failed:
            words = {check.name: " ".join(check.description.split()) for check in failed}  # a header may break lines
            named = "; ".join(f"{check.name} ({check.failing:,} failing: {words[check.name]})" for check in failed)
            reasons = self.ledger.rejected if self.ledger else {}
            counted = "; ".join(f"{rows:,} rejected for {reason}" for reason, rows in reasons.items() if rows)
            raise CheckFailed(
                f"{job}: blocking check failed: {'; '.join(filter(None, (named, counted)))}. Nothing was published; "
                f"{job.model.table.name} still holds what it held before",
                self.checks,
            )


def first_line(error: Exception) -> str:
    """The part of an engine's message that a person can use."""
    return str(error).split("\n")[0]
