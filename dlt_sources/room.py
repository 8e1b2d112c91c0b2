"""Whether there is room for a file before it is fetched."""

from __future__ import annotations

import shutil
from pathlib import Path

from dlt_sources.remote_file import RemoteFile
from lakehouse.exceptions import DiskFull

COPIES = 2
"""What is there at once of a file: as it was fetched, and as the loader lands it on the same disk."""

RESERVE_BYTES = 32 << 20
"""What the tables' and Dagster's own files may need besides."""


def require_room(remote: RemoteFile, size: int | None, folder: Path) -> None:
    """Refuse a file that the disk of a folder has no room for; ``size`` is what its source says, if it does.

    Raises:
        DiskFull: there is less than its copies and a reserve need.
    """
    if size is None:
        return
    needed, free = COPIES * size + RESERVE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"{remote.what}: {remote.address} has {size:,} bytes, and to land it takes {_mb(needed)}: "
            f"{folder.parent} has {_mb(free)} free",
            "make room there, or use another LAKEHOUSE_HOME, and run it again",
        )


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
