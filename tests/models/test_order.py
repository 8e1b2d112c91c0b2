"""Models are read after those whose tables they read, and go with what they are made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.models.order import in_order, without


@dataclass(frozen=True)
class Model:
    """As much of a model as its order depends on."""

    name: str
    makes: tuple[str, ...]
    reads: frozenset[str] = field(default_factory=frozenset)

    @property
    def path(self) -> Path:
        return Path(f"{self.name}.sql")


TRIPS = Model("trips", ("silver.trips", "silver.trips_rejected"), frozenset({"bronze.trips"}))
DAYS = Model("days", ("gold.days",), frozenset({"silver.trips", "silver.zones"}))
REFUSED = Model("refused", ("gold.refused",), frozenset({"silver.trips_rejected"}))
YEARS = Model("years", ("gold.years",), frozenset({"gold.days"}))
ZONES = Model("zones", ("silver.zones",), frozenset({"bronze.zones"}))
ALL = [YEARS, REFUSED, DAYS, TRIPS, ZONES]


def test_a_model_comes_after_those_whose_tables_it_reads() -> None:
    names = [model.name for model in in_order(ALL, {"bronze.trips", "bronze.zones"})]
    assert sorted(names) == ["days", "refused", "trips", "years", "zones"]
    for first, then in (("trips", "days"), ("zones", "days"), ("days", "years"), ("trips", "refused")):
        assert names.index(first) < names.index(then)


def test_what_is_made_of_a_table_that_is_left_out_is_left_out_however_far_down() -> None:
    assert without(ALL, {"bronze.trips"}) == [ZONES]
    assert without(ALL, {"bronze.zones"}) == [REFUSED, TRIPS]
    assert without(ALL, {"bronze.users"}) == ALL
