"""What is looked at of BigQuery: by jobs that are not run, and by descriptions of datasets. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lakehouse.exceptions import LakehouseError
from lakehouse.findings.finding import Finding, fault, ok, told, unseen, warning
from lakehouse.gcp.place import LAYERS, Place
from lakehouse.warehouse.bigquery import job_configs
from lakehouse.warehouse.bigquery.answers import in_gib, told_as_ours
from lakehouse.warehouse.bigquery.datasets import Datasets
from lakehouse.warehouse.bigquery.job_labels import labels_of
from lakehouse.warehouse.bigquery.jobs import ANSWER_SECONDS, asking_for, new_job_id
from lakehouse.warehouse.bigquery.publications import PUBLICATIONS, TURN
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.bigquery.words import reason_of, said

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Dataset

_BRIEF_SECONDS = 10.0
"""How long it is asked again: somebody waits for the answer."""

_API, _PROJECT, _BILLING, _RIGHTS = "BigQuery", "project", "billing", "BigQuery, rights"
_STEPS = (_API, _PROJECT, _BILLING, _RIGHTS)
"""What a job needs, in the order in which it is refused for want of it."""

_BY_REASON = {"billingNotEnabled": _BILLING, "accessDenied": _RIGHTS, "forbidden": _RIGHTS}
"""What is at fault, by BigQuery's word for it; the service itself for all others."""

_HIDE_ALL = (_API, _PROJECT)
"""Without which nothing else of BigQuery can be looked at."""

_WRITE, _CAP = "BigQuery, right to write", "cap"


class BigQueryFindings:
    """Of one place, as whoever runs it sees it."""

    def __init__(self, client: Client, place: Place, *, of_samples: bool) -> None:
        self._client = client
        self._place = place
        self._datasets = Datasets(client, place, of_samples=of_samples)
        self._tables = Tables(client, place, of_samples=of_samples)
        self._of_samples = of_samples

    def all(self) -> Iterator[Finding]:
        """A line for each thing."""
        service = self._service()
        yield from service
        if any(each.mend and each.what in _HIDE_ALL for each in service):
            yield unseen("datasets", "BigQuery does not answer for the project")
            yield unseen(f"{_WRITE}, {_CAP}", "BigQuery does not answer for the project")
            return
        yield from self._of_datasets()
        if any(each.mend for each in service):
            yield unseen(f"{_WRITE}, {_CAP}", "no job may be run")
            return
        yield self._right_to_write()
        yield self._cap()

    def _service(self) -> Sequence[Finding]:
        """What a job needs, by asking for one that is not run."""
        good = {
            _API: "answers",
            _PROJECT: f"{self._place.project} is known",
            _BILLING: "nothing was refused for want of it",
            _RIGHTS: "the account may run jobs",
        }
        try:
            self._dry_run("SELECT 1")
        except LakehouseError as error:
            at, finding = _at_fault(error, self._place)
            before = [ok(step, good[step]) for step in _STEPS[:at]]
            after = [unseen(step, f"{_STEPS[at]} is at fault") for step in _STEPS[at + 1 :]]
            return [*before, finding, *after]
        return [ok(step, good[step]) for step in _STEPS]

    def _of_datasets(self) -> Iterator[Finding]:
        there: dict[str, Dataset | None] = {}
        faults: dict[str, Finding] = {}
        for layer in LAYERS:
            try:
                there[layer] = self._datasets.look_at(layer)
            except LakehouseError as error:
                faults[layer] = told(self._called(layer), error)
        is_begun = bool(faults) or any(each is not None for each in there.values())
        for layer in LAYERS:
            yield faults.get(layer) or self._dataset(layer, there[layer], is_begun=is_begun)

    def _dataset(self, layer: str, dataset: Dataset | None, *, is_begun: bool) -> Finding:
        what = self._called(layer)
        if dataset is None:
            if is_begun:
                return warning(what, "is not there, and others are", "materialize infrastructure, which makes it")
            return ok(what, "is not made yet; materializing infrastructure makes it")
        kind = "generated samples" if self._of_samples else "real data"
        found = f"in {dataset.location}, ours, for {kind}"
        if wanting := self._datasets.wanting(layer, dataset):
            return warning(
                what, f"{found}; to be set: {', '.join(wanting)}", "materialize infrastructure, which sets it"
            )
        return ok(what, found)

    def _called(self, layer: str) -> str:
        return f"dataset {self._place.dataset(layer)}"

    def _right_to_write(self) -> Finding:
        turn = self._tables.sql_name(TURN.name)
        try:
            if self._tables.table(TURN.name) is None:
                return unseen(_WRITE, f"there is no {turn} yet; materializing infrastructure makes it")
            self._dry_run(f"UPDATE {turn} SET turn = turn WHERE FALSE")
        except LakehouseError as error:
            return told(_WRITE, error)
        return ok(_WRITE, f"the account may change {turn}")

    def _cap(self) -> Finding:
        table, cap = self._tables.sql_name(PUBLICATIONS.name), self._place.bytes_cap
        limit = f"LAKEHOUSE_BYTES_CAP lets a statement bill {in_gib(cap)}"
        try:
            if self._tables.table(PUBLICATIONS.name) is None:
                return ok(_CAP, f"{limit}; there is no {table} yet to hold it against")
            reads = self._dry_run(f"SELECT * FROM {table}")
        except LakehouseError as error:
            return told(_CAP, error)
        if reads > cap:
            return fault(_CAP, f"{limit}, and to read {table} takes {in_gib(reads)}", "raise LAKEHOUSE_BYTES_CAP")
        return ok(_CAP, f"{limit}; to read {table} takes {in_gib(reads)}")

    def _dry_run(self, sql: str) -> int:
        """Have BigQuery look at a statement, which it does not run; the bytes that it says it would read."""
        config = job_configs.of_query(labels_of(self._place), self._place.bytes_cap, {}, None)
        config.dry_run = True
        config.use_query_cache = False
        with told_as_ours("BigQuery", sql, self._place.bytes_cap):
            job = self._client.query(
                sql,
                job_config=config,
                job_id=new_job_id(),
                retry=asking_for(_BRIEF_SECONDS),
                job_retry=None,
                timeout=ANSWER_SECONDS,
            )
        return int(job.total_bytes_processed or 0)


def _at_fault(error: LakehouseError, place: Place) -> tuple[int, Finding]:
    """Which of the steps a job was refused at, and that it was."""
    from google.api_core.exceptions import GoogleAPICallError

    answer = error.__cause__
    if not isinstance(answer, GoogleAPICallError):
        return 0, told(_API, error)
    words = said(answer)
    if "not found: project" in words.lower() or "invalid project" in words.lower():
        mend = "correct it to the project's id (gcloud projects list shows yours)"
        return 1, fault(_PROJECT, f"LAKEHOUSE_PROJECT={place.project}: there is no such project ({words})", mend)
    step = _BY_REASON.get(reason_of(answer), _API)
    return _STEPS.index(step), told(step, error)
