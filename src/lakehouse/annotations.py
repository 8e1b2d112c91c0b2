"""What assets and tables are labelled with: who answers for them, what they are about, that they are samples.

The rules are Dagster's own, which is too slow to import for reading a model.
"""

from __future__ import annotations

import re

DEFAULT_OWNER = "team:lakehouse"
"""Who answers for what names nobody else."""

SAMPLE_NOTE = "Sample data: generated, no real trips or people."
"""What everything made of sample data says of itself."""

RESERVED_TAGS = ("layer", "sample")
"""Tags that are set by themselves, whatever a model is."""

_EMAIL = re.compile(r"[\w.%+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,7}", re.ASCII)
_TAG_NAME = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


def is_owner(text: str) -> bool:
    """Whether it is an e-mail address, or ``team:`` and a name."""
    return _EMAIL.fullmatch(text) is not None or (text.startswith("team:") and len(text) > len("team:"))


def is_tag_name(text: str) -> bool:
    """Whether a tag may be called so: letters, digits and ``_.-``, in one or two parts of at most 63 characters."""
    return _TAG_NAME.fullmatch(text) is not None


def is_tag_value(text: str) -> bool:
    """Whether a tag may say so: at most 63 letters, digits and ``_.-``."""
    return _TAG_VALUE.fullmatch(text) is not None
