"""Google's own SQL engine, as a process beside the tests: says whether a statement is valid, and what it gives."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lakehouse.settings import PROJECT_ROOT

_PYTHON = PROJECT_ROOT / ".venv-zetasql" / "bin" / "python"
_ENGINE = Path(__file__).with_name("engine.py")

Tables = Mapping[str, Mapping[str, str]]
"""``layer.table`` → column → type; a NUMERIC may have a precision, which the engine does not look at."""


class OracleFailed(Exception):
    """The engine could not be had, or broke."""


@dataclass(frozen=True)
class Refusal:
    """What the engine says of a statement that it does not accept or cannot compute."""

    reason: str


@dataclass(frozen=True)
class Rows:
    """What a statement gives: name and type of each column, and rows of Python's values.

    NUMERIC is a Decimal, DATE a date, DATETIME and TIMESTAMP a datetime, BYTES a text of hexadecimal digits.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


class Oracle:
    """One engine; it keeps what it compiled, so that a statement takes some 30 ms."""

    def __init__(self, python: Path = _PYTHON) -> None:
        if not python.exists():
            raise OracleFailed("Google's SQL engine is not installed: make oracle")
        command = [str(python), str(_ENGINE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the engine."""
        self._process.communicate()

    def analyze(
        self, sql: str, tables: Tables | None = None, parameters: Mapping[str, str] | None = None
    ) -> tuple[tuple[str, str], ...] | Refusal:
        """Name and type of each column of a SELECT over tables, or why it is not valid; parameters by their types."""
        given = self._ask(sql, tables or {}, parameters or {}, run=False)
        return given if isinstance(given, Refusal) else given.columns

    def script(
        self, sql: str, tables: Tables, parameters: Mapping[str, str]
    ) -> tuple[tuple[tuple[str, str], ...], ...] | Refusal:
        """Of each statement of a script, of whatever kind, the columns that it gives, if any; or why one is refused."""
        answer = self._answer(sql, tables, parameters, script=True)
        if isinstance(answer, Refusal):
            return answer
        return tuple(tuple((name, type_) for name, type_ in columns) for columns in answer["statements"])

    def run(self, sql: str) -> Rows | Refusal:
        """What a SELECT that reads no table gives, or why it is not valid or fails."""
        return self._ask(sql, {}, {}, run=True)

    def values(self, expressions: Sequence[str]) -> list[Any]:
        """The value of each expression, or the :class:`Refusal` of it; as few statements as that takes."""
        if not expressions:
            return []
        given = self.run("SELECT " + ",\n".join(f"({each}) AS v{place}" for place, each in enumerate(expressions)))
        if isinstance(given, Rows):
            return list(given.rows[0])
        if len(expressions) == 1:
            return [given]
        half = len(expressions) // 2
        return [*self.values(expressions[:half]), *self.values(expressions[half:])]

    def _ask(self, sql: str, tables: Tables, parameters: Mapping[str, str], *, run: bool) -> Rows | Refusal:
        answer = self._answer(sql, tables, parameters, run=run)
        if isinstance(answer, Refusal):
            return answer
        columns = tuple((name, type_) for name, type_ in answer["columns"])
        rows = tuple(
            tuple(_value(cell, type_) for cell, (_, type_) in zip(row, columns, strict=True)) for row in answer["rows"]
        )
        return Rows(columns, rows)

    def _answer(self, sql: str, tables: Tables, parameters: Mapping[str, str], **how: bool) -> dict[str, Any] | Refusal:
        named = {name: list(columns.items()) for name, columns in tables.items()}
        asked = {"sql": sql, "tables": named, "parameters": dict(parameters), **how}
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None
        assert answers is not None
        try:
            questions.write(json.dumps(asked).encode() + b"\n")
            questions.flush()
            line = answers.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            raise OracleFailed(f"the engine ended with {self._process.wait()} at: {sql[:2000]}")
        answer: dict[str, Any] = json.loads(line)
        return Refusal(answer["refused"]) if "refused" in answer else answer


def _value(cell: Any, type_: str) -> Any:
    if cell is None:
        return None
    if type_.startswith("ARRAY<"):
        return [_value(element, type_[6:-1]) for element in cell]
    if type_ in {"DATETIME", "TIMESTAMP"}:
        return datetime.fromisoformat(cell)
    if type_ == "DATE":
        return date.fromisoformat(cell)
    return Decimal(cell) if type_ == "NUMERIC" else cell
