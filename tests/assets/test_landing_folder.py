"""The folder that dlt lands in is to dlt what its own filesystem is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import pytest

from lakehouse.assets.landing_folder import LandingFolder


def test_it_can_do_what_dlts_own_can(tmp_path: Path) -> None:
    ours, theirs = (kind(bucket_url=str(tmp_path)) for kind in (LandingFolder, dlt.destinations.filesystem))
    assert dict(ours.capabilities()) == dict(theirs.capabilities())
    assert (ours.destination_type, ours.destination_name) == (theirs.destination_type, theirs.destination_name)


def test_it_reads_its_configuration_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    configuration = dlt.destinations.filesystem.configuration

    def counted(self: LandingFolder, *arguments: Any, **named: Any) -> object:
        read.append(self)
        return configuration(self, *arguments, **named)

    monkeypatch.setattr(dlt.destinations.filesystem, "configuration", counted)
    ours = LandingFolder(bucket_url=str(tmp_path))
    for _ in range(3):
        ours.capabilities()
    assert read == [ours]
