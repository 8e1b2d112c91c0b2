"""Statements whose answer is known: whether an engine means by SQL what it is meant to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("conformance.sql")
_ABOUT = re.compile(r"-- \[(?P<topic>\w+)\] (?P<shows>.*)")
_CASE = re.compile(r"(?P<sql>SELECT .*) --(?P<kind>[=!]) (?P<expected>.*)")


@dataclass(frozen=True)
class Case:
    """A statement of one row and one column, and its value as text; or, if it ``fails``, words of the error."""

    number: int
    topic: str
    shows: str
    sql: str
    expected: str
    fails: bool


def cases() -> Iterator[Case]:
    """All of them, numbered from 1."""
    number, topic, shows = 0, "", ""
    for line in _FILE.read_text().splitlines():
        about, case = _ABOUT.fullmatch(line), _CASE.fullmatch(line)
        if about is not None:
            topic, shows = about["topic"], about["shows"]
        elif case is not None:
            number += 1
            yield Case(number, topic, shows, case["sql"], case["expected"], case["kind"] == "!")


def as_text(value: Any) -> str:
    """A value as the cases write it: no zeros at the end of a NUMERIC, ``NULL`` for none."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, date) else str(value)
