"""What keeps samples apart from real data: the last part of a folder's name, and of a prefix."""

from __future__ import annotations

from pathlib import Path

_SAMPLE = "sample"
SAMPLE_ENDING = f"_{_SAMPLE}"
"""Of a prefix, besides what it may be long."""


def is_folder_of_samples(folder: Path) -> bool:
    """Whether its name says that it holds sample data."""
    return folder.name == _SAMPLE


def folder_of_samples(folder: Path) -> Path:
    """Where the samples of a folder are kept; of one of samples, the same."""
    return folder if is_folder_of_samples(folder) else folder / _SAMPLE


def is_prefix_of_samples(prefix: str) -> bool:
    """Whether it says that what is called so is sample data."""
    return prefix == _SAMPLE or prefix.endswith(SAMPLE_ENDING)


def prefix_of_samples(prefix: str) -> str:
    """What the samples of a prefix are called by; of one of samples, the same."""
    return prefix if is_prefix_of_samples(prefix) else prefix + SAMPLE_ENDING
