"""Models read once for all tests whose folder of SQL says the same, and each model once for all that read it alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import RLock
from unittest.mock import patch

from lakehouse.bronze.contract import Contract
from lakehouse.bronze.sources import SOURCES, contracts_of
from lakehouse.models import dialect, reader
from lakehouse.models.model import Models, SqlModel
from lakehouse.models.reader import load_models
from lakehouse.schema import Column

CONTRACTS = contracts_of(SOURCES)

_Known = tuple[tuple[str, tuple[Column, ...]], ...]
_SOURCES: dict[tuple[str, str], reader._Source] = {}
_RESOLVED: dict[tuple[str, str, _Known], SqlModel] = {}
_ALONE = RLock()


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
    with _ALONE, _each_model_once():
        return load_models(folder.path, CONTRACTS)


@contextmanager
def _each_model_once() -> Iterator[None]:
    """A test changes one file of eight: those that say the same, of tables with the same columns, are the same."""
    read, resolve = reader._Source.read, reader._Source.resolve

    def read_once(path: Path) -> reader._Source:
        key = f"{path.parent.name}/{path.name}", path.read_text()
        if key not in _SOURCES:
            _SOURCES[key] = read(path)
        return replace(_SOURCES[key], path=path)

    def resolve_once(
        source: reader._Source,
        schema: dialect.Schema,
        origins: Mapping[str, Mapping[str, Column]],
        contracts: Mapping[str, Contract],
    ) -> SqlModel:
        assert contracts is CONTRACTS
        known = tuple((table, tuple(columns.values())) for table, columns in origins.items())
        key = source.name, source.path.read_text(), known
        if key not in _RESOLVED:
            _RESOLVED[key] = resolve(source, schema, origins, contracts)
        return _RESOLVED[key]

    with patch.object(reader._Source, "read", read_once), patch.object(reader._Source, "resolve", resolve_once):
        yield
