"""What the emulator of BigQuery does many times over for a statement is done once; its answers are the same.

It parses a statement's text about fifteen times, and translates what differs in a drawn name alone anew each time.
Loaded in `.venv-emulators`.
"""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import sqlglot
from bqemulator.catalog import ddl_sync  # type: ignore[import-not-found]  # of .venv-emulators, as all here
from bqemulator.domain.result import Ok  # type: ignore[import-not-found]
from bqemulator.jobs import ddl_result, executor, routine_ddl  # type: ignore[import-not-found]
from bqemulator.scripting import interpreter  # type: ignore[import-not-found]
from bqemulator.sql import catalog_schema  # type: ignore[import-not-found]
from bqemulator.sql.translator import SQLTranslator  # type: ignore[import-not-found]

_TREES = 8
_TEXTS = 4096

_DRAWN = re.compile(r"(?<=__)(?:[0-9a-f]{12}|[0-9a-f]{16})(?![0-9A-Za-z_])|(?<=['\"])[0-9a-f]{16}(?=['\"])")
"""What is drawn anew in the name of a staged or landed table, and a text that is nothing but a landing's hash."""

_ANY_PROJECT = "anyproject"

_LOOK_ONLY = (
    catalog_schema.build_catalog_schema,
    ddl_result._parse_statement,
    ddl_sync._detect_catalog_drop,
    ddl_sync._detect_create_schema,
    ddl_sync._detect_plain_create_table,
    ddl_sync._detect_plain_create_view,
    ddl_sync._extract_ddl_metadata,
    executor._capture_dml_snapshots,
    executor._parse_for_classification,
    executor._reject_dml_on_immutable,
    interpreter._dml_targets,
    interpreter._is_row_producing,
    routine_ddl.detect_drop_routine,
)
"""Functions that parse a statement and leave the tree as it is."""

T = TypeVar("T")


class _Kept(Generic[T]):
    """What was computed, the least recently asked for forgotten first."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._values: OrderedDict[object, T] = OrderedDict()

    def get(self, key: object, compute: Callable[[], T]) -> T:
        if key not in self._values:
            self._values[key] = compute()
            if len(self._values) > self._at_most:
                self._values.popitem(last=False)
        self._values.move_to_end(key)
        return self._values[key]


class _Drawn:
    """Stand-ins of the same length for what is drawn in texts, numbered as they come."""

    def __init__(self, texts: Iterable[str]) -> None:
        found = dict.fromkeys(drawn for text in texts for drawn in _DRAWN.findall(text))
        self._stand_ins = {drawn: f"f{number:0{len(drawn) - 1}d}" for number, drawn in enumerate(found)}
        self._drawn = {stand_in: drawn for drawn, stand_in in self._stand_ins.items()}

    def hidden(self, text: str) -> str:
        return _DRAWN.sub(lambda match: self._stand_ins[match[0]], text)

    def shown(self, text: str) -> str:
        return _DRAWN.sub(lambda match: self._drawn.get(match[0], match[0]), text)


class _Refused(Exception):
    """A statement is not translated."""


def share_trees() -> None:
    """Functions that only look at a statement's tree look at the same one; all others still parse their own."""
    look_only = {function.__code__ for function in _LOOK_ONLY}
    parsed: Callable[..., Any] = sqlglot.parse_one
    trees = _Kept[Any](_TREES)

    def parse_one(sql: str, *args: Any, **options: Any) -> Any:
        if args or options != {"read": "bigquery"} or sys._getframe(1).f_code not in look_only:
            return parsed(sql, *args, **options)
        return trees.get(sql, lambda: parsed(sql, **options))

    sqlglot.parse_one = parse_one


def keep_translations() -> None:
    """A text is translated once for all names that are drawn in it; what is refused is refused anew."""
    translated = SQLTranslator.translate
    kept = _Kept[str](_TEXTS)

    def translate(self: Any, sql: str, *, schema: Any = None, caller: Any = None) -> Any:
        tables = schema or {}
        drawn = _Drawn([sql, *tables])
        text, columns = drawn.hidden(sql), {drawn.hidden(name): tables[name] for name in tables}

        def computed() -> str:
            result = translated(self, text, schema=columns or None, caller=caller)
            if not isinstance(result, Ok):
                raise _Refused
            return str(result.value)

        try:
            key = (text, tuple((name, tuple(types.items())) for name, types in columns.items()), caller)
            return Ok(drawn.shown(kept.get(key, computed)))
        except _Refused:
            return translated(self, sql, schema=schema, caller=caller)

    SQLTranslator.translate = translate


def keep_qualified() -> None:
    """The datasets in a text are given their project's name once for all projects."""
    qualified = executor.rewrite_table_refs
    kept = _Kept[str](_TEXTS)

    def rewrite_table_refs(sql: str, project: str) -> str:
        if not project.isalnum() or _ANY_PROJECT in sql:
            return str(qualified(sql, project))
        drawn = _Drawn([sql])
        text = drawn.hidden(sql)
        placed = kept.get(text, lambda: qualified(text, _ANY_PROJECT))
        return drawn.shown(placed.replace(f"{_ANY_PROJECT}__", f"{project}__"))

    executor.rewrite_table_refs = interpreter.rewrite_table_refs = rewrite_table_refs
