"""A landed file as a table: loaded once, with the file's own types, for whatever reads it in the next days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from lakehouse.exceptions import ContractViolation, CorruptLanding, StatementFailed, StatementFault
from lakehouse.warehouse.bigquery import placing
from lakehouse.warehouse.bigquery.answers import told_as_ours
from lakehouse.warehouse.bigquery.jobs import ANSWER_SECONDS, Jobs, patient
from lakehouse.warehouse.bigquery.short_floats import own_digits
from lakehouse.warehouse.bigquery.tables import Tables
from lakehouse.warehouse.store import LandedFile

if TYPE_CHECKING:
    from google.cloud.bigquery import LoadJobConfig, SchemaField

    from lakehouse.bronze.footer import SourceColumn

LASTS = timedelta(days=7)
"""How long the rows of a landed file are kept for whoever reads it next."""

_LEAST_LEFT = timedelta(days=1)
_DIGITS = 16
_LOADED = "complete"
_TYPES = {"integer": "INT64", "float": "FLOAT64", "float32": "FLOAT64", "string": "STRING", "bool": "BOOL"}
_TYPES |= {"date": "DATE", "datetime": "DATETIME", "timestamp": "TIMESTAMP", "null": "INT64", "untyped": "STRING"}
_NUMERIC_SCALE, _NUMERIC_WHOLE = 9, 29
"""Digits behind the point of a NUMERIC, and before it."""

_DECIMAL = re.compile(r"decimal\d+\((\d+), (-?\d+)\)")
_NO_NAME = re.compile(r"[\x00-\x1f!\"$()*,./;?@\[\\\]^`{}~]|^.{301}")
"""In what no column may be called: https://cloud.google.com/bigquery/docs/schemas#flexible-column-names."""


def loaded(landed: LandedFile, tables: Tables, jobs: Jobs) -> exp.Query:
    """The rows of a landed file, from the table that they are loaded into if nobody has done so.

    Raises:
        ContractViolation: it has a column, or a value, that BigQuery does not read as what it is.
        CorruptLanding: it is not read as the records that were landed.
    """
    name = _name(landed)
    if not _is_there(name, tables):
        _load(landed, name, tables, jobs)
    return _rows(landed, tables)


def rows_if_loaded(landed: LandedFile, tables: Tables) -> exp.Query | None:
    """The rows of a landed file; None where it is not loaded now."""
    return _rows(landed, tables) if _is_there(_name(landed), tables) else None


def types(landed: LandedFile) -> Mapping[str, str]:
    """BigQuery's type of each column that a landed file has as a table.

    Raises:
        ContractViolation: it has a column that BigQuery does not read as what it is.
    """
    typed = ((column.name, _type(column, landed.uri)) for column in landed.columns)
    return {name: type_ for name, type_ in typed if type_ is not None}


def _name(landed: LandedFile) -> str:
    return f"bronze.{landed.landing.dataset}__{landed.landing.sha256[:_DIGITS]}"


def _rows(landed: LandedFile, tables: Tables) -> exp.Query:
    there = (column for column in landed.columns if _type(column, landed.uri) is not None)
    values = (_as_it_was(column, landed.landing.suffix) for column in there)
    return exp.select(*values).from_(placing.table(tables.sql_name(_name(landed))))


def _as_it_was(column: SourceColumn, suffix: str) -> exp.Expr:
    """A column of the table, as the file has it: empty text is NULL in CSV alone, short floats are of few digits."""
    value = exp.column(column.name, quoted=True)
    if suffix == "csv":
        return exp.alias_(exp.Nullif(this=value, expression=exp.Literal.string("")), column.name, quoted=True)
    return exp.alias_(own_digits(value), column.name, quoted=True) if column.kind == "float32" else value


def _is_there(name: str, tables: Tables) -> bool:
    """Whether a table was loaded whole, and is there for a while."""
    table = tables.table(name)
    if table is None or table.labels.get(_LOADED) != "true":
        return False
    return table.expires is None or table.expires - datetime.now(UTC) > _LEAST_LEFT


def _load(landed: LandedFile, name: str, tables: Tables, jobs: Jobs) -> None:
    file = f"{landed.landing} ({landed.uri})"
    schema = _schema(landed.columns, file)

    def configure(config: LoadJobConfig) -> None:
        from google.cloud.bigquery import SourceFormat

        config.ignore_unknown_values = True  # columns that the schema does not have
        if landed.landing.suffix == "csv":
            config.ignore_unknown_values = False
            config.source_format = SourceFormat.CSV
            config.skip_leading_rows = 1
            config.allow_quoted_newlines = True

    try:
        rows = jobs.load_uri(landed.uri, tables.api_name(name), schema, configure)
    except StatementFailed as error:
        if error.fault not in (StatementFault.STATEMENT, StatementFault.VALUE):
            raise
        raise ContractViolation(
            f"{file}: BigQuery does not load it ({error}); nothing was changed. Check what the source published"
        ) from error
    if rows != landed.landing.rows:
        tables.drop(name)
        raise CorruptLanding(f"{file}: {rows} of its {landed.landing.rows} records can be read")
    table = tables.table(name)
    if table is None:
        raise CorruptLanding(f"{file}: what was loaded of it is gone; run it again")
    table.labels = {**tables.labels, _LOADED: "true"}
    table.description = f"Records of the landed file {landed.uri}, SHA-256 {landed.landing.sha256}"
    table.expires = datetime.now(UTC) + LASTS
    with told_as_ours(name):
        tables.client.update_table(table, ["labels", "description", "expires"], retry=patient(), timeout=ANSWER_SECONDS)


def _schema(columns: tuple[SourceColumn, ...], file: str) -> list[SchemaField]:
    from google.cloud.bigquery import SchemaField

    typed = ((column, _type(column, file)) for column in columns)
    return [SchemaField(column.name, type_) for column, type_ in typed if type_ is not None]


def _type(column: SourceColumn, file: str) -> str | None:
    """BigQuery's type of a column of a file; None of lists and the like, which no contract has, and nobody reads.

    Raises:
        ContractViolation: it is called as no column of BigQuery can be, or has times that it does not read as such.
    """
    if _NO_NAME.search(column.name) or not column.name.strip() == column.name != "":
        raise ContractViolation(
            f"{file}: column {column.name!r} has a name that BigQuery gives no column; nothing was changed. Check what "
            "the source published"
        )
    if column.kind in ("datetime", "timestamp") and "[ns" in column.type:
        raise ContractViolation(
            f"{file}: column {column.name} has times of nanoseconds ({column.type}), which BigQuery reads as whole "
            "numbers; nothing was changed. Check what the source published: microseconds are what it always had"
        )
    if (digits := _DECIMAL.fullmatch(column.type)) is not None and column.kind in ("decimal", "integer"):
        precision, scale = int(digits[1]), int(digits[2])
        return "NUMERIC" if scale <= _NUMERIC_SCALE and precision - scale <= _NUMERIC_WHOLE else "BIGNUMERIC"
    return _TYPES.get(column.kind)
