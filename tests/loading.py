"""Models read once for all tests whose folder of SQL says the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lakehouse.bronze.sources import SOURCES, contracts_of
from lakehouse.models.model import Models
from lakehouse.models.reader import load_models

CONTRACTS = contracts_of(SOURCES)


def models_of(folder: Path) -> Models:
    """The models of a folder, read anew if any of its files says something new."""
    texts = tuple((path.relative_to(folder), path.read_text()) for path in sorted(folder.glob("*/*.sql")))
    return _load(_Folder(folder, texts))


class _Folder:
    """A folder that equals another with the same files."""

    def __init__(self, path: Path, texts: tuple[tuple[Path, str], ...]) -> None:
        self.path = path
        self._texts = texts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Folder) and self._texts == other._texts

    def __hash__(self) -> int:
        return hash(self._texts)


@cache
def _load(folder: _Folder) -> Models:
    return load_models(folder.path, CONTRACTS)
