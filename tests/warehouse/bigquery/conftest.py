"""A place of its own on the emulators, asked by way of servers that count, and refuse as documented."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.ground import Ground


@pytest.fixture
def ground(cloud: Cloud) -> Iterator[Ground]:
    with Ground(cloud) as ground:
        yield ground
