"""How the tests are shared out to pytest-xdist's processes: each file to one, those that take longest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.remote import Producer

LONGEST = (
    "tests/ui/",
    "tests/readme/test_newcomer.py",
    "tests/faults/test_daemon.py",
    "tests/faults/test_random_kills.py",
    "tests/readme/",
    "tests/models/test_reader.py",  # these two go to whoever has a file of one test, and are short
    "tests/googlesql/test_sent.py",
    "tests/warehouse/test_restatements_drawn.py",
    "tests/audits/",
    "tests/gcp/test_rehearsal.py",
    "tests/dlt_sources/test_memory.py",
    "tests/gcp/test_whole_house.py",
    "tests/warehouse/test_protocol.py",
    "tests/real_data/",
    "tests/emulators/",
    "tests/cli/test_demo.py",
    "tests/gcp/test_doctor.py",
    "tests/googlesql/test_statements.py",
    "tests/warehouse/bigquery/test_kills.py",
    "tests/faults/test_concurrency.py",
    "tests/warehouse/bigquery/test_parity.py",
    "tests/faults/",
    "tests/googlesql/",
    "tests/automation/test_sensor.py",
    "tests/test_architecture.py",
    "tests/warehouse/bigquery/",
    "tests/test_bad_input.py",
    "tests/test_add_a_source.py",
    "tests/warehouse/test_guards.py",
    "tests/warehouse/test_damaged_tables.py",
    "tests/warehouse/test_hostile_queries.py",
    "tests/warehouse/test_failing_rows.py",
    "tests/warehouse/test_trips.py",
)
"""Files and folders by the time they take, for as long as it matters what begins first."""

WHOLE = ("tests/real_data/",)
"""Folders whose files share what is expensive to set up: one process has them all."""


def longest_first(items: list[pytest.Item]) -> None:
    """Put tests in the order in which their files are to begin; within a file it stays."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    return next((rank for rank, start in enumerate(LONGEST) if nodeid.startswith(start)), len(LONGEST))


class Scheduling(LoadFileScheduling):
    """``--dist loadfile`` that keeps the order of :data:`LONGEST`, and a folder of :data:`WHOLE` in one process."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by the number of tests, which says nothing of their time

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in WHOLE if nodeid.startswith(folder)), super()._split_scope(nodeid))
