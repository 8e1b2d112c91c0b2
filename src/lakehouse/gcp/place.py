"""Where the ``gcp`` profile keeps everything: a project, a bucket, a location, and a prefix within them."""

from __future__ import annotations

from dataclasses import dataclass

from lakehouse.exceptions import ConfigurationError
from lakehouse.setting_values.iam_members import members_of
from lakehouse.settings import Settings

LAYERS = ("bronze", "silver", "gold", "meta", "staging")
"""Each has a dataset of its own."""


@dataclass(frozen=True)
class Place:
    """One environment of a project. ``bytes_cap`` is the most that one job may bill there, in bytes.

    ``prefix`` begins the names of its datasets and objects; without one there is one environment in project and bucket.
    ``readers`` are members of IAM who may read silver and gold besides.
    """

    project: str
    bucket: str
    location: str
    prefix: str
    bytes_cap: int
    readers: tuple[str, ...] = ()
    catalog: str | None = None
    """Iceberg catalog, and its bucket; without one all tables are native."""

    def dataset(self, layer: str) -> str:
        """What the dataset of a layer is called."""
        return f"{self.prefix}_{layer}" if self.prefix else layer

    @property
    def objects_prefix(self) -> str:
        """What the names of all objects begin with."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def words(self) -> str:
        """Which environment it is, in one line: another line is another one."""
        prefix = f"prefix {self.prefix}" if self.prefix else "no prefix"
        return f"project {self.project}, bucket {self.bucket}, {prefix}"


_NO_PROJECT = "the project that BigQuery works in; set LAKEHOUSE_PROJECT to its id (gcloud projects list shows yours)"
_NO_BUCKET = "the bucket that files are landed in; set LAKEHOUSE_BUCKET to its name, without gs://"


def missing(settings: Settings) -> list[str]:
    """A line for each setting without which there is no place."""
    needed = [_NO_PROJECT] if settings.project is None else []
    needed += [_NO_BUCKET] if settings.bucket is None else []
    return [f"LAKEHOUSE_PROFILE={settings.profile}: needs {what}" for what in needed]


def place_of(settings: Settings) -> Place:
    """The place that settings name.

    Raises:
        ConfigurationError: they do not; the first that is missing.
    """
    if settings.project is None or settings.bucket is None:
        raise ConfigurationError(missing(settings)[0])
    readers, cap = members_of(settings.readers), int(settings.bytes_cap)
    return Place(
        settings.project,
        settings.bucket,
        settings.location,
        settings.prefix,
        cap,
        readers,
        settings.iceberg_catalog,
    )
