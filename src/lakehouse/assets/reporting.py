"""What every asset tells Dagster in the same words: tags, notes, schemas, previews, failures."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import LakehouseError
from lakehouse.machine import machine_errors, machine_fault, places
from lakehouse.schema import Column
from lakehouse.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def failures_in_words(what: str, settings: Settings) -> Iterator[None]:
    """Turn errors into Dagster failures whose description is the message itself; ``what`` is being done.

    Raises:
        dagster.Failure: a :class:`LakehouseError` was raised. Faults that are worth a retry were retried
            where they happened, so Dagster need not. Or this machine refused something: its disk is full, say.
    """
    try:
        yield
    except machine_errors() as error:
        fault = machine_fault(error, places(settings))
        if fault is not None:
            fact = fault.fact.removeprefix(f"{what}: ")
            description = f"{what}: {fact}; nothing was published: {fault.advice}"
        elif isinstance(error, LakehouseError):
            description = str(error)
        elif isinstance(error, OSError):
            description = f"{what}: {error.strerror or error}: {error.filename or settings.home}; nothing was published"
        else:
            raise
        raise dg.Failure(
            description=description,
            metadata={
                "error": type(fault or error).__name__,
                "lasting": isinstance(error, LakehouseError) and error.is_lasting,
            },
            allow_retries=False,
        ) from error


def table_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Columns with types, descriptions and units, as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                tags={"unit": column.unit} if column.unit else {},
            )
            for column in columns
        ]
    )


def markdown_table(rows: pa.Table, note: str = "") -> dg.MarkdownMetadataValue:
    """A few rows as a table for people, below a note: values as they are, each on one line, long ones cut."""
    columns = [[_cell(value) for value in column.to_pylist()] for column in rows.columns]
    lines = [[_cell(name) for name in rows.column_names], ["---"] * rows.num_columns, *zip(*columns, strict=True)]
    return dg.MetadataValue.md(note + "\n".join(f"| {' | '.join(line)} |" for line in lines))


_LONGEST = 64
"""Characters of a value that are shown: a SHA-256 fits."""

_MARKUP = re.compile(r"[\\`*<\[\]|~&]|(?<![^\W_])_|_(?![^\W_])")
"""What markdown gives a meaning within a line; it leaves an underscore inside a word alone."""


def _cell(value: object) -> str:
    if value is None:
        return "*NULL*"  # no text looks so: its asterisks are escaped
    text = " ".join(str(value).splitlines())
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 1]}…"
    return _MARKUP.sub(r"\\\g<0>", text)


def asset_tags(
    settings: Settings, layer: str, datasets: Collection[str] = (), more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The layer, the dataset if there is but one, and that it is a sample; ``more`` win over the dataset."""
    dataset = {"dataset": next(iter(datasets))} if len(datasets) == 1 else {}
    sample = {"sample": "true"} if settings.sample else {}
    return {**dataset, **(more or {}), "layer": layer, **sample}


def noted(settings: Settings, text: str) -> str:
    """A description or a preview, below a note if it is of sample data."""
    return f"{SAMPLE_NOTE}\n\n{text}" if settings.sample else text
