"""How long and how deep a query may be that anybody may write: what it takes to understand it has bounds, too.

A text is measured before it is parsed, and what was parsed before it is resolved. Each bound is far beyond what people
write, and well within what the parser and the engines can do: beyond it they take minutes, or run out of stack.
"""

from __future__ import annotations

import math

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import TokenError

from lakehouse.exceptions import LakehouseError
from lakehouse.models import dialect

LONGEST = 250_000
"""Characters of a text: a list of 40,000 zones, say."""
MOST_NESTED = 64
"""Brackets that are open, or operators before a value that follow one another, at any place of a text."""
DEEPEST = 500
"""Steps from a query to the innermost of its parts: a UNION of 400 SELECTs, say."""
MOST_JOINED = 100
"""Tables that one SELECT joins, and queries that it has within its expressions."""
MOST_FIELDS = 100_000
"""Fields that values may have if each STRUCT is in the next one, as often as that has fields."""
LONGEST_VALUE = 1_000_000
"""Characters that a query asks for by number, as in ``REPEAT('x', 9)``: an engine makes them in one step."""

_LARGEST, _DIGITS = 2**63, 19
_SIZES: dict[type[exp.Expr], str] = {exp.Repeat: "times", exp.Pad: "expression"}
_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END}
_BEFORE_A_VALUE = {
    *(TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE, TokenType.INTERVAL, TokenType.PARAMETER),
    *(TokenType.DESCRIBE, TokenType.DESC, TokenType.LT),
}


def require_text(sql: str, origin: str, error: type[LakehouseError]) -> None:
    """Refuse a text that is no text, or that takes too long or too much to parse.

    Raises:
        error: it is so; the message starts with ``origin`` and names the bound.
    """
    if len(sql) > LONGEST:
        raise error(f"{origin}: it is {len(sql):,} characters long, and {LONGEST:,} is the most")
    try:
        sql.encode()
    except UnicodeEncodeError as fault:
        raise error(f"{origin}: it is not UTF-8 text ({fault.reason} at character {fault.start + 1})") from None
    if "\0" in sql:
        raise error(f"{origin}: it has a NUL at character {sql.index(chr(0)) + 1}, which is no text")
    nested = _nested(sql)
    if nested > MOST_NESTED:
        raise error(f"{origin}: it is nested {nested:,} deep, and {MOST_NESTED} is the most")


def require_query(query: exp.Expr, origin: str, error: type[LakehouseError]) -> None:
    """Refuse a query that takes too long or too much to resolve, or an engine to plan.

    Raises:
        error: it is so; the message starts with ``origin`` and names the bound.
    """
    depth, reached = 0, [query]
    while reached:
        depth += 1
        reached = [part for each in reached for part in each.iter_expressions()]
    if depth > DEEPEST:
        raise error(f"{origin}: its parts are {depth:,} deep in one another, and {DEEPEST} is the most")
    for select in query.find_all(exp.Select):
        joined = len(select.args.get("joins") or ())
        within = sum(1 for part in select.find_all(exp.Subquery) if part.parent_select is select)
        if max(joined, within) > MOST_JOINED:
            what = f"joins {joined:,} tables" if joined > MOST_JOINED else f"has {within:,} queries within it"
            raise error(f"{origin}: one SELECT {what}, and {MOST_JOINED} is the most")
    for number in query.find_all(exp.Literal):
        digits = "" if number.is_string or not number.name.isdigit() else number.name.lstrip("0")
        if len(digits) >= _DIGITS and (len(digits) > _DIGITS or int(digits) > _LARGEST):
            raise error(f"{origin}: the number {digits[:_DIGITS]}… is beyond INT64, which ends at {_LARGEST - 1}")
    fields = math.prod(len(row.expressions) for row in query.find_all(exp.Struct, exp.Tuple) if row.find(exp.Column))
    if fields > MOST_FIELDS:
        raise error(f"{origin}: its STRUCTs may come to {fields:,} fields, and {MOST_FIELDS:,} is the most")
    for kind, size in _SIZES.items():
        for made in query.find_all(kind):
            given = made.args.get(size)
            if isinstance(given, exp.Literal) and given.name.isdigit() and int(given.name) > LONGEST_VALUE:
                raise error(
                    f"{origin}: {given.name} is more than the {LONGEST_VALUE:,} characters that a value may have"
                )


def _nested(sql: str) -> int:
    """How deep a text is nested; nothing where that cannot be told, of which the parser says what is wrong."""
    try:
        tokens = sqlglot.tokenize(sql, read=dialect.BIGQUERY)
    except TokenError:
        return 0
    deepest = opened = in_a_row = 0
    for token in tokens:
        if token.token_type in _OPENING:
            opened += 1
        elif token.token_type in _CLOSING:
            opened = max(opened - 1, 0)
        in_a_row = in_a_row + 1 if token.token_type in _BEFORE_A_VALUE else 0
        deepest = max(deepest, opened, in_a_row)
    return deepest
