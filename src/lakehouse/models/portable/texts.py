"""Text as BigQuery reads and writes it."""

from __future__ import annotations

import re

from sqlglot import exp

from lakehouse.models.portable.duck import duck, failure, once, put, shared, whole_literal
from lakehouse.models.portable.types import BOOL, DATE, DATETIME, DECIMAL, FLOAT, INSTANT, TEXT, WHOLE, kind

WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029"
    "\u202f\u205f\u3000"
)
"""What TRIM(x) takes away."""
_NO_UPPER_CASE = r"ßŉƛǰɤΐΰև\x{1C8A}ẖ-ẚὐὒὔὖᾀ-ᾯᾲ-ᾴᾶᾷᾼῂ-ῄῆῇῌῒΐῖῗῢ-ῤῦῧῲ-ῴῶῷῼ\x{A7CD}\x{A7DB}ﬀ-ﬆﬓ-ﬗ\x{10D70}-\x{10D85}"
_NO_LOWER_CASE = r"İ\x{1C89}\x{A7CB}\x{A7CC}\x{A7DA}\x{A7DC}\x{10D50}-\x{10D65}"
"""Letters that the engines' tables of Unicode write differently: all of the first two planes were compared."""
_DAY = r"([0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[ Tt]([01]?[0-9]|2[0-3]):[0-5]?[0-9]:[0-5]?[0-9](\.[0-9]{1,6})?"
_ZONE = r"([Zz]|[+-](0[0-9]|1[0-3])(:[0-5][0-9])?|[+-]14(:00)?)"
_READABLE = {
    "whole": r"\s*([+-]?[0-9]+|0[xX][0-9a-fA-F]+)\s*",
    "float": r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*",
    "decimal": r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*",
    "date": _DAY,
    "timestamp": f"{_DAY}({_CLOCK}{_ZONE}?)?",
    "datetime": f"{_DAY}({_CLOCK})?",
}
_WITHIN = (
    "CASE WHEN v IS NULL THEN NULL WHEN v >= CAST('0001-01-01 00:00:00+00' AS TIMESTAMPTZ) "
    "AND v < CAST('10000-01-01 00:00:00+00' AS TIMESTAMPTZ) THEN v ELSE :no END"
)
_TRUTH = (
    "CASE WHEN :x IS NULL THEN NULL WHEN LOWER(:x) = 'true' THEN TRUE WHEN LOWER(:x) = 'false' THEN FALSE ELSE :no END"
)
_MORE = {
    "float": r"\s*(0[xX][0-9a-fA-F.]+([pP][+-]?[0-9]+)?|[+-]?[iI][nN][fF]([iI][nN][iI][tT][yY])?|[+-]?[nN][aA][nN])\s*",
    "whole": r"\s*[+-]0[xX][0-9a-fA-F]+\s*",
    "datetime": r".*:60(\.[0-9]+)?",
    "timestamp": r".* [A-Za-z/_]+|.*:60.*|[0-9]{4}-.*:.*[+-][0-9:]+",
}
"""What BigQuery may read as well, and the local engine does not: hexadecimal numbers, NaN, zones by name or by one
digit, seconds that leap."""


def substring(node: exp.Expr) -> exp.Expr:
    """``SUBSTR``: position 0 is 1, one beyond the left end is the first, and a negative length an error."""
    if not isinstance(node, exp.Substring):
        return node
    parts = [part for name in ("this", "start", "length") if (part := node.args.get(name)) is not None]
    if all((whole_literal(count) or 0) > 0 for count in parts[1:]):
        return node

    def within(text: exp.Expr, position: exp.Expr, length: exp.Expr | None = None) -> exp.Expr:
        if (whole_literal(position) or 0) < 1:
            position = duck("CASE WHEN :p = 0 OR :p < -LENGTH(:s) THEN 1 ELSE :p END", p=position, s=text)
        counts = [position] if length is None else [position, _not_negative(length, text)]
        return put(node, parts, [text, *counts])

    return shared(within, *parts)


def counted_characters(node: exp.Expr) -> exp.Expr:
    """``LEFT``, ``RIGHT`` and ``REPEAT`` take no negative number."""
    if not isinstance(node, (exp.Left, exp.Right, exp.Repeat)):
        return node
    parts = [node.this, node.args["times"] if isinstance(node, exp.Repeat) else node.expression]
    if (whole_literal(parts[1]) or 0) > 0:
        return node
    return shared(lambda text, count: put(node, parts, [text, _not_negative(count, text)]), *parts)


def trim(node: exp.Expr) -> exp.Expr:
    """``TRIM(x)`` takes all white space."""
    if isinstance(node, exp.Trim) and node.expression is None:
        node.set("expression", exp.Literal.string(WHITE_SPACE))
    return node


def like(node: exp.Expr) -> exp.Expr:
    r"""A backslash escapes in a pattern."""
    if not isinstance(node, exp.Like) or isinstance(node.parent, exp.Escape):
        return node
    pattern = node.expression
    if pattern.is_string and "\\" not in pattern.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def case(node: exp.Expr) -> exp.Expr:
    """``UPPER`` and ``LOWER`` fail on the few letters that are not the same in both engines' tables."""
    if not isinstance(node, (exp.Upper, exp.Lower)):
        return node
    letters, name = (_NO_UPPER_CASE, "UPPER") if isinstance(node, exp.Upper) else (_NO_LOWER_CASE, "LOWER")
    differs = failure(f"{name} of a letter that engines write differently, such as ß")
    cased = f"CASE WHEN REGEXP_MATCHES(:s, '[{letters}]') THEN :error ELSE {name}(:s) END"
    return shared(lambda s: duck(cased, s=s, error=differs), node.this)


def reversed_characters(node: exp.Expr) -> exp.Expr:
    """``REVERSE`` goes by characters of Unicode, of which a letter and its accent may be two."""
    if not isinstance(node, exp.Reverse):
        return node
    return duck("ARRAY_TO_STRING(LIST_REVERSE(STR_SPLIT(:s, '')), '')", s=node.this)


def split_by_nothing(node: exp.Expr) -> exp.Expr:
    """``SPLIT`` of a text by NULL is NULL."""
    if isinstance(node, exp.Split) and not node.expression.is_string:
        parts = [node.this, node.expression]
        template = "CASE WHEN :d IS NULL THEN NULL ELSE :split END"
        return shared(lambda text, by: duck(template, d=by, split=put(node, parts, [text, by])), *parts)
    return node


def cast_of_text(node: exp.Expr) -> exp.Expr:
    """Of a text just what BigQuery reads is taken: DuckDB takes 1_000, t and 24-01-01."""
    if isinstance(node, exp.Timestamp):
        node = exp.Cast(this=node.this, to=exp.DataType.build("TIMESTAMPTZ"))
    if not isinstance(node, exp.Cast) or kind(node.this) not in TEXT:
        return node
    text = node.this.unnest()
    at_an_end = node.to.this in INSTANT and text.name[:4] in {"0001", "9999"}
    if text.is_string and not isinstance(node, exp.TryCast) and not at_an_end:  # which is looked at before it is run
        return node
    otherwise: exp.Expr = (
        exp.Null() if isinstance(node, exp.TryCast) else failure("a text is not of the type it is cast to")
    )
    if node.to.this in BOOL:
        return shared(lambda x: duck(_TRUTH, x=x, no=otherwise), node.this)
    pattern = _pattern(node.to)
    if pattern is None:
        return node
    cast, given = node, node.this
    return shared(lambda x: _read(put(cast, [given], [x]), pattern, otherwise), given)


def _read(cast: exp.Expr, pattern: str, otherwise: exp.Expr) -> exp.Expr:
    """A text cast if it has the form of ``pattern``; of other texts ``otherwise``."""
    to = cast.args["to"].this
    more = next((_MORE[name] for name, kinds in _KINDS.items() if name in _MORE and to in kinds), None)
    if more is not None and isinstance(cast, exp.TryCast):
        otherwise = duck(
            "CASE WHEN REGEXP_FULL_MATCH(:x, :more) THEN :error END",
            x=cast.this,
            more=exp.Literal.string(more),
            error=failure("a text is a hexadecimal number, NaN, or a time of a zone that engines read differently"),
        )
    return duck(
        "CASE WHEN :x IS NULL THEN NULL WHEN REGEXP_FULL_MATCH(:x, :pattern) THEN :value ELSE :no END",
        x=cast.this,
        pattern=exp.Literal.string(pattern),
        value=once(cast, _WITHIN, no=otherwise) if to in INSTANT else cast,
        no=otherwise,
    )


_KINDS = {"whole": WHOLE, "float": FLOAT, "decimal": DECIMAL, "date": DATE, "datetime": DATETIME, "timestamp": INSTANT}


def readable(text: str, type_: exp.DataType) -> bool:
    """Whether a text is one of this type to BigQuery, as far as its form goes."""
    if type_.this in BOOL:
        return text.lower() in {"true", "false"}
    pattern = _pattern(type_)
    return pattern is None or re.fullmatch(pattern, text) is not None


def _pattern(type_: exp.DataType) -> str | None:
    return next((_READABLE[name] for name, kinds in _KINDS.items() if type_.this in kinds), None)


def cast_to_text(node: exp.Expr) -> exp.Expr:
    """A NUMERIC is written without zeros at its end, a DATETIME with no, three or six decimals."""
    if not isinstance(node, exp.Cast) or node.to.this not in TEXT:
        return node
    if kind(node.this) in DECIMAL:
        return duck("RTRIM(RTRIM(CAST(CAST(:x AS DECIMAL(38, 9)) AS VARCHAR), '0'), '.')", x=node.this)
    if kind(node.this) in DATETIME:
        written = (
            "STRFTIME(:x, '%Y-%m-%d %H:%M:%S') || CASE WHEN MICROSECOND(:x) % 1000000 = 0 THEN '' "
            "WHEN MICROSECOND(:x) % 1000 = 0 THEN STRFTIME(:x, '.%g') ELSE STRFTIME(:x, '.%f') END"
        )
        return shared(lambda x: duck(written, x=x), node.this)
    return node


def _not_negative(count: exp.Expr, of: exp.Expr) -> exp.Expr:
    written = whole_literal(count)
    if written is not None and written >= 0:
        return count
    return duck(
        "CASE WHEN :n < 0 AND NOT :s IS NULL THEN :error ELSE :n END",
        n=count,
        s=of,
        error=failure("a length is negative"),
    )
