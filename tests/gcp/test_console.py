"""Links lead to what is meant; that Google's console understands them was not tried."""

from __future__ import annotations

from dataclasses import replace

from lakehouse.gcp.console import dataset_link, objects_link
from lakehouse.gcp.place import Place

PLACE = Place("my-project", "my-bucket", "EU", "dev", 1024**3)


def test_a_link_names_project_and_dataset() -> None:
    assert dataset_link(PLACE, "silver") == (
        "https://console.cloud.google.com/bigquery?project=my-project&ws=!1m4!1m3!3m2!1smy-project!2sdev_silver"
    )


def test_a_link_names_bucket_and_prefix() -> None:
    assert objects_link(PLACE) == "https://console.cloud.google.com/storage/browser/my-bucket/dev?project=my-project"
    plain = replace(PLACE, prefix="")
    assert objects_link(plain) == "https://console.cloud.google.com/storage/browser/my-bucket?project=my-project"
