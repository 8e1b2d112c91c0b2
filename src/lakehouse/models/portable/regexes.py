"""Regular expressions of RE2, which both engines have, and the parser has not: it takes them for Python's."""

from __future__ import annotations

import re

from sqlglot import exp

_TOKENS = re.compile(
    r"\\Q.*?(?:\\E|\Z)"  # text as it is
    r"|\\."
    r"|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"  # a class, whose first character may be its closing bracket
    r"|(?P<group>\((?!\?(?!P?<)))",
    re.DOTALL,
)


def groups(pattern: str) -> int:
    """How many groups of a regular expression keep what they match."""
    return sum(found["group"] is not None for found in _TOKENS.finditer(pattern))


def extracted(node: exp.Expr) -> exp.Expr:
    """``REGEXP_EXTRACT`` gives what its group matches, if it has one: also of a regex that Python could not read."""
    if isinstance(node, exp.RegexpExtract):
        has_group = groups(node.expression.name) == 1
        node.set("group", exp.Literal.number(1) if has_group else None)
    return node
