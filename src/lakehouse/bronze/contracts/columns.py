"""Columns of a contract, told in one line each."""

from __future__ import annotations

from lakehouse.bronze.contract import CanonicalColumn
from lakehouse.partition import Month
from lakehouse.schema import NUMERIC, Column


def column(
    name: str,
    type_: str,
    sources: str | tuple[str, ...],
    description: str,
    unit: str | None = None,
    *,
    required: bool = False,
    padded: bool = False,
    since: Month | None = None,
) -> CanonicalColumn:
    """A column ``name`` that files call one of ``sources``: names with spaces between them, or a tuple of names.

    See :class:`lakehouse.bronze.contract.CanonicalColumn`.
    """
    names = tuple(sources.split()) if isinstance(sources, str) else sources
    return CanonicalColumn(Column(name, type_, description, unit), names, required, padded, since)


def text(name: str, source: str | tuple[str, ...], description: str, *, required: bool = False) -> CanonicalColumn:
    """Text that may come with spaces around it; what is empty without them is NULL."""
    return column(name, "STRING", source, description, required=required, padded=True)


def money(name: str, description: str, *, required: bool = False, since: Month | None = None) -> CanonicalColumn:
    """An amount in US dollars that files call as we do."""
    return column(name, NUMERIC, name, description, "USD", required=required, since=since)
