"""The Dagster UI as ``lakehouse --sample dev`` serves it, and Debian's Chromium to look at it with."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest

from lakehouse.cli.interruption import Interruption
from lakehouse.cli.outcomes import RunOutcome
from lakehouse.cli.runs import run_months
from lakehouse.cli.selection import select
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month, month_range
from lakehouse.sample.source import FIRST_VERSION, ROWS, prepare, publish
from lakehouse.settings import PROJECT_ROOT, SAMPLE_MONTHS, Settings, environment, load_settings
from lakehouse.warehouse.profile import open_project
from lakehouse.warehouse.protocol import Warehouse
from tests.commands import free_port
from tests.project import unwatched
from tests.sample.scaled import scaled

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SCREENSHOTS = PROJECT_ROOT / ".screenshots"
"""What the pages looked like when the tests saw them; git ignores it."""

MONTHS = tuple(month_range(*SAMPLE_MONTHS))
START_SECONDS = 90

SCALE = 0.02
"""Of the demo's rows."""

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Served:
    """A home of sample data with the UI of its instance at ``url``."""

    settings: Settings
    url: str

    @property
    def environment(self) -> Mapping[str, str]:
        return environment(self.settings)

    @cached_property
    def warehouse(self) -> Warehouse:
        """Its tables, asked in this process: a command would take seconds to start each time."""
        return open_project(self.settings).warehouse

    @property
    def source(self) -> Path:
        """The folder that the sample source serves."""
        return self.settings.home / "source"

    def instance(self) -> dg.DagsterInstance:
        """What the UI shows."""
        return dg.DagsterInstance.from_config(str(self.settings.dagster_home))

    def run(self, month: Month, selection: str) -> RunOutcome:
        """A run as ``lakehouse run`` makes it, without the start-up of a process.

        Dagster has an event loop of its own as it ends a run, and that of the browser is in the test's thread.
        """
        with ThreadPoolExecutor(1) as aside:
            return aside.submit(self._run, month, selection).result()

    @cached_property
    def _definitions(self) -> dg.Definitions:
        return build_definitions(self.settings)

    def _run(self, month: Month, selection: str) -> RunOutcome:
        chosen = select(self._definitions, selection)
        with self.instance() as instance:
            (outcome,) = run_months(self._definitions, instance, chosen, [month], unwatched, Interruption())
        return outcome

    def lakehouse(self, *arguments: str) -> None:
        """Run a ``lakehouse`` command; it must succeed."""
        subprocess.run(
            [str(Path(sys.executable).parent / "lakehouse"), *arguments],
            env=self.environment,
            cwd=self.settings.home,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Small sample months, all but the last, and UI, daemon and sample source started as a user would."""
    folder = tmp_path_factory.mktemp("ui")
    sql = shutil.copytree(PROJECT_ROOT / "sql", folder / "sql")
    strict = sql / "silver" / "taxi_silver.sql"
    strict.write_text(strict.read_text().replace("usual_share: 0.002, ", ""))  # so that a check fails
    settings = load_settings(
        sample=True,
        sql=sql,
        sample_port=free_port(),
        home=folder / "data",
        dagster_home=folder / "dagster",
        poll_seconds=10,
    )
    settings.dagster_home.mkdir(parents=True)
    (settings.dagster_home / "dagster.yaml").write_text(
        (PROJECT_ROOT / "dagster.yaml").read_text() + "\nrun_queue:\n  dequeue_interval_seconds: 1\n"
    )
    port = free_port()
    served = Served(settings, f"http://127.0.0.1:{port}")
    prepare(served.source, (), ROWS)
    for month in MONTHS[:-1]:
        publish(served.source, month, scaled(SCALE), FIRST_VERSION)
    log = (folder / "dev.log").open("wb")
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "lakehouse"), "dev", "--port", str(port)],
        env=dict(served.environment),
        cwd=settings.home,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        _wait_for(port, process)
        yield served
        served.warehouse.close()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
        log.close()
    assert code == 0, (folder / "dev.log").read_text()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "lakehouse dev ended by itself"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"lakehouse dev did not answer within {START_SECONDS} s")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed after this module: for as long as it is open, nothing else in its process can use asyncio."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if chromium is None:
        pytest.fail("no Chromium to test the UI with: install your system's, on Debian apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def person(browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """Whoever clicks: their browser remembers, and does not load and compile the UI's program for each page anew."""
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, base_url=served.url)
    context.set_default_timeout(60_000)
    yield context
    context.close()


@pytest.fixture
def page(person: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of its own for each test; what it showed last is kept as a picture."""
    page = person.new_page()
    yield page
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")
    page.close()
