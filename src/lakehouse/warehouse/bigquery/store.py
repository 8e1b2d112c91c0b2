"""The store of the cloud: BigQuery computes a month into a staging table, and publishes it in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakehouse.bronze.gcs.bucket import prepare_bucket
from lakehouse.exceptions import StaleInputs
from lakehouse.gcp.place import Place
from lakehouse.partition import Partition
from lakehouse.results import Groundwork
from lakehouse.schema import TableSpec
from lakehouse.warehouse.bigquery.biglake.catalog import BigLake
from lakehouse.warehouse.bigquery.biglake.records import CatalogRecords
from lakehouse.warehouse.bigquery.datasets import Datasets
from lakehouse.warehouse.bigquery.done_job import DoneJob
from lakehouse.warehouse.bigquery.job_labels import labels_for, labels_of
from lakehouse.warehouse.bigquery.jobs import Jobs, new_job_id
from lakehouse.warehouse.bigquery.publications import (
    ANEW,
    OUTDATED,
    PUBLICATIONS,
    SET_ASIDE,
    SHA256_DIGITS,
    TURN,
    month_value,
    row_text,
)
from lakehouse.warehouse.bigquery.records import BigQueryRecords
from lakehouse.warehouse.bigquery.session import BigQuerySession
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.bigquery.transactions import Transaction, until_first
from lakehouse.warehouse.bigquery.turns import add_turns
from lakehouse.warehouse.evolution import evolution
from lakehouse.warehouse.store import Records, Work
from lakehouse.warehouse.traits import Traits

if TYPE_CHECKING:
    from google.cloud.bigquery import Client
    from google.cloud.storage import Bucket


class BigQueryStore:
    """Implements :class:`lakehouse.warehouse.store.Store` in the datasets of a place, whose files are in ``bucket``."""

    traits = Traits(sha256_digits=SHA256_DIGITS, is_native=True)

    def __init__(
        self, client: Client, place: Place, bucket: Bucket, *, of_samples: bool, catalog: BigLake | None = None
    ) -> None:
        """``catalog`` has the tables that are to be Iceberg tables; without it all are BigQuery's own."""
        self._client = client
        self._place = place
        self._bucket = bucket
        self._of_samples = of_samples
        self._catalog = catalog
        of_catalog = None if catalog is None else catalog.tables
        self.tables = Tables(client, place, of_samples=of_samples, catalog=of_catalog)
        self._done = dict[Work, list[DoneJob]]()
        """All jobs of each work in hand: those that look at what is published are none of its session's own."""

    def prepare(self) -> Groundwork:
        """See the protocol; bucket and datasets are looked at first, so that nothing is made where one is refused.

        Raises:
            ConfigurationError: also where one is elsewhere, or not ours, or may not be made.
        """
        datasets = Datasets(self._client, self._place, of_samples=self._of_samples)
        if self._catalog is not None:
            self._catalog.look()
        there = datasets.look()
        made = prepare_bucket(self._bucket.client, self._place) + datasets.prepare(there) + self._own_tables()
        return made if self._catalog is None else made + self._catalog.prepare()

    def _own_tables(self) -> Groundwork:
        """What is published is remembered in."""
        made = Groundwork()
        for spec in (PUBLICATIONS, TURN):
            shape = self.tables.shape(spec)
            if shape is None:
                self.tables.create(spec)
                made += Groundwork(created=(f"table {self.tables.sql_name(spec.name)}",))
            elif evolution(shape, spec):
                self.evolve(spec)
                made += Groundwork(changed=(f"table {self.tables.sql_name(spec.name)}",))
        return made

    def create(self, spec: TableSpec) -> None:
        """See the protocol; months that were published in a table of that name, which is gone, are owed to it."""
        jobs = self._jobs("prepare", {})
        add_turns([spec.name], self.tables, jobs)

        def once() -> None:
            known = self.records_by(jobs)
            lost = known.put_down(spec)
            if lost and self.tables.shape(spec) is None:  # in this order: others may make it now
                self._begin_anew(spec, lost, known, jobs)

        until_first(once, spec.name)
        self.tables.create(spec)

    def evolve(self, spec: TableSpec) -> None:
        self.tables.evolve(spec, self._jobs(spec.name, {}))

    def set_aside(self, spec: TableSpec, owed: Iterable[Partition]) -> str:
        aside = f"{spec.name}__set_aside_{datetime.now(UTC):%Y%m%dT%H%M%S}"
        place, jobs = self.tables.sql_name(aside), self._jobs(spec.name, {})
        if (catalog := self.tables.of_catalog(spec.name)) is not None:
            place = catalog.set_aside(spec)
        elif self.tables.table(spec.name) is not None:
            jobs.rows(f"CREATE TABLE {self.tables.sql_name(aside)} CLONE {self.tables.sql_name(spec.name)}")
            self.tables.drop(spec.name)
        until_first(lambda: self._begin_anew(spec, owed, self.records_by(jobs), jobs), spec.name)
        self.create(spec)
        return place

    def _begin_anew(self, spec: TableSpec, owed: Iterable[Partition], known: BigQueryRecords, jobs: Jobs) -> None:
        """Put down that nothing that was published of a table is there any more."""
        now = datetime.now(UTC).replace(tzinfo=None)
        sequence = known.history(spec).sequence + 1
        common: dict[str, object] = {"table_name": spec.name, "sequence": sequence, "recorded_at": now}
        rows = [row_text({**common, "kind": SET_ASIDE})]
        since = f"{ANEW}{now:%Y-%m-%d}"
        rows += [
            row_text({**common, "kind": OUTDATED, "month": month_value(month), "outdated_by": since}) for month in owed
        ]
        begun = Transaction({spec.name}, {spec.name: sequence - 1}, [], rows)
        begun.run(self.tables, jobs, new_job_id())

    def records(self, work: Work | None = None) -> BigQueryRecords:
        return self.records_by(self._jobs("records", {}) if work is None else self._jobs_for(work))

    @contextmanager
    def session(self, work: Work, records: Records) -> Iterator[BigQuerySession]:
        if not isinstance(records, BigQueryRecords):
            raise TypeError(f"{work}: a session of BigQuery reads what its tables hold")
        jobs = self._jobs_for(work)
        session = BigQuerySession(self.tables, jobs, records, lambda: self.records_by(jobs), work)
        is_tried_again = False
        try:
            yield session
        except StaleInputs:  # what it took so far is billed, too
            is_tried_again = True
            raise
        finally:
            session.close()
            if not is_tried_again:
                self._done.pop(work, None)

    @staticmethod
    def tie_breaker(columns: Sequence[str]) -> None:  # noqa: ARG004 - rows are stored in no order
        return None

    def digest(self, columns: Sequence[str]) -> None:  # noqa: ARG002 - it is fast at comparing the values
        return None

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def records_by(self, jobs: Jobs) -> BigQueryRecords:
        """What the tables hold from now on, asked for by these jobs."""
        catalog = self.tables.catalog
        return BigQueryRecords(self.tables, jobs) if catalog is None else CatalogRecords(self.tables, jobs, catalog)

    def _jobs_for(self, work: Work) -> Jobs:
        return replace(self._jobs(str(work), labels_for(work)), done=self._done.setdefault(work, []))

    def _jobs(self, doing: str, labels: Mapping[str, str]) -> Jobs:
        return Jobs(self._client, doing, labels_of(self._place, labels), self._place.bytes_cap)
