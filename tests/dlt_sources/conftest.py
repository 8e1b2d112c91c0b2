"""What the tests of all sources share: a server over a module's ``published`` folder, and a place to fetch into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.http_source import SourceServer


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "into"


@pytest.fixture
def server(published: Path) -> Iterator[SourceServer]:
    with SourceServer(published) as running:
        yield running


@pytest.fixture
def quiet_dlt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("RESTORE_FROM_DESTINATION", "false")
