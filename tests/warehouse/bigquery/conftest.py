"""BigQuery replayed, with short waits; or a place of its own on the emulators, asked by way of servers that count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lakehouse.warehouse.bigquery import jobs as module
from lakehouse.warehouse.bigquery.jobs import Jobs
from tests.emulators.emulator import Cloud
from tests.warehouse.bigquery.ground import Ground
from tests.warehouse.bigquery.replay import Replay

LABELS = {"managed-by": "lakehouse", "asset": "green_silver", "month": "2024-01", "run": "r1"}
CAP = 20 << 30


@pytest.fixture
def ground(cloud: Cloud) -> Iterator[Ground]:
    with Ground(cloud) as ground:
        yield ground


@pytest.fixture
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.6)
    monkeypatch.setattr(module, "_FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(module, "_LONGEST_WAIT_SECONDS", 0.03)
    monkeypatch.setattr(module, "_BRIEF_SECONDS", 0.1)
    monkeypatch.setattr(module, "_JOB_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(module, "_CANCEL_SECONDS", 0.2)


@pytest.fixture
def replay(_short_waits: None) -> Iterator[Replay]:
    with Replay() as server:
        yield server


@pytest.fixture
def jobs(replay: Replay) -> Jobs:
    return Jobs(replay.client(), "silver.trips 2024-01", LABELS, CAP)
