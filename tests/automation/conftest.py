"""A house for each test, with a source and a Dagster instance of its own."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from tests.automation.house import House
from tests.http_source import SourceServer
from tests.project import Project


@pytest.fixture
def house(project: Project) -> Iterator[House]:
    with SourceServer(project.source) as server, dg.DagsterInstance.ephemeral() as instance:
        yield House(project, server, instance)


@pytest.fixture
def old_house(house: House) -> House:
    """One that has what comes whole."""
    house.pretend_whole()
    return house
