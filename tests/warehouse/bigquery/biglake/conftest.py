"""A house whose green is in a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.biglake.implementation import CatalogImplementation
from tests.warehouse.implementations import House, house_in


@dataclass(frozen=True)
class Lake:
    house: House
    at: CatalogImplementation


@pytest.fixture
def lake(tmp_path: Path, cloud: Cloud) -> Iterator[Lake]:
    implementation = CatalogImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        yield Lake(house, implementation)
