"""Every contract and every SQL model, compiled for DuckDB and for BigQuery, gives what pandas computes, on both.

Each engine goes the whole way by itself: from the landed file to bronze, silver, the audit's counts, gold and
the row ledger, each from results of its own. What an emulator cannot tell about BigQuery is in the README here.
"""

from __future__ import annotations

import pytest

from lakehouse.contracts import CONTRACTS
from lakehouse.model import Models
from lakehouse.model_file import load_models
from lakehouse.settings import PROJECT_ROOT
from tests.emulators.comparison import Outcome
from tests.emulators.run import Run, steps
from tests.emulators.scenarios import HALF_CENTS, SCENARIOS, Scenario

_MODELS = load_models(PROJECT_ROOT / "sql", CONTRACTS)
_STEPS = [(scenario, step) for scenario in SCENARIOS for step in steps(scenario, _MODELS)]


@pytest.mark.parametrize(("scenario", "step"), _STEPS, ids=lambda value: str(getattr(value, "name", value)))
def test_both_engines_give_what_pandas_computes(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    step: str,
    run: Run,
    outcomes: list[Outcome],
) -> None:
    found = run.outcomes(step)
    outcomes.extend(found)
    wrong = [f"{each.relation} on {each.engine} {each.verdict}: {each.detail}" for each in found if each.detail]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scenario", [HALF_CENTS], ids=["half a cent"])
def test_half_a_cent_is_rounded_up_on_both_engines(
    scenario: Scenario,  # noqa: ARG001 - the fixture's
    run: Run,
    outcomes: list[Outcome],
) -> None:
    found = run.outcomes("green_bronze")
    outcomes.extend(found)
    assert {outcome.verdict for outcome in found} == {"agrees"}


def test_every_contract_and_every_model_is_compared(models: Models) -> None:
    compared = {step for _, step in _STEPS}
    assert compared >= {*CONTRACTS, *models.keys()}
