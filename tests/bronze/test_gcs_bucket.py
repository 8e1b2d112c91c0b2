"""The bucket is made, or brought to what it should be, and refused where it is of others, or elsewhere.

What the emulator does not give (other projects, locations, permissions, conditions) is replayed on loopback as
documented ("HTTP status and error codes for JSON", "Buckets: insert"), not seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from lakehouse.bronze.gcs import bucket as bucket_module
from lakehouse.bronze.gcs.bucket import is_near, prepare_bucket
from lakehouse.exceptions import CommitConflict, ConfigurationError
from lakehouse.gcp.place import Place
from lakehouse.results import Groundwork
from tests.bronze.between import NOT_HELD, Answer, Between, Fault
from tests.bronze.clients import client_of

if TYPE_CHECKING:
    from google.cloud.storage import Bucket, Client

WRITES = ("POST", "PUT", "PATCH", "DELETE")
EVERYTHING = ("uniform access", "no public access")

TAKEN = Fault(
    409,
    "conflict",
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please "
    "select a different name and try again.",
)
MAY_NOT_LOOK = Fault(
    403,
    "forbidden",
    "loader@p.iam.gserviceaccount.com does not have storage.buckets.get access to the Google Cloud Storage bucket. "
    "Permission 'storage.buckets.get' denied on resource (or it may not exist).",
)
MAY_NOT_CREATE = Fault(
    403,
    "forbidden",
    "loader@p.iam.gserviceaccount.com does not have storage.buckets.create access to the Google Cloud project.",
)
API_OFF = Fault(
    403,
    "accessNotConfigured",
    "Cloud Storage JSON API has not been used in project 123 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/storage-api.googleapis.com/overview?project=123 then retry.",
)
NO_BILLING = Fault(403, "accountDisabled", "The billing account for the owning project is disabled in state absent")
NO_SUCH_LOCATION = Fault(400, "invalid", "The specified location constraint is not valid.")


class OfGoogle(Between):
    """Answers as Cloud Storage does, where the emulator knows no more than one project and no conditions.

    ``listed`` says whether the project has the bucket, ``location`` where it is.
    """

    listed = True
    location = "US"
    refused = 0

    def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "PATCH" and self._is_another(path, headers):
            self.refused += 1
            return Answer(NOT_HELD.status, {"Content-Type": "application/json"}, NOT_HELD.body)
        answer = super()._forwarded(method, path, headers, body)
        if answer.status != 200 or "/o" in path:
            return answer
        described = json.loads(answer.body)
        if described["kind"] == "storage#buckets" and not self.listed:
            described["items"] = []
        elif described["kind"] == "storage#bucket":
            described["location"] = self.location
        return replace(answer, body=json.dumps(described).encode())

    def _is_another(self, path: str, headers: dict[str, str]) -> bool:
        plain = {name: value for name, value in headers.items() if name != "Content-Length"}
        held = json.loads(super()._forwarded("GET", path.partition("?")[0], plain, b"").body)
        return f"ifMetagenerationMatch={held['metageneration']}" not in path.partition("?")[2].split("&")


@pytest.fixture
def google(cloud_storage: str) -> Iterator[OfGoogle]:
    with OfGoogle(cloud_storage) as server:
        yield server


@pytest.fixture
def client(google: OfGoogle) -> Iterator[Client]:
    with closing(client_of(google.address)) as client:
        yield client


@pytest.fixture
def others(cloud_storage: str) -> Iterator[Client]:
    """Somebody else's client, which asks the emulator itself."""
    with closing(client_of(cloud_storage)) as client:
        yield client


@pytest.fixture
def place() -> Place:
    return Place("my-project", f"bucket-{uuid4().hex}", "US", "", 1024**3)


def access(bucket: Bucket) -> tuple[bool, str]:
    held = bucket.iam_configuration
    return held.uniform_bucket_level_access_enabled, held.public_access_prevention


def test_a_bucket_is_made_closed_and_a_second_look_only_reads(client: Client, google: OfGoogle, place: Place) -> None:
    assert prepare_bucket(client, place) == Groundwork(created=(f"bucket gs://{place.bucket}",))
    assert access(client.get_bucket(place.bucket)) == (True, "enforced")
    written = google.statuses(*WRITES)
    assert prepare_bucket(client, place) == Groundwork()
    assert google.statuses(*WRITES) == written != []


def test_it_is_asked_for_closed_and_in_its_place_from_the_start(place: Place, cloud_storage: str) -> None:
    asked: list[dict[str, object]] = []

    class Noting(Between):
        def _forwarded(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
            if method == "POST":
                asked.append(json.loads(body))
            return super()._forwarded(method, path, headers, body)

    with Noting(cloud_storage) as noting, closing(client_of(noting.address)) as client:
        prepare_bucket(client, place)
    (described,) = asked
    assert described["location"] == "US"
    assert described["iamConfiguration"] == {
        "uniformBucketLevelAccess": {"enabled": True},
        "publicAccessPrevention": "enforced",
    }


def test_a_bucket_that_is_there_is_closed_and_keeps_all_else(
    client: Client, google: OfGoogle, others: Client, place: Place
) -> None:
    there = others.create_bucket(place.bucket)
    there.labels = {"team": "taxi"}
    there.patch()
    there.blob("theirs").upload_from_string("kept")
    assert prepare_bucket(client, place) == Groundwork(
        changed=(f"bucket gs://{place.bucket}: {', '.join(EVERYTHING)}",)
    )
    held = others.get_bucket(place.bucket)
    assert access(held) == (True, "enforced")
    assert held.labels == {"team": "taxi"}
    assert held.blob("theirs").download_as_bytes() == b"kept"
    assert google.statuses("POST", "DELETE") == []


def test_what_others_change_meanwhile_is_kept(client: Client, google: OfGoogle, others: Client, place: Place) -> None:
    there = others.create_bucket(place.bucket)

    def change() -> None:
        there.labels = {"team": "taxi"}
        there.patch()

    google.before("PATCH", change)
    prepare_bucket(client, place)
    assert google.refused == 1
    held = others.get_bucket(place.bucket)
    assert (access(held), held.labels) == ((True, "enforced"), {"team": "taxi"})


def test_who_is_never_first_gives_up(
    client: Client, google: OfGoogle, others: Client, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_module, "PAUSES", (0.0, 0.0))
    others.create_bucket(place.bucket)
    google.answer("PATCH", NOT_HELD)
    with pytest.raises(CommitConflict, match=r"^gs://bucket-\w+: others kept changing it; run it again$"):
        prepare_bucket(client, place)
    assert google.statuses("PATCH") == [412] * 3


def test_what_another_run_makes_meanwhile_is_not_told_as_made(
    client: Client, google: OfGoogle, others: Client, place: Place
) -> None:
    google.before("POST", lambda: others.create_bucket(place.bucket))
    made = prepare_bucket(client, place)
    assert google.statuses("POST") == [409]
    assert made == Groundwork(changed=(f"bucket gs://{place.bucket}: {', '.join(EVERYTHING)}",))


def test_runs_at_once_make_one_bucket(client: Client, place: Place) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: prepare_bucket(client, place), range(4)))
    assert [each.created for each in made if each.created] == [(f"bucket gs://{place.bucket}",)]
    assert prepare_bucket(client, place) == Groundwork()


def taken(google: OfGoogle, _: Client, __: Place) -> None:
    google.answer("POST", TAKEN)


def not_listed(google: OfGoogle, others: Client, place: Place) -> None:
    others.create_bucket(place.bucket)
    google.listed = False


def elsewhere(google: OfGoogle, others: Client, place: Place) -> None:
    others.create_bucket(place.bucket)
    google.location = "EUROPE-WEST4"


def answered(method: str, fault: Fault) -> Callable[[OfGoogle, Client, Place], None]:
    return lambda google, _, __: google.answer(method, fault)


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        pytest.param(taken, r"belongs to another project \(the name is taken\): set LAKEHOUSE_BUCKET", id="taken"),
        pytest.param(
            not_listed,
            r"belongs to another project \(project my-project has no bucket of this name\): set LAKEHOUSE_BUCKET",
            id="of another project",
        ),
        pytest.param(
            elsewhere,
            r"is in EUROPE-WEST4, for good, from where BigQuery loads nothing into LAKEHOUSE_LOCATION=US; set it",
            id="elsewhere",
        ),
        pytest.param(
            answered("GET", MAY_NOT_LOOK),
            r"may not be looked at \(403: .*\): if it is the project's, grant the account roles/storage.legacyBucketRe",
            id="may not look",
        ),
        pytest.param(
            answered("GET", API_OFF),
            r"the Cloud Storage API is off in this project \(403: .*\): say gcloud services enable storage.googleapis",
            id="API off",
        ),
        pytest.param(
            answered("POST", MAY_NOT_CREATE),
            r"there is no such bucket, and it may not be made \(403: .*\): grant the account roles/storage.admin on pr",
            id="may not make it",
        ),
        pytest.param(
            answered("POST", NO_BILLING), r"the project has no billing account \(403: .*\): link one", id="no billing"
        ),
        pytest.param(
            answered("POST", NO_SUCH_LOCATION),
            r"Cloud Storage does not make it in LAKEHOUSE_LOCATION=US, project my-project \(400: .*\): correct",
            id="no such location",
        ),
    ],
)
def test_a_bucket_that_is_refused_is_one_line_that_says_what_to_do(
    client: Client,
    google: OfGoogle,
    others: Client,
    place: Place,
    happens: Callable[[OfGoogle, Client, Place], None],
    said: str,
) -> None:
    happens(google, others, place)
    with pytest.raises(ConfigurationError, match=f"^gs://{place.bucket}: {said}") as error:
        prepare_bucket(client, place)
    assert "\n" not in str(error.value)
    assert 200 not in google.statuses(*WRITES)


def test_who_may_not_list_buckets_is_believed(google: OfGoogle, client: Client, others: Client, place: Place) -> None:
    others.create_bucket(place.bucket)
    denied = Fault(403, "forbidden", "storage.buckets.list access denied")
    google.before("GET", lambda: google.answer("GET", denied, times=1))  # the second is the list
    assert prepare_bucket(client, place).changed
    assert google.statuses("GET", "PATCH") == [200, 403, 200]


@pytest.mark.parametrize(
    ("bucket", "datasets", "near"),
    [
        ("US", "US", True),
        ("US-CENTRAL1", "US", True),
        ("us-east4", "US", True),
        ("NAM4", "US", True),
        ("NORTHAMERICA-NORTHEAST1", "US", False),
        ("EU", "US", False),
        ("EUROPE-WEST4", "EU", True),
        ("EUR4", "EU", True),
        ("EUROPE-WEST2", "EU", False),
        ("EUROPE-WEST6", "EU", False),
        ("EUROPE-WEST4", "europe-west4", True),
        ("EUROPE-WEST1", "europe-west4", False),
        ("EU", "europe-west4", False),
        ("US", "us-central1", False),
        ("", "US", False),
    ],
)
def test_a_bucket_is_near_where_bigquery_loads_from_it(bucket: str, datasets: str, near: bool) -> None:
    assert is_near(bucket, datasets) is near
