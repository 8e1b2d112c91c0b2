"""Labels of jobs: whose they are, of which place, and what they are for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from lakehouse.gcp.place import Place
from lakehouse.warehouse.store import Work

MANAGED = {"managed-by": "lakehouse"}
"""Label of all that we make."""

_PREFIX = "prefix"
"""Tells jobs of one place from those of others in the same project; empty where the place has none."""

_CHARACTERS = re.compile(r"[^a-z0-9_-]")
_LONGEST = 63


def labels_of(place: Place, more: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, str]:
    """Those of a job of a place; values of others as labels may be."""
    return {**MANAGED, _PREFIX: place.prefix, **{name: _label(value) for name, value in more.items() if value}}


def labels_for(work: Work) -> Mapping[str, str]:
    """What tells the jobs of a piece of work."""
    return {"asset": work.asset, "month": str(work.partition), "run": work.run_id}


def _label(value: str) -> str:
    """https://cloud.google.com/bigquery/docs/labels-intro#requirements."""
    return _CHARACTERS.sub("-", value.lower())[:_LONGEST]
