"""What things are called in Google's cloud, and which settings say so."""

from __future__ import annotations

import pytest

from lakehouse.exceptions import ConfigurationError
from lakehouse.gcp.place import Place, place_of
from lakehouse.settings import environment, load_settings

PLACE = Place("my-project", "my-bucket", "EU", "", 1024**3)


def test_settings_name_a_place() -> None:
    settings = load_settings(
        _env_file=None,
        profile="gcp",
        project="my-project",
        bucket="my-bucket",
        location="eu",
        prefix="dev",
        bytes_cap="1GiB",
        iceberg_catalog="my-lake",
    )
    place = place_of(settings)
    assert place == Place("my-project", "my-bucket", "EU", "dev", 1024**3, catalog="my-lake")
    assert place.dataset("silver") == "dev_silver"
    assert place.objects_prefix == "dev/"
    assert place.words == "project my-project, bucket my-bucket, prefix dev"


def test_without_a_prefix_things_are_called_as_they_are() -> None:
    assert PLACE.dataset("silver") == "silver"
    assert PLACE.objects_prefix == ""
    assert PLACE.words == "project my-project, bucket my-bucket, no prefix"


def test_readers_are_members_of_iam_each_once_and_as_iam_writes_them() -> None:
    member = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/Pool/*"
    given = f" group:Analysts@Example.com ,user:ann@example.com,,user:Ann@example.com,domain:example.org, {member}"
    settings = load_settings(_env_file=None, profile="gcp", project="my-project", bucket="b-1", readers=given)
    assert place_of(settings).readers == (
        "group:analysts@example.com",
        "user:ann@example.com",
        "domain:example.org",
        member,
    )
    again = load_settings(_env_file=None, readers=environment(settings)["LAKEHOUSE_READERS"])
    assert again.readers == settings.readers
    assert place_of(load_settings(_env_file=None, profile="gcp", project="my-project", bucket="b-1")).readers == ()


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, ["LAKEHOUSE_PROJECT", "LAKEHOUSE_BUCKET"]),
        ({"project": "my-project"}, ["LAKEHOUSE_BUCKET"]),
        ({"bucket": "my-bucket"}, ["LAKEHOUSE_PROJECT"]),
    ],
)
def test_each_setting_that_is_missing_has_a_line_of_its_own(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], missing: list[str]
) -> None:
    for name in ("PROJECT", "BUCKET"):
        monkeypatch.delenv(f"LAKEHOUSE_{name}", raising=False)
    with pytest.raises(ConfigurationError) as error:
        place_of(load_settings(_env_file=None, profile="gcp", **given))
    (line,) = str(error.value).splitlines()
    assert line.startswith("LAKEHOUSE_PROFILE=gcp: needs the ")
    assert f"; set {missing[0]} to its " in line  # one at a time
