"""Iceberg's own files, which outlive a power failure as the catalog's database does.

pyiceberg writes metadata and manifests without waiting for the disk, and then has the catalog point at them. It loads
this module itself, by the name that the catalog is given.
"""

from __future__ import annotations

import os
from io import BufferedWriter, FileIO
from pathlib import Path

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO

from lakehouse.files import make_durable, make_folder


class DurableFileIO(PyArrowFileIO):
    """Files of this machine, each durable when it is closed."""

    def new_output(self, location: str) -> PyArrowFile:
        file = super().new_output(location)
        return _DurableFile(file.location, file._path, file._filesystem)


class _DurableFile(PyArrowFile):
    def create(self, overwrite: bool = False) -> _DurableStream:
        path = Path(self._path)
        make_folder(path.parent)
        return _DurableStream(FileIO(path, "w" if overwrite else "x"))


class _DurableStream(BufferedWriter):
    """A file that is on the disk, and in its folder, once it is closed."""

    def close(self) -> None:
        try:
            if not self.closed:
                self.flush()
                os.fsync(self.fileno())
                make_durable(Path(os.fsdecode(self.name)).parent)
        finally:
            super().close()
