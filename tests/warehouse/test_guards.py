"""A month against its own version before and against those around it, through every warehouse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from lakehouse.bronze.store import BronzeStore
from lakehouse.exceptions import CheckFailed, CorruptLanding
from lakehouse.partition import WHOLE, Month
from lakehouse.results import CheckResult, Effect, ReplaceResult
from lakehouse.warehouse.acceptance import Acceptance
from tests.fhv_files import trips as fhv_trips
from tests.green_files import trip, trips
from tests.reference_files import user, zones_csv
from tests.warehouse.implementations import RUN_ID, House

MONTH = Month(2024, 1)
COUNT = "SELECT COUNT(*) AS n FROM silver.green_trips"


def result_of(checks: tuple[CheckResult, ...], name: str) -> CheckResult:
    (found,) = [each for each in checks if each.name == name]
    return found


def published(house: House, count: int = 1000, month: Month = MONTH, **changes: Any) -> ReplaceResult:
    house.land(month, trips(month, count, **changes))
    return house.replace("green_silver", month)


def held_back(house: House, key: str = "green_silver", month: Any = MONTH) -> CheckResult:
    """The result of the guard that holds a month back, by itself."""
    with pytest.raises(CheckFailed) as error:
        house.replace(key, month)
    failed = [check for check in error.value.checks if check.blocking and not check.passed]
    assert [check.name for check in failed] == ["volume"]
    assert f"volume ({failed[0].failing} failing: {failed[0].description})" in str(error.value)
    return failed[0]


FIRST_HUNDRED = ("FROM bronze.zones_bronze", "FROM bronze.zones_bronze WHERE location_id <= 100")


def confirm(house: House, zones: int) -> None:
    """Land the zones that are published in a file of other bytes, which makes the same rows."""
    house.land_zones(zones_csv(zones).replace("\r\n", "\n"))
    assert house.replace("zones_silver", WHOLE).effect is Effect.CONFIRMED


def bronze(house: House) -> BronzeStore:
    return house.implementation.bronze


def halved(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    money = ("fare_amount", "extra", "mta_tax", "tip_amount", "improvement_surcharge", "total_amount")
    return [{**row, **{name: row[name] / 2 for name in money}} for row in rows]


ALL = trips(MONTH, 1000)
RESTATEMENTS: dict[str, tuple[list[dict[str, Any]], str | None]] = {
    "0.1 % of the rows lost": (ALL[:999], None),
    "5 % of the rows lost": (ALL[:950], None),
    "10 % of the rows lost": (ALL[:900], None),
    "12 % of the rows lost": (ALL[:880], "1,000 rows became 880 (12.0% lost)"),
    "88 % of the rows lost": (ALL[:120], "1,000 rows became 120 (88.0% lost)"),
    "all money halved": (halved(ALL), "total_amount went from 12.00 to 6.00 USD a row (-50.0%)"),
    "one vendor gone": ([row for row in ALL if row["VendorID"] == 1], "1,000 rows became 500 (50.0% lost)"),
    "a column emptied": (
        [{**row, "payment_type": None} for row in ALL],
        "NULL in payment_type went from 0.0% to 100.0%",
    ),
    "3 % of the records of another month": (
        [*ALL[30:], *trips(MONTH.next(), 30)],
        "rejected for pickup_outside_month went from 0.00% to 3.00%",
    ),
    "as many rows again": (trips(MONTH, 2000), None),
}


@pytest.mark.parametrize("restatement", RESTATEMENTS)
def test_a_restatement_is_held_back_or_published_as_the_bounds_say(house: House, restatement: str) -> None:
    first = published(house)
    rows, loss = RESTATEMENTS[restatement]
    landing = house.land(MONTH, rows)
    if loss is not None:
        assert loss in held_back(house).description
        assert house.warehouse.holdings()["green_silver"].partitions[MONTH].version == first.version
        return
    volume = result_of(house.replace("green_silver", MONTH).checks, "volume")
    assert volume.passed
    assert (volume.facts["rows_before"], volume.facts["rows"]) == (1000, len(rows))
    assert volume.facts["landing"] == landing.sha256 != volume.facts["landing_before"]
    assert house.rows(COUNT) == [{"n": len(rows)}]


def test_users_from_ten_to_three_and_zones_from_265_to_200_are_held_back(house: House) -> None:
    house.land_users(*(user(number) for number in range(1, 11)))
    house.publish_zones()
    house.replace("users_silver", WHOLE)
    landing = house.land_users(*(user(number) for number in range(1, 4)))
    words = held_back(house, "users_silver", WHOLE).description
    assert words == (
        f"10 rows became 3 (70.0% lost). If landing {landing.sha256[:12]} is right: lakehouse run --accept volume "
        "--select '+users_silver' --because '...'"
    )
    house.land_zones(zones_csv(198))
    assert "265 rows became 200 (24.5% lost)" in held_back(house, "zones_silver", WHOLE).description
    counts = {name: house.rows(f"SELECT COUNT(*) AS n FROM silver.{name}") for name in ("users", "zones")}
    assert counts == {"users": [{"n": 10}], "zones": [{"n": 265}]}


def test_what_holds_a_month_back_says_which_command_lets_it_through(house: House) -> None:
    published(house)
    landing = house.land(MONTH, trips(MONTH, 120))
    words = held_back(house).description
    command = "lakehouse run --accept volume --month 2024-01 --select '+green_silver+' --because '...'"
    assert words == f"1,000 rows became 120 (88.0% lost). If landing {landing.sha256[:12]} is right: {command}"


def test_what_other_checks_hold_back_too_is_told_no_way_through(house: House) -> None:
    published(house)
    house.land(MONTH, [*trips(MONTH, 120), *trips(MONTH.next(), 880)])
    with pytest.raises(CheckFailed) as error:
        house.replace("green_silver", MONTH)
    assert "its records are of 2024-02: 880 rows; blocking check failed: rejected_share" in str(error.value)
    assert "volume (2 failing: 1,000 rows became 120 (88.0% lost); rejected for" in str(error.value)
    assert "--accept" not in str(error.value)


def test_a_landing_that_is_accepted_is_published_and_says_who_and_why_for_good(house: House) -> None:
    published(house)
    landing = house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    accepted = house.accept("green_silver", MONTH, landing)
    assert (accepted.effect, accepted.rows) == (Effect.PUBLISHED, 120)
    assert accepted.accepted == f"landing {landing.sha256}, by a tester: it is meant to be so"
    first = result_of(accepted.checks, "volume")
    assert first.passed
    assert first.description == "1,000 rows became 120 (88.0% lost): accepted by a tester: it is meant to be so"
    assert (first.facts["accepted_by"], first.facts["accepted_because"]) == ("a tester", "it is meant to be so")
    house.reopen()
    again = house.replace("green_silver", MONTH)
    assert (again.skipped, again.accepted) == (True, None)
    assert result_of(again.checks, "volume") == first


def test_an_acceptance_is_of_one_landing_and_of_no_other(house: House) -> None:
    published(house)
    seen = house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    house.land(MONTH, trips(MONTH, 110))
    with pytest.raises(CheckFailed, match=rf"what was accepted is landing {seen.sha256[:12]}"):
        house.accept("green_silver", MONTH, seen)
    assert house.rows(COUNT) == [{"n": 1000}]
    house.land(MONTH, trips(MONTH, 120))
    assert house.accept("green_silver", MONTH, seen).rows == 120
    house.land(MONTH, trips(MONTH, 100))
    assert "120 rows became 100 (16.7% lost)" in held_back(house).description


def test_the_first_digits_of_a_landing_will_do(house: House) -> None:
    published(house)
    landing = house.land(MONTH, trips(MONTH, 120))
    acceptance = Acceptance(landing.sha256[:12], "a tester", "it is right")
    assert house.warehouse.replace(house.models["green_silver"], MONTH, RUN_ID, acceptance).rows == 120


def test_an_acceptance_where_nothing_is_held_back_is_written_down_nowhere(house: House) -> None:
    first = house.land(MONTH, trips(MONTH, 1000))
    result = house.accept("green_silver", MONTH, first)
    assert result.accepted is None
    assert result_of(result.checks, "volume").facts == {"landing": first.sha256, "rows": 1000}
    more = house.land(MONTH, trips(MONTH, 1001))
    result = house.accept("green_silver", MONTH, more)
    assert result.accepted is None
    assert "accepted_by" not in result_of(result.checks, "volume").facts
    assert "accepted_by" not in result_of(house.replace("green_silver", MONTH).checks, "volume").facts


def test_a_source_that_goes_back_to_the_published_landing_is_let_through(house: House) -> None:
    published(house)
    house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    house.land(MONTH, trips(MONTH, 1000))
    assert house.replace("green_silver", MONTH).skipped


def test_an_edited_model_may_drop_rows_of_the_landing_that_is_published(house: House) -> None:
    published(house)
    house.edit("silver/green_silver.sql", ("rejected_share, max: 0.05", "rejected_share, max: 0.95"))
    house.edit("silver/green_silver.sql", ("\nchecks:\n", "\n  of_vendor_one: vendor_id = 1\nchecks:\n"))
    result = house.replace("green_silver", MONTH)
    assert (result.rows, result_of(result.checks, "volume").passed) == (500, True)


def test_an_edited_model_may_drop_rows_of_any_landing_that_made_what_is_published(house: House) -> None:
    house.publish_zones()
    confirm(house, 263)
    house.edit("silver/zones_silver.sql", FIRST_HUNDRED)
    result = house.replace("zones_silver", WHOLE)
    assert (result.rows, result_of(result.checks, "volume").passed) == (100, True)


def test_an_edited_model_may_drop_rows_of_a_landing_that_the_source_went_back_to(house: House) -> None:
    house.publish_zones()
    confirm(house, 263)
    house.land_zones()
    assert house.replace("zones_silver", WHOLE).skipped
    house.edit("silver/zones_silver.sql", FIRST_HUNDRED)
    assert house.replace("zones_silver", WHOLE).rows == 100


def test_what_was_accepted_is_said_of_another_landing_that_makes_the_same_rows(house: House) -> None:
    house.publish_zones()
    house.accept("zones_silver", WHOLE, house.land_zones(zones_csv(98)))
    confirm(house, 98)
    words = "265 rows became 100 (62.3% lost): accepted by a tester: it is meant to be so"
    assert result_of(house.replace("zones_silver", WHOLE).checks, "volume").description == words


def test_what_made_other_rows_since_is_held_against_what_is_published(house: House) -> None:
    house.publish_zones()
    confirm(house, 263)
    house.land_zones(zones_csv(255))
    house.replace("zones_silver", WHOLE)
    house.land_zones(zones_csv(98))
    assert "257 rows became 100" in held_back(house, "zones_silver", WHOLE).description
    house.edit("silver/zones_silver.sql", FIRST_HUNDRED)
    assert "257 rows became 98" in held_back(house, "zones_silver", WHOLE).description


def forget(house: House, key: str, month: Any) -> None:
    """Make what is published unknown, as where a damaged table was set aside."""
    house.implementation.forget(house.models[key].table)
    house.reopen()
    assert month not in house.warehouse.holdings()[key].partitions


def test_what_was_held_back_stays_so_where_it_is_not_known_any_more_what_it_was_held_against(house: House) -> None:
    published(house)
    landing = house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    forget(house, "green_silver", MONTH)
    for _ in range(2):
        words = held_back(house).description
        assert words == (
            "it was held back before (1,000 rows became 120 (88.0% lost)), and the version before is not known any "
            f"more. If landing {landing.sha256[:12]} is right: lakehouse run --accept volume --month 2024-01 --select "
            "'+green_silver+' --because '...'"
        )
    accepted = house.accept("green_silver", MONTH, landing)
    assert accepted.rows == 120
    assert result_of(accepted.checks, "volume").facts["accepted_by"] == "a tester"


def test_what_was_held_back_stays_so_though_it_was_refused_for_something_else_since(house: House) -> None:
    published(house)
    landing = house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    forget(house, "green_silver", MONTH)
    right = house.implementation.overwrite(landing, bytes(landing.bytes))
    with pytest.raises(CorruptLanding):
        house.replace("green_silver", MONTH)
    house.implementation.overwrite(landing, right)
    assert "1,000 rows became 120" in held_back(house).description


def test_where_the_version_before_is_not_known_a_landing_is_held_against_the_one_before(house: House) -> None:
    published(house)
    forget(house, "green_silver", MONTH)
    house.land(MONTH, trips(MONTH, 900))
    house.replace("green_silver", MONTH)
    forget(house, "green_silver", MONTH)
    landing = house.land(MONTH, trips(MONTH, 120))
    words = held_back(house).description
    assert words.startswith(
        "900 landed records became 120 (86.7% lost), and what was published of them is not known. "
        f"If landing {landing.sha256[:12]} is right: lakehouse run --accept volume --month 2024-01"
    )
    house.land(MONTH, trips(MONTH, 121))
    assert "900 landed records became 121" in held_back(house).description


def test_a_whole_file_is_held_against_the_one_before_where_no_version_is_known(house: House) -> None:
    house.land_users(*(user(number) for number in range(1, 11)))
    house.land_users(*(user(number) for number in range(1, 4)))
    words = held_back(house, "users_silver", WHOLE).description
    assert words.startswith("10 landed records became 3 (70.0% lost), and what was published of them is not known. ")


def test_a_version_without_rows_that_was_accepted_is_known(house: House) -> None:
    house.land_users(*(user(number) for number in range(1, 11)))
    house.replace("users_silver", WHOLE)
    fewer = house.land_users(*(user(number) for number in range(1, 4)))
    held_back(house, "users_silver", WHOLE)
    house.edit("silver/users_silver.sql", ("FROM bronze.users_bronze", "FROM bronze.users_bronze WHERE id < 0"))
    house.accept("users_silver", WHOLE, fewer)
    ten = house.land_users(*(user(number) for number in range(1, 11)))
    house.edit("silver/users_silver.sql", (" WHERE id < 0", ""))
    bronze(house).refuse(ten, "users_silver", "10 rows became 3")
    assert house.replace("users_silver", WHOLE).rows == 10


def test_what_was_accepted_is_not_held_back_where_it_is_not_known_any_more(house: House) -> None:
    published(house)
    house.accept("green_silver", MONTH, house.land(MONTH, trips(MONTH, 120)))
    forget(house, "green_silver", MONTH)
    assert house.replace("green_silver", MONTH).rows == 120


def test_landings_are_compared_by_their_records_and_not_by_what_a_model_makes_of_them(house: House) -> None:
    house.edit("silver/users_silver.sql", ("FROM bronze.users_bronze", "FROM bronze.users_bronze WHERE id <= 5"))
    house.land_users(*(user(number) for number in range(1, 11)))
    house.land_users(*(user(number) for number in range(1, 12)))
    assert house.replace("users_silver", WHOLE).rows == 5


def test_a_first_version_without_rows_is_known(house: House) -> None:
    house.land(MONTH, trips(MONTH, 1000))
    house.edit("silver/green_silver.sql", ("  - {type: rejected_share, max: 0.05}\n", ""))
    house.edit("silver/green_silver.sql", ("\nchecks:\n", "\n  all_of_them: vendor_id > 0\nchecks:\n"))
    assert house.replace("green_silver", MONTH).rows == 0
    house.edit("silver/green_silver.sql", ("\n  all_of_them: vendor_id > 0\nchecks:\n", "\nchecks:\n"))
    house.land(MONTH, trips(MONTH, 120))
    assert house.replace("green_silver", MONTH).rows == 120


def test_only_so_many_landings_of_the_same_rows_are_remembered(house: House) -> None:
    house.publish_zones()
    for blanks in range(1, 30):
        house.land_zones(zones_csv() + "\r\n" * blanks)
        assert house.replace("zones_silver", WHOLE).effect is Effect.CONFIRMED
    house.land_zones()  # the first of them, which is forgotten
    house.edit("silver/zones_silver.sql", FIRST_HUNDRED)
    assert "265 rows became 100" in held_back(house, "zones_silver", WHOLE).description
    house.land_zones(zones_csv() + "\r\n" * 29)
    assert house.replace("zones_silver", WHOLE).rows == 100


def test_what_was_not_held_back_is_published_again_where_the_version_before_is_not_known(house: House) -> None:
    published(house)
    house.land(MONTH, trips(MONTH, 120))
    held_back(house)
    house.land(MONTH, trips(MONTH, 1001))
    house.replace("green_silver", MONTH)
    forget(house, "green_silver", MONTH)
    assert house.replace("green_silver", MONTH).rows == 1001


def test_other_tables_and_other_months_are_not_held_against_a_month(house: House) -> None:
    published(house)
    house.land(MONTH.next(), trips(MONTH.next(), 120))
    assert result_of(house.replace("green_silver", MONTH.next()).checks, "volume").passed
    house.land_fhv(MONTH, fhv_trips(MONTH, 120))
    assert result_of(house.replace("fhv_silver", MONTH).checks, "volume").passed


def test_a_month_unlike_those_around_it_is_published_with_a_warning_that_shows_what_is_usual(house: House) -> None:
    for others in range(3):
        silent = published(house, 200, Month(2024, 2 + others))
        assert result_of(silent.checks, "usual_volume").facts == {"months": others}
    warned = published(house, 120)
    usual = result_of(warned.checks, "usual_volume")
    assert (usual.passed, usual.severity, usual.blocking, usual.failing) == (False, "warn", False, 1)
    assert usual.description == "rows 120, usual are 133 to 300, by 3 months around it"
    assert usual.facts == {"months": 3, "rows": "120", "rows_low": "133", "rows_high": "300"}
    assert house.rows(COUNT) == [{"n": 720}]


def test_what_was_said_of_a_month_is_repeated_where_it_is_left_as_it_is_whatever_is_around_it_now(
    house: House,
) -> None:
    for number in (2, 3, 4):
        published(house, 200, Month(2024, number))
    warned = published(house, 120)
    for month in (Month(2024, number) for number in (2, 3, 4)):
        house.accept("green_silver", month, house.land(month, trips(month, 120)))
    house.reopen()
    again = house.replace("green_silver", MONTH)
    assert again.skipped
    assert [each for each in again.checks if "volume" in each.name] == [
        each for each in warned.checks if "volume" in each.name
    ]
    restated = published(house, 121)
    assert result_of(restated.checks, "usual_volume").passed


def test_half_the_money_of_a_first_landing_is_unusual(house: House) -> None:
    for number in (2, 3, 4):
        published(house, 200, Month(2024, number))
    house.land(MONTH, halved(trips(MONTH, 200)))
    usual = result_of(house.replace("green_silver", MONTH).checks, "usual_volume")
    assert "total_amount in USD a row 6.00, usual are 8.00 to 18.00" in usual.description
    assert (usual.facts["total_amount_in_usd_a_row"], usual.facts["total_amount_in_usd_a_row_low"]) == ("6.00", "8.00")


def test_what_is_written_down_is_no_part_of_what_a_month_is_made_of(house: House) -> None:
    alone = published(house, 200)
    for number in (2, 3, 4):
        published(house, 400, Month(2024, number))
    assert house.replace("green_silver", MONTH).skipped
    late = trip(MONTH, 300, lpep_pickup_datetime=MONTH.start, lpep_dropoff_datetime=MONTH.start + timedelta(hours=1))
    house.land(MONTH, [*trips(MONTH, 200), late])
    house.replace("green_silver", MONTH)
    house.land(MONTH, trips(MONTH, 200))
    back = house.replace("green_silver", MONTH)
    assert (back.content, result_of(back.checks, "usual_volume").passed) == (alone.content, False)
