"""A landed file as an input: the contract applied to it, its values checked first, its relations named."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Protocol, TypeVar

from sqlglot import exp

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.footer import SourceColumn
from lakehouse.bronze.projection import COPIES, LANDED, Projection
from lakehouse.bronze.store import BronzeStore, Landing, open_current
from lakehouse.exceptions import (
    CheckFailed,
    ContractViolation,
    CorruptFile,
    CorruptLanding,
    StatementFailed,
    StatementFault,
)
from lakehouse.files import readable
from lakehouse.models import dialect
from lakehouse.partition import WHOLE, Partition
from lakehouse.schema import BRONZE_COLUMNS, UNREADABLE, WHOLE_SHA256, records_name
from lakehouse.warehouse.statements import Statement, TieBreaker
from lakehouse.warehouse.store import LandedFile, Relation, Session
from lakehouse.warehouse.unreadable import set_apart
from lakehouse.warehouse.value_checks import (
    Drift,
    FoundValues,
    number_query,
    read_numbers,
    read_values,
    require_numbers,
    require_times,
    value_query,
)
from lakehouse.warehouse.volume import held_back

_T = TypeVar("_T")
_log = logging.getLogger(__name__)
_COUNT, _RECORDS = "kept", "records"


class _Names(Protocol):
    """What a session is to whoever names relations in it."""

    def relate(self, name: str, relation: Relation) -> None: ...


@dataclass(frozen=True)
class LandedInput:
    """A dataset, or a month of it, as an input: its landing, or nothing before the dataset began.

    ``rejects`` says that its model keeps records apart that it cannot read; else they refuse the whole file. Rows have
    the first ``sha256_digits`` of the hash of their file.
    """

    asset: str
    contract: Contract
    landing: Landing | None
    store: BronzeStore
    rejects: bool
    sha256_digits: int = WHOLE_SHA256

    @classmethod
    def find(
        cls,
        store: BronzeStore,
        asset: str,
        contract: Contract,
        partition: Partition,
        *,
        rejects: bool,
        sha256_digits: int = WHOLE_SHA256,
    ) -> LandedInput:
        """The current landing of a dataset that comes whole, or of a month of one that does not.

        Raises:
            NotLanded: it was never landed, though the dataset had begun.
            CorruptFile: its file is gone.
        """
        partition = partition if contract.dataset.is_partitioned else WHOLE
        if not contract.dataset.has_begun(partition):
            return cls(asset, contract, None, store, rejects, sha256_digits)
        landing = open_current(store, contract.dataset.name, partition, asset)
        return cls(asset, contract, landing, store, rejects, sha256_digits)

    @property
    def name(self) -> str:
        """Dataset, month and file, for messages."""
        return f"{self.landing} ({self.file})" if self.landing else self.contract.dataset.name

    @property
    def file(self) -> str:
        """Where the landed file is, for messages; nowhere before the dataset began."""
        return readable(self.store.uri(self.landing)) if self.landing else ""

    @property
    def rows(self) -> int:
        return self.landing.rows if self.landing else 0

    @property
    def sha256(self) -> str:
        return self.landing.sha256 if self.landing else ""

    @contextmanager
    def judged_by(self, reader: str) -> Iterator[None]:
        """Note whether a model takes the landing, or refuses it: then it is asked for whatever its ETag says.

        What is at fault in a table, or in a check that looks at one, says nothing of the landing.
        """
        try:
            yield
        except (CheckFailed, ContractViolation, CorruptLanding) as error:
            if _is_about_landing(error):
                words = held_back(error.checks) if isinstance(error, CheckFailed) else None
                self._note(partial(self.store.refuse, held_back=words), reader, "refuses it")
            raise
        self._note(self.store.accept, reader, "takes it")

    def _note(self, mark: Callable[[Landing, str], None], reader: str, verdict: str) -> None:
        """Put down a verdict; where that cannot be, the month is what it is all the same."""
        if self.landing is None:
            return
        try:
            mark(self.landing, reader)
        except OSError as error:
            _log.warning("%s: it could not be noted that %s %s (%s)", self.landing, reader, verdict, error)

    def held_back(self, reader: str) -> str | None:
        """What a guard of a model said against the landing when it was last refused."""
        return self.store.held_back(self.landing, reader) if self.landing is not None else None

    def landed_before(self, reader: str) -> int | None:
        """Records of the landing before of the same, the newest that a model does not refuse; None if there is none.

        Nor is there one before a landing that the model was made of: what that had lost was accepted.
        """
        if self.landing is None or self.store.is_taken(self.landing, reader):
            return None
        history = self.store.history(self.landing.dataset, self.landing.partition)
        others = (each for each in history if each.sha256 != self.landing.sha256)
        return next((each.rows for each in others if not self.store.is_refused(each, reader)), None)

    def require_intact(self) -> None:
        """Compare the file with its landing, byte for byte.

        Raises:
            CorruptLanding: it is not what was landed.
        """
        if self.landing is not None and not self.store.is_intact(self.landing):
            raise CorruptLanding(
                f"{self.name}: is not the file that was landed; materialize {self.asset} "
                f"{f'for {self.landing.month} ' if self.landing.month else ''}to land it again"
            )

    @cached_property
    def footer(self) -> tuple[SourceColumn, ...]:
        """What the file says of its columns; nothing before the dataset began.

        Raises:
            CorruptLanding: it cannot be read.
        """
        try:
            return self.store.footer(self.landing) if self.landing else ()
        except CorruptFile as error:
            raise CorruptLanding(str(error)) from error

    @cached_property
    def projection(self) -> Projection:
        """How this file becomes the canonical relation.

        Raises:
            ContractViolation: it does not fit the contract.
        """
        if self.landing is None:
            return Projection(exp.Select())
        return self.contract.project(self.footer, self.name, self.landing.partition)

    @cached_property
    def projection_text(self) -> str:
        """Tells what the projection computes from what any other would."""
        return dialect.told_apart(self.projection.select)

    def relate(self, session: Session, tie_breaker: TieBreaker) -> Drift:
        """Name ``bronze.<asset>`` (folded, ordered) and ``bronze.<asset>_records`` (every record).

        Raises:
            ContractViolation: a value that should be a whole number is not, or a time is none of the calendar's.
            CorruptLanding: the file is not read as the records that were landed.
        """
        folded = f"bronze.{self.asset}"
        if self.landing is None:
            nothing = dialect.no_rows((*self.contract.columns, *BRONZE_COLUMNS))
            session.relate(folded, nothing)
            session.relate(records_name(folded), dialect.no_rows((*self.contract.columns, *BRONZE_COLUMNS, UNREADABLE)))
            return Drift()
        session.relate(LANDED, LandedFile(self.landing, self.store.uri(self.landing), self.footer))
        found = self._values(session)
        if not self.rejects:
            require_times(self.projection, found.outside, self.name)
            require_numbers(self.projection, found.outside, self.name)
        self._name(session, tie_breaker, found, found.outside)
        return self._with_duplicates(session, self._drift(found), folded)

    def name_as_expected(self, names: _Names, tie_breaker: TieBreaker) -> None:
        """Name both relations as they are if all values can be read as what they should be."""
        self._name(names, tie_breaker, FoundValues({}, {}), ())

    def set_numbers_apart(self, session: Session, tie_breaker: TieBreaker) -> bool:
        """Name the relations anew, after a cast has refused a value, with such records apart; False if none can be.

        Costly, so only asked once one has.
        """
        numbers = self._unreadable_numbers(session) if self.rejects else {}
        if numbers:
            found = self._values(session)
            self._name(session, tie_breaker, found, {**found.outside, **numbers})
        return bool(numbers)

    def staged(self, session: Session, tie_breaker: TieBreaker, stage: Callable[[], _T]) -> _T:
        """What ``stage`` makes of the relations; once more, with such records apart, where a cast refused a value."""
        try:
            return stage()
        except StatementFailed as error:
            if error.fault is not StatementFault.VALUE or not self.set_numbers_apart(session, tie_breaker):
                raise
        return stage()

    def require_numbers(self, session: Session) -> None:
        """Find what a cast has just refused: costly, so only asked once one has.

        Raises:
            ContractViolation: a column holds NaN, infinity or what its canonical type cannot.
        """
        require_numbers(self.projection, self._unreadable_numbers(session), self.name)

    def _unreadable_numbers(self, session: Session) -> Mapping[str, int]:
        query = number_query(self.projection) if self.landing else None
        return read_numbers(session.one(query, {})) if query else {}

    def _name(self, names: _Names, tie_breaker: TieBreaker, found: FoundValues, unreadable: Collection[str]) -> None:
        """Name both relations; records that some columns have unreadable values of are no part of the folded one."""
        folded = f"bronze.{self.asset}"
        projection = set_apart(self.projection.with_exact_halves(found.rounded), unreadable)
        sha256 = self.sha256[: self.sha256_digits]
        names.relate(records_name(folded), projection.records(sha256))
        names.relate(folded, projection.folded(sha256, self._order(tie_breaker)))

    def _order(self, tie_breaker: TieBreaker) -> tuple[exp.Expr, ...]:
        """Put on few and raw columns, where it is cheap; it makes what is written of them byte-stable."""
        breaker = tie_breaker([column.name for column in self.contract.columns])
        return () if breaker is None else (exp.column(self.contract.order, quoted=True), breaker)

    def _values(self, session: Session) -> FoundValues:
        query = value_query(self.projection)
        return read_values(self.projection, session.one(query, {}) if query else {}, self.name)

    def _drift(self, found: FoundValues) -> Drift:
        projection = self.projection
        return Drift(projection.unknown, projection.absent, projection.vanished, found.rounded)

    def _with_duplicates(self, session: Session, drift: Drift, folded: str) -> Drift:
        """Count records beyond the first of each kind; a dataset that comes whole has no ledger to do so."""
        if self.contract.dataset.is_partitioned:
            return drift
        records = dialect.cast(exp.Sum(this=exp.column(COPIES.name)), "INT64")
        counts = exp.select(exp.alias_(exp.Count(this=exp.Star()), _COUNT), exp.alias_(records, _RECORDS))
        counted = session.one(Statement(counts.from_(folded)), {})
        if counted[_RECORDS] != self.rows:
            raise CorruptLanding(f"{self.name}: {counted[_RECORDS]} of its {self.rows} records can be read")
        return drift.with_duplicates(int(counted[_RECORDS] - counted[_COUNT]))


def _is_about_landing(error: CheckFailed | ContractViolation | CorruptLanding) -> bool:
    if not isinstance(error, CheckFailed):
        return True
    return any(check.blocking and not check.passed and not check.reads_others for check in error.checks)
