"""The sample source is there for as long as a command needs it, whoever serves it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lakehouse.sample.served import folder_of, sources_served
from lakehouse.sample.server import SampleServer, already_serving
from lakehouse.settings import Settings, load_settings
from tests.commands import free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(sample=True, home=tmp_path, dagster_home=tmp_path / "dagster", sample_port=free_port())


def test_real_sources_are_nobody_s_to_serve(tmp_path: Path) -> None:
    real = load_settings(home=tmp_path)
    with sources_served(real) as served:
        assert served is real
    assert list(tmp_path.iterdir()) == []


def test_it_is_served_at_its_port_until_the_command_ends(settings: Settings) -> None:
    with sources_served(settings) as served:
        assert served == settings
        assert already_serving(folder_of(settings), settings.sample_port)
    assert not already_serving(folder_of(settings), settings.sample_port)


def test_a_port_that_something_else_has_is_not_waited_for(settings: Settings, tmp_path: Path) -> None:
    with SampleServer(tmp_path / "another", settings.sample_port), sources_served(settings) as served:
        assert served.sample_port != settings.sample_port
        assert served.sample_url == f"http://127.0.0.1:{served.sample_port}"
        assert already_serving(folder_of(settings), served.sample_port)


def test_another_command_s_source_is_used_and_stood_in_for_when_that_ends(settings: Settings) -> None:
    other = SampleServer(folder_of(settings), settings.sample_port)
    other.__enter__()
    with sources_served(settings) as served:
        assert served == settings
        other.__exit__(None, None, None)
        deadline = time.monotonic() + 20
        while not already_serving(folder_of(settings), settings.sample_port):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert not already_serving(folder_of(settings), settings.sample_port)
