"""Writers that publish at the same time, each with a client of its own: every month is published once, and no mix."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from lakehouse.partition import WHOLE, Month
from lakehouse.results import Effect, ReplaceResult
from lakehouse.warehouse.replacement import Job
from lakehouse.warehouse.store import Work
from lakehouse.warehouse.warehouse import StoreWarehouse
from tests import fhv_files, soak
from tests.emulators.emulator import Cloud
from tests.green_files import outside, trips
from tests.reference_files import zones_csv
from tests.warehouse.cloud import CloudImplementation
from tests.warehouse.implementations import RUN_ID, House, house_in

MONTHS = [Month(2024, month) for month in (1, 2)]


def at_once(house: House, cloud: CloudImplementation, months: Sequence[Month]) -> list[ReplaceResult]:
    """A writer for each month that is given, all of which begin at the same moment."""
    start = Barrier(len(months))

    def write(month: Month) -> ReplaceResult:
        warehouse, models = cloud.another(house.sql)
        start.wait(timeout=30)
        return warehouse.replace(models["green_silver"], month, RUN_ID)

    with ThreadPoolExecutor(len(months)) as pool:
        return list(pool.map(write, months))


def published(house: House) -> dict[str, tuple[int, int]]:
    """Rows of each month, as they are counted and as the ledger was put down."""
    counted = house.rows(
        "SELECT FORMAT_DATE('%Y-%m', DATE(pickup_at)) AS month, COUNT(*) AS n FROM silver.green_trips GROUP BY month"
    )
    told = house.rows("SELECT FORMAT_DATE('%Y-%m', month) AS month, silver_rows, is_balanced FROM silver.row_ledger")
    assert all(row["is_balanced"] for row in told), told
    by_ledger = {row["month"]: row["silver_rows"] for row in told}
    return {row["month"]: (row["n"], by_ledger[row["month"]]) for row in counted}


@pytest.mark.parametrize("turn", soak.numbers(1, at_most=20))
def test_writers_of_one_month_and_of_two_publish_each_once_and_whole(
    tmp_path: Path, cloud: Cloud, caplog: pytest.LogCaptureFixture, turn: int
) -> None:
    caplog.set_level("INFO", "lakehouse.warehouse.bigquery.transactions")
    january, february = MONTHS
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.land(january, [*trips(january, 40 + turn), outside(january, 1)])
        house.land(february, trips(february, 30))
        first = at_once(house, implementation, [january, january, february])
        assert [each.rows for each in first] == [40 + turn, 40 + turn, 30]
        assert published(house) == {"2024-01": (40 + turn, 40 + turn), "2024-02": (30, 30)}
        versions = house.warehouse.holdings()["green_silver"].partitions
        assert first[2].version == versions[february].version
        assert versions[january].version in {each.version for each in first[:2]}
        house.land(january, trips(january, 20 + turn))
        again = at_once(house, implementation, [january, february, january])
        assert (again[0].rows, again[2].rows, again[1].skipped) == (20 + turn, 20 + turn, True)
        assert published(house) == {"2024-01": (20 + turn, 20 + turn), "2024-02": (30, 30)}
        assert all(each.is_current for each in house.warehouse.holdings()["green_silver"].partitions.values())
    assert "another run was first" in caplog.text


def test_a_table_that_comes_whole_is_not_published_over_another_publication_of_the_same_moment(
    tmp_path: Path, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Months that were made of it are looked for after its own publications are: nobody comes between unseen."""
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.publish_zones()
        house.land_fhv(MONTHS[0], fhv_files.trips(MONTHS[0], 40))
        house.replace("fhv_silver", MONTHS[0])
        house.replace("trips_gold", MONTHS[0])
        house.land_zones(zones_csv().replace('"Zone 1"', '"Zone one"'))
        meanwhile: list[ReplaceResult] = []
        assert isinstance(house.warehouse, StoreWarehouse)
        is_current = house.warehouse._is_current

        def overtaken(job: Job, work: Work) -> bool:
            if not meanwhile:
                warehouse, models = implementation.another(house.sql)
                meanwhile.append(warehouse.replace(models["zones_silver"], WHOLE, "another run"))
            return is_current(job, work)

        monkeypatch.setattr(house.warehouse, "_is_current", overtaken)
        result = house.replace("zones_silver", WHOLE)
        (other,) = meanwhile
        assert other.effect is Effect.PUBLISHED
        assert (result.effect, result.version) == (Effect.CONFIRMED, other.version)


def test_a_table_whose_turn_is_missing_has_one_before_it_is_published(tmp_path: Path, cloud: Cloud) -> None:
    """A run was killed as it made the table, or somebody emptied meta.turn: nobody would be held off."""
    implementation = CloudImplementation(tmp_path, cloud)
    with house_in(tmp_path, implementation) as house:
        house.land(MONTHS[0], trips(MONTHS[0], 40))
        house.replace("green_silver", MONTHS[0])
        implementation.client.query("DELETE FROM meta.turn WHERE TRUE").result()
        house.land(MONTHS[0], trips(MONTHS[0], 41))
        assert house.replace("green_silver", MONTHS[0]).effect is Effect.PUBLISHED
        found = implementation.client.query("SELECT table_name, turn FROM meta.turn WHERE turn > 0").result()
        turns = {row["table_name"]: row["turn"] for row in found}
        assert turns == {"silver.green_trips": 1, "silver.green_trips_rejected": 1}
        assert published(house) == {"2024-01": (41, 41)}
