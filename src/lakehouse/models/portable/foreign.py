"""What sqlglot's parser takes for BigQuery's SQL and is not, which only the words of a text tell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from sqlglot.tokenizer_core import Token, TokenType

_FOREIGN = {TokenType.DCOLON, TokenType.NULLSAFE_EQ, TokenType.ILIKE, TokenType.GLOB, TokenType.RLIKE}
_AFTER: dict[TokenType, frozenset[str]] = {
    TokenType.STAR: frozenset({"EXCLUDE", "RENAME"}),
    TokenType.R_PAREN: frozenset({"IGNORE", "RESPECT"}),
}
"""Words that nothing of the kind may be followed by."""


_SET_OPERATIONS = {TokenType.UNION, TokenType.INTERSECT, TokenType.EXCEPT}


def foreign_word(tokens: Sequence[Token]) -> Token | None:
    """The first token that BigQuery does not have, or not at its place."""
    for token, following in pairwise([*tokens, None]):
        if token is None:
            continue
        if token.token_type in _FOREIGN or (token.token_type is TokenType.EQ and token.text != "="):
            return token
        if following is not None and following.text.upper() in _AFTER.get(token.token_type, frozenset()):
            return following
    return None


def mixed_operations(tokens: Sequence[Token]) -> tuple[str, str] | None:
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
