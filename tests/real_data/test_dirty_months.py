"""Real months with every case added that the rules name and no real month holds, held against pandas.

Amounts that must be rounded are exact in binary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from lakehouse.partition import Month
from tests.project import Project
from tests.real_data import independent
from tests.real_data.independent import TripMonth
from tests.real_data.published import (
    GREEN_GOLD,
    TRIPS_GOLD,
    ZONES_PATH,
    RealMonth,
    assert_gold,
    assert_silver_month,
    gold_rows,
)

GREEN, YELLOW, FHV = RealMonth("green", "2023-02"), RealMonth("yellow", "2020-04"), RealMonth("fhv", "2020-04")
HOUR, SECOND = pd.Timedelta(hours=1), pd.Timedelta(seconds=1)
UNLISTED_ZONE, ZONE_OF_REVERSALS = 999, 998
"""Zones that TLC's lookup does not have."""


@pytest.fixture(scope="module")
def april(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose April 2020 of yellow and FHV is dirty, after its run."""
    project = Project(tmp_path_factory.mktemp("april"))
    (project.source / ZONES_PATH).write_bytes((real_data / "tlc" / ZONES_PATH).read_bytes())
    for month, make_dirty in ((YELLOW, _dirty_yellow), (FHV, _dirty_fhv)):
        _publish(project, month, make_dirty(pd.read_parquet(real_data / "tlc" / month.path)))
    [outcome] = project.run(Month.parse("2020-04"), selection="+trips_gold")
    assert outcome.failures == ()
    return project


def test_a_month_of_green_with_all_the_dirt_there_can_be_agrees_with_pandas(project: Project, real_data: Path) -> None:
    _publish(project, GREEN, _dirty_green(pd.read_parquet(real_data / "tlc" / GREEN.path)))
    expected = _expected(project, GREEN)
    gold = independent.green_by_payment_type(expected, GREEN.month)
    assert expected.rejected == {"missing_pickup_time": 8, "pickup_outside_month": 30, "dropoff_before_pickup": 5}
    assert expected.duplicate_copies == 100
    assert {row["payment_type"] for row in gold} == {None, 0, 1, 2, 3, 4, 5, 6, 99}

    [outcome] = project.run(Month.parse(GREEN.month), selection="+green_gold")

    assert outcome.failures == ()
    assert_silver_month(project, GREEN, _file(project, GREEN), expected)
    assert_gold(f"{GREEN} gold", ("payment_type",), gold, gold_rows(project, GREEN_GOLD, GREEN.month))


def test_a_month_of_yellow_with_all_the_dirt_there_can_be_agrees_with_pandas(april: Project) -> None:
    expected = _expected(april, YELLOW)
    assert expected.rejected == {"missing_pickup_time": 8, "pickup_outside_month": 4, "dropoff_before_pickup": 5}
    assert expected.duplicate_copies == 66
    assert (expected.reversals, expected.nulls["pickup_location_id"]) == (4 + 7 + 3 + 2, 6)

    assert_silver_month(april, YELLOW, _file(april, YELLOW), expected)


def test_a_month_of_fhv_with_all_the_dirt_there_can_be_agrees_with_pandas(april: Project) -> None:
    expected = _expected(april, FHV)
    assert expected.rejected == {
        "missing_pickup_time": 4,
        "pickup_outside_month": 5,
        "dropoff_before_pickup": 6,
        "missing_base": 7,
    }
    assert expected.duplicate_copies == 30 + 12 + 6
    assert not expected.trips["dispatching_base_number"].str.contains(" ").any()

    assert_silver_month(april, FHV, _file(april, FHV), expected)


def test_gold_of_dirty_yellow_and_fhv_agrees_with_pandas(april: Project) -> None:
    zones = independent.zones(april.source / ZONES_PATH)
    expected = independent.trips_by_pickup_location(_expected(april, YELLOW), _expected(april, FHV), zones, "2020-04")
    by_key = {(row["pickup_location_id"], row["taxi_type"]): row for row in expected}
    assert by_key[UNLISTED_ZONE, "yellow"]["zone"] is None
    assert by_key[UNLISTED_ZONE, "fhv"]["borough"] is None
    assert (by_key[ZONE_OF_REVERSALS, "yellow"]["trip_count"], by_key[264, "yellow"]["reversal_count"]) == (0, 2)

    actual = gold_rows(april, TRIPS_GOLD, "2020-04")

    assert_gold("gold", ("pickup_location_id", "taxi_type"), expected, actual)


def _file(project: Project, month: RealMonth) -> Path:
    return project.source / month.path


def _publish(project: Project, month: RealMonth, trips: pd.DataFrame) -> None:
    file = _file(project, month)
    file.parent.mkdir(parents=True, exist_ok=True)
    trips.to_parquet(file, index=False)


def _expected(project: Project, month: RealMonth) -> TripMonth:
    return independent.compute(month.dataset, _file(project, month), month.month)


def _dirty_green(trips: pd.DataFrame) -> pd.DataFrame:
    pickup, dropoff = "lpep_pickup_datetime", "lpep_dropoff_datetime"
    valid = trips[trips[pickup].between("2023-02-02", "2023-02-27")].reset_index(drop=True)
    with_code, without_code = valid[valid["payment_type"].notna()], valid[valid["payment_type"].isna()]
    no_pickup = with_code[100:107].assign(**{pickup: pd.NaT})
    a_dollar_more = with_code[200:210]
    at = pd.Timestamp
    extra_rows = [
        with_code[0:50],
        *[without_code[0:10]] * 5,
        a_dollar_more.assign(tip_amount=a_dollar_more["tip_amount"] + 1),
        no_pickup,
        no_pickup[:1],
        with_code[110:113].assign(**{pickup: at("2023-03-01"), dropoff: at("2023-03-01") + HOUR}),
        with_code[113:114].assign(**{pickup: at("2023-01-31 23:59:59.999999"), dropoff: at("2023-01-31 23:00")}),
        with_code[114:118].assign(**{pickup: at("2023-02-01"), dropoff: at("2023-02-01") + HOUR}),
        with_code[118:120].assign(
            **{pickup: at("2023-02-28 23:59:59.999999"), dropoff: at("2023-03-01 00:59:59.999999")}
        ),
        with_code[120:125].assign(**{dropoff: with_code[120:125][pickup] - SECOND}),
        with_code[125:130].assign(**{dropoff: pd.NaT}),
        with_code[130:135].assign(payment_type=0.0, cbd_congestion_fee=0.75),
        with_code[135:139].assign(payment_type=6.0, total_amount=-0.01),
        with_code[139:142].assign(payment_type=5.0, total_amount=0.0),
        with_code[142:144].assign(payment_type=99.0, store_and_fwd_flag=None),
        with_code[144:148].assign(ehail_fee=2.125, trip_distance=1.375, total_amount=-10.125),
        without_code[20:23].assign(ehail_fee=0.5, total_amount=-3.0),
    ]
    outside = trips[(trips[pickup] < "2023-02-01") | (trips[pickup] >= "2023-03-01")]
    typed = trips.assign(ehail_fee=trips["ehail_fee"].astype("float64"), cbd_congestion_fee=float("nan"))
    return _together(typed, [valid, outside, *extra_rows])


def _dirty_yellow(trips: pd.DataFrame) -> pd.DataFrame:
    """The airport fee goes by its newer name here; the congestion fee of the central district is not there at all."""
    pickup, dropoff = "tpep_pickup_datetime", "tpep_dropoff_datetime"
    trips = trips.rename(columns={"airport_fee": "Airport_fee"}).astype(
        {"Airport_fee": "float64", "PULocationID": "float64"}
    )
    forward = trips[trips["total_amount"] > 0]
    counted, uncounted = (
        rows.reset_index(drop=True)
        for rows in (forward[forward["passenger_count"].notna()], forward[forward["passenger_count"].isna()])
    )
    no_pickup = counted[100:107].assign(**{pickup: pd.NaT})
    free = counted[160:164].assign(total_amount=0.0)
    at = pd.Timestamp
    extra_rows = [
        counted[0:40],
        *[uncounted[0:10]] * 2,
        counted[200:210].assign(tip_amount=counted[200:210]["tip_amount"] + 1),
        no_pickup,
        no_pickup[:1],
        counted[110:113].assign(**{pickup: at("2020-05-01"), dropoff: at("2020-05-01") + HOUR}),
        counted[113:114].assign(**{pickup: at("2020-03-31 23:59:59.999999"), dropoff: at("2020-03-31 23:00")}),
        counted[114:118].assign(**{pickup: at("2020-04-01"), dropoff: at("2020-04-01") + HOUR}),
        counted[118:120].assign(
            **{pickup: at("2020-04-30 23:59:59.999999"), dropoff: at("2020-05-01 00:59:59.999999")}
        ),
        counted[120:125].assign(**{dropoff: counted[120:125][pickup] - SECOND}),
        counted[125:130].assign(**{dropoff: pd.NaT}),
        counted[164:166].assign(**{dropoff: counted[164:166][pickup]}),
        counted[130:135].assign(Airport_fee=1.75),
        counted[135:140].assign(Airport_fee=0.0),
        counted[140:147].assign(Airport_fee=2.125, trip_distance=1.375, total_amount=-10.125),
        counted[147:151].assign(PULocationID=float("nan")),
        counted[151:153].assign(PULocationID=float("nan"), total_amount=-0.01),
        counted[153:156].assign(PULocationID=float(ZONE_OF_REVERSALS), total_amount=-7.5),
        counted[156:158].assign(PULocationID=float(UNLISTED_ZONE)),
        counted[158:160].assign(store_and_fwd_flag=""),
        free,
        free.assign(total_amount=-0.0),
        free[:2],
    ]
    return _together(trips, [trips, *extra_rows])


def _dirty_fhv(trips: pd.DataFrame) -> pd.DataFrame:
    """A record whose base numbers differ by nothing but spaces around them is a copy."""
    pickup, dropoff, base, affiliated = (
        "pickup_datetime",
        "dropOff_datetime",
        "dispatching_base_num",
        "Affiliated_base_number",
    )
    trips = trips.astype({"SR_Flag": "float64"})
    known = trips[trips[affiliated].notna()].reset_index(drop=True)
    zoned, unzoned = (
        rows.reset_index(drop=True)
        for rows in (known[known["PUlocationID"].notna()], known[known["PUlocationID"].isna()])
    )
    without_affiliated = trips[trips[affiliated].isna()]
    at = pd.Timestamp
    extra_rows = [
        zoned[0:20],
        unzoned[0:10],
        zoned[20:26].assign(**{base: "  " + zoned[20:26][base].str.strip() + " "}),
        zoned[26:32].assign(**{affiliated: zoned[26:32][affiliated].str.strip() + "   "}),
        without_affiliated.assign(**{affiliated: "   "}),
        zoned[100:103].assign(**{pickup: pd.NaT}),
        zoned[103:104].assign(**{pickup: pd.NaT, base: None}),
        zoned[104:107].assign(**{pickup: at("2020-05-01"), dropoff: at("2020-05-01") + HOUR}),
        zoned[107:108].assign(**{pickup: at("2020-03-31 23:59:59.999999"), dropoff: at("2020-03-31 23:00")}),
        zoned[108:109].assign(**{pickup: at("2008-12-31"), base: ""}),
        zoned[109:113].assign(**{dropoff: zoned[109:113][pickup] - SECOND}),
        zoned[113:115].assign(**{dropoff: zoned[113:115][pickup] - SECOND, base: "  "}),
        zoned[115:118].assign(**{base: None}),
        zoned[118:120].assign(**{base: ""}),
        zoned[120:122].assign(**{base: "   "}),
        zoned[122:124].assign(**{dropoff: pd.NaT}),
        zoned[135:137].assign(**{dropoff: zoned[135:137][pickup]}),
        zoned[124:125].assign(**{dropoff: at("3019-02-03 17:30:00")}),
        zoned[125:130].assign(SR_Flag=1.0),
        zoned[130:133].assign(PUlocationID=float(UNLISTED_ZONE)),
        zoned[133:135].assign(PUlocationID=float("nan"), DOlocationID=float("nan")),
    ]
    return _together(trips, [trips, *extra_rows])


def _together(like: pd.DataFrame, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All parts, with the columns and types of ``like``."""
    return pd.concat([part.reindex(columns=like.columns).astype(like.dtypes) for part in parts], ignore_index=True)
