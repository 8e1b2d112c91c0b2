"""Where Google's console shows what a place has."""

from __future__ import annotations

from lakehouse.gcp.place import Place

_CONSOLE = "https://console.cloud.google.com"


def dataset_link(place: Place, layer: str) -> str:
    """The page of a dataset, in BigQuery's explorer."""
    dataset = place.dataset(layer)
    return f"{_CONSOLE}/bigquery?project={place.project}&ws=!1m4!1m3!3m2!1s{place.project}!2s{dataset}"


def objects_link(place: Place) -> str:
    """The page of the place's objects."""
    folder = f"{place.bucket}/{place.objects_prefix}".rstrip("/")
    return f"{_CONSOLE}/storage/browser/{folder}?project={place.project}"
