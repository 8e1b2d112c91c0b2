"""``lakehouse set-aside``: which table is meant."""

from __future__ import annotations

import pytest

from tests.commands import lakehouse
from tests.project import Project


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "green_silver",
            "green_silver is an asset; its table is silver.green_trips, and of what it rejects "
            "silver.green_trips_rejected",
        ),
        ("users_gold", "users_gold is an asset; its table is gold.user_counts_by_city"),
        (
            "green_trips",
            "there is no table green_trips; did you mean silver.green_trips or silver.",
        ),
        ("silver.gren_trips", "there is no table silver.gren_trips; did you mean silver.green_trips"),
        ("bikes", "there is no table bikes; there is gold.green_trips_by_payment_type, gold."),
    ],
)
def test_what_is_no_table_is_told_which_is_meant(project: Project, name: str, words: str) -> None:
    done = lakehouse(project, "set-aside", name)
    assert (done.exit_code, done.output) == (2, "")
    assert done.errors[-1].startswith(f"Error: Invalid value for TABLE: {words}")


def test_a_table_that_is_whole_stays(project: Project) -> None:
    done = lakehouse(project, "set-aside", "silver.zones")
    assert done.exit_code == 2
    assert done.errors == ("Error: silver.zones can be read, so it was not set aside",)
