"""The entries of a JSON list, one after the other: what is held of a file at once is bounded, whatever is in it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, TextIO

DEEPEST = 50
"""Levels of lists and objects in one another."""

LARGEST_ENTRY = 1 << 20
"""Characters of one entry."""

_PIECE = 1 << 16
_LONGEST_NAME = 60
_SPACE = re.compile(r"[ \t\r\n]*")


class NotAList(Exception):
    """A file is JSON, but not a list; says what it is."""


def entries(path: Path) -> Iterator[tuple[Any, int]]:
    """The entries of the list that a file holds, as Python has them, each with the number of its characters.

    Raises:
        NotAList: it holds something else.
        ValueError: it is not JSON in UTF-8, or JSON that no table can hold; this may come after some entries.
        RecursionError: likewise.
    """
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = _Reader(text)
        if (first := reader.next_character()) != "[":
            raise NotAList("dict" if first == "{" else type(reader.value()[0]).__name__)
        reader.skip()
        is_last = reader.next_character() == "]"
        if is_last:
            reader.skip()
        while not is_last:
            yield reader.value()
            is_last = reader.ends_list()
        if reader.next_character():
            raise ValueError("something follows the list")


def require_storable(entry: Any) -> None:
    """Refuse what JSON may hold and no table can.

    Raises:
        ValueError: half a character, a number without a value, or objects in one another without end.
    """
    if _is_deeper(entry, DEEPEST - 1):
        raise ValueError(f"it is more than {DEEPEST} levels deep")
    json.dumps(entry, ensure_ascii=False, allow_nan=False).encode()


class _Reader:
    """Values of a text, of which no more is held than a value may have."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._held = ""
        self._at = 0
        self._decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_object)

    def next_character(self) -> str:
        """The next that is no space, which it stays at; empty at the end."""
        while True:
            space = _SPACE.match(self._held, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._read():
                return ""

    def skip(self) -> None:
        self._at += 1

    def ends_list(self) -> bool:
        """Whether the list ends here, rather than go on after a comma; goes past either."""
        character = self.next_character()
        if character not in {",", "]"}:
            raise ValueError("there is no comma after an entry" if character else "it is cut short")
        self.skip()
        return character == "]"

    def value(self) -> tuple[Any, int]:
        """The value that begins here, and the number of its characters."""
        self.next_character()
        while True:
            problem = None
            try:
                value, end = self._decoder.raw_decode(self._held, self._at)
                if end < len(self._held):  # else there may be more of it: 12 of 123
                    begin, self._at = self._at, end
                    return value, end - begin
            except json.JSONDecodeError as error:
                problem = error.msg  # its position is one in what is held
            if len(self._held) - self._at > LARGEST_ENTRY:
                longer = f"an entry has more than {LARGEST_ENTRY:,} characters"
                raise ValueError(longer if problem is None else f"{problem}, or {longer}")
            if not self._read():
                if problem is not None:
                    raise ValueError(problem)
                begin, self._at = self._at, end
                return value, end - begin

    def _read(self) -> bool:
        """Hold more, as much again, so that a long value is not tried often; no more than one may have."""
        self._held = self._held[self._at :]
        self._at = 0
        more = self._text.read(min(max(_PIECE, len(self._held)), LARGEST_ENTRY + 1 - len(self._held)))
        self._held += more
        return bool(more)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; of two fields of one name Python would take the last in silence."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f"the field {twice[:_LONGEST_NAME]!r} occurs twice")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _is_deeper(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_is_deeper(each, levels - 1) for each in inner if isinstance(each, dict | list))
