"""Google's clients reach whoever stands in its place, as us, in our project and location, with a token of ours."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from lakehouse.gcp.clients import bigquery_client, storage_client
from lakehouse.gcp.credentials import load_credentials
from lakehouse.gcp.place import Place
from tests.gcp.keys import TOKEN, Asked, Google, write_key

PLACE = Place("my-project", "my-bucket", "EU", "", 1024**3)


@pytest.fixture(autouse=True)
def _in_its_place(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", google.url)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google.url)
    monkeypatch.delenv("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", raising=False)


def require_ours(asked: Asked) -> None:
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["user-agent"].startswith("nyc-lakehouse ")


def test_both_clients_ask_with_one_token_of_the_key(tmp_path: Path, google: Google) -> None:
    credentials, _ = load_credentials(write_key(tmp_path, google.token_uri), tmp_path / "none")
    storage = storage_client(PLACE, credentials)
    bigquery = bigquery_client(PLACE, credentials)
    try:
        assert list(storage.list_buckets()) == []
        assert list(bigquery.list_datasets()) == []
    finally:
        storage.close()
        bigquery.close()  # type: ignore[no-untyped-call]
    assert bigquery.location == "EU"
    (buckets,) = google.requests("/storage/v1/b?")
    require_ours(buckets)
    assert parse_qs(urlsplit(buckets.path).query)["project"] == ["my-project"]
    (datasets,) = google.requests("/bigquery/v2/projects/my-project/datasets")
    require_ours(datasets)
    assert len(google.requests("/token")) == 1


def test_the_client_of_cloud_storage_asks_for_an_object_and_nothing_beside(tmp_path: Path, google: Google) -> None:
    credentials, _ = load_credentials(write_key(tmp_path, google.token_uri), tmp_path / "none")
    storage = storage_client(PLACE, credentials)
    assert os.environ["DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA"] == "true"
    try:
        assert storage.bucket(PLACE.bucket).get_blob("an/object") is not None
    finally:
        storage.close()
    assert [urlsplit(each.path).path for each in google.asked] == ["/token", "/storage/v1/b/my-bucket/o/an%2Fobject"]
