"""Sizes that an engine takes as they are written."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator


def _size(text: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)?\s?[KMGT]i?B", text) is None:
        raise ValueError("is not a size; write it as a number and a unit, for example 2GB")
    return text


EngineSize = Annotated[str, AfterValidator(_size)]
"""A number and a unit."""
