"""What GoogleSQL's analyzer says of what was recorded: each text once, over the columns that its names stood for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from tests.googlesql.oracle import Oracle, Refusal
from tests.googlesql.recording import Columns, Recorded

_SHA256, _ANY = re.compile("'[0-9a-f]{64}'"), f"'{'0' * 64}'"
"""Texts that differ in the hash of a landed file alone are one."""

_PARAMETERS: Mapping[type, str] = {datetime: "DATETIME"}

_Said = tuple[tuple[str, str], ...] | Refusal
_Asked = tuple[str, tuple[tuple[str, tuple[tuple[str, str], ...]], ...], tuple[tuple[str, str], ...]]


class NotRead(Exception):
    """What a name stands for was refused itself."""


@dataclass
class Analysis:
    """Asks an oracle; remembers its answers."""

    oracle: Oracle
    answers: dict[_Asked, _Said] = field(default_factory=dict)
    _of: dict[Recorded, _Said] = field(default_factory=dict)
    _texts: dict[int, tuple[exp.Query, str]] = field(default_factory=dict)
    """By the query, which is kept: it may have been recorded many times."""

    def said(self, recorded: Recorded) -> _Said:
        """Name and type of each column that BigQuery would return, or why it refuses it.

        Raises:
            NotRead: something that it reads is refused.
        """
        if recorded not in self._of:
            self._of[recorded] = self._asked(recorded)
        return self._of[recorded]

    def fault(self, recorded: Recorded) -> str | None:
        """Why BigQuery would not take it, or not give what is declared; None if it does."""
        try:
            said = self.said(recorded)
        except NotRead:
            return None  # it is told where it is refused
        if isinstance(said, Refusal):
            return f"{recorded.work}, {recorded.how}: {said.reason}\n{recorded.text}"
        if recorded.spec is not None:
            declared = [(column.name, column.base_type) for column in recorded.spec.columns]
            if list(said) != declared:
                return f"{recorded.work}, {recorded.how}: gives {said} instead of {declared}\n{recorded.text}"
        return None

    def _asked(self, recorded: Recorded) -> _Said:
        tables = {name: self._columns(source) for name, source in recorded.read.items()}
        types = {name: _PARAMETERS[type(value)] for name, value in recorded.parameters.items()}
        asked = (
            self._text(recorded),
            tuple((name, tuple(columns.items())) for name, columns in tables.items()),
            tuple(types.items()),
        )
        if asked not in self.answers:
            self.answers[asked] = self.oracle.analyze(asked[0], tables, types)
        return self.answers[asked]

    def _text(self, recorded: Recorded) -> str:
        key = id(recorded.query)
        if key not in self._texts:
            self._texts[key] = recorded.query, _SHA256.sub(_ANY, recorded.text)
        return self._texts[key][1]

    def _columns(self, source: Columns | Recorded) -> Columns:
        if isinstance(source, Mapping):
            return source
        said = self.said(source)
        if isinstance(said, Refusal):
            raise NotRead(said.reason)
        return dict(said)
