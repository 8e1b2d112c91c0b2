"""One emulator for all tests, one run for each scenario, and a table of what agreed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lakehouse.models.model import Models
from lakehouse.models.reader import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.emulators import compiled
from tests.emulators.bigquery import BigQuery
from tests.emulators.comparison import Outcome
from tests.emulators.emulator import Emulator, bigquery_emulator
from tests.emulators.local import DuckDb
from tests.emulators.report import lines
from tests.emulators.run import Run
from tests.emulators.scenarios import SCENARIOS, Scenario
from tests.loading import CONTRACTS

_HERE = Path(__file__).parent
_OUTCOMES = pytest.StashKey[list[Outcome]]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all tests of a scenario one after the other: its run is put away before that of another."""
    places = [place for place, item in enumerate(items) if item.path.parent == _HERE]
    ours = sorted((items[place] for place in places), key=_scenario_of)
    for place, item in zip(places, ours, strict=True):
        items[place] = item


def _scenario_of(item: pytest.Item) -> str:
    """The name of a test's scenario, which those that have none come before."""
    scenario = (
        item.callspec.params.get("scenario")
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
        else None
    )
    return scenario.name if isinstance(scenario, Scenario) else ""


@pytest.fixture(scope="session")
def models() -> Models:
    return load_models(PROJECT_ROOT / "sql", CONTRACTS)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with bigquery_emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="module")
def run_of(
    emulator: Emulator, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Scenario, Path | None], Run]]:
    """Gives the run of a scenario; that of the scenario before it is put away."""
    ledger = compiled.ledger(models)
    latest: dict[str, Run] = {}
    with ExitStack() as stack:

        def run_of_scenario(scenario: Scenario, real_data: Path | None) -> Run:
            if scenario.name not in latest:
                latest.clear()
                stack.close()
                folder = tmp_path_factory.mktemp("scenario")
                local = stack.enter_context(closing(DuckDb(folder, models)))
                remote = stack.enter_context(closing(BigQuery(emulator, folder.name, models)))
                files = scenario.write(folder, real_data)
                latest[scenario.name] = Run(scenario, files, models, ledger, (local, remote), folder)
            return latest[scenario.name]

        yield run_of_scenario


@pytest.fixture
def run(request: pytest.FixtureRequest, scenario: Scenario, run_of: Callable[[Scenario, Path | None], Run]) -> Run:
    real_data = request.getfixturevalue("real_data") if scenario.is_real else None
    return run_of(scenario, real_data)


@pytest.fixture
def outcomes(request: pytest.FixtureRequest) -> list[Outcome]:
    """What is shown at the end."""
    return request.config.stash.setdefault(_OUTCOMES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    shown = config.stash.get(_OUTCOMES, [])
    if not shown:
        return
    terminalreporter.section("every statement on both engines, against pandas")
    for line in lines(shown):
        terminalreporter.write_line(line)
    left_out = sorted({s.name for s in SCENARIOS if s.is_real} - {outcome.scenario for outcome in shown})
    if left_out:
        terminalreporter.write_line(f"not compared here: {', '.join(left_out)}")
