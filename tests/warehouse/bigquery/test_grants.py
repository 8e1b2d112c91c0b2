"""Readers are let into silver and gold, nobody is put out. Members who are not known are replayed as documented."""

from __future__ import annotations

from dataclasses import replace

import pytest
from google.cloud.bigquery import AccessEntry

from lakehouse.exceptions import ConfigurationError
from lakehouse.gcp.place import LAYERS, Place
from lakehouse.results import Groundwork
from lakehouse.warehouse.bigquery import grants
from tests.bronze.between import Fault
from tests.warehouse.bigquery.ground import Ground

READERS = (
    "group:analysts@example.com",
    "user:ann@example.com",
    "serviceAccount:bi@other-project.iam.gserviceaccount.com",
    "domain:example.org",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/pool/*",
)
ENTRIES = {
    ("READER", "groupByEmail", "analysts@example.com"),
    ("READER", "userByEmail", "ann@example.com"),
    ("READER", "userByEmail", "bi@other-project.iam.gserviceaccount.com"),
    ("READER", "domain", "example.org"),
    ("READER", "iamMember", READERS[-1]),
}
UNKNOWN = Fault(400, "invalid", "IAM setPolicy failed for Dataset p:silver: User new@example.com does not exist.")
NOT_ALLOWED = Fault(400, "invalid", "One or more users named in the policy do not belong to a permitted customer.")


@pytest.fixture
def place(ground: Ground) -> Place:
    ground.prepare()
    return replace(ground.place, readers=READERS)


def entries(ground: Ground, layer: str) -> set[tuple[str, str, str]]:
    return {
        (str(each.role), str(each.entity_type), str(each.entity_id)) for each in ground.dataset(layer).access_entries
    }


def let_in(ground: Ground, layer: str, *added: AccessEntry) -> None:
    dataset = ground.dataset(layer)
    dataset.access_entries = [*dataset.access_entries, *added]
    ground.client.update_dataset(dataset, ["access_entries"])


def test_readers_may_read_silver_and_gold_alone_and_are_let_in_once(ground: Ground, place: Place) -> None:
    words = ", ".join(f"{reader} may read" for reader in READERS)
    assert ground.prepare(place) == Groundwork(changed=(f"dataset silver: {words}", f"dataset gold: {words}"))
    assert {layer for layer in LAYERS if entries(ground, layer) == ENTRIES} == {"silver", "gold"}
    assert {layer for layer in LAYERS if not entries(ground, layer)} == {"bronze", "meta", "staging"}
    written = len(ground.writes())
    assert ground.prepare(place) == Groundwork()
    assert len(ground.writes()) == written


def test_readers_of_a_new_place_are_let_in_at_once(ground: Ground) -> None:
    made = ground.prepare(replace(ground.place, readers=READERS[:1]))
    assert "dataset silver" in made.created
    assert made.changed == tuple(f"dataset {layer}: {READERS[0]} may read" for layer in ("silver", "gold"))


def test_nothing_is_taken_away_from_anybody(ground: Ground, place: Place) -> None:
    let_in(ground, "gold", AccessEntry("READER", "userByEmail", "bob@example.com"))
    let_in(ground, "gold", AccessEntry("OWNER", "groupByEmail", "Analysts@example.com"))
    ground.prepare(place)
    assert ("READER", "userByEmail", "bob@example.com") in entries(ground, "gold")
    of_analysts = {role for role, _, name in entries(ground, "gold") if name.lower() == "analysts@example.com"}
    assert of_analysts == {"OWNER"}, "who owns it reads it"
    assert ground.prepare(replace(place, readers=())) == Groundwork()
    assert len(entries(ground, "gold")) == len(ENTRIES) + 1


def test_who_is_let_in_meanwhile_stays(ground: Ground, place: Place) -> None:
    bob = AccessEntry("READER", "userByEmail", "bob@example.com")
    ground.bigquery.before("PATCH", lambda: let_in(ground, "silver", bob))
    ground.prepare(place)
    assert ground.bigquery.refused == 1
    assert entries(ground, "silver") == {*ENTRIES, ("READER", "userByEmail", "bob@example.com")}


def test_a_member_that_is_new_is_tried_again(ground: Ground, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "PAUSES", (0.0, 0.0))
    ground.bigquery.answer("PATCH", UNKNOWN, times=2)
    assert len(ground.prepare(place).changed) == 2
    assert ground.bigquery.statuses("PATCH") == [400, 400, 200, 200]


def test_a_member_that_is_never_known_is_told(ground: Ground, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "PAUSES", (0.0, 0.0))
    ground.bigquery.answer("PATCH", UNKNOWN)
    with pytest.raises(ConfigurationError) as error:
        ground.prepare(place)
    assert str(error.value) == (
        f"LAKEHOUSE_READERS={','.join(READERS)}: who may read dataset silver is not known to Google "
        f"({UNKNOWN.message}): correct it; or, of one made just now, run it again in some minutes"
    )
    assert ground.bigquery.statuses("PATCH") == [400] * 3


def test_a_member_that_may_not_be_let_in_is_told_at_once(ground: Ground, place: Place) -> None:
    ground.bigquery.answer("PATCH", NOT_ALLOWED)
    with pytest.raises(
        ConfigurationError, match=r"^dataset silver: BigQuery does not let LAKEHOUSE_READERS=.* \(One or"
    ):
        ground.prepare(place)
    assert ground.bigquery.statuses("PATCH") == [400]
