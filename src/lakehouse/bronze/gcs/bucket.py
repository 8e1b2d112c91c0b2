"""The bucket of a place: made, or brought to what it should be; one of another project, or elsewhere, is refused.

Access is uniform, by IAM alone, and never public. Where BigQuery loads from: "Location considerations" of "Introduction
to loading data".
"""

from __future__ import annotations

import time
from random import SystemRandom
from typing import TYPE_CHECKING

from lakehouse.bronze.gcs.answers import is_switched_off, lacks_billing, said, told_as_ours
from lakehouse.bronze.gcs.objects import patient
from lakehouse.exceptions import CommitConflict, ConfigurationError
from lakehouse.gcp.place import Place
from lakehouse.results import Groundwork

if TYPE_CHECKING:
    from google.cloud.storage import Bucket, Client

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds at most before it is looked at again, each time that somebody else has changed it."""

ENFORCED = "enforced"
"""That a bucket cannot be made public."""

SETTING = "LAKEHOUSE_BUCKET"

_WITHIN = {"US": ("US-", "NAM4"), "EU": ("EUROPE-", "EUR4")}
"""What begins so is within a multi-region."""

_NOT_WITHIN = frozenset({"EUROPE-WEST2", "EUROPE-WEST6"})
"""London and Zurich are not of the EU, nor are their regions of its multi-region."""


def prepare_bucket(client: Client, place: Place, setting: str = SETTING) -> Groundwork:
    """Make a place's bucket, or bring what is there to what it should be. Safe to repeat and to race.

    ``setting`` is what names it.

    Raises:
        ConfigurationError: it is of another project, or elsewhere, or may not be made or looked at.
        CommitConflict: others kept changing it.
    """
    name = f"gs://{place.bucket}"
    bucket = _get(client, place, name, setting)
    is_new = bucket is None and (bucket := _create(client, place, name)) is not None
    if bucket is None:  # another run was first, or another project
        bucket = _get(client, place, name, setting)
        if bucket is None:
            raise _of_others(name, "the name is taken", setting)
    if not is_new:
        _require_of_project(client, place, name, setting)
    _require_near(bucket, place, name, setting)
    words = _changed(client, place, bucket, name, setting)
    if is_new:
        return Groundwork(created=(f"bucket {name}",))
    return Groundwork(changed=(f"bucket {name}: {', '.join(words)}",)) if words else Groundwork()


def _get(client: Client, place: Place, name: str, setting: str) -> Bucket | None:
    """The bucket as it is, None if there is none."""
    from google.api_core.exceptions import Forbidden, NotFound

    with told_as_ours(name):
        try:
            return client.get_bucket(place.bucket, retry=patient())
        except NotFound:
            return None
        except Forbidden as error:
            if is_switched_off(error) or lacks_billing(error):
                raise
            raise ConfigurationError(
                f"{name}: may not be looked at ({said(error)}): if it is the project's, grant the account "
                "roles/storage.legacyBucketReader and roles/storage.objectUser on it; else it belongs to another "
                f"project: set {setting} to another name"
            ) from None


def _create(client: Client, place: Place, name: str) -> Bucket | None:
    """Make it; None if the name is taken."""
    from google.api_core.exceptions import BadRequest, Conflict, Forbidden

    bucket = client.bucket(place.bucket)
    _settle(bucket)
    with told_as_ours(name):
        try:
            return client.create_bucket(bucket, project=place.project, location=place.location, retry=patient())
        except Conflict:
            return None
        except BadRequest as error:
            raise ConfigurationError(
                f"{name}: Cloud Storage does not make it in LAKEHOUSE_LOCATION={place.location}, project "
                f"{place.project} ({said(error)}): correct the setting"
            ) from None
        except Forbidden as error:
            if is_switched_off(error) or lacks_billing(error):
                raise
            raise ConfigurationError(
                f"{name}: there is no such bucket, and it may not be made ({said(error)}): grant the account "
                f"roles/storage.admin on project {place.project}, or make the bucket in {place.location}"
            ) from None


def _require_of_project(client: Client, place: Place, name: str, setting: str) -> None:
    """Whoever may not list a project's buckets cannot tell whose it is, and is believed."""
    with told_as_ours(name):
        listed = is_listed(client, place)
    if listed is False:
        raise _of_others(name, f"project {place.project} has no bucket of this name", setting)


def is_listed(client: Client, place: Place) -> bool | None:
    """Whether the place's project has its bucket; None where whoever asks may not list them."""
    from google.api_core.exceptions import Forbidden

    try:
        listed = client.list_buckets(prefix=place.bucket, project=place.project, retry=patient())
        return any(each.name == place.bucket for each in listed)
    except Forbidden as error:
        if is_switched_off(error):
            raise
        return None


def _of_others(name: str, why: str, setting: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name}: belongs to another project ({why}): set {setting} to another name, or LAKEHOUSE_PROJECT to "
        "the bucket's"
    )


def _require_near(bucket: Bucket, place: Place, name: str, setting: str) -> None:
    where = (bucket.location or "").upper()
    if is_near(where, place.location):
        return
    raise ConfigurationError(
        f"{name}: is in {where}, for good, from where BigQuery loads nothing into LAKEHOUSE_LOCATION="
        f"{place.location}; set it to where the bucket is, or {setting} to another name"
    )


def is_near(bucket: str, datasets: str) -> bool:
    """Whether BigQuery loads what is in a bucket's location into datasets of theirs."""
    bucket, datasets = bucket.upper(), datasets.upper()
    return bucket == datasets or (bucket.startswith(_WITHIN.get(datasets, ())) and bucket not in _NOT_WITHIN)


def _changed(client: Client, place: Place, bucket: Bucket, name: str, setting: str) -> tuple[str, ...]:
    """Bring a bucket to what it should be, as it was read; what was changed, in words."""
    from google.api_core.exceptions import PreconditionFailed

    random = SystemRandom()
    for pause in (*PAUSES, None):
        words = _settle(bucket)
        if not words:
            return ()
        with told_as_ours(name):
            try:
                bucket.patch(if_metageneration_match=bucket.metageneration, retry=patient())
            except PreconditionFailed:
                if pause is None:
                    break
            else:
                return words
        time.sleep(random.uniform(0, pause))
        found = _get(client, place, name, setting)
        if found is None:
            raise ConfigurationError(f"{name}: was removed meanwhile; run it again")
        bucket = found
    raise CommitConflict(f"{name}: others kept changing it; run it again")


def _settle(bucket: Bucket) -> tuple[str, ...]:
    """Have a bucket be what it should, once that is sent; what is another then, in words."""
    access, words = bucket.iam_configuration, []
    if not access.uniform_bucket_level_access_enabled:
        access.uniform_bucket_level_access_enabled = True
        words.append("uniform access")
    if access.public_access_prevention != ENFORCED:
        access.public_access_prevention = ENFORCED
        words.append("no public access")
    return tuple(words)
