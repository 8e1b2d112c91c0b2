"""What a home holds: real data or generated samples, of one profile, for good."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from lakehouse.annotations import SAMPLE_NOTE
from lakehouse.exceptions import ConfigurationError
from lakehouse.files import make_durable, make_folder
from lakehouse.private_folders import PrivateFolders

SAMPLE_MARKER = "SAMPLE-DATA.txt"
"""A file of this name makes a home one of samples."""

PROFILE_MARKER = "PROFILE.txt"
"""A file of this name says whose home it is; without one it is of the profile that keeps everything in it."""

_PROFILE_NOTE = "Runs in this folder land files and publish tables there; nothing but files under way is kept here."
_LOCAL = "local"
_CONTENTS = ("catalog.db", "bronze")
_ADVICE = "choose another LAKEHOUSE_HOME, and with it another DAGSTER_HOME"


def ensure_home_kind(home: Path, *, of_samples: bool) -> None:
    """Make a new home one of samples or of real data; look whether another one is of that kind.

    Raises:
        ConfigurationError: it is of the other kind.
    """
    if not look_at_home_kind(home, of_samples=of_samples) and of_samples:
        marker = home / SAMPLE_MARKER
        make_folder(home)
        marker.write_text(f"{SAMPLE_NOTE}\n")
        make_durable(marker)
        make_durable(home)


def look_at_home_kind(home: Path, *, of_samples: bool) -> bool:
    """Whether there is anything in a home that may be only of one kind; it is of that kind then. Changes nothing.

    Raises:
        ConfigurationError: it is of the other kind.
    """
    marker = home / SAMPLE_MARKER
    if not any((home / name).exists() for name in _CONTENTS):
        return False
    if marker.exists() and not of_samples:
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={home}: holds generated sample data; say lakehouse --sample, or choose another folder"
        )
    if of_samples and not marker.exists():
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={home}: holds real data, and LAKEHOUSE_SAMPLE=true; choose another folder for samples"
        )
    return True


def ensure_home_profile(home: Path, profile: str, where: str = "") -> None:
    """Make a new home one of a profile; look whether another one is of that.

    ``where`` says, in one line, where a profile keeps what it does not keep here. Under one that keeps everything here
    nothing is written.

    Raises:
        ConfigurationError: the home is of another profile, or of another place of the same one.
    """
    if look_at_home_profile(home, profile, where) is None and profile != _LOCAL:
        held = _write_profile(home / PROFILE_MARKER, _ours(profile, where))
        _require_profile(home, held, profile, where)


def look_at_home_profile(home: Path, profile: str, where: str = "") -> str | None:
    """The profile, and the place, that a home says it is of, None if it does not; changes nothing.

    Raises:
        ConfigurationError: it is of another.
    """
    held = _read_profile(home / PROFILE_MARKER)
    if held is not None:
        _require_profile(home, held, profile, where)
    elif profile != _LOCAL and any((home / name).exists() for name in _CONTENTS):
        raise ConfigurationError(
            f"LAKEHOUSE_HOME={home}: holds the tables of this machine, and LAKEHOUSE_PROFILE={profile}; {_ADVICE}"
        )
    return held


def _require_profile(home: Path, held: str, profile: str, where: str) -> None:
    ours = _ours(profile, where)
    if held != ours:
        told = f"LAKEHOUSE_PROFILE={profile}" if profile == _LOCAL else f"the settings say {ours}"
        raise ConfigurationError(f"LAKEHOUSE_HOME={home}: belongs to {held}, and {told}; {_ADVICE}")


def _ours(profile: str, where: str) -> str:
    return f"{profile}: {where}"


def ensure_local_home(home: Path, *, of_samples: bool) -> None:
    """Make a new home one that tables are kept in, of samples or of real data; look whether another one is that.

    Raises:
        ConfigurationError: it is not.
    """
    ensure_home_profile(home, _LOCAL)
    ensure_home_kind(home, of_samples=of_samples)


def _read_profile(marker: Path) -> str | None:
    """The first line of a marker, None if there is none."""
    try:
        return marker.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return None


def _write_profile(marker: Path, ours: str) -> str:
    """Write a marker, whole or not at all, unless another run was first; what it says."""
    make_folder(marker.parent)
    with PrivateFolders(marker.parent / "staging").folder("profile") as folder:
        draft = folder / marker.name
        draft.write_text(f"{ours}\n{_PROFILE_NOTE}\n", encoding="utf-8")
        make_durable(draft)
        with suppress(FileExistsError):
            marker.hardlink_to(draft)
    make_durable(marker.parent)
    return _read_profile(marker) or ""
