"""Restatements drawn at random: old + difference = new, and gold does what was foretold of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from lakehouse.partition import Month
from tests import soak
from tests.warehouse.implementations import House
from tests.warehouse.restatements import by_change, drawn_month, records, restated

JANUARY = Month(2024, 1)
SILVER, GOLD = "SELECT * FROM silver.green_trips", "SELECT * FROM gold.green_trips_by_payment_type"
KEYS = ("month", "payment_type")


def gold_rows(house: House) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {tuple(row[key] for key in KEYS): row for row in house.rows(GOLD)}


def test_old_and_difference_are_new_and_golds_effect_is_as_foretold(
    house: House, record_property: Callable[[str, object], None]
) -> None:
    """Ten in CI for each store, others for each; ``LAKEHOUSE_SOAK=5`` are the hundred."""
    for number in soak.numbers(10):
        random = soak.drawn(f"restatement {type(house.implementation).__name__}", number)
        rows = drawn_month(JANUARY, random)
        house.land(JANUARY, rows)
        house.replace("green_silver", JANUARY)
        house.replace("green_gold", JANUARY)
        old, old_gold = records(house.rows(SILVER)), gold_rows(house)

        house.land(JANUARY, restated(rows, JANUARY, random))
        shown: list[Any] = []
        compared = house.warehouse.compare(house.models["green_silver"], JANUARY, (), shown.append)
        result = house.replace("green_silver", JANUARY)
        new = records(house.rows(SILVER))

        changes = by_change(shown[0].to_pylist())
        assert old - changes["gone"] + changes["come"] == new
        assert not changes["gone"] - old
        found = compared.difference
        assert found is not None
        assert (found.removed, found.added) == ((old - new).total(), (new - old).total())
        assert (found.before, found.after, found.kept) == (old.total(), new.total(), (old & new).total())
        assert Counter(row["change"] for row in shown[0].to_pylist() for _ in range(row["records"]))["before"] == (
            found.changed
        )
        added = records((row for row in shown[0].to_pylist() if row["change"] == "added"), "records")
        assert found.copied == sum(many for record, many in added.items() if record in old)
        if result.restatement is None:  # the very same bytes
            assert found.is_empty
            continue
        assert result.restatement.difference == found

        made = house.replace("green_gold", JANUARY)
        new_gold = gold_rows(house)
        told = [each for each in result.restatement.consequences if each.difference and not each.difference.is_empty]
        assert (made.restatement is None) == (not told)
        if made.restatement is None:
            assert old_gold == new_gold
            continue
        (gold,) = told
        assert gold.difference == made.restatement.difference
        assert gold.rows is not None
        differing = {keys for keys in old_gold.keys() | new_gold.keys() if old_gold.get(keys) != new_gold.get(keys)}
        assert {tuple(row[key] for key in KEYS) for row in gold.rows.to_pylist()} == differing
        for row in gold.rows.to_pylist():
            keys = tuple(row[key] for key in KEYS)
            for name in (name.removesuffix("_after") for name in row if name.endswith("_after")):
                assert row[f"{name}_before"] == old_gold.get(keys, {}).get(name)
                assert row[f"{name}_after"] == new_gold.get(keys, {}).get(name)
    record_property("soak restatements compared", len(soak.numbers(10)))
