"""Datasets are made, brought to what they should be, and refused where they are not ours, or elsewhere.

What no emulator gives (permissions, APIs that are off, projects that are not there) is replayed on loopback as
documented ("Error messages" of BigQuery), not seen.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from google.cloud.bigquery import Dataset, Table

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import CommitConflict, ConfigurationError
from lakehouse.gcp.place import LAYERS
from lakehouse.results import Groundwork
from lakehouse.warehouse.bigquery import changing
from tests.bronze.between import Fault
from tests.warehouse.bigquery.ground import Ground

DAY = 24 * 60 * 60 * 1000
OURS = {"managed-by": "lakehouse"}
SAMPLES = {**OURS, "lakehouse-sample": "true"}

ACCESS_NOT_CONFIGURED = Fault(
    403,
    "accessNotConfigured",
    "BigQuery API has not been used in project 123 before or it is disabled. Enable it by visiting "
    "https://console.developers.google.com/apis/api/bigquery.googleapis.com/overview?project=123 then retry.",
)
NO_PROJECT = Fault(404, "notFound", "Not found: Project nowhere")
MAY_NOT_CREATE = Fault(
    403,
    "accessDenied",
    "Access Denied: Project p: User does not have bigquery.datasets.create permission in project p.",
)
MAY_NOT_UPDATE = Fault(
    403,
    "accessDenied",
    "Access Denied: Dataset p:silver: Permission bigquery.datasets.update denied on dataset p:silver",
)
NO_SUCH_LOCATION = Fault(400, "invalid", "Invalid value for location: us-nowhere1 is not a valid value")


def make(ground: Ground, name: str, **properties: object) -> Dataset:
    dataset = Dataset(f"{ground.place.project}.{name}")
    for each, value in properties.items():
        setattr(dataset, each, value)
    return ground.client.create_dataset(dataset)


def make_table(ground: Ground, name: str, labels: dict[str, str] | None = None) -> None:
    table = Table(f"{ground.place.project}.{name}", [])
    table.labels = labels or {}
    ground.client.create_table(table)


def refused(ground: Ground, *, of_samples: bool = False) -> str:
    """Why a place is refused, of which nothing was made or changed."""
    before = ground.datasets()
    with pytest.raises(ConfigurationError) as error:
        ground.prepare(of_samples=of_samples)
    assert ground.writes() == []
    assert (ground.datasets(), ground.bucket()) == (before, None)
    return str(error.value)


def test_a_new_place_has_all_its_datasets_and_a_second_look_only_reads(ground: Ground) -> None:
    made = ground.prepare()
    assert made.created == (
        f"bucket gs://{ground.place.bucket}",
        *(f"dataset {layer}" for layer in LAYERS),
        "table meta.publications",
        "table meta.turn",
    )
    assert made.changed == ()
    lasting = {}
    for layer in LAYERS:
        dataset = ground.dataset(layer)
        assert (dataset.location, dataset.labels) == ("US", OURS)
        assert (dataset.description or "").startswith(f"NYC Lakehouse, {layer}. ")
        lasting[layer] = dataset.default_table_expiration_ms
    assert lasting == {"bronze": 7 * DAY, "silver": None, "gold": None, "meta": None, "staging": DAY}
    written, read = len(ground.writes()), len(ground.bigquery.passed)
    assert written > len(LAYERS)
    assert ground.prepare() == Groundwork()
    assert len(ground.writes()) == written
    assert len(ground.bigquery.passed) > read


def test_a_prefix_keeps_places_apart(ground: Ground) -> None:
    ground.prepare(replace(ground.place, prefix="dev"))
    assert ground.datasets() == {f"dev_{layer}" for layer in LAYERS}
    assert "dataset silver" in ground.prepare().created
    for layer in LAYERS:
        ground.client.delete_dataset(f"dev_{layer}", delete_contents=True)


def test_datasets_of_samples_say_so(ground: Ground) -> None:
    ground.prepare(of_samples=True)
    for layer in LAYERS:
        dataset = ground.dataset(layer)
        assert dataset.labels == SAMPLES
        assert (dataset.description or "").startswith(SAMPLE_NOTE)
    assert ground.prepare(of_samples=True) == Groundwork()


def test_an_empty_dataset_is_taken_over_and_keeps_what_others_have_set(ground: Ground) -> None:
    make(ground, "silver", labels={"team": "taxi"}, description="Mine", default_table_expiration_ms=DAY)
    make(ground, "staging", default_partition_expiration_ms=DAY)
    made = ground.prepare()
    assert made.changed == (
        "dataset silver: labels, tables stay",
        "dataset staging: labels, description, tables last 1 day, partitions stay",
    )
    assert not {"dataset silver", "dataset staging"} & set(made.created)
    silver, staging = ground.dataset("silver"), ground.dataset("staging")
    assert (silver.labels, silver.description) == ({"team": "taxi", **OURS}, "Mine")
    assert silver.default_table_expiration_ms is None
    assert (staging.default_table_expiration_ms, staging.default_partition_expiration_ms) == (DAY, None)
    assert ground.prepare() == Groundwork()


def test_a_dataset_with_tables_of_others_is_refused_and_nothing_is_made(ground: Ground) -> None:
    make(ground, "gold")
    for name in ("a", "b", "c", "d"):
        make_table(ground, f"gold.{name}")
    make_table(ground, "gold.ours", OURS)
    said = refused(ground)
    assert said.startswith(
        "dataset gold: holds tables that this project did not make (a, b, c, …): set LAKEHOUSE_PREFIX"
    )
    assert "\n" not in said


def test_others_may_have_tables_in_a_dataset_that_is_ours(ground: Ground) -> None:
    ground.prepare()
    make_table(ground, "gold.theirs")
    assert ground.prepare() == Groundwork()


def test_a_dataset_that_lost_its_label_is_known_by_its_tables(ground: Ground) -> None:
    ground.prepare()
    meta = ground.dataset("meta")
    meta.labels = {"team": "taxi"}  # the emulator puts them in place of all others
    assert ground.client.update_dataset(meta, ["labels"]).labels == {"team": "taxi"}
    assert ground.prepare() == Groundwork(changed=("dataset meta: labels",))
    assert ground.dataset("meta").labels == {"team": "taxi", **OURS}


@pytest.mark.parametrize("by_table", [False, True], ids=["dataset", "table"])
def test_real_data_and_samples_never_meet(ground: Ground, by_table: bool) -> None:
    def hold(name: str, labels: dict[str, str]) -> None:
        make(ground, name, labels={} if by_table else labels)
        if by_table:
            make_table(ground, f"{name}.trips", labels)

    hold("silver", SAMPLES)
    assert refused(ground) == (
        "dataset silver: holds generated sample data; say lakehouse --sample, or set LAKEHOUSE_PREFIX to another"
    )
    ground.client.delete_dataset("silver", delete_contents=True)
    hold("gold", OURS)
    assert refused(ground, of_samples=True) == (
        "dataset gold: holds real data, and LAKEHOUSE_SAMPLE=true; set LAKEHOUSE_PREFIX to another for samples"
    )


def test_a_dataset_that_is_elsewhere_is_named(ground: Ground) -> None:
    make(ground, "gold", location="europe-west4", labels=OURS)
    assert refused(ground) == (
        "dataset gold: is in europe-west4, for good, and LAKEHOUSE_LOCATION=US; set it to europe-west4, or "
        "LAKEHOUSE_PREFIX to another"
    )


def test_a_location_is_the_same_however_it_is_written(ground: Ground) -> None:
    for layer in LAYERS:
        make(ground, layer, location="us", labels=OURS)
    assert not [each for each in ground.prepare().created if each.startswith("dataset")]


def test_what_another_run_makes_meanwhile_is_not_told_as_made(ground: Ground) -> None:
    def race() -> None:
        make(ground, "bronze", labels=OURS)

    ground.bigquery.before("POST", race)
    made = ground.prepare()
    assert 409 in ground.bigquery.statuses("POST")
    assert "dataset bronze" not in made.created
    assert "dataset silver" in made.created
    assert made.changed == ("dataset bronze: description, tables last 7 days",)


def test_runs_at_once_make_one_place(ground: Ground) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ground.prepare(), range(4)))
    datasets = [name for each in made for name in each.created if name.startswith("dataset")]
    assert sorted(datasets) == sorted(f"dataset {layer}" for layer in LAYERS)
    assert ground.prepare() == Groundwork()


def test_what_others_change_meanwhile_is_kept(ground: Ground) -> None:
    make(ground, "bronze", labels={"team": "taxi"})

    def change() -> None:
        dataset = ground.dataset("bronze")
        dataset.labels = {**dataset.labels, "cost": "low"}
        ground.client.update_dataset(dataset, ["labels"])

    ground.bigquery.before("PATCH", change)
    ground.prepare()
    assert ground.bigquery.refused == 1
    assert ground.dataset("bronze").labels == {"team": "taxi", "cost": "low", **OURS}


def test_who_is_never_first_gives_up(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "PAUSES", (0.0, 0.0))
    make(ground, "bronze")
    ground.bigquery.answer("PATCH", Fault(412, "conditionNotMet", "Precondition Failed"))
    with pytest.raises(CommitConflict, match=r"^dataset bronze: others kept changing it; run it again$"):
        ground.prepare()
    assert ground.bigquery.statuses("PATCH") == [412] * 3


@pytest.mark.parametrize(
    ("method", "fault", "said"),
    [
        pytest.param(
            "GET",
            ACCESS_NOT_CONFIGURED,
            r"dataset bronze: the BigQuery API is off in this project \(.*\): say gcloud services enable bigquery",
            id="API off",
        ),
        pytest.param(
            "GET",
            NO_PROJECT,
            r"LAKEHOUSE_PROJECT=\w+: there is no such project \(.*\): correct it to the project's id",
            id="no project",
        ),
        pytest.param(
            "POST",
            NO_PROJECT,
            r"LAKEHOUSE_PROJECT=\w+: there is no such project \(.*\): correct it to the project's id",
            id="no project to make it in",
        ),
        pytest.param(
            "POST",
            MAY_NOT_CREATE,
            r"dataset bronze: BigQuery refuses it \(.*\): grant the account roles/bigquery.user on the project",
            id="may not make it",
        ),
        pytest.param(
            "POST",
            NO_SUCH_LOCATION,
            r"dataset bronze: BigQuery does not make it in LAKEHOUSE_LOCATION=US \(.*\): choose another location",
            id="no such location",
        ),
        pytest.param(
            "PATCH",
            MAY_NOT_UPDATE,
            r"dataset silver: BigQuery refuses it \(.*\): grant the account roles/bigquery.dataOwner on it",
            id="may not change it",
        ),
    ],
)
def test_what_bigquery_refuses_is_one_line_that_says_what_to_do(
    ground: Ground, method: str, fault: Fault, said: str
) -> None:
    if method == "PATCH":
        make(ground, "silver")
    ground.bigquery.answer(method, fault)
    with pytest.raises(ConfigurationError, match=f"^{said}") as error:
        ground.prepare()
    assert "\n" not in str(error.value)
    assert ground.bigquery.statuses(method)[-1] == fault.status
    assert ground.bigquery.statuses(method).count(fault.status) == 1
