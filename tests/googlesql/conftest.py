"""One engine for all tests that a process runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.googlesql.oracle import Oracle


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    with Oracle() as engine:
        yield engine
