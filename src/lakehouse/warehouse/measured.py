"""What is asked of a month that is staged, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measured:
    """Of staged rows: ``answers`` are the rows that queries gave, by column; ``nulls`` how many values are NULL.

    A column of which it takes another reading to know that may be left out of ``nulls``.
    """

    answers: tuple[Mapping[str, Any], ...]
    nulls: Mapping[str, int]
