"""What CI takes of the tests that are large by nature: a share, another one every time.

Whoever asks for tests by name, or by ``make test``, gets them all. ``make test-all`` draws, which says so by
``LAKEHOUSE_SHARES``: of a file that is listed here some of its behaviours, and of each of these some of the values that
it is given, at least one of each; what cannot be divided takes turns. What is drawn follows from the seed of the
session, so all its processes draw the same; ``make test-soak`` runs everything.

A behaviour that is marked ``each_time`` is never left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from tests import soak

_DRAWN = "LAKEHOUSE_SHARES"
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Share:
    """Of the behaviours of a group of tests, and of the values of each of them, those that are taken."""

    behaviours: float = 1
    values: float = 1

    def of(self, what: str, items: Sequence[pytest.Function]) -> set[pytest.Function]:
        """Those drawn of a group of tests; ``what`` the group is of makes it another draw than that of others."""
        by_name = _grouped(items, lambda item: (str(item.path), item.originalname))
        names = drawn(f"{what} behaviours", self.behaviours, list(by_name))
        return {item for name in names for item in drawn(f"{what} values of {name[1]}", self.values, by_name[name])} | {
            item for item in items if item.get_closest_marker("each_time")
        }


TURNS: Sequence[Sequence[tuple[str, ...]]] = (
    (
        ("tests/ui/",),
        ("tests/faults/test_daemon.py", "tests/dlt_sources/test_memory.py"),
        ("tests/faults/test_random_kills.py", "tests/cli/test_demo.py"),
        ("tests/audits/",),
    ),
    (
        ("tests/googlesql/test_sent.py",),
        ("tests/googlesql/test_statements.py", "tests/gcp/test_whole_house.py"),
        ("tests/emulators/", "tests/warehouse/bigquery/test_parity.py"),
        ("tests/gcp/test_rehearsal.py", "tests/warehouse/bigquery/biglake/"),
        ("tests/warehouse/test_restatements_drawn.py",),
    ),
    (
        ("tests/real_data/test_command_lines.py",),
        ("tests/real_data/test_gold.py", "tests/real_data/test_trip_months.py"),
        ("tests/real_data/test_dirty_months.py", "tests/real_data/test_restatements.py"),
    ),
)
"""What is dear and cannot be divided takes turns with what costs about as much: one of each line is taken."""

_SOME, _HALF = Share(1 / 4, values=1 / 3), Share(1 / 2)
SHARES: Mapping[str, Share] = {
    "tests/assets/test_accepting.py": _SOME,
    "tests/assets/test_bronze.py": _SOME,
    "tests/assets/test_newcomers_models.py": _HALF,
    "tests/assets/test_samples.py": _HALF,
    "tests/assets/test_sql_models.py": _HALF,
    "tests/assets/test_step.py": _SOME,
    "tests/automation/test_lying_etags.py": _SOME,
    "tests/automation/test_polling.py": _SOME,
    "tests/automation/test_private_storage.py": _HALF,
    "tests/automation/test_refetching.py": _SOME,
    "tests/automation/test_retries.py": _SOME,
    "tests/automation/test_schedule.py": _HALF,
    "tests/automation/test_sensor.py": _SOME,
    "tests/bronze/test_table_faults.py": _SOME,
    "tests/bronze/test_table_histories.py": Share(values=1 / 3),
    "tests/bronze/test_table_landing.py": _HALF,
    "tests/cli/test_diff.py": _SOME,
    "tests/cli/test_hostile_commands.py": _SOME,
    "tests/cli/test_runs.py": _SOME,
    "tests/faults/test_bad_answers.py": _SOME,
    "tests/faults/test_concurrency.py": _SOME,
    "tests/faults/test_interrupts.py": _SOME,
    "tests/faults/test_kill.py": _SOME,
    "tests/faults/test_months.py": _SOME,
    "tests/faults/test_power_loss.py": _SOME,
    "tests/faults/test_rerun.py": _SOME,
    "tests/faults/test_table_kills.py": Share(values=1 / 3),
    "tests/gcp/test_doctor.py": Share(values=1 / 3),
    "tests/googlesql/test_contracts.py": _HALF,
    "tests/googlesql/test_forms.py": Share(values=1 / 5),
    "tests/models/test_rendering.py": Share(values=1 / 5),
    "tests/real_data/test_restated_month.py": _HALF,
    "tests/sample/test_pipeline.py": _SOME,
    "tests/test_add_a_source.py": _SOME,
    "tests/test_bad_input.py": _SOME,
    "tests/warehouse/bigquery/biglake/test_catalog.py": Share(1 / 2, values=1 / 5),
    "tests/warehouse/bigquery/biglake/test_findings.py": Share(1 / 3),
    "tests/warehouse/bigquery/biglake/test_kills.py": Share(values=1 / 5),
    "tests/warehouse/bigquery/biglake/test_parity.py": Share(values=1 / 3),
    "tests/warehouse/bigquery/biglake/test_publishing.py": Share(1 / 4),
    "tests/warehouse/bigquery/biglake/test_races.py": _HALF,
    "tests/warehouse/bigquery/test_kills.py": Share(values=1 / 4),
    "tests/warehouse/test_column_types.py": _SOME,
    "tests/warehouse/test_damaged_tables.py": _SOME,
    "tests/warehouse/test_difference.py": _SOME,
    "tests/warehouse/test_drift.py": _SOME,
    "tests/warehouse/test_failing_rows.py": _SOME,
    "tests/warehouse/test_foreign_files.py": _SOME,
    "tests/warehouse/test_guards.py": _SOME,
    "tests/warehouse/test_hostile_queries.py": Share(values=1 / 5),
    "tests/warehouse/test_local_store.py": _HALF,
    "tests/warehouse/test_properties.py": Share(values=1 / 2),
    "tests/warehouse/test_reference.py": _HALF,
    "tests/warehouse/test_remarks.py": _HALF,
    "tests/warehouse/test_status.py": _HALF,
    "tests/warehouse/test_trips.py": _SOME,
    "tests/warehouse/test_unreadable.py": _HALF,
}
"""By file; what is not here is cheap, or is not to be left out."""


def are_drawn() -> bool:
    """Whether this session takes shares."""
    return os.environ.get(_DRAWN) == "true" and not soak.is_long()


def left_out(items: Sequence[pytest.Item]) -> set[pytest.Item]:
    """What this session does without; nothing where it takes no shares."""
    if not are_drawn():
        return set()
    out_of_turn = tuple(
        beginning
        for line in TURNS
        for each in set(line) - set(drawn(f"turn of {line[0][0]}", 0, line))
        for beginning in each
    )
    left_out = {item for item in items if item.nodeid.startswith(out_of_turn)}
    by_file = _grouped((item for item in items if isinstance(item, pytest.Function)), _file)
    for file, share in SHARES.items():
        left_out |= set(by_file.get(file, ())) - share.of(file, by_file.get(file, ()))
    return left_out


def drawn(what: str, share: float, of: Sequence[T]) -> list[T]:
    """A share of these, at least one."""
    return soak.drawn(what, 0).sample(of, max(1, round(share * len(of)))) if of else []


def told(number: int) -> str:
    """A line of how many tests were left out, and of how to run them."""
    return f"{number} tests are not of this session's share, which follows from the seed: make test-soak runs them all"


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _grouped(items: Iterable[T], key: Callable[[T], K]) -> Mapping[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups
