"""What Google Cloud calls projects, buckets and locations, by the rules that it documents; and a prefix that fits all.

Rules: "Creating and managing projects" (ids), "About Cloud Storage buckets" (names), "BigQuery locations".
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from lakehouse.setting_values.samples import SAMPLE_ENDING

_PROJECT = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]+[a-z0-9]")
_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+){3}")
_MULTI_REGION = re.compile(r"US|EU")
_REGION = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,29}")


def _project(text: str) -> str:
    if text.isdigit():
        raise ValueError("is a project's number; write its id, which begins with a letter")
    if _PROJECT.fullmatch(text) is None:
        raise ValueError(
            "is not a project's id; one has 6 to 30 lowercase letters, digits and hyphens, begins with a letter "
            "and does not end with a hyphen"
        )
    return text


def _bucket(text: str) -> str:
    if text.startswith("gs://"):
        raise ValueError("is an address; write the bucket's name alone, without gs:// and what comes after the name")
    parts = text.split(".")
    longest = 63 if len(parts) == 1 else 222
    if _BUCKET.fullmatch(text) is None or len(text) > longest or not all(1 <= len(part) <= 63 for part in parts):
        raise ValueError(
            "is not a bucket's name; one has 3 to 63 lowercase letters, digits, dashes, underscores and dots, begins "
            "and ends with a letter or digit"
        )
    if _NUMBERS.fullmatch(text) or text.startswith("goog") or "google" in text:
        raise ValueError("is not a bucket's name; Cloud Storage has none that is an IP address or called as Google is")
    return text


def _catalog(text: str) -> str:
    """A catalog is called as its bucket is, and stands between dots in names of tables."""
    try:
        _bucket(text)
    except ValueError as error:
        raise ValueError(str(error).replace("is not a bucket's name", "is not a catalog's name")) from None
    if "." in text:
        raise ValueError("is not a catalog's name; it stands between dots in names of tables, and may have none itself")
    return text


def _location(text: str) -> str:
    """As Google writes it: multi-regions in capitals, regions not."""
    if _MULTI_REGION.fullmatch(text.upper()):
        return text.upper()
    if _REGION.fullmatch(text.lower()):
        return text.lower()
    raise ValueError(
        "is not a location of BigQuery; one is US, EU, or a region (not a zone of it), such as europe-west4"
    )


def _prefix(text: str) -> str:
    if text and _PREFIX.fullmatch(text.removesuffix(SAMPLE_ENDING)) is None:
        raise ValueError(
            "is not a prefix; one has at most 30 lowercase letters, digits and underscores and begins with a letter"
        )
    return text


ProjectId = Annotated[str, AfterValidator(_project)]
"""6 to 30 characters; its number and its name are others."""

BucketName = Annotated[str, AfterValidator(_bucket)]
"""Without ``gs://``."""

CatalogName = Annotated[str, AfterValidator(_catalog)]
"""Of an Iceberg catalog in BigLake, and of its bucket: a bucket's name without dots."""

Location = Annotated[str, AfterValidator(_location)]
"""Of BigQuery and Cloud Storage both, as only what is in one place can be loaded."""

Prefix = Annotated[str, AfterValidator(_prefix)]
"""Of datasets and objects; empty for none."""
