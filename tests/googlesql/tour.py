"""A warehouse led through everything it does, on a store that runs it and notes each statement."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.contract import Contract
from lakehouse.cli.demo import QUESTIONS
from lakehouse.exceptions import CheckFailed, ContractViolation, NotLanded
from lakehouse.partition import WHOLE, Month
from lakehouse.schema import Column, TableSpec
from lakehouse.settings import PROJECT_ROOT
from lakehouse.warehouse.compared import compared
from lakehouse.warehouse.difference import AFTER, BEFORE, difference
from lakehouse.warehouse.store import Store, Work
from tests import fhv_files, yellow_files
from tests.emulators import generated
from tests.googlesql import kinds
from tests.googlesql.recording import Recording, RecordingStore
from tests.green_files import outside, trip, trips
from tests.loading import CONTRACTS
from tests.reference_files import user
from tests.warehouse.implementations import House, MemoryImplementation

MONTH = kinds.MONTH
NEXT = MONTH.next()

ALL_CONTRACTS = {**CONTRACTS, **kinds.CONTRACTS_OF_KINDS}

FAILING_CHECKS = {
    "not_null": "{type: not_null, columns: [bool_from_null, date_from_null], severity: warn}",
    "accepted_values": "{type: accepted_values, column: string_from_string, values: ['?'], severity: warn}",
    "known_codes": "{type: known_codes, codes: {int64_from_int64: [3], string_from_string: ['?']}, severity: warn}",
    "range": "{type: range, column: numeric_18_2__from_int64, min: 1, max: 2, usual_share: 0.001, severity: warn}",
    "unique": "{type: unique, columns: [bool_from_null, date_from_null], severity: warn}",
    "row_count": "{type: row_count, min: 100000, severity: warn}",
    "rejected_share": "{type: rejected_share, max: '0.001', severity: warn}",
    "duplicated_share": "{type: duplicated_share, max: '0.001', severity: warn}",
    "relationship": "{type: relationship, columns: [int64_from_int64], to: silver.zones.location_id, severity: warn}",
    "sql": "{type: sql, name: late, sql: SELECT * FROM audit.staged WHERE moment < @partition_end, severity: warn}",
}
"""Kind of check → one that fails."""

IN_ALL = """/*
description: Trips of all months
table: gold.green_trips_in_all
grain: [payment_type]
columns:
  trip_count: {type: INT64, description: Trips, unit: trips}
  total_amount: {type: "NUMERIC(18,2)", description: Money, unit: USD}
*/
SELECT
  payment_type,
  COUNT(*) AS trip_count,
  SUM(charged) AS total_amount
FROM (SELECT payment_type, total_amount AS charged FROM silver.green_trips) AS trips
GROUP BY payment_type
"""

QUERIES = (
    *(question.sql for question in QUESTIONS),
    "SELECT * FROM silver.row_ledger",
    "SELECT * FROM bronze.landings",
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT column_name FROM silver.INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'zones'",
    "SHOW TABLES",
    "SHOW TABLES FROM gold",
    "DESCRIBE silver.green_trips",
    "SELECT * FROM silver.green_trips ORDER BY pickup_at LIMIT 3",
)


class _Recorded(MemoryImplementation):
    """The store in memory, recorded."""

    def __init__(self, home: Path, contracts: Mapping[str, Contract], recording: Recording) -> None:
        super().__init__(home, contracts)
        self.recorded = RecordingStore(self.store, recording)

    def _store(self) -> Store:
        return self.recorded


@dataclass(frozen=True)
class Tour:
    """The house that is led through."""

    house: House

    def made(self) -> None:
        """All models of a month whose files have every kind of dirt, and once more."""
        house = self.house
        house.publish_zones()
        house.land_users(user(1), user(1), user(2))
        files = {
            "green_bronze": generated.green_since_2025_01,
            "taxi_bronze": generated.yellow_since_2023_02,
            "fhv_bronze": generated.fhv_with_whole_numbers,
        }
        for asset, generate in files.items():
            house.implementation.land(asset, MONTH, generate(house.sql.parent / f"{asset}.parquet", MONTH))
        self._replaced_all()
        house.land(MONTH, trips(MONTH, 40))
        house.land_yellow(MONTH, yellow_files.trips(MONTH, 40))
        house.land_fhv(MONTH, fhv_files.trips(MONTH, 40))
        assert all(self._replaced_all())
        for key in ("zones_silver", "green_silver"):
            house.replace(key, MONTH if house.models[key].is_partitioned else WHOLE)

    def _replaced_all(self) -> list[bool]:
        """Whether each model could be made; what it is refused for is told as well."""
        made = []
        for model in self.house.models:
            if model.bronze_asset not in kinds.CONTRACTS_OF_KINDS:
                try:
                    self.house.replace(model.key, MONTH if model.is_partitioned else WHOLE)
                except (CheckFailed, NotLanded):
                    made.append(False)
                else:
                    made.append(True)
        return made

    def before_anything_began(self) -> None:
        house = self.house
        began = CONTRACTS["taxi_bronze"].dataset.began
        assert isinstance(began, Month)
        for key in ("taxi_silver", "fhv_silver", "trips_gold"):
            house.replace(key, began.previous())

    def values_of_every_kind(self) -> None:
        """Files of every kind of column: one that is read, and those that are not read in full, or are refused."""
        house = self.house
        self.landed(kinds.KINDS, kinds.table())
        house.replace("kinds_silver", MONTH)
        rows = kinds.table({**kinds.NO_NUMBERS, **kinds.NO_TIMES})
        self.landed(kinds.KINDS, pa.concat_tables([rows, rows.slice(len(rows) - 1)]))
        checks = {check.name: check for check in house.replace("kinds_silver", MONTH).checks}
        assert not [each.label for each in house.models["kinds_silver"].checks if checks[each.label].passed]
        self.landed(kinds.KINDS, kinds.table({"int64_from_double": pa.array([2.5])}))
        with suppress(ContractViolation):
            house.replace("kinds_silver", MONTH)
        self.landed_texts()
        house.replace("texts_silver", MONTH)

    def landed(self, asset: str, table: pa.Table) -> None:
        file = self.house.sql.parent / "kinds.parquet"
        pq.write_table(table, file)
        self.house.implementation.land(asset, MONTH, file)

    def landed_texts(self) -> None:
        file = self.house.sql.parent / "texts.csv"
        file.write_text(kinds.csv_text(readable=True))
        self.house.implementation.land(kinds.TEXTS, MONTH, file)


@dataclass(frozen=True)
class RecordedTour(Tour):
    """Of a house whose store notes what its sessions are given."""

    store: RecordingStore

    def everything(self) -> None:
        """All that a warehouse does; of restatements also what it does where rows have digests, as the local one's."""
        self.house.rows("SELECT * FROM silver.row_ledger")  # of tables that are not there yet
        self.made()
        for query in QUERIES:
            self.house.rows(query)
        self.before_anything_began()
        self._restated()
        self.values_of_every_kind()
        self.house.warehouse.holdings()
        self.store.has_digests = True
        self._restated_by_digests()
        self._restated_in_a_hurry()

    def _restated(self) -> None:
        """A month of green restated with others gone, come and changed; what it would be told beforehand."""
        house = self.house
        for month in (MONTH, NEXT):
            house.land(month, [*trips(month, 40), trip(month, 1)])
            for key in ("green_silver", "green_gold"):
                house.replace(key, month)
        house.replace("in_all_gold", WHOLE)
        first = house.land(MONTH, trips(MONTH, 45))
        house.replace("green_silver", MONTH)
        rows = [trip(MONTH, n, total_amount=-1.0 if n % 5 else 12.0, payment_type=n % 4) for n in range(3, 45)]
        second = house.land(MONTH, [*rows, rows[0], trip(MONTH, 99)])
        model, shown = house.models["green_silver"], list[pa.Table]()
        house.warehouse.compare(model, MONTH, (), shown.append)
        house.warehouse.compare(model, MONTH, (first, second), shown.append)
        house.warehouse.compare(house.models["green_gold"], MONTH, (), shown.append)
        house.accept("green_silver", MONTH, second)
        house.land(MONTH, [*trips(MONTH, 500), trip(MONTH, 1), outside(MONTH, 1)])
        house.replace("green_silver", MONTH)
        house.replace("green_gold", MONTH)
        assert all(len(table) for table in shown[:2])

    def _restated_by_digests(self) -> None:
        """Two landings of which the old one has a record twice, which digests alone do not tell."""
        house = self.house
        house.reopen()
        landings = [house.land(NEXT, rows) for rows in ([*trips(NEXT, 9), trip(NEXT, 1)], trips(NEXT, 8))]
        house.warehouse.compare(house.models["green_silver"], NEXT, landings)

    def _restated_in_a_hurry(self) -> None:
        count = 400_000
        columns = (Column("id", "INT64", "Number"), Column("amount", "NUMERIC(18,2)", "Charged", "USD"))
        spec, ids = TableSpec("silver.t", columns, "Rows"), pa.array(range(count))
        with self.store.session(Work("hurry", WHOLE, ""), self.store.records()) as session:
            for name, amount in ((BEFORE, Decimal("1.00")), (AFTER, Decimal("3.00"))):
                rows = pa.repeat(pa.scalar(amount, pa.decimal128(18, 2)), count)
                session.relate(name, pa.table({"id": ids, "amount": rows}))
            found = difference(session, compared(spec, ("id",), self.store.digest), WHOLE, in_a_hurry=True)
        assert found.one_in > 1


@contextmanager
def tour_in(folder: Path, recording: Recording) -> Iterator[RecordedTour]:
    """A house with the project's models, all kinds of checks and of columns."""
    implementation = _Recorded(folder / "home", ALL_CONTRACTS, recording)
    try:
        yield RecordedTour(House(implementation, models_in(folder)), implementation.recorded)
    finally:
        implementation.close()


def models_in(folder: Path) -> Path:
    """A folder with the project's models, and some with all kinds of checks and of columns."""
    sql = folder / "sql"
    shutil.copytree(PROJECT_ROOT / "sql", sql)
    (sql / "silver" / "kinds_silver.sql").write_text(kinds.model(kinds.KINDS, "silver.kinds", FAILING_CHECKS.values()))
    (sql / "silver" / "texts_silver.sql").write_text(kinds.model(kinds.TEXTS, "silver.texts"))
    (sql / "gold" / "in_all_gold.sql").write_text(IN_ALL)
    return sql
