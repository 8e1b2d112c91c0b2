"""Fixtures that many tests share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from lakehouse.settings import PROJECT_ROOT, point_dlt_at_project
from tests import shares, soak
from tests.commands import new_instances_copied, sqlite_without_fsync
from tests.emulators.emulator import PYTHON, Cloud, cloud_emulators
from tests.loading import models_of
from tests.pool import Scheduling, longest_first
from tests.postgres import postgres_server, programs
from tests.project import Project

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController


_LEFT_OUT = pytest.StashKey[int]()
"""How many tests this session's share is without."""


def pytest_report_header() -> str:
    return f"seed of what is drawn: LAKEHOUSE_SOAK_SEED={soak.settle_seed()}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    said = [", ".join(figures)] if (figures := soak.figures(terminalreporter.getreports("passed"))) else []
    if shares.are_drawn():
        said.append(shares.told(config.stash.get(_LEFT_OUT, 0)))
    if said:
        terminalreporter.section("drawn")
        terminalreporter.write_line("\n".join([f"LAKEHOUSE_SOAK_SEED={soak.settle_seed()}", *said]))


def pytest_configure() -> None:
    """Look for garbage seldom: syntax trees are many small objects; going through them took a seventh of the time.

    And let Ctrl-C interrupt, wherever the tests were started: some send it, and wait for what it ends.
    """
    gc.set_threshold(50_000, 20, 50)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job of the shell's background has Ctrl-C ignored
    soak.settle_seed()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not of this session's share, once folders have left out what is not for them."""
    left_out = shares.left_out(items)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)
    config.stash[_LEFT_OUT] = len(left_out)
    longest_first(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that collects nothing, and reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left out"] = session.config.stash.get(_LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    node.config.stash[_LEFT_OUT] = getattr(node, "workeroutput", {}).get("left out", 0)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Emulators of BigQuery and Cloud Storage; without them tests are skipped, or fail where they must not be."""
    if not PYTHON.exists() and os.environ.get("LAKEHOUSE_REQUIRE_EMULATORS") != "true":
        pytest.skip("no emulators (make emulators), and LAKEHOUSE_REQUIRE_EMULATORS is not true")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")
        with cloud_emulators(tmp_path_factory.mktemp("cloud")) as running:
            yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server; without one tests are skipped, or fail where they must not be."""
    if programs() is None:
        reason = "no PostgreSQL server in /usr/lib/postgresql"
        if os.environ.get("LAKEHOUSE_REQUIRE_POSTGRES") == "true":
            pytest.fail(reason)
        pytest.skip(f"{reason}, and LAKEHOUSE_REQUIRE_POSTGRES is not true")
    with postgres_server() as address:
        yield address


@pytest.fixture(scope="session", autouse=True)
def _dlt_settings() -> None:
    point_dlt_at_project()


@pytest.fixture(scope="session", autouse=True)
def _quick_sqlite() -> Iterator[None]:
    with sqlite_without_fsync(), new_instances_copied():
        yield


@pytest.fixture(scope="session", autouse=True)
def _models_once() -> Iterator[None]:
    """Runs and commands of this process read a folder of SQL once, and anew if any of its files says something new."""
    with patch("lakehouse.warehouse.profile.load_models", lambda folder, *_: models_of(folder)):
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project with an empty source folder."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real files; without it tests are skipped, or fail where they are required."""
    folder = Path(os.environ.get("LAKEHOUSE_REAL_DATA", PROJECT_ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        reason = f"no real data at {folder}; LAKEHOUSE_REAL_DATA names its folder"
        if os.environ.get("LAKEHOUSE_REQUIRE_REAL_DATA") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
