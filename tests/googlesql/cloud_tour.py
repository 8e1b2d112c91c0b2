"""A warehouse of the cloud led through everything it does, on emulators, with a client that notes all it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from lakehouse.exceptions import ContractViolation, LakehouseError
from lakehouse.partition import WHOLE
from lakehouse.results import Effect
from lakehouse.warehouse.bigquery.costs import BigQueryCosts
from lakehouse.warehouse.bigquery.estimates import BigQueryEstimates
from lakehouse.warehouse.bigquery.jobs import Jobs
from lakehouse.warehouse.bigquery.usual_cost import billed_earlier
from tests.emulators.emulator import Cloud
from tests.googlesql import kinds
from tests.googlesql.sent import NotingClient, Sent
from tests.googlesql.tour import ALL_CONTRACTS, MONTH, QUERIES, Tour, models_in
from tests.green_files import outside, trip, trips
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import House


@dataclass(frozen=True)
class CloudTour(Tour):
    """Of a house on emulators."""

    implementation: CloudImplementation

    def everything(self) -> None:
        """All that a warehouse does."""
        self.house.rows("SELECT * FROM silver.row_ledger")  # of tables that are not there yet
        self._foreseen()
        self.made()
        self._foreseen()
        for query in QUERIES:
            self.house.rows(query)
        self.house.warehouse.query("SELECT * FROM silver.row_ledger", recount=True)
        with suppress(LakehouseError):
            self.house.rows("SELECT 1 / (trip_count - trip_count) AS n FROM gold.green_trips_by_payment_type")
        self.before_anything_began()
        self._restated()
        self._evolved()
        self._of_every_kind()
        self._set_aside()
        self.house.warehouse.holdings()
        self._billed()

    def _foreseen(self) -> None:
        """What all models would bill."""
        made, models = self.implementation, self.house.models
        at = (made.store, made.client, made.place, models, ALL_CONTRACTS, made.bronze)
        assert len(list(BigQueryEstimates(*at).of((model, MONTH) for model in models))) == len(models.keys())

    def _billed(self) -> None:
        """What jobs have billed, and what a table's publications have."""
        made, spec = self.implementation, self.house.models["green_silver"].table
        jobs = Jobs(made.client, "billed", {}, made.place.bytes_cap)
        assert set(billed_earlier(jobs, made.store.tables, spec, "another run")) == {0}
        with suppress(LakehouseError):  # no emulator has this view
            BigQueryCosts(made.client, made.place).spent("asset", 30)

    def _restated(self) -> None:
        """A month of green restated with others gone, come and changed; what it would be told beforehand."""
        house, shown = self.house, list[pa.Table]()
        house.replace("in_all_gold", WHOLE)
        first = house.land(MONTH, [*trips(MONTH, 45), trip(MONTH, 1)])
        house.replace("green_silver", MONTH)
        rows = [trip(MONTH, n, total_amount=-1.0 if n % 5 else 12.0, payment_type=n % 4) for n in range(3, 45)]
        second = house.land(MONTH, [*rows, rows[0], trip(MONTH, 99), outside(MONTH, 1)])
        model = house.models["green_silver"]
        house.warehouse.compare(model, MONTH, (), shown.append)
        house.warehouse.compare(model, MONTH, (first, second), shown.append)
        assert all(len(table) for table in shown)
        assert house.accept("green_silver", MONTH, second).restatement is not None
        house.warehouse.compare(house.models["green_gold"], MONTH, (), shown.append)
        house.replace("green_gold", MONTH)
        house.replace("in_all_gold", WHOLE)

    def _evolved(self) -> None:
        """A model that is edited: a column is wider, and one is new."""
        house = self.house
        added = "added: {type: INT64, description: Records, unit: records}"
        house.edit(
            "gold/green_gold.sql",
            ('  total_amount: {type: "NUMERIC(18,2)"', f'  {added}\n  total_amount: {{type: "NUMERIC(20,2)"'),
            ("  SUM(charged) AS total_amount", "  COUNT(*) AS added,\n  SUM(charged) AS total_amount"),
        )
        house.warehouse.prepare()
        assert house.replace("green_gold", MONTH).effect is not Effect.UNCHANGED

    def _of_every_kind(self) -> None:
        """As the tour does, but for times after 9999, which no table of BigQuery can be loaded with."""
        rows = kinds.table(kinds.NO_NUMBERS)
        self.landed(kinds.KINDS, pa.concat_tables([rows, rows.slice(len(rows) - 1)]))
        checks = {check.name: check for check in self.house.replace("kinds_silver", MONTH).checks}
        failing = [each.label for each in self.house.models["kinds_silver"].checks if not checks[each.label].passed]
        assert len(failing) > 5
        self.landed(kinds.KINDS, kinds.table({"int64_from_double": pa.array([2.5])}))
        with suppress(ContractViolation):
            self.house.replace("kinds_silver", MONTH)
        self.landed_texts()
        self.house.replace("texts_silver", MONTH)

    def _set_aside(self) -> None:
        """A table that is made anew, and a month of it."""
        spec = self.house.models["green_silver"].table
        self.implementation.store.set_aside(spec, [MONTH])
        self.house.reopen()
        self.house.replace("green_silver", MONTH)


@contextmanager
def cloud_tour_in(folder: Path, cloud: Cloud) -> Iterator[tuple[CloudTour, Sequence[Sent]]]:
    """A house on emulators, and what its client is given while it is led through."""
    clients = list[NotingClient]()

    def noting(address: str, project: str) -> NotingClient:
        clients.append(NotingClient(address, project))
        return clients[-1]

    implementation = CloudImplementation(folder, cloud, ALL_CONTRACTS, client=noting)
    try:
        yield CloudTour(House(implementation, models_in(folder)), implementation), clients[0].sent
    finally:
        implementation.close()
