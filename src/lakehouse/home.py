"""What a home holds: real data or generated samples, for good."""

from __future__ import annotations

from pathlib import Path

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import ConfigurationError
from lakehouse.files import make_durable, make_folder

SAMPLE_MARKER = "SAMPLE-DATA.txt"
"""A file of this name makes a home one of samples."""

_CONTENTS = ("catalog.db", "bronze")


def ensure_home_kind(home: Path, *, of_samples: bool) -> None:
    """Make a new home one of samples or of real data; look whether another one is of that kind.

    Raises:
        ConfigurationError: it is of the other kind.
    """
    marker = home / SAMPLE_MARKER
    if not any((home / name).exists() for name in _CONTENTS):
        if of_samples:
            make_folder(home)
            marker.write_text(f"{SAMPLE_NOTE}\n")
            make_durable(marker)
            make_durable(home)
    elif marker.exists() and not of_samples:
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={home}: holds generated sample data; say lakehouse --sample, or choose another folder"
        )
    elif of_samples and not marker.exists():
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={home}: holds real data, and LAKEHOUSE_SAMPLE=true; choose another folder for samples"
        )
