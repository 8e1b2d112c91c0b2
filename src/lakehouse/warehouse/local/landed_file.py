"""A landed file as its bronze relation: the contract applied to it, its values checked first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import read_footer
from lakehouse.bronze.projection import LANDED, Projection
from lakehouse.bronze.store import BronzeStore, Landing, hash_file
from lakehouse.exceptions import ContractViolation, CorruptFile
from lakehouse.models import dialect
from lakehouse.models.checks.kinds import IMPLICIT_CHECKS
from lakehouse.month import Month
from lakehouse.results import CheckResult
from lakehouse.schema import BRONZE_COLUMNS
from lakehouse.warehouse.local.engine import DuckDbEngine, read_file

_TOO_LARGE = 10**15
"""No amount, distance, count or id comes near it, and every engine's types hold it."""

_WHOLE_NUMBER = r"^\s*[+-]?[0-9]{1,18}\s*$"
"""Text that every engine reads as the same INT64; DuckDB would also take 1.5, as 2."""


@dataclass(frozen=True)
class Drift:
    """How a file differs from its contract without violating it."""

    unknown: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    """Those of the absent columns that a file of its month should have."""
    rounded: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    """Records folded into others, of a dataset that comes whole; those of trips are counted in the ledger."""

    def check(self) -> CheckResult:
        """A warning where the file has columns nobody asked for, lacks one it had, or is finer than a cent."""
        facts: dict[str, str | int] = {f"rounded_{name}": count for name, count in self.rounded.items()}
        for kind in ("unknown", "absent", "vanished"):
            if columns := getattr(self, kind):
                facts[f"{kind}_columns"] = ", ".join(columns)
        if self.duplicates:
            facts["duplicate_records"] = self.duplicates
        failing = len(self.unknown) + len(self.vanished) + len(self.rounded) + self.duplicates
        return CheckResult(
            name="contract_drift",
            passed=failing == 0,
            failing=failing,
            severity="warn",
            blocking=False,
            description=IMPLICIT_CHECKS["contract_drift"],
            facts=facts,
        )


@dataclass(frozen=True)
class LandedFile:
    """A dataset, or a month of it, as an input: its landing and file, or nothing before the dataset began."""

    asset: str
    contract: Contract
    landing: Landing | None
    file: Path | None

    @classmethod
    def find(cls, store: BronzeStore, asset: str, contract: Contract, month: Month | None) -> LandedFile:
        """The current landing of a dataset that comes whole, or of a month of one that does not.

        Raises:
            NotLanded: it was never landed, though the dataset had begun.
            CorruptFile: its file is gone.
        """
        month = month if contract.is_monthly else None
        if not contract.has_begun(month):
            return cls(asset, contract, None, None)
        landing, file = store.open_current(contract.dataset.name, month, asset)
        return cls(asset, contract, landing, file)

    @property
    def name(self) -> str:
        """Dataset, month and file, for messages."""
        return f"{self.landing or self.contract.dataset.name} ({self.file})"

    @property
    def rows(self) -> int:
        return self.landing.rows if self.landing else 0

    @property
    def sha256(self) -> str:
        return self.landing.sha256 if self.landing else ""

    def require_intact(self) -> None:
        """Compare the file with its landing, byte for byte.

        Raises:
            CorruptFile: it is not what was landed.
        """
        if self.landing is not None and self.file is not None and hash_file(self.file) != self.landing.sha256:
            raise CorruptFile(
                f"{self.name}: is not the file that was landed; materialize {self.asset} "
                f"{f'for {self.landing.month} ' if self.landing.month else ''}to land it again"
            )

    @cached_property
    def projection(self) -> Projection:
        """How this file becomes the canonical relation.

        Raises:
            ContractViolation: it does not fit the contract.
        """
        if self.file is None:
            return Projection(exp.Select())
        return self.contract.project(read_footer(self.file), self.name)

    def present(self, engine: DuckDbEngine) -> Drift:
        """Name ``bronze.<asset>`` (folded, sorted) and ``bronze.<asset>_records`` (every record).

        Raises:
            ContractViolation: a value that should be a whole number is not, or a time is none of the calendar's.
        """
        columns = self.contract.columns
        folded, records = f"bronze.{self.asset}", f"bronze.{self.asset}_records"
        if self.file is None:
            engine.parquet_view(folded, (), (*columns, *BRONZE_COLUMNS))
            engine.parquet_view(records, (), (*columns, *BRONZE_COLUMNS))
            return Drift()
        drift = self._check_values(engine)
        projection = self.projection.with_exact_halves(drift.rounded)
        engine.view(LANDED, f"SELECT * FROM {read_file(self.file)}")
        engine.view(records, dialect.render(projection.records(self.sha256), "duckdb"))
        # Ordered here, on few and raw columns, where it is cheap; it makes the written file byte-stable.
        names = [exp.column(column.name, quoted=True) for column in columns]
        order = (exp.column(self.contract.order, quoted=True), exp.func("hash", *names))
        engine.view(folded, dialect.render(projection.folded(self.sha256, order), "duckdb"))
        return drift if self.contract.is_monthly else replace(drift, duplicates=self._count_duplicates(engine, folded))

    def _count_duplicates(self, engine: DuckDbEngine, folded: str) -> int:
        """Records beyond the first of each kind; a dataset that comes whole has no ledger to count them.

        Raises:
            CorruptFile: the file is not read as the records that were landed.
        """
        counted = engine.row(f"SELECT COUNT(*) AS kept, CAST(SUM(copies) AS BIGINT) AS records FROM {folded}", {})
        if counted["records"] != self.rows:
            raise CorruptFile(f"{self.name}: {counted['records']} of its {self.rows} records can be read")
        return int(counted["records"] - counted["kept"])

    def _check_values(self, engine: DuckDbEngine) -> Drift:
        """Look at the values that a cast would change in silence."""
        projection = self.projection
        counts: dict[str, exp.Expr] = {}
        for source, name in projection.whole_numbers:
            value = exp.column(source, quoted=True)
            split = value.neq(exp.func("TRUNC", value.copy()))
            counts[f"split_{name}"] = self._over(exp.Count(this=exp.Star()), split)
            counts[f"example_{name}"] = self._over(exp.Min(this=value.copy()), split.copy())
        for source, name in projection.digits:
            value = exp.column(source, quoted=True)
            wrong = exp.not_(exp.RegexpLike(this=value, expression=exp.Literal.string(_WHOLE_NUMBER)))
            counts[f"split_{name}"] = self._over(exp.Count(this=exp.Star()), wrong)
            counts[f"example_{name}"] = self._over(exp.Min(this=value.copy()), wrong.copy())
        for source, name in projection.decimals:
            value = exp.column(source, quoted=True)
            finer = value.neq(exp.func("ROUND", value.copy(), exp.Literal.number(2)))
            counts[f"rounded_{name}"] = self._over(exp.Count(this=exp.Star()), finer)
        for source, name in projection.times:
            outside = _outside_calendar(exp.column(source, quoted=True))
            counts[f"outside_{name}"] = self._over(exp.Count(this=exp.Star()), outside)
        found = engine.row(_select(counts), {}) if counts else {}
        for source, name in projection.times:
            if found[f"outside_{name}"]:
                self._refuse(source, name, f"has {found[f'outside_{name}']} times outside the years 1 to 9999")
        for source, name in (*projection.whole_numbers, *projection.digits):
            if found[f"split_{name}"]:
                values = f"{found[f'split_{name}']} values do not, for example {found[f'example_{name}']}"
                self._refuse(source, name, f"must hold whole numbers, but {values}")
        rounded = {name: found[f"rounded_{name}"] for _, name in projection.decimals if found[f"rounded_{name}"]}
        expected = self.contract.expected(self.landing.period if self.landing else None)
        vanished = tuple(name for name in projection.absent if name in expected)
        return Drift(projection.unknown, projection.absent, vanished, rounded)

    def require_numbers(self, engine: DuckDbEngine) -> None:
        """Find what a cast has just refused: costly, so only asked once one has.

        Raises:
            ContractViolation: a column holds NaN, infinity or what its canonical type cannot.
        """
        columns = (*self.projection.whole_numbers, *self.projection.decimals)
        if self.file is None or not columns:
            return
        # COUNTIF, not a filter: DuckDB answers filters from file statistics, which leave NaN out.
        counts = {name: exp.CountIf(this=_not_a_number(exp.column(source, quoted=True))) for source, name in columns}
        found = engine.row(_select(counts, read_file(self.file)), {})
        for source, name in columns:
            if found[name]:
                self._refuse(source, name, f"has {found[name]} values that are not numbers or are too large")

    def _over(self, value: exp.Expr, where: exp.Expr) -> exp.Expr:
        """A scan of its own, straight from the file: what statistics and dictionaries rule out is never decoded."""
        if self.file is None:
            raise TypeError(f"{self.asset} has no file to look at")
        return exp.select(value).from_(read_file(self.file), dialect="duckdb").where(where).subquery()

    def _refuse(self, source: str, name: str, problem: str) -> NoReturn:
        raise ContractViolation(
            f"{self.name}: column {source} ({name}) {problem}; nothing was changed. Check what the source published"
        )


def _select(values: Mapping[str, exp.Expr], source: str | None = None) -> str:
    select = exp.select(*(exp.alias_(value, name, quoted=True) for name, value in values.items()))
    return (select.from_(source, dialect="duckdb") if source else select).sql("duckdb")


def _not_a_number(value: exp.Expr) -> exp.Expr:
    """True of NaN, infinities and what no type here holds."""
    finite = exp.func("ISFINITE", exp.cast(value, "DOUBLE", dialect="duckdb"))
    return exp.or_(exp.not_(finite), exp.func("ABS", value.copy()) >= exp.Literal.number(_TOO_LARGE))


def _outside_calendar(time: exp.Expr) -> exp.Expr:
    """True of times that no table format here can describe; pyiceberg and Python stop at the year 9999."""
    time = exp.cast(time, "TIMESTAMP")  # nanoseconds reach only from 1677 to 2262: too short for the bounds
    first, end = (exp.cast(exp.Literal.string(text), "TIMESTAMP") for text in ("0001-01-01", "9999-12-31"))
    return exp.or_(exp.LT(this=time, expression=first), exp.GTE(this=time.copy(), expression=end))
