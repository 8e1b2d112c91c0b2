"""A disk that loses power: a file system of its own in a file, shut down with nothing flushed and mounted again.

Whether that is permitted is found by trying. Where it is not, tests are skipped, or fail where
``LAKEHOUSE_REQUIRE_POWER_LOSS`` is ``true``.
"""

from __future__ import annotations

import errno
import fcntl
import gc
import os
import shutil
import stat
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

_BYTES = 64 << 20
_OPTIONS = "loop,noatime,noauto_da_alloc,commit=300,barrier=0"
"""Nothing is written for a rename's sake, nor because some seconds have passed."""

_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, 2
"""``EXT4_IOC_SHUTDOWN`` and the way of it that writes nothing more, the journal neither."""

_ATTEMPTS, _PAUSE_SECONDS = 10, 0.1
_LOOP_MAJOR = 7
_REQUIRED = "LAKEHOUSE_REQUIRE_POWER_LOSS"

_WATCH = 'cat > /dev/null; while umount --lazy "$0" 2> /dev/null; do :; done'
"""Outlives whoever mounts: once that closes its end of the pipe, in whatever way it ends, nothing stays mounted."""


@dataclass(frozen=True)
class Disk:
    """An image of a file system, and the folder that it is mounted on."""

    image: Path
    folder: Path

    def formatted(self) -> Disk:
        """This disk, empty."""
        with self.image.open("wb") as file:
            file.truncate(_BYTES)
        _system("mkfs.ext4", "-q", "-F", str(self.image))
        return self

    @contextmanager
    def copied(self) -> Iterator[Disk]:
        """Another disk that holds what this one does, for the same folder; gone afterwards.

        A file of its own: what was mounted before may be known to the system for longer than it is mounted.
        """
        image = self.image.with_name(f"{uuid4().hex}.img")
        try:
            _system("cp", "--sparse=always", str(self.image), str(image))
            yield Disk(image, self.folder)
        finally:
            image.unlink(missing_ok=True)

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """What the disk holds is in its folder meanwhile, as the system finds it: the journal is replayed.

        Raises:
            OSError: it may not be mounted.
        """
        self.folder.mkdir(exist_ok=True)
        with _watched(self.folder):
            _make_loop_node()
            _system("mount", "-t", "ext4", "-o", _OPTIONS, str(self.image), str(self.folder))
            try:
                yield
            finally:
                _unmount(self.folder)

    def lose_power(self) -> None:
        """Nothing reaches the disk from now on, nor what was written and did not reach it yet."""
        folder = os.open(self.folder, os.O_RDONLY)
        fcntl.ioctl(folder, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
        os.close(folder)

    @property
    def has_power(self) -> bool:
        """Whether the file system works."""
        try:
            (self.folder / "attempt").touch()
        except OSError as error:
            if error.errno == errno.EIO:
                return False
            raise
        return True


def require_power_loss(folder: Path) -> None:
    """Skip what needs a disk that loses power, or fail where it is required, if there can be none in a folder."""
    disk = Disk(folder / "attempt.img", folder / "attempt")
    try:
        with disk.formatted().mounted():
            disk.lose_power()
            assert not disk.has_power
    except OSError as error:
        reason = f"no ext4 can be mounted and shut down here: {error}"
        if os.environ.get(_REQUIRED) == "true":
            pytest.fail(f"{reason}; {_REQUIRED}=true demands it")
        pytest.skip(reason)
    finally:
        disk.image.unlink(missing_ok=True)


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    watch = subprocess.Popen(["sh", "-c", _WATCH, str(folder)], stdin=subprocess.PIPE, start_new_session=True)
    try:
        yield
    finally:
        watch.communicate()


def _make_loop_node() -> None:
    """The node of the next loop device, which containers lack that have their own ``/dev``."""
    if (find := shutil.which("losetup")) is None or os.geteuid():
        return
    said = subprocess.run([find, "--find"], capture_output=True, text=True, check=False)
    node = Path(said.stdout.strip())
    if not said.returncode and not node.exists() and (number := node.name.removeprefix("loop")).isdigit():
        os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(_LOOP_MAJOR, int(number)))


def _unmount(folder: Path) -> None:
    for _ in range(_ATTEMPTS):
        try:
            _system("umount", str(folder))
        except OSError as error:
            refused = error
            gc.collect()  # what is garbage may have files open, as an error that was caught
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise refused


def _system(*command: str) -> None:
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        raise OSError(next(iter(said.stderr.splitlines()), f"{command[0]} ended with {said.returncode}"))
