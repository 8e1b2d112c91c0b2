"""Tables of somebody else in the catalog, and of others' samples: neither changed, nor read, nor set aside."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lakehouse.exceptions import ConfigurationError
from lakehouse.findings.finding import State
from lakehouse.warehouse.bigquery.biglake.findings import catalog_findings
from tests.warehouse.bigquery.biglake.conftest import Lake
from tests.warehouse.bigquery.biglake.implementation import big_lake

GREEN = "silver.green_trips"
LABELLED = (
    ("columns:\n", "columns:\n  trip_label: {type: STRING, description: A label}\n"),
    ("  'green' AS taxi_type,", "  'green' AS taxi_type,\n  'x' AS trip_label,"),
)
OTHERS: dict[str, tuple[dict[str, str], str]] = {
    "somebody else's": ({"lakehouse.managed": "false"}, "is not ours: rename it, or set LAKEHOUSE_PREFIX"),
    "of samples": ({"lakehouse.sample": "true"}, "holds generated samples: set LAKEHOUSE_PREFIX to another one"),
}


@pytest.mark.parametrize("whose", OTHERS)
def test_a_table_of_others_is_left_as_it_is(lake: Lake, whose: str) -> None:
    house, (properties, words) = lake.house, OTHERS[whose]
    house.warehouse.prepare()
    with lake.at.table(GREEN).transaction() as transaction:
        transaction.set_properties(properties)
    house.edit("silver/green_silver.sql", *LABELLED)
    theirs, spec = lake.at.table(GREEN), next(each for each in house.models.specs() if each.name == GREEN)
    asked: tuple[Callable[[], object], ...] = (
        house.warehouse.prepare,
        house.warehouse.holdings,
        lambda: house.rows("SELECT COUNT(*) AS n FROM silver.green_trips"),
        lambda: lake.at.store.evolve(spec),
        lambda: lake.at.store.set_aside(spec, []),
    )
    for each in asked:
        with pytest.raises(ConfigurationError, match=words):
            each()
    assert lake.at.table(GREEN).metadata == theirs.metadata
    first = next(catalog_findings(big_lake(lake.at.running)))
    assert (first.state, words) == (State.FAULT, f"{first.found.rpartition(': ')[2]}: {first.mend}")
