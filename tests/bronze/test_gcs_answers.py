"""What Cloud Storage refuses is one line that says what to do. Its answers are replayed as documented, not seen."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.auth.credentials import Credentials

from lakehouse.bronze.gcs import objects
from lakehouse.bronze.gcs.store import GcsBronzeStore
from lakehouse.exceptions import CommitConflict, ConfigurationError, CorruptFile, LakehouseError, StorageUnavailable
from tests.bronze.between import (
    FORBIDDEN,
    NO_BUCKET,
    NOT_HELD,
    TOO_MANY,
    UNAUTHORIZED,
    UNAVAILABLE,
    Between,
    Fault,
)
from tests.bronze.clients import client_of
from tests.bronze.places import MONTH, InBucket, adopt, land, landing_of

if TYPE_CHECKING:
    from google.cloud.storage import Bucket

CONTENT = b"content"
LANDING = landing_of(CONTENT)


@dataclass(frozen=True)
class Asked:
    """Something that a store does, the method of the request that is refused, and the object that is about."""

    method: str
    does: Callable[[GcsBronzeStore], object]
    about: str
    needs_file: bool = False


FILE = f"green/2024-01/{LANDING.sha256[:32]}.parquet"
MARK = f"_landings/green/2024-01/{LANDING.sha256[:32]}.green_silver.refused"
ASKED = {
    "list": Asked("GET", lambda store: store.current("green", MONTH), "_landings/green/2024-01/"),
    "look": Asked("GET", lambda store: store.size(LANDING), FILE),
    "read": Asked("GET", lambda store: store.held_back(LANDING, "green_silver"), MARK),
    "write": Asked("POST", lambda store: store.refuse(LANDING, "green_silver", "fewer rows"), MARK),
    "send": Asked("POST", lambda store: adopt(store, LANDING, CONTENT), FILE),
    "change": Asked("PATCH", lambda store: store.record(LANDING), FILE, needs_file=True),
    "remove": Asked("DELETE", lambda store: store.accept(LANDING, "green_silver"), MARK),
}
LASTING = {
    "403": (FORBIDDEN, r"\(403: loader@p.* denied .*\): grant the account roles/storage.objectUser on the bucket$"),
    "401": (
        UNAUTHORIZED,
        r"Google does not accept the credentials \(.*\): say gcloud auth application-default login, or set LAKEHOUSE_",
    ),
}
PASSING = {
    "429": (TOO_MANY, r"Cloud Storage .* \(429: The object exceeded the rate limit .*\): run it again later$"),
    "503": (UNAVAILABLE, r"Cloud Storage .* \(503: We encountered an internal error.*\): run it again later$"),
}


@pytest.fixture
def between(cloud_storage: str) -> Iterator[Between]:
    with Between(cloud_storage) as server:
        yield server


@pytest.fixture
def place(bucket: Bucket, tmp_path: Path) -> InBucket:
    return InBucket(bucket, tmp_path)


@pytest.fixture
def store(between: Between, place: InBucket) -> Iterator[GcsBronzeStore]:
    with closing(client_of(between.address)) as client:
        yield InBucket(client.bucket(place.bucket.name), place.home).open()


def refusal(store: GcsBronzeStore, asked: Asked, place: InBucket, kind: type[LakehouseError]) -> str:
    """What is said of an object, after its address."""
    if asked.needs_file:
        adopt(place.open(), LANDING, CONTENT)
    with pytest.raises(kind) as raised:
        asked.does(store)
    assert type(raised.value) is kind
    message = str(raised.value)
    assert "\n" not in message
    address, _, rest = message.partition(": ")
    assert address == f"{place.root}/{asked.about}"
    return rest


# Of an object whose reader is not known, Google's client leaves the connection to the garbage collector, which warns.
@pytest.mark.parametrize(
    ("asked", "fault", "said"),
    [
        pytest.param(asked, *answer, id=f"{status}-{name}")
        for status, answer in LASTING.items()
        for name, asked in ASKED.items()
        if (status, name) != ("401", "read")
    ],
)
def test_who_may_not_is_told_so_at_once(
    store: GcsBronzeStore, place: InBucket, between: Between, asked: Asked, fault: Fault, said: str
) -> None:
    between.answer(asked.method, fault)
    assert re.search(said, refusal(store, asked, place, ConfigurationError))
    assert between.statuses(asked.method) == [fault.status]


def test_credentials_that_are_new_and_still_not_accepted_are_named(between: Between, place: InBucket) -> None:
    class Renewed(Credentials):
        def refresh(self, _: object) -> None:
            self.token = "new"  # noqa: S105

    with closing(client_of(between.address, Renewed())) as client:  # type: ignore[no-untyped-call]
        store = InBucket(client.bucket(place.bucket.name), place.home).open()
        between.answer("GET", UNAUTHORIZED)
        said = refusal(store, ASKED["list"], place, ConfigurationError)
    assert said.startswith("Google does not accept the credentials (401: Invalid Credentials): say gcloud auth")
    assert set(between.statuses("GET")) == {401}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize(("fault", "said"), PASSING.values(), ids=PASSING)
def test_what_is_refused_for_now_may_be_asked_for_again(
    store: GcsBronzeStore,
    place: InBucket,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
    asked: Asked,
    fault: Fault,
    said: str,
) -> None:
    monkeypatch.setattr(objects, "PATIENCE_SECONDS", 0.0)
    between.answer(asked.method, fault)
    assert re.search(said, refusal(store, asked, place, StorageUnavailable))
    assert between.statuses(asked.method) == [fault.status]


def test_what_is_refused_once_is_asked_for_again_by_itself(
    store: GcsBronzeStore, place: InBucket, between: Between
) -> None:
    landing = land(place.open(), CONTENT)
    between.answer("GET", UNAVAILABLE, times=1)
    assert store.current("green", MONTH) == landing
    assert between.statuses("GET") == [503, 200, 200]


@pytest.mark.parametrize("name", ["list", "write", "send"])
def test_a_bucket_that_is_not_there_is_named(
    store: GcsBronzeStore, place: InBucket, between: Between, name: str
) -> None:
    asked = ASKED[name]
    between.answer(asked.method, NO_BUCKET)
    with pytest.raises(ConfigurationError) as raised:
        asked.does(store)
    assert str(raised.value) == (
        f"gs://{place.bucket.name}: there is no such bucket (404: The specified bucket does not exist.): "
        "materialize infrastructure, which makes it, or correct its name"
    )
    assert between.statuses(asked.method) == [404]


def test_a_condition_that_nobody_made_is_another_runs(store: GcsBronzeStore, place: InBucket, between: Between) -> None:
    between.answer("POST", NOT_HELD)
    said = refusal(store, ASKED["write"], place, CommitConflict)
    assert said.startswith("another run changed it meanwhile (412: At least one of the pre-conditions")
    assert between.statuses("POST") == [412]


def test_an_answer_that_is_damaged_on_its_way_is_not_believed(
    store: GcsBronzeStore, place: InBucket, between: Between
) -> None:
    place.open().refuse(LANDING, "green_silver", "fewer rows")
    between.garbles = True
    assert "arrived damaged" in refusal(store, ASKED["read"], place, CorruptFile)
    assert between.statuses("GET") == [200]
    between.garbles = False
    assert store.held_back(LANDING, "green_silver") == "fewer rows"


def test_nobody_who_answers_is_named(place: InBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "PATIENCE_SECONDS", 0.0)
    with socket.socket() as taken:  # and nobody listens there
        taken.bind(("127.0.0.1", 0))
        with closing(client_of(f"http://127.0.0.1:{taken.getsockname()[1]}")) as client:
            store = InBucket(client.bucket(place.bucket.name), place.home).open()
            said = refusal(store, ASKED["list"], place, StorageUnavailable)
    assert said == "Cloud Storage cannot be reached (ConnectionError): is there a network? Run it again later"
