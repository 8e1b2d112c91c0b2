"""The only reader of the environment: every setting, its default and its meaning.

A setting ``name`` is read from ``LAKEHOUSE_NAME`` in the environment, else from the project's ``.env``; where the
source ``name`` is, from ``LAKEHOUSE_NAME_URL``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BeforeValidator, ByteSize, Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from lakehouse.exceptions import ConfigurationError
from lakehouse.partition import Month
from lakehouse.setting_values.google_names import BucketName, CatalogName, Location, Prefix, ProjectId
from lakehouse.setting_values.iam_members import Members
from lakehouse.setting_values.paths import AbsolutePath, DataFolder, Folder, KeyFile
from lakehouse.setting_values.samples import (
    folder_of_samples,
    is_folder_of_samples,
    is_prefix_of_samples,
    prefix_of_samples,
)
from lakehouse.setting_values.sizes import EngineSize
from lakehouse.setting_values.source_addresses import SourceAddresses, SourceUrl, address_variable
from lakehouse.setting_values.variables import refusal, variable

PROJECT_ROOT = Path(__file__).resolve().parents[2]
EARLIEST_FIRST_MONTH = Month(2011, 1)
"""Yellow files before it carry coordinates instead of zones."""

SAMPLE_MONTHS = (Month(2022, 12), Month(2023, 4))
"""Months there are of sample data. The types of TLC's files changed within them, in 2023-02."""


def _month(value: object) -> object:
    return Month.parse(value) if isinstance(value, str) else value


class Settings(BaseSettings):
    """All settings; see the README's configuration table."""

    model_config = SettingsConfigDict(
        env_prefix="LAKEHOUSE_", env_file=PROJECT_ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    profile: Literal["local", "gcp"] = "local"
    """``local``: DuckDB and Iceberg on this machine. ``gcp``: BigQuery and Cloud Storage."""

    home: DataFolder = PROJECT_ROOT / "data"
    """Folder of bronze files, Iceberg catalog and tables."""

    sql: AbsolutePath = PROJECT_ROOT / "sql"
    """Folder of the SQL models, one sub-folder a layer."""

    first_month: Annotated[Month, NoDecode, BeforeValidator(_month)] = Month(2024, 1)
    """First month partition, ``YYYY-MM``, not before 2011-01."""

    last_month: Annotated[Month | None, NoDecode, BeforeValidator(_month)] = None
    """Last month partition, ``YYYY-MM``; without it the month before last, as TLC publishes about two months late."""

    addresses: Annotated[Mapping[str, SourceUrl], NoDecode] = Field(default_factory=dict)
    """Where sources are, other than they declare themselves: the source ``name`` by ``LAKEHOUSE_NAME_URL``,
    ``http(s)://`` or ``file://``, of a database ``postgresql://`` or ``sqlite:///``."""

    sample: bool = False
    """Generated sample data instead of real ones: in a home and a Dagster instance of their own (``sample`` under
    both), from a server on this machine, for the months :data:`SAMPLE_MONTHS`."""

    sample_port: int = Field(8790, ge=1, le=65535)
    """Port of the sample source on 127.0.0.1."""

    automation: bool = False
    """Whether sensors and schedules are on from the start; the Dagster UI can turn each on and off."""

    poll_seconds: int = Field(3600, ge=10)
    """How often the release sensor asks the sources for new months."""

    recheck_days: int = Field(7, ge=1)
    """In how many days the release sensor asks for every older month once."""

    refetch_days: int = Field(365, ge=0)
    """After how many days sensor and schedule have what is landed fetched anew, whatever its ETag says; 0 is never."""

    memory_limit: EngineSize = "800MB"
    """What DuckDB may use before it spills to disk."""

    query_timeout: float = Field(1800.0, gt=0)
    """Seconds that an ad-hoc query may take: over all months there may be, and beyond any that is meant."""

    query_memory_limit: ByteSize = Field(ByteSize(4_000_000_000), ge=1)
    """The most that an ad-hoc query may use, its result included, such as ``4GB``."""

    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Threads DuckDB computes with."""

    executor: Literal["in_process", "multiprocess"] = "in_process"
    """How Dagster runs the steps of one run."""

    http_attempts: int = Field(4, ge=1, le=20)
    """How often a retryable fault of a source is tried in all."""

    http_timeout: float = Field(30.0, gt=0)
    """Seconds to wait for a source to answer or to send more."""

    http_total: float = Field(3600.0, gt=0)
    """Seconds that one attempt at a file may take in all."""

    largest_file: ByteSize = Field(ByteSize(4_000_000_000), ge=1)
    """The most that a source may send of one file, and that it may be once decompressed, such as ``4GB``."""

    dagster_home: Folder = Field(
        PROJECT_ROOT / ".dagster", validation_alias=AliasChoices("DAGSTER_HOME", "dagster_home")
    )
    """Dagster's own folder (``DAGSTER_HOME``): one instance for UI, command line and daemon."""

    project: ProjectId | None = None
    """Id of the Google Cloud project that holds all of the ``gcp`` profile and pays for it."""

    bucket: BucketName | None = None
    """Bucket of Cloud Storage for landed files."""

    location: Location = "US"
    """Where datasets and bucket are, for good."""

    prefix: Prefix = ""
    """What the names of datasets (``<prefix>_silver``) and objects (``<prefix>/``) begin with: one an environment."""

    bytes_cap: ByteSize = Field(ByteSize(20 * 1024**3), ge=10 * 1024**2)
    """The most that one job of BigQuery may bill, such as ``20GiB``; no job bills less than 10 MiB."""

    price_per_tib: float = Field(6.25, ge=0, allow_inf_nan=False)
    """USD for a TiB that BigQuery bills: Google's documented on-demand price in the US."""

    iceberg_catalog: CatalogName | None = None
    """Iceberg catalog of BigLake, called as its bucket, for tables whose models ask for Iceberg; without it native."""

    credentials: KeyFile | None = None
    """A service account's key file; without it Google's own ways to find credentials."""

    readers: Members = ""
    """Who may read silver and gold besides: members of IAM, with commas between."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        variables = [each for each in (env_settings, dotenv_settings) if isinstance(each, EnvSettingsSource)]
        return init_settings, env_settings, dotenv_settings, SourceAddresses(settings_cls, *variables)

    @property
    def sample_url(self) -> str:
        """Address of the sample source."""
        return f"http://127.0.0.1:{self.sample_port}"

    @field_validator("last_month")
    @classmethod
    def _not_before_the_first(cls, last: Month | None, info: ValidationInfo) -> Month | None:
        first = info.data.get("first_month")
        if last is not None and first is not None and last < first:
            raise ValueError(f"is before LAKEHOUSE_FIRST_MONTH={first}")
        return last

    @field_validator("first_month")
    @classmethod
    def _with_zones(cls, month: Month) -> Month:
        if month < EARLIEST_FIRST_MONTH:
            raise ValueError(
                f"{month} is before {EARLIEST_FIRST_MONTH}, the first month with taxi zones: set it to a later one"
            )
        return month


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment and ``.env``; ``overrides`` win.

    Raises:
        ConfigurationError: values cannot be used; a line for each names its variable.
        TypeError: there is no such setting.
    """
    if unknown := {name for name in overrides if not name.startswith("_")} - Settings.model_fields.keys():
        raise TypeError(f"there is no setting {', '.join(sorted(unknown))}")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        raise ConfigurationError(refusal(error)) from None
    if settings.sample:
        return _of_samples(settings)
    if is_folder_of_samples(settings.home):
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={settings.home}: a folder of this name holds sample data; choose another for real data, "
            "or set LAKEHOUSE_SAMPLE=true"
        )
    if settings.profile == "gcp" and is_prefix_of_samples(settings.prefix):
        raise ConfigurationError(
            f"LAKEHOUSE_PREFIX={settings.prefix}: what is called so is sample data; choose another for real data, "
            "or set LAKEHOUSE_SAMPLE=true"
        )
    return settings


def _of_samples(settings: Settings) -> Settings:
    """The same settings, with all that holds or serves data replaced: samples never meet real records.

    Raises:
        ConfigurationError: nothing sets them apart.
    """
    in_cloud = settings.profile == "gcp"
    if in_cloud and not settings.prefix:
        raise ConfigurationError(
            "LAKEHOUSE_SAMPLE=true: a prefix sets samples apart in a project and its bucket, and there is none; set "
            "LAKEHOUSE_PREFIX, for example to dev, and they go to dev_sample"
        )
    first, last = SAMPLE_MONTHS
    return settings.model_copy(
        update={
            "home": folder_of_samples(settings.home),
            "dagster_home": folder_of_samples(settings.dagster_home),
            "prefix": prefix_of_samples(settings.prefix) if in_cloud else settings.prefix,
            "addresses": {},
            "first_month": first,
            "last_month": last,
        }
    )


def newest_month(settings: Settings) -> Month:
    """The last month there is a partition for today: the one before last, as TLC publishes about two months late."""
    today = datetime.now(UTC)
    before_last = Month(today.year, today.month).previous().previous()
    return before_last if settings.last_month is None else min(before_last, settings.last_month)


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings in it, for a process that is to have the same."""
    variables = dict(os.environ)
    for name, value in settings.model_dump(exclude={"addresses"}).items():
        if value is not None:
            variables[variable(name)] = str(getattr(settings, name))
    return variables | {address_variable(source): url for source, url in settings.addresses.items()}


def variables() -> tuple[str, ...]:
    """The variable of each setting but the addresses of sources."""
    return tuple(variable(name) for name in Settings.model_fields if name != "addresses")


def given_variables() -> tuple[str, ...]:
    """Those of the environment and ``.env`` that are called as settings are, whether there is such a setting or not."""
    given = {**EnvSettingsSource(Settings).env_vars, **DotEnvSettingsSource(Settings).env_vars}
    return tuple(sorted(name.upper() for name, value in given.items() if value and name.startswith("lakehouse_")))


def require_own_instance(settings: Settings) -> None:
    """Keep plain Dagster from recording runs of samples among those of real data.

    Raises:
        ConfigurationError: these are settings of samples, and ``DAGSTER_HOME`` is not their own instance.
    """
    given = os.environ.get("DAGSTER_HOME", "")
    if settings.sample and Path(given).resolve() != settings.dagster_home:
        raise ConfigurationError(
            f"LAKEHOUSE_SAMPLE=true: samples have a Dagster instance of their own, and DAGSTER_HOME={given} is not it; "
            "use lakehouse --sample run, or lakehouse --sample dev"
        )


def point_dlt_at_project() -> None:
    """Let dlt read the project's ``.dlt`` folder wherever the process was started."""
    os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT_ROOT))


def dlt_secrets() -> Path:
    """The file that dlt reads the project's secrets from, whether there is one or not."""
    return Path(os.environ.get("DLT_PROJECT_DIR") or PROJECT_ROOT) / ".dlt" / "secrets.toml"


def keep_storage_client_quiet() -> None:
    """Have Google's client of Cloud Storage ask nothing about buckets, beside, for a tracing that nobody reads."""
    os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
