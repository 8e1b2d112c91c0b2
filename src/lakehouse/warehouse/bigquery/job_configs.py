"""What every job of BigQuery is told: labels, what it may bill and how long it may take, what its parameters are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.cloud.bigquery import ExtractJobConfig, LoadJobConfig, QueryJobConfig, SchemaField


def of_query(
    labels: Mapping[str, str], bytes_cap: int, parameters: Mapping[str, object], seconds: float | None
) -> QueryJobConfig:
    """That of a statement, or of a script, which has no parameters; ended after so many seconds, if any are given."""
    from google.cloud.bigquery import QueryJobConfig, ScalarQueryParameter

    config = QueryJobConfig(
        query_parameters=[
            ScalarQueryParameter(name, _parameter_type(value), _parameter(value)) for name, value in parameters.items()
        ],
        labels=dict(labels),
        maximum_bytes_billed=bytes_cap,
    )
    if seconds is not None:
        config.job_timeout_ms = max(int(seconds * 1000), 1)
    return config


def of_load(labels: Mapping[str, str], schema: Sequence[SchemaField]) -> LoadJobConfig:
    """That of a load, which bills nothing: of parquet, in place of what the table held."""
    from google.cloud.bigquery import LoadJobConfig, SourceFormat, WriteDisposition

    return LoadJobConfig(
        schema=list(schema),
        source_format=SourceFormat.PARQUET,
        write_disposition=WriteDisposition.WRITE_TRUNCATE,
        labels=dict(labels),
    )


def of_extract(labels: Mapping[str, str]) -> ExtractJobConfig:
    """That of an extract, which bills nothing: to parquet."""
    from google.cloud.bigquery import Compression, DestinationFormat, ExtractJobConfig

    return ExtractJobConfig(  # type: ignore[no-untyped-call]
        destination_format=DestinationFormat.PARQUET, compression=Compression.SNAPPY, labels=dict(labels)
    )


def _parameter_type(value: object) -> str:
    match value:
        case datetime():
            return "DATETIME"
        case date():
            return "DATE"
        case bool():
            return "BOOL"
        case int():
            return "INT64"
    return "STRING"


def _parameter(value: object) -> str | int | bool | date | datetime:
    return value if isinstance(value, str | int | bool | date) else str(value)
