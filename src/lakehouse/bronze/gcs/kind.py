"""What lies under a prefix of a bucket: real data or generated samples, for good."""

from __future__ import annotations

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.bronze.gcs.objects import NEW, Objects
from lakehouse.exceptions import ConfigurationError

RECORDS = "_landings"
"""Folder of the landing records."""

_KIND = "_kind"
_REAL_NOTE = "Real data."


def is_new(objects: Objects) -> bool:
    """Whether nothing says yet which it is."""
    return objects.kept(_KIND) is None


def ensure_kind(objects: Objects, *, of_samples: bool) -> None:
    """Make a new prefix one of samples or of real data, if nobody else did first; look whether another one is of that.

    Raises:
        ConfigurationError: it is of the other kind.
    """
    if look_at_kind(objects, of_samples=of_samples):
        return
    if objects.write(_KIND, _note(of_samples=of_samples), instead_of=NEW) is None:
        look_at_kind(objects, of_samples=of_samples)  # another run was first


def look_at_kind(objects: Objects, *, of_samples: bool) -> bool:
    """Whether anything says which it is; it is of that kind then. Changes nothing.

    Raises:
        ConfigurationError: it is of the other kind.
    """
    held = objects.read(_KIND)
    if held is None and of_samples and objects.under(f"{RECORDS}/"):
        held = _REAL_NOTE.encode()  # nothing says that what was landed are samples
    if held is None or held == _note(of_samples=of_samples).encode():
        return held is not None
    root = objects.uri("").rstrip("/")
    if of_samples:
        raise ConfigurationError(
            f"{root}: holds real data, and LAKEHOUSE_SAMPLE=true; choose another bucket or prefix for samples"
        )
    raise ConfigurationError(
        f"{root}: holds generated sample data; say lakehouse --sample, or choose another bucket or prefix"
    )


def _note(*, of_samples: bool) -> str:
    return SAMPLE_NOTE if of_samples else _REAL_NOTE
