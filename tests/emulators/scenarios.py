"""Which files are computed together: a month of one or more datasets, or the datasets that come whole."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlt_sources import jsonplaceholder
from dlt_sources.dataset import landed_as
from lakehouse.partition import WHOLE, Month, Partition
from tests import reference_files
from tests.asking import fetch_users
from tests.emulators import generated
from tests.http_source import PATIENT
from tests.loading import CONTRACTS

_Generate = Callable[[Path, Month], Path]


@dataclass(frozen=True)
class Scenario:
    """Bronze asset → what is known of its file's era. The file of a month is a real one if nothing generates it.

    The zone lookup is always among the files, as every silver model of trips is checked against it.
    """

    eras: Mapping[str, str]
    month: Partition = WHOLE
    is_real: bool = True
    generate: Mapping[str, _Generate] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.month.key or 'whole'} {'real' if self.is_real else 'GENERATED'}"

    def write(self, folder: Path, real_data: Path | None) -> dict[str, Path]:
        """The files, by asset; those that are not real are written to a folder."""
        if real_data is None:
            source = folder / "source"
            reference_files.publish(source)
            zones, answer = source / reference_files.ZONES_PATH, source / "users.json"
        else:
            zones, answer = real_data / "tlc" / reference_files.ZONES_PATH, real_data / "jsonplaceholder" / "users.json"
        files = {"zones_bronze": zones}
        for asset in self.eras:
            if CONTRACTS[asset].dataset.is_partitioned:
                files[asset] = self._trips(asset, folder, real_data)
        if "users_bronze" in self.eras:
            files["users_bronze"] = _landed_by_dlt(answer, folder)
        return files

    def _trips(self, asset: str, folder: Path, real_data: Path | None) -> Path:
        dataset = CONTRACTS[asset].dataset.name
        if not isinstance(self.month, Month):
            raise TypeError(f"{dataset} comes a month at a time")
        if asset in self.generate:
            return self.generate[asset](folder / f"{dataset}.parquet", self.month)
        if real_data is None:
            raise TypeError(f"the {dataset} file of {self.month} is a real one")
        return real_data / "tlc" / "trip-data" / f"{dataset}_tripdata_{self.month}.parquet"


SCENARIOS = (
    Scenario({"zones_bronze": "CSV", "users_bronze": "the API's answer, landed by dlt"}),
    Scenario({"zones_bronze": "CSV", "users_bronze": "an answer made up, landed by dlt"}, is_real=False),
    Scenario(
        {"taxi_bronze": "1,000 rows, types until 2023-01, airport_fee untyped", "fhv_bronze": "1,000 rows, ids DOUBLE"},
        Month(2020, 4),
    ),
    Scenario({"taxi_bronze": "5,000 rows, Airport_fee, cbd_congestion_fee"}, Month(2025, 2)),
    Scenario({"green_bronze": "last month of the old types"}, Month(2023, 1)),
    Scenario({"green_bronze": "first month of the new types"}, Month(2023, 2)),
    Scenario({"green_bronze": "counts DOUBLE again, cbd_congestion_fee"}, Month(2025, 11)),
    Scenario(
        {"taxi_bronze": "counts INT64, surcharges untyped", "fhv_bronze": "ids and SR_Flag INT64"},
        Month(2018, 3),
        is_real=False,
        generate={"taxi_bronze": generated.yellow_before_2018_07, "fhv_bronze": generated.fhv_with_whole_numbers},
    ),
    Scenario(
        {"taxi_bronze": "ids INT32, large_string, Airport_fee"},
        Month(2024, 3),
        is_real=False,
        generate={"taxi_bronze": generated.yellow_since_2023_02},
    ),
    Scenario(
        {"green_bronze": "old types, ehail_fee untyped"},
        Month(2021, 12),
        is_real=False,
        generate={"green_bronze": generated.green_until_2023_01},
    ),
    Scenario(
        {"green_bronze": "new types, cbd_congestion_fee"},
        Month(2025, 2),
        is_real=False,
        generate={"green_bronze": generated.green_since_2025_01},
    ),
)

HALF_CENTS = Scenario(
    {"green_bronze": "amounts of half a cent, which no real file has"},
    Month(2022, 5),
    is_real=False,
    generate={"green_bronze": generated.green_with_half_cents},
)


def _landed_by_dlt(answer: Path, folder: Path) -> Path:
    """The API's answer as the bronze asset has dlt land it."""
    import dlt

    download = fetch_users(answer.as_uri(), folder / "download", None, PATIENT)
    destination = dlt.destinations.filesystem(
        bucket_url=str(folder),
        layout="{table_name}/{file_id}.{ext}",
        extra_placeholders=dict(landed_as(jsonplaceholder.USERS)),
        warn_unsafe_layout_separators=False,
    )
    pipeline = dlt.pipeline(
        "users_to_bronze", destination=destination, dataset_name="bronze", pipelines_dir=str(folder / "dlt")
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of dlt's own making
        pipeline.run(jsonplaceholder.users_source(download), loader_file_format="parquet")
    (landed,) = (folder / "bronze" / "users").iterdir()
    return landed
