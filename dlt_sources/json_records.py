"""What an API answers as a JSON list of objects: verified, and flattened by dlt into one row for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlt_sources.dataset import Dataset, fresh_schema
from dlt_sources.fetch import Content, Download, Verify
from dlt_sources.json_entries import NotAList, entries, require_storable
from dlt_sources.json_values import fits, hint
from dlt_sources.remote_file import RemoteFile
from dlt_sources.verify import corrupt
from lakehouse.exceptions import CorruptFile

if TYPE_CHECKING:
    from dlt.common.data_types import TDataType
    from dlt.common.schema import Schema
    from dlt.common.schema.typing import TTableSchemaColumns
    from dlt.sources import DltResource, DltSource

Record = Mapping[str, Any]
_Path = tuple[str, ...]

_MOST_FIELDS = 1000
_RECORDS_AT_ONCE = 1000
_CHARACTERS_AT_ONCE = 1 << 20

_MARKS = frozenset(map(chr, range(0xF026, 0xF02F)))
"""By which dlt marks the type of a text that it passes on; it would take what follows for a number, or a time."""


def json_list(what: str, is_sample: Callable[[Record], bool] = lambda _: False) -> Verify:
    """Verifies that an answer is a JSON list of objects that a table can hold, and not an empty one.

    ``what`` messages call it: "a list of users". ``is_sample`` tells by a record that data are generated.
    """

    def verify(path: Path, remote: RemoteFile) -> Content:
        def refused(problem: str) -> CorruptFile:
            return corrupt(remote, f"is not {what}: {problem}")

        count, sampled = 0, False
        fields: set[_Path] = set()
        try:
            for count, (record, _) in enumerate(entries(path), start=1):
                if not isinstance(record, dict):
                    raise refused(f"entry {count} is {type(record).__name__}, not an object")
                require_storable(record)
                if (unfit := _problem_of(record, count, fields)) is not None:
                    raise refused(unfit)
                sampled = sampled or is_sample(record)
        except NotAList as other:
            raise refused(f"it is {other}, not a list") from None
        except (ValueError, RecursionError) as problem:
            raise refused(f"it is not JSON that can be kept ({problem})") from problem
        if not count:
            raise refused("it is empty")
        return Content(count, sampled)

    return verify


def _problem_of(record: Record, position: int, fields: set[_Path]) -> str | None:
    """What no table can hold of a record; ``fields`` are those of the records before."""
    for field, value in _leaves(record):
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            return f"the {'.'.join(field)} of entry {position} is larger than any table's"
        if isinstance(value, str) and value[:1] in _MARKS:
            return f"the {'.'.join(field)} of entry {position} begins with {value[0]!r}, which dlt keeps for itself"
        if "" in field:
            return f"entry {position} has a field without a name"
        fields.add(field)
    return f"it has more than {_MOST_FIELDS:,} fields" if len(fields) > _MOST_FIELDS else None


def records_source(source: str, dataset: Dataset, download: Download | None, types: Mapping[str, str]) -> DltSource:
    """The dlt source that flattens the records of an answer; without a download it yields nothing.

    Objects inside a record become columns (``address__geo__lat``). Lists are landed as their JSON in one column of text
    rather than become tables of their own, so that a new one is seen where all columns are. ``types`` are those that
    the contract reads, by the names that dlt's normalizer gives columns; other columns are landed as they come.

    Raises:
        CorruptFile: two fields would be one column, or a value is not of its column's type.
    """
    import dlt

    schema = fresh_schema(source, "snake_case")
    records = (record for record, _ in _records(download))
    columns = _Columns(dataset, types, schema).of(records, download.url if download else "")

    def rows() -> Iterator[list[dict[str, Any]]]:
        for some in _batches(_records(download)):
            yield [_as_landed(record) for record in some]

    rows.__doc__ = dataset.description  # dagster-dlt takes an asset's description from here

    @dlt.source(schema=schema)
    def answers() -> DltResource:
        return dlt.resource(rows, name=dataset.name, write_disposition="append", columns=columns)

    return answers()


def _records(download: Download | None) -> Iterator[tuple[dict[str, Any], int]]:
    return iter(()) if download is None else entries(download.path)


def _batches(records: Iterator[tuple[dict[str, Any], int]]) -> Iterator[list[dict[str, Any]]]:
    """Records, as many at once as are few and short: Python may take 24 times what they are in text."""
    some: list[dict[str, Any]] = []
    characters = 0
    for record, length in records:
        some.append(record)
        characters += length
        if len(some) == _RECORDS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _as_landed(record: Record) -> dict[str, Any]:
    """A record with its lists as text: dlt holds many rows at once, and Python needs twenty times as much for them."""
    return {
        name: _text_of(value) if isinstance(value, list) else _as_landed(value) if isinstance(value, dict) else value
        for name, value in record.items()
    }


def _text_of(value: list[Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Columns:
    """All columns there will be, so that dlt need not begin another file where one appears late.

    One that no record has a value of is none of them: it is missing, as contracts see it.
    """

    def __init__(self, dataset: Dataset, types: Mapping[str, str], schema: Schema) -> None:
        self._dataset = dataset
        self._types = types
        self._naming = schema.naming
        parts = (name.split("__") for name in types)
        self._objects = {"__".join(part[:depth]) for part in parts for depth in range(1, len(part))}

    def of(self, records: Iterator[dict[str, Any]], url: str) -> TTableSchemaColumns:
        others: dict[str, TDataType] = {}
        paths: dict[str, _Path] = {}
        names: dict[_Path, str] = {}
        for position, record in enumerate(records, start=1):
            for path, value in _leaves(record):
                name = names.get(path) or names.setdefault(path, self._name(path))
                first = paths.setdefault(name, path)
                if first != path:
                    raise self._refused(
                        url, f"the fields {'.'.join(first)} and {'.'.join(path)} are one column, {name}"
                    )
                if problem := self._problem(name, value):
                    raise self._refused(url, f"the field {'.'.join(path)} of entry {position} {problem}")
                if name not in self._types:
                    type_ = _TYPES.get(type(value), "text")
                    others[name] = _both(others.get(name, type_), type_)
        known = {name: hint(name, type_) for name, type_ in self._types.items() if name in paths}
        return known | {name: {"name": name, "data_type": type_} for name, type_ in others.items()}

    def _name(self, path: _Path) -> str:
        """What dlt's normalizer calls the column."""
        name: str = self._naming.shorten_fragments(*map(self._naming.normalize_identifier, path))
        return name

    def _problem(self, name: str, value: object) -> str | None:
        """What is wrong with a value; dlt would put it into another column, and its own would be NULL."""
        parts = name.split("__")
        if any("__".join(parts[:depth]) in self._types for depth in range(1, len(parts))):
            return "is inside an object, where a single value belongs"
        if name in self._objects:
            return f"is {_shown(value)}, where an object belongs"
        if name in self._types and not fits(value, self._types[name]):
            return f"is {_shown(value)}, which is no {self._types[name]}"
        return None

    def _refused(self, url: str, problem: str) -> CorruptFile:
        return CorruptFile(f"{self._dataset.name}: {problem}; nothing was kept: look at what {url} serves")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


_LONGEST = 60
"""Characters of a value that a message shows."""

_TYPES: Mapping[type, TDataType] = {bool: "bool", int: "bigint", float: "double"}


def _both(type_: TDataType, other: TDataType) -> TDataType:
    """The type of a column that has values of two."""
    if type_ == other:
        return type_
    return "double" if {type_, other} == {"bigint", "double"} else "text"


def _leaves(record: Record, inside: _Path = ()) -> Iterator[tuple[_Path, Any]]:
    """Paths of what becomes a column, and what a record has there."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*inside, name))
        elif value is not None:
            yield (*inside, name), value
