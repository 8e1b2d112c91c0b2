"""Where in Google Cloud a house is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A project, its bucket, and what sets one house apart from others there; ``bytes_cap`` is the most a job bills."""

    project: str
    bucket: str
    location: str
    prefix: str
    bytes_cap: int

    def dataset(self, layer: str) -> str:
        """The dataset of a layer: ``silver``, or ``dev_silver``."""
        return f"{self.prefix}_{layer}" if self.prefix else layer
