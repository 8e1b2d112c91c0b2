"""Columns of a contract, told in one line each."""

from __future__ import annotations

from lakehouse.bronze.contract import CanonicalColumn
from lakehouse.bronze.era import ALWAYS, Era
from lakehouse.column_types import NUMERIC
from lakehouse.schema import Column


def column(
    name: str,
    type_: str,
    sources: str | tuple[str, ...],
    description: str,
    unit: str | None = None,
    *,
    required: bool = False,
    padded: bool = False,
    era: Era = ALWAYS,
) -> CanonicalColumn:
    """A column ``name`` that files call one of ``sources``: names with spaces between them, or a tuple of names.

    See :class:`lakehouse.bronze.contract.CanonicalColumn`.
    """
    names = tuple(sources.split()) if isinstance(sources, str) else sources
    return CanonicalColumn(Column(name, type_, description, unit), names, required, padded, era)


def text(
    name: str, source: str | tuple[str, ...], description: str, *, required: bool = False, era: Era = ALWAYS
) -> CanonicalColumn:
    """Text that may come with spaces around it; what is empty without them is NULL."""
    return column(name, "STRING", source, description, required=required, padded=True, era=era)


def money(
    name: str,
    description: str,
    *,
    source: str | None = None,
    required: bool = True,
    era: Era = ALWAYS,
) -> CanonicalColumn:
    """An amount in US dollars that files call as we do, unless ``source`` says otherwise."""
    return column(name, NUMERIC, source or name, description, "USD", required=required, era=era)
