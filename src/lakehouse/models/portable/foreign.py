"""What sqlglot's parser takes for BigQuery's SQL and is not, which only the words of a text tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

_FOREIGN = {TokenType.DCOLON, TokenType.NULLSAFE_EQ, TokenType.ILIKE, TokenType.GLOB, TokenType.RLIKE}
_FOREIGN |= {TokenType.NOTNULL, TokenType.ISNULL}
_SPELT: Mapping[TokenType, str] = {TokenType.EQ: "=", TokenType.NOT: "NOT"}
"""Operators that have other spellings elsewhere: ``==``, ``!``."""
_AFTER: dict[TokenType, frozenset[str]] = {
    TokenType.STAR: frozenset({"EXCLUDE", "RENAME"}),
    TokenType.R_PAREN: frozenset({"IGNORE", "RESPECT"}),
}
"""Words that nothing of the kind may be followed by."""
_FUNCTIONS = frozenset({"TRY_CAST", "POSITION"})
_INSTEAD: Mapping[str, str] = {
    "::": "CAST(x AS type)",
    "==": "=",
    "!": "NOT",
    "<=>": "IS NOT DISTINCT FROM",
    "ILIKE": "LOWER(text) LIKE 'pattern'",
    "GLOB": "LIKE",
    "RLIKE": "REGEXP_CONTAINS(text, r'regex')",
    "NOTNULL": "IS NOT NULL",
    "ISNULL": "IS NULL",
    "EXCLUDE": "EXCEPT",
    "RENAME": "EXCEPT (old), old AS new",
    "IGNORE": "it within the brackets, as in LAST_VALUE(x IGNORE NULLS)",
    "RESPECT": "it within the brackets, or leave it out",
    "TRY_CAST": "SAFE_CAST",
    "POSITION": "STRPOS(text, part)",
}
"""Words of other dialects → what to write."""
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("TEXT", "VARCHAR", "CHAR", "NVARCHAR", "NCHAR"), "STRING"),
    **dict.fromkeys(("FLOAT", "DOUBLE", "REAL", "FLOAT4", "FLOAT8"), "FLOAT64"),
    **dict.fromkeys(("INT2", "INT4", "INT8", "INT32", "INT16", "LONG"), "INT64"),
}
"""Names that types have elsewhere → what they are called here."""
_OF_PARTS = frozenset({"DATE_TRUNC", "DATETIME_TRUNC", "TIMESTAMP_TRUNC", "DATE_DIFF", "DATETIME_DIFF", "LAST_DAY"})
_WITHOUT_WORDS = frozenset({"SUBSTRING", "SUBSTR", "TRIM"})
_CASTS = frozenset({"CAST", "SAFE_CAST"})
_ESCAPE = re.compile(r"""[abfnrtv\\?"'`]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}""")
_STRINGS = {TokenType.STRING, TokenType.BYTE_STRING}

_AFTER_JOINS = {TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.WINDOW}
_AFTER_JOINS |= {TokenType.ORDER_BY, TokenType.LIMIT, TokenType.COMMA, TokenType.UNION, TokenType.EXCEPT}
_AFTER_JOINS |= {TokenType.INTERSECT, TokenType.SEMICOLON}
_SET_OPERATIONS = {TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT}


def faults(sql: str, tokens: Sequence[Token]) -> Iterator[str]:
    """What BigQuery does not take of a text, each with what to write."""
    if (foreign := _foreign_word(tokens)) is not None:
        instead = f": write {_INSTEAD[foreign.text.upper()]}" if foreign.text.upper() in _INSTEAD else ""
        yield f"line {foreign.line} has {foreign.text}, which is another dialect's{instead}"
    yield from _misplaced(sql, tokens)
    if (bare := _without_condition(tokens)) is not None:
        yield f"line {bare.line} has a JOIN without a condition: write ON or USING after it, or CROSS JOIN"
    if (mixed := _mixed_operations(tokens)) is not None:
        yield f"{mixed[0]} and {mixed[1]} beside one another: put one of them into brackets"


def _foreign_word(tokens: Sequence[Token]) -> Token | None:
    """The first token that BigQuery does not have, or not at its place."""
    for token, following in pairwise([*tokens, None]):
        if token is None:
            continue
        if token.token_type in _FOREIGN or token.text.upper() != _SPELT.get(token.token_type, token.text.upper()):
            return token
        if following is None:
            continue
        if following.text.upper() in _AFTER.get(token.token_type, frozenset()):
            return following
        if token.text.upper() in _FUNCTIONS and following.token_type is TokenType.L_PAREN:
            return token
    return None


def _misplaced(sql: str, tokens: Sequence[Token]) -> Iterator[str]:
    """What is wrong with texts, types and arguments as they are written, and what to write."""
    within: list[str] = [""]
    for before, token, following in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.token_type is TokenType.L_PAREN:
            within.append(before.text.upper() if before is not None else "")
        elif token.token_type is TokenType.R_PAREN and len(within) > 1:
            within.pop()
        if token.token_type in _STRINGS:
            yield from _escapes(sql[token.start : token.end + 1])
        if following is None:
            continue
        if token.token_type is TokenType.ALIAS:
            yield from _named(following, within[-1])
        yield from _arguments(before, token, following, within[-1])


def _without_condition(tokens: Sequence[Token]) -> Token | None:
    """The first JOIN that no ON or USING follows; CROSS JOIN and one of a list need none."""
    for place, token in enumerate(tokens):
        if not _needs_condition(tokens, place):
            continue
        wanting, depth = 1, 0
        for further in range(place + 1, len(tokens)):
            type_ = tokens[further].token_type
            depth += (type_ is TokenType.L_PAREN) - (type_ is TokenType.R_PAREN)
            if depth < 0 or (depth == 0 and type_ in _AFTER_JOINS):
                break
            if depth == 0:
                wanting += _needs_condition(tokens, further) - (type_ in {TokenType.ON, TokenType.USING})
            if wanting == 0:
                break
        if wanting:
            return token
    return None


def _needs_condition(tokens: Sequence[Token], place: int) -> bool:
    before = tokens[place - 1].token_type if place else None
    after = tokens[place + 1].token_type if place + 1 < len(tokens) else None
    is_free = before in {TokenType.CROSS, TokenType.NATURAL} or after is TokenType.UNNEST
    return tokens[place].token_type is TokenType.JOIN and not is_free


def _escapes(written: str) -> Iterator[str]:
    """Of a text that is not raw: a backslash begins one of a few escapes, and a line ends only within three quotes."""
    text = written.lstrip("bB")
    quotes = text[:3] if text[:3] in {"'''", '"""'} else text[:1]
    inner = text[len(quotes) : -len(quotes)]
    if len(quotes) == 1 and "\n" in inner:
        yield f"{written!r} goes over lines: write \\n in it, or three quotes around it"
    for found in re.finditer(r"\\", re.sub(r"\\\\", "  ", inner)):
        if _ESCAPE.match(inner, found.end()) is None:
            shown = inner[found.start() : found.start() + 2]
            yield f"{shown} is no escape: write \\{shown} for a backslash, or r{quotes}…{quotes}"


def _named(name: Token, function: str) -> Iterator[str]:
    """After AS a type, or a name: never a text."""
    if function in _CASTS:
        if (instead := _TYPES.get(name.text.upper())) is not None:
            yield f"{name.text.upper()} is no type: write {instead}"
    elif name.token_type is TokenType.STRING:
        yield f"the name after AS is a text: write `{name.text}`"


def _arguments(before: Token | None, token: Token, following: Token, function: str) -> Iterator[str]:
    is_first = before is not None and before.token_type is TokenType.L_PAREN
    if function == "EXTRACT" and is_first:
        if token.token_type is TokenType.STRING:
            yield f"a part of a time is a text: write EXTRACT({token.text.upper()} FROM …)"
        elif following.token_type is TokenType.COMMA:
            yield f"EXTRACT has no comma: write EXTRACT({token.text.upper()} FROM …)"
    is_last = following.token_type is TokenType.R_PAREN and before is not None and before.token_type is TokenType.COMMA
    if function in _OF_PARTS and is_last and token.token_type is TokenType.STRING:
        yield f"a part of a time is a text: write {token.text.upper()} without quotes"
    if function in _WITHOUT_WORDS and token.token_type is TokenType.FROM:
        yield f"{function} has no FROM: write its arguments with commas between"
    if before is not None and before.token_type is TokenType.LIMIT and following.token_type is TokenType.COMMA:
        yield f"LIMIT has no comma: write LIMIT … OFFSET {token.text}"


def _mixed_operations(tokens: Sequence[Token]) -> tuple[str, str] | None:
    """Two set operations that are not the same and have no brackets between them, as ``UNION ALL`` and ``INTERSECT``.

    BigQuery has no precedence among them; the parser has, and writes brackets of its own.
    """
    within: list[str | None] = [None]
    for token, following in pairwise(tokens):
        if token.token_type is TokenType.L_PAREN:
            within.append(None)
        elif token.token_type is TokenType.R_PAREN and len(within) > 1:
            within.pop()
        elif token.token_type in _SET_OPERATIONS and following.token_type in {TokenType.ALL, TokenType.DISTINCT}:
            operation = f"{token.text} {following.text}".upper()
            if within[-1] not in (None, operation):
                return str(within[-1]), operation
            within[-1] = operation
    return None
