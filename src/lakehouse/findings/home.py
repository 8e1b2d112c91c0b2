"""The home: whose it is, whether it can be written, the room on its disk, its catalog."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from dlt_sources.room import COPIES, RESERVE_BYTES
from lakehouse.exceptions import LakehouseError
from lakehouse.files import nearest_folder
from lakehouse.findings.database import first_value
from lakehouse.findings.finding import Finding, fault, ok, told, warning
from lakehouse.home import look_at_home_kind, look_at_home_profile
from lakehouse.machine import require_writable_home, size
from lakehouse.settings import Settings


def home_findings(settings: Settings, where: str = "") -> Iterator[Finding]:
    """A line for each; ``where`` is where the profile keeps what it does not keep in its home."""
    yield _whose(settings, where)
    yield _writable(settings)
    usage = shutil.disk_usage(nearest_folder(settings.home))
    yield room_finding(usage.free, int(settings.largest_file))
    if settings.profile == "local":
        yield _catalog(settings)


def _whose(settings: Settings, where: str) -> Finding:
    home = settings.home
    kind = "generated samples" if settings.sample else "real data"
    try:
        held = look_at_home_profile(home, settings.profile, where)
        is_old = held is not None
        if settings.profile == "local":
            is_old = look_at_home_kind(home, of_samples=settings.sample)
    except LakehouseError as error:
        return told("home", error)
    except OSError as error:
        return _unreadable(settings, error)
    if not home.exists():
        return ok("home", f"LAKEHOUSE_HOME={home}: is not there yet; a run makes it")
    return ok("home", f"LAKEHOUSE_HOME={home}: {f'of {held or kind}' if is_old else 'has nothing in it yet'}")


def _unreadable(settings: Settings, error: OSError) -> Finding:
    found = f"LAKEHOUSE_HOME={settings.home}: {error.filename} cannot be read ({error.strerror})"
    return fault("home", found, "make it readable for whoever runs this, or choose another folder")


def _writable(settings: Settings) -> Finding:
    try:
        require_writable_home(settings)
    except LakehouseError as error:
        return told("home, written", error)
    return ok("home, written", "may be written" if settings.home.exists() else "may be made")


def room_finding(free: int, largest: int) -> Finding:
    """Whether so many bytes have room for a file that is as large as it may be, or for any."""
    needed = COPIES * largest + RESERVE_BYTES
    found = f"{size(free)} free; to land a file of LAKEHOUSE_LARGEST_FILE ({size(largest)}) takes {size(needed)}"
    if free < RESERVE_BYTES:
        return fault("disk", found, "make room there, or use another LAKEHOUSE_HOME")
    if free < needed:
        return warning("disk", found, "make room there, or use another LAKEHOUSE_HOME, or set it to less")
    return ok("disk", found)


def _catalog(settings: Settings) -> Finding:
    file = settings.home / "catalog.db"
    try:
        if not file.exists():
            return ok("catalog", "is not there yet; a run makes it")
        tables = first_value(file, "SELECT COUNT(*) FROM iceberg_tables", settings.dagster_home)
    except LakehouseError as error:
        return told("catalog", error)
    except OSError as error:
        return _unreadable(settings, error)
    return ok("catalog", f"can be read: {tables} tables")
