"""Selections and month ranges, as ``lakehouse run`` understands them."""

from __future__ import annotations

import dagster as dg
import pytest

from lakehouse.assets.private_dagster import asset_graph
from lakehouse.cli.selection import Selection, months_to_run, select
from lakehouse.definitions import build_definitions
from lakehouse.exceptions import UnknownAsset, UnknownMonth
from lakehouse.partition import WHOLE, Month
from tests.project import GREEN_PIPELINE, Project

GREEN = {"infrastructure", "zones_bronze", "zones_silver", "green_bronze", "green_silver", "green_gold"}
YELLOW_AND_FHV = {"taxi_bronze", "taxi_silver", "fhv_bronze", "fhv_silver", "trips_gold"}
USERS = {"users_bronze", "users_silver", "users_gold"}
ALL = GREEN | YELLOW_AND_FHV | USERS
PARTITIONS = Selection(frozenset(), tuple(Month(2024, month) for month in range(1, 7)))


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Project(tmp_path_factory.mktemp("project")).settings())


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("*", ALL),
        ("green_gold", {"green_gold"}),
        ("+green_gold", GREEN),
        (GREEN_PIPELINE, GREEN),
        ("1+green_gold", {"green_silver", "green_gold"}),
        ("green_silver+", {"green_silver", "green_gold"}),
        ("green_bronze, green_gold", {"green_bronze", "green_gold"}),
        ("green_bronze or green_gold", {"green_bronze", "green_gold"}),
        ('+key:"green_silver"', GREEN - {"green_gold"}),
        ("group:gold_layer", {"green_gold", "trips_gold", "users_gold"}),
        ("not infrastructure", ALL - {"infrastructure"}),
    ],
)
def test_a_selection_is_dagsters_with_bare_names_allowed(
    definitions: dg.Definitions, text: str, keys: set[str]
) -> None:
    assert {key.to_user_string() for key in select(definitions, text).keys} == keys


@pytest.mark.parametrize(
    ("text", "keys"), [("+green_gold", {"green_gold", "green_silver"}), ("+key:green_gold", GREEN)]
)
def test_dagster_reads_a_name_without_its_key_as_one_step_up(
    definitions: dg.Definitions, text: str, keys: set[str]
) -> None:
    read = dg.AssetSelection.from_string(text).resolve(asset_graph(definitions))
    assert {key.to_user_string() for key in read} == keys


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("green_glod", "there is no asset green_glod; did you mean green_gold"),
        ("+green_gold, nothing_like_it", "there is no asset nothing_like_it; there is fhv_bronze"),
        ("group:platinum", "selects nothing"),
        ("++green_gold++ and", "--select '\\+\\+green_gold\\+\\+ and' cannot be used"),
    ],
)
def test_a_selection_that_selects_nothing_says_what_there_is(
    definitions: dg.Definitions, text: str, message: str
) -> None:
    with pytest.raises(UnknownAsset, match=message):
        select(definitions, text)


def test_only_assets_without_months_run_once(definitions: dg.Definitions) -> None:
    assert months_to_run(select(definitions, "infrastructure"), None, None) == (WHOLE,)


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (Month(2024, 2), Month(2024, 4), ["2024-02", "2024-03", "2024-04"]),
        (None, Month(2024, 3), ["2024-03"]),
        (Month(2024, 5), None, ["2024-05", "2024-06"]),
        (None, None, ["2024-06"]),
    ],
)
def test_a_range_runs_from_its_first_to_its_last_month(
    first: Month | None, last: Month | None, months: list[str]
) -> None:
    assert list(map(str, months_to_run(PARTITIONS, first, last))) == months


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (
            Month(2023, 12),
            Month(2024, 2),
            "2023-12 is before 2024-01, the first month: set LAKEHOUSE_FIRST_MONTH=2023-12",
        ),
        (Month(2009, 5), Month(2024, 2), "2011-01 is the earliest there can be"),
        (Month(2024, 2), Month(2024, 7), "2024-07 is after 2024-06, the newest month"),
        (Month(2024, 3), Month(2024, 2), "--from 2024-03 is after --to 2024-02"),
    ],
)
def test_a_range_beyond_the_partitions_is_refused_with_a_hint(first: Month, last: Month, message: str) -> None:
    with pytest.raises(UnknownMonth, match=message):
        months_to_run(PARTITIONS, first, last)


def test_a_first_month_in_the_future_names_the_setting() -> None:
    with pytest.raises(UnknownMonth, match="LAKEHOUSE_FIRST_MONTH"):
        months_to_run(Selection(frozenset(), ()), None, None)
