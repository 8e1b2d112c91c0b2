"""The datasets of a place: made, or brought to what they should be; one that is not ours, or elsewhere, is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import ConfigurationError
from lakehouse.gcp.place import LAYERS, Place
from lakehouse.results import Groundwork
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.changing import Change, changed
from lakehouse.warehouse.bigquery.grants import granted
from lakehouse.warehouse.bigquery.job_labels import MANAGED
from lakehouse.warehouse.bigquery.jobs import patient
from lakehouse.warehouse.bigquery.tables import SAMPLE_LABEL
from lakehouse.warehouse.bigquery.words import said

if TYPE_CHECKING:
    from google.cloud.bigquery import Client, Dataset

_NAMED = 3
"""How many of the tables that are in the way are named."""


@dataclass(frozen=True)
class Layer:
    """What a dataset is for; its tables go by themselves after they have ``lasted``, if they do."""

    description: str
    lasts: timedelta | None = None
    is_read: bool = False
    """Whether it is what readers are for."""


_OF = {
    "bronze": Layer("Landed files as tables, which are made of them again when they are needed.", timedelta(days=7)),
    "silver": Layer("Records, cleaned and tested, and those that were rejected.", is_read=True),
    "gold": Layer("What is reported: tables made of silver.", is_read=True),
    "meta": Layer("What was published when; it belongs to the tables of silver and gold."),
    "staging": Layer("Months that are being computed, until they are published.", timedelta(days=1)),
}


class Datasets:
    """Those of one place. Nothing in them is ever removed, nor what anybody else has set."""

    def __init__(self, client: Client, place: Place, *, of_samples: bool) -> None:
        self._client = client
        self._place = place
        self._of_samples = of_samples
        self._labels = {**MANAGED, **({SAMPLE_LABEL: "true"} if of_samples else {})}

    def look(self) -> Mapping[str, Dataset | None]:
        """Each layer's dataset, None of one that is not there; changes nothing.

        Raises:
            ConfigurationError: one is elsewhere, or has tables that are not ours, or is of the other kind of data.
        """
        there = {layer: self._get(layer) for layer in LAYERS}
        for layer, dataset in there.items():
            if dataset is not None:
                self._require_ours(layer, dataset)
        return there

    def look_at(self, layer: str) -> Dataset | None:
        """The same of one layer."""
        dataset = self._get(layer)
        if dataset is not None:
            self._require_ours(layer, dataset)
        return dataset

    def wanting(self, layer: str, dataset: Dataset) -> tuple[str, ...]:
        """What is to be changed of a dataset that is ours, in words."""
        return self._settled(layer, dataset).words

    def prepare(self, there: Mapping[str, Dataset | None]) -> Groundwork:
        """Make those that are missing, and bring what is ``there`` to what it should be. Safe to repeat and to race.

        Raises:
            ConfigurationError: see :meth:`look`; or a reader is not known.
            CommitConflict: others kept changing one.
        """
        return sum((self._prepare(layer, dataset) for layer, dataset in there.items()), Groundwork())

    def _prepare(self, layer: str, dataset: Dataset | None) -> Groundwork:
        name, again = f"dataset {self._place.dataset(layer)}", partial(self._require, layer)
        is_new = dataset is None and (dataset := self._create(layer)) is not None
        if dataset is None:  # another run was first
            dataset = again()
        words = changed(self._client, dataset, again, partial(self._settled, layer), name)
        if _OF[layer].is_read:
            words += granted(self._client, again() if words else dataset, again, self._place.readers, name)
        return Groundwork((name,) if is_new else (), (f"{name}: {', '.join(words)}",) if words else ())

    def _get(self, layer: str) -> Dataset | None:
        from google.api_core.exceptions import NotFound

        name = self._place.dataset(layer)
        with told_as_ours(f"dataset {name}"):
            try:
                return self._client.get_dataset(f"{self._place.project}.{name}", retry=patient())
            except NotFound as error:
                if "not found: project" in error.message.lower():
                    raise self._no_project(said(error)) from None
                return None

    def _require(self, layer: str) -> Dataset:
        """One that was there a moment ago."""
        dataset = self._get(layer)
        if dataset is None:
            raise ConfigurationError(f"dataset {self._place.dataset(layer)}: was removed meanwhile; run it again")
        self._require_ours(layer, dataset)
        return dataset

    def _create(self, layer: str) -> Dataset | None:
        """Make one; None if it is there by now."""
        from google.api_core.exceptions import BadRequest, Conflict, NotFound
        from google.cloud.bigquery import Dataset

        place = self._place
        name = place.dataset(layer)
        dataset = Dataset(f"{place.project}.{name}")
        dataset.location = place.location
        dataset.labels = self._labels
        dataset.description = self._description(layer)
        dataset.default_table_expiration_ms = _milliseconds(_OF[layer].lasts)
        with told_as_ours(f"dataset {name}"):
            try:
                return self._client.create_dataset(dataset, retry=patient())
            except Conflict:
                return None
            except NotFound as error:
                raise self._no_project(said(error)) from None
            except BadRequest as error:
                raise ConfigurationError(
                    f"dataset {name}: BigQuery does not make it in LAKEHOUSE_LOCATION={place.location} "
                    f"({said(error)}): choose another location"
                ) from None

    def _no_project(self, words: str) -> ConfigurationError:
        return ConfigurationError(
            f"LAKEHOUSE_PROJECT={self._place.project}: there is no such project ({words}): correct it to the project's "
            "id (gcloud projects list shows yours)"
        )

    def _require_ours(self, layer: str, dataset: Dataset) -> None:
        name, place = f"dataset {dataset.dataset_id}", self._place
        if (dataset.location or "").upper() != place.location.upper():
            raise ConfigurationError(
                f"{name}: is in {dataset.location}, for good, and LAKEHOUSE_LOCATION={place.location}; set it to "
                f"{dataset.location}, or LAKEHOUSE_PREFIX to another"
            )
        holds_samples = dataset.labels.get(SAMPLE_LABEL) == "true"
        if not _is_managed(dataset.labels):
            kinds = self._kinds_of_tables(dataset, name)
            # Tables of landed files do not say of what they are.
            if not kinds or (layer == "bronze" and True not in kinds):
                return
            holds_samples = True in kinds
        if holds_samples and not self._of_samples:
            raise ConfigurationError(
                f"{name}: holds generated sample data; say lakehouse --sample, or set LAKEHOUSE_PREFIX to another"
            )
        if self._of_samples and not holds_samples:
            raise ConfigurationError(
                f"{name}: holds real data, and LAKEHOUSE_SAMPLE=true; set LAKEHOUSE_PREFIX to another for samples"
            )

    def _kinds_of_tables(self, dataset: Dataset, name: str) -> frozenset[bool]:
        """Of a dataset that does not say whose it is: whether its tables are of samples; empty if it has none.

        Raises:
            ConfigurationError: some are not ours.
        """
        kinds, foreign = set[bool](), list[str]()
        with told_as_ours(name):
            for each in self._client.list_tables(dataset.reference, retry=patient()):
                labels = each.labels or self._client.get_table(each.reference, retry=patient()).labels
                if _is_managed(labels):
                    kinds.add(labels.get(SAMPLE_LABEL) == "true")
                    continue
                foreign.append(each.table_id)
                if len(foreign) > _NAMED:
                    break
        if foreign:
            more = ", …" if len(foreign) > _NAMED else ""
            raise ConfigurationError(
                f"{name}: holds tables that this project did not make ({', '.join(foreign[:_NAMED])}{more}): set "
                "LAKEHOUSE_PREFIX, so that datasets have other names, or move these tables to another dataset"
            )
        return frozenset(kinds)

    def _settled(self, layer: str, dataset: Dataset) -> Change:
        """What is to be changed of a dataset that is ours; no words of other people's are."""
        fields, words = [], []
        if not self._labels.items() <= dataset.labels.items():
            dataset.labels = {**dataset.labels, **self._labels}
            fields.append("labels")
            words.append("labels")
        if not dataset.description or (self._of_samples and SAMPLE_NOTE not in dataset.description):
            dataset.description = self._description(layer)
            fields.append("description")
            words.append("description")
        lasts = _milliseconds(_OF[layer].lasts)
        if dataset.default_table_expiration_ms != lasts:
            dataset.default_table_expiration_ms = lasts
            fields.append("default_table_expiration_ms")
            words.append("tables stay" if lasts is None else f"tables last {_days(_OF[layer].lasts)}")
        if dataset.default_partition_expiration_ms is not None:  # months would go by themselves
            dataset.default_partition_expiration_ms = None
            fields.append("default_partition_expiration_ms")
            words.append("partitions stay")
        return Change(tuple(fields), tuple(words))

    def _description(self, layer: str) -> str:
        text = f"NYC Lakehouse, {layer}. {_OF[layer].description}"
        return f"{SAMPLE_NOTE} {text}" if self._of_samples else text


def _is_managed(labels: Mapping[str, str]) -> bool:
    return MANAGED.items() <= labels.items()


def _milliseconds(time: timedelta | None) -> int | None:
    return None if time is None else time // timedelta(milliseconds=1)


def _days(time: timedelta | None) -> str:
    days = 0 if time is None else time.days
    return f"{days} day{'' if days == 1 else 's'}"
