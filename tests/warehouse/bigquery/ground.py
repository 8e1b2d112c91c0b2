"""A project and a bucket that nothing is in yet, and what stands between them and Google's clients.

The emulators know no conditions: whoever changes a dataset or a bucket as it was read is refused here, as documented
("datasets.update", If-Match; "Request preconditions", ifMetagenerationMatch), if it is another by now.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from lakehouse.gcp.place import LAYERS, Place
from lakehouse.results import Groundwork
from lakehouse.warehouse.bigquery.store import BigQueryStore
from tests.bronze.between import NOT_HELD, Answer, Between
from tests.bronze.clients import client_of
from tests.emulators.emulator import Cloud
from tests.warehouse.cloud import bigquery_client

if TYPE_CHECKING:
    from google.cloud.bigquery import Dataset
    from google.cloud.storage import Bucket

WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class _Version:
    """Which version of a thing a change is of, by the request, and which it is, by what describes it."""

    asked: Callable[[str, Mapping[str, str]], str | None]
    told: str


def _etag(_: str, headers: Mapping[str, str]) -> str | None:
    return headers.get("If-Match")


def _metageneration(path: str, _: Mapping[str, str]) -> str | None:
    return parse_qs(urlsplit(path).query).get("ifMetagenerationMatch", [None])[0]


class Conditional(Between):
    """Lets nobody change what is another than it was read."""

    def __init__(self, emulator: str, version: _Version) -> None:
        super().__init__(emulator)
        self._version = version
        self.refused = 0

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        wanted = self._version.asked(path, headers)
        if method == "PATCH":
            assert wanted is not None, f"{path} is changed without a condition"
            plain = {name: value for name, value in headers.items() if name not in ("Content-Length", "If-Match")}
            held = super()._forwarded("GET", urlsplit(path).path, plain, b"")
            if str(json.loads(held.body)[self._version.told]) != wanted:
                self.refused += 1
                return Answer(NOT_HELD.status, {"Content-Type": "application/json"}, NOT_HELD.body)
        return super()._forwarded(method, path, headers, body)


class Ground:
    """For as long as it is entered; nothing of it is left."""

    def __init__(self, cloud: Cloud) -> None:
        name = f"p{uuid4().hex[:12]}"
        self.place = Place(project=name, bucket=name, location="US", prefix="", bytes_cap=20 << 30)
        self.bigquery = Conditional(cloud.bigquery, _Version(_etag, "etag"))
        self.storage = Conditional(cloud.storage, _Version(_metageneration, "metageneration"))
        self.client = bigquery_client(cloud.bigquery, name)
        """Of somebody else: it asks the emulator itself."""
        self.buckets = client_of(cloud.storage)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self.bigquery)
        self._stack.enter_context(self.storage)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        for layer in LAYERS:
            self.client.delete_dataset(layer, delete_contents=True, not_found_ok=True)
        self.client.close()  # type: ignore[no-untyped-call]
        self.buckets.close()

    def prepare(self, place: Place | None = None, *, of_samples: bool = False) -> Groundwork:
        """As a process of its own would."""
        place = place or self.place
        client = bigquery_client(self.bigquery.address, place.project)
        storage = client_of(self.storage.address)
        try:
            store = BigQueryStore(client, place, storage.bucket(place.bucket), of_samples=of_samples)
            return store.prepare()
        finally:
            client.close()  # type: ignore[no-untyped-call]
            storage.close()

    def writes(self) -> list[int]:
        """How requests that change anything were answered."""
        return self.bigquery.statuses(*WRITES) + self.storage.statuses(*WRITES)

    def dataset(self, layer: str) -> Dataset:
        return self.client.get_dataset(layer)

    def datasets(self) -> set[str]:
        return {each.dataset_id for each in self.client.list_datasets()}

    def bucket(self) -> Bucket | None:
        return self.buckets.lookup_bucket(self.place.bucket)
