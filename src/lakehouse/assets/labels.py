"""How assets are labelled in the UI: tags to filter by, and a note on everything that is made of sample data."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lakehouse.labels import SAMPLE_NOTE
from lakehouse.settings import Settings


def tags(
    settings: Settings, layer: str, datasets: Collection[str] = (), more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The layer, the dataset if there is but one, and that it is a sample; ``more`` win over the dataset."""
    dataset = {"dataset": next(iter(datasets))} if len(datasets) == 1 else {}
    sample = {"sample": "true"} if settings.sample else {}
    return {**dataset, **(more or {}), "layer": layer, **sample}


def noted(settings: Settings, text: str) -> str:
    """A description or a preview, below a note if it is of sample data."""
    return f"{SAMPLE_NOTE}\n\n{text}" if settings.sample else text
