"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.commands import sqlite_without_fsync


@pytest.fixture(scope="session", autouse=True)
def _quick_sqlite() -> Iterator[None]:
    with sqlite_without_fsync():
        yield
