"""How much of what could go on for ever is tested: CI's share, or what ``make test-soak`` is given time for.

Whatever is drawn follows from the seed, which is another one every time unless ``LAKEHOUSE_SOAK_SEED`` gives it; it
stands above the tests, and the figures of what was tried below them.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

_SEED = "LAKEHOUSE_SOAK_SEED"
_SCALE = "LAKEHOUSE_SOAK"


def settle_seed() -> int:
    """The seed of this session, the same in all its processes."""
    return int(os.environ.setdefault(_SEED, str(secrets.randbelow(10**6))))


def numbers(share: int, at_most: int | None = None) -> range:
    """Of a test that is repeated: its numbers, ``share`` of them in CI; ``at_most`` so many of one that takes long."""
    wanted = share * int(os.environ.get(_SCALE, "1"))
    return range(wanted if at_most is None else min(wanted, at_most))


def is_long() -> bool:
    """Whether there is more time than CI has."""
    return _SCALE in os.environ


def drawn(what: str, number: int) -> Random:
    """What one repetition of a test draws from."""
    return Random(f"{settle_seed()} {what} {number}")  # noqa: S311 - nobody is to be kept from guessing it


def figures(reports: Iterable[pytest.TestReport]) -> list[str]:
    """What was tried how often, by what tests recorded as properties whose name begins with ``soak``."""
    total: Counter[str] = Counter()
    for report in reports:
        total.update(
            {name.removeprefix("soak "): int(str(n)) for name, n in report.user_properties if name.startswith("soak ")}
        )
    return [f"{name}: {number}" for name, number in sorted(total.items())]
