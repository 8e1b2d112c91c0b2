"""What is looked at of a place's bucket; nothing of it is changed, and none is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lakehouse.bronze.gcs.answers import is_switched_off, lacks_billing, said, told_as_ours
from lakehouse.bronze.gcs.bucket import ENFORCED, is_listed, is_near
from lakehouse.bronze.gcs.kind import look_at_kind
from lakehouse.bronze.gcs.objects import Objects, patient
from lakehouse.exceptions import LakehouseError
from lakehouse.findings.finding import Finding, fault, ok, told, unseen, warning
from lakehouse.gcp.place import Place

if TYPE_CHECKING:
    from google.cloud.storage import Bucket, Client

_API, _BUCKET, _RIGHTS = "Cloud Storage", "bucket", "bucket, rights"
_OF_IT = "bucket: location, project, access, contents"

_PERMISSIONS = tuple(f"storage.objects.{each}" for each in ("create", "delete", "get", "list"))
"""What a runner does with landed files."""

_BRIEF_SECONDS = 10.0
"""How long it is asked again: somebody waits for the answer."""


def bucket_findings(client: Client, place: Place, *, of_samples: bool) -> Iterator[Finding]:
    """A line for each thing."""
    from google.api_core.exceptions import Forbidden, NotFound

    name = f"gs://{place.bucket}"
    try:
        with told_as_ours(name):
            bucket = client.get_bucket(place.bucket, retry=patient().with_timeout(_BRIEF_SECONDS))
    except LakehouseError as error:
        answer = error.__context__
        if isinstance(answer, NotFound):
            yield ok(_API, "answers")
            yield ok(_BUCKET, f"{name} is not made yet; materializing infrastructure makes it")
            yield unseen(f"{_OF_IT}, rights", "there is no bucket yet")
            return
        if not isinstance(answer, Forbidden) or is_switched_off(answer) or lacks_billing(answer):
            yield told(_API, error, name)
            yield unseen(f"{_OF_IT}, rights", "Cloud Storage does not answer for it")
            return
        yield ok(_API, "answers")
        yield fault(
            _BUCKET,
            f"{name} may not be looked at ({said(answer)})",
            "if it is the project's, grant the account roles/storage.legacyBucketReader and roles/storage.objectUser "
            "on it, else set LAKEHOUSE_BUCKET to another name",
        )
        yield unseen(_OF_IT, "the bucket may not be looked at")
        yield _rights(client.bucket(place.bucket), name)
        return
    yield ok(_API, "answers")
    yield ok(_BUCKET, f"{name} is there")
    yield _location(bucket, place)
    yield _project(client, place, name)
    yield _access(bucket, name)
    yield _contents(bucket, place, of_samples=of_samples)
    yield _rights(bucket, name)


def beside_findings(bucket: Bucket, place: Place, what: str) -> Iterator[Finding]:
    """A line for each thing of a bucket that has other files of a place than landed ones; ``what`` it is called."""
    from google.api_core.exceptions import NotFound

    name = f"gs://{bucket.name}"
    try:
        with told_as_ours(name):
            bucket.reload(retry=patient().with_timeout(_BRIEF_SECONDS))
    except LakehouseError as error:
        if isinstance(error.__context__, NotFound):
            yield ok(what, f"{name} is not made yet; materializing infrastructure makes it")
        else:
            yield told(what, error, name)
        return
    yield _location(bucket, place, what)
    yield _rights(bucket, name, f"{what}, rights")


def _location(bucket: Bucket, place: Place, what: str = _BUCKET) -> Finding:
    where = (bucket.location or "").upper()
    if is_near(where, place.location):
        return ok(f"{what}, location", f"{where}, from where BigQuery loads into {place.location}")
    return fault(
        f"{what}, location",
        f"is in {where}, for good, from where BigQuery loads nothing into LAKEHOUSE_LOCATION={place.location}",
        "set it to where the bucket is, or LAKEHOUSE_BUCKET to another name",
    )


def _project(client: Client, place: Place, name: str) -> Finding:
    what = "bucket, project"
    try:
        with told_as_ours(name):
            listed = is_listed(client, place)
    except LakehouseError as error:
        return told(what, error, name)
    if listed is None:
        return ok(what, "is not told to who may not list the project's buckets")
    if listed:
        return ok(what, place.project)
    return fault(
        what,
        f"{name} belongs to another project than {place.project}",
        "set LAKEHOUSE_BUCKET to another name, or LAKEHOUSE_PROJECT to the bucket's",
    )


def _access(bucket: Bucket, name: str) -> Finding:
    held = bucket.iam_configuration
    wrong = []
    flags = []
    if not held.uniform_bucket_level_access_enabled:
        wrong.append("objects may have access lists of their own")
        flags.append("--uniform-bucket-level-access")
    if held.public_access_prevention != ENFORCED:
        wrong.append("it may be made public")
        flags.append("--public-access-prevention")
    if not wrong:
        return ok("bucket, access", "uniform, and never public")
    return warning(
        "bucket, access",
        " and ".join(wrong),
        f"materialize infrastructure, or say gcloud storage buckets update {name} {' '.join(flags)}",
    )


def _contents(bucket: Bucket, place: Place, *, of_samples: bool) -> Finding:
    what = "bucket, contents"
    try:
        is_said = look_at_kind(Objects(bucket, f"{place.objects_prefix}bronze/"), of_samples=of_samples)
    except LakehouseError as error:
        return told(what, error)
    if not is_said:
        return ok(what, "nothing is landed yet")
    return ok(what, "generated samples" if of_samples else "real data")


def _rights(bucket: Bucket, name: str, what: str = _RIGHTS) -> Finding:
    try:
        with told_as_ours(name):
            held = bucket.test_iam_permissions(_PERMISSIONS, retry=patient().with_timeout(_BRIEF_SECONDS))
    except LakehouseError as error:
        return told(what, error, name)
    if missing := [each for each in _PERMISSIONS if each not in held]:
        return fault(
            what,
            f"the account lacks {', '.join(missing)}",
            f"grant it roles/storage.objectUser on {name}",
        )
    return ok(what, "the account may create, read, list and delete objects")
