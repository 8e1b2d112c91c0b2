"""The list of functions and operators that SQL may be made of. What is not here is refused.

Each has cases on both engines (`tests/googlesql/forms.txt`); `docs/sql.md` is made from it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from lakehouse.models.portable.types import (
    BOOL,
    BYTES,
    DATE,
    DATETIME,
    DECIMAL,
    FLOAT,
    INSTANT,
    LIST,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    Types,
)

_NAME = re.compile(r"[A-Z][A-Z0-9_]*(?=[(,])")

ORDERED = NUMBER | TEXT | BOOL | TIME | INSTANT


@dataclass(frozen=True)
class Function:
    """A function or operator.

    ``takes`` are the types of its arguments by sqlglot's names of these; an argument that is not there is not taken.
    Those in ``written`` must be numbers or texts, not computed. ``note`` says what else a writer should know.
    """

    form: str
    kinds: tuple[type[exp.Expr], ...]
    takes: Mapping[str, Types] = field(default_factory=dict)
    written: frozenset[str] = frozenset()
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called in BigQuery."""
        return tuple(_NAME.findall(self.form))


def _of(
    form: str,
    *kinds: type[exp.Expr],
    written: Sequence[str] = (),
    note: str = "",
    **takes: Types,
) -> Function:
    return Function(form, kinds, takes, frozenset(written), note)


_EXACT = WHOLE | DECIMAL
_ZERO = "by zero it is an error"
_NO_NUMERIC = "of a NUMERIC write CAST(x AS FLOAT64)"

FUNCTIONS: Mapping[str, tuple[Function, ...]] = {
    "Numbers": (
        _of("a + b", exp.Add, this=NUMBER, expression=NUMBER),
        _of("a - b", exp.Sub, this=NUMBER, expression=NUMBER),
        _of("a * b", exp.Mul, this=NUMBER, expression=NUMBER, note="of NUMERICs with nine decimals"),
        _of("a / b", exp.Div, this=NUMBER, expression=NUMBER, note=f"{_ZERO}; of NUMERICs it is a NUMERIC"),
        _of("-a", exp.Neg, this=NUMBER),
        _of("SAFE_DIVIDE(a, b)", exp.SafeDivide, this=NUMBER, expression=NUMBER, note="by zero it is NULL"),
        _of("DIV(a, b)", exp.IntDiv, this=WHOLE, expression=WHOLE, note=_ZERO),
        _of("MOD(a, b)", exp.Mod, this=_EXACT, expression=_EXACT, note=_ZERO),
        _of("ABS(x)", exp.Abs, this=NUMBER),
        _of("SIGN(x)", exp.Sign, this=NUMBER),
        _of("ROUND(x[, digits])", exp.Round, this=NUMBER, decimals=WHOLE, written=["decimals"]),
        _of("TRUNC(x[, digits])", exp.Trunc, this=NUMBER, decimals=WHOLE, written=["decimals"]),
        _of("FLOOR(x)", exp.Floor, this=NUMBER),
        _of("CEIL, CEILING(x)", exp.Ceil, this=NUMBER),
        _of("SQRT(x)", exp.Sqrt, this=WHOLE | FLOAT, note=_NO_NUMERIC),
        _of("POW, POWER(x, y)", exp.Pow, this=WHOLE | FLOAT, expression=WHOLE | FLOAT, note=_NO_NUMERIC),
        _of("EXP(x)", exp.Exp, this=WHOLE | FLOAT, note=_NO_NUMERIC),
        _of("LN(x)", exp.Ln, this=WHOLE | FLOAT, note=_NO_NUMERIC),
        _of("GREATEST(a, …)", exp.Greatest, this=ORDERED, expressions=ORDERED),
        _of("LEAST(a, …)", exp.Least, this=ORDERED, expressions=ORDERED),
        _of("IS_NAN(x)", exp.IsNan, this=FLOAT),
        _of("IS_INF(x)", exp.IsInf, this=FLOAT),
    ),
    "Comparisons and conditions": (
        _of(
            "a = b, <>, <, <=, >, >=",
            exp.EQ,
            exp.NEQ,
            exp.LT,
            exp.LTE,
            exp.GT,
            exp.GTE,
            this=ORDERED,
            expression=ORDERED,
        ),
        _of("a IS [NOT] DISTINCT FROM b", exp.NullSafeEQ, exp.NullSafeNEQ, this=ORDERED, expression=ORDERED),
        _of("x BETWEEN a AND b", exp.Between, this=ORDERED, low=ORDERED, high=ORDERED),
        _of("x [NOT] IN (…)", exp.In),
        _of("x IS [NOT] NULL, TRUE, FALSE", exp.Is),
        _of("AND, OR", exp.And, exp.Or, this=BOOL, expression=BOOL),
        _of("NOT x", exp.Not, this=BOOL),
        _of("EXISTS (SELECT …)", exp.Exists),
        _of("IF(condition, a, b)", exp.If),
        _of("CASE WHEN condition THEN a ELSE b END", exp.Case),
        _of("COALESCE(a, …), IFNULL(a, b)", exp.Coalesce),
        _of("NULLIF(a, b)", exp.Nullif, this=ORDERED, expression=ORDERED),
        _of("CAST(x AS type)", exp.Cast, note="which pairs there are, the table below says"),
        _of("SAFE_CAST(x AS type)", exp.TryCast, note="NULL where CAST is an error"),
    ),
    "Text": (
        _of("CONCAT(a, …)", exp.Concat, expressions=TEXT | WHOLE | BOOL | DATE),
        _of("a || b", exp.DPipe, this=TEXT | WHOLE | BOOL | DATE, expression=TEXT | WHOLE | BOOL | DATE),
        _of("LENGTH, CHAR_LENGTH, CHARACTER_LENGTH(text)", exp.Length, this=TEXT),
        _of("BYTE_LENGTH(text)", exp.ByteLength, this=TEXT),
        _of("LOWER(text)", exp.Lower, this=TEXT),
        _of("UPPER(text)", exp.Upper, this=TEXT, note="ß and other letters that become several are an error"),
        _of("TRIM, LTRIM, RTRIM(text[, characters])", exp.Trim, this=TEXT, expression=TEXT),
        _of("REPLACE(text, a, b)", exp.Replace, this=TEXT, expression=TEXT, replacement=TEXT),
        _of("SUBSTR, SUBSTRING(text, position[, length])", exp.Substring, this=TEXT, start=WHOLE, length=WHOLE),
        _of("LEFT(text, length)", exp.Left, this=TEXT, expression=WHOLE),
        _of("RIGHT(text, length)", exp.Right, this=TEXT, expression=WHOLE),
        _of("STARTS_WITH(text, a)", exp.StartsWith, this=TEXT, expression=TEXT),
        _of("ENDS_WITH(text, a)", exp.EndsWith, this=TEXT, expression=TEXT),
        _of("STRPOS(text, a), INSTR(text, a)", exp.StrPosition, this=TEXT, substr=TEXT),
        _of(
            "LPAD, RPAD(text, length[, with])",
            exp.Pad,
            this=TEXT,
            expression=WHOLE,
            fill_pattern=TEXT,
            written=["expression", "fill_pattern"],
        ),
        _of("REPEAT(text, times)", exp.Repeat, this=TEXT, times=WHOLE),
        _of("REVERSE(text)", exp.Reverse, this=TEXT),
        _of("text [NOT] LIKE pattern", exp.Like, this=TEXT, expression=TEXT, written=["expression"]),
        _of("REGEXP_CONTAINS(text, regex)", exp.RegexpLike, this=TEXT, expression=TEXT),
        _of("REGEXP_EXTRACT(text, regex)", exp.RegexpExtract, this=TEXT, expression=TEXT, written=["expression"]),
        _of("REGEXP_REPLACE(text, regex, with)", exp.RegexpReplace, this=TEXT, expression=TEXT, replacement=TEXT),
        _of("SPLIT(text, delimiter)", exp.Split, this=TEXT, expression=TEXT),
        _of("TO_HEX(MD5(text))", exp.MD5, this=TEXT),
        _of("TO_HEX(SHA256(text))", exp.LowerHex, this=BYTES),
        _of("SHA256(text)", exp.SHA2Digest, this=TEXT, length=WHOLE),
    ),
    "Dates and times": (
        _of("CURRENT_DATE([zone]), CURRENT_DATETIME([zone])", exp.CurrentDate, exp.CurrentDatetime, this=TEXT),
        _of("DATE(time)", exp.Date, this=TIME),
        _of("TIMESTAMP(time)", exp.Timestamp, this=TIME | INSTANT | TEXT),
        _of("DATE(year, month, day)", exp.DateFromParts, year=WHOLE, month=WHOLE, day=WHOLE),
        _of("DATETIME(date)", exp.TsOrDsToDatetime, this=TIME),
        _of(
            "DATETIME(year, month, day, hour, minute, second)",
            exp.TimestampFromParts,
            year=WHOLE,
            month=WHOLE,
            day=WHOLE,
            hour=WHOLE,
            min=WHOLE,
            sec=WHOLE,
        ),
        _of("EXTRACT(part FROM time)", exp.Extract, expression=TIME),
        _of("DATE_ADD, DATE_SUB(date, INTERVAL n part)", exp.DateAdd, exp.DateSub, this=DATE, expression=WHOLE | TEXT),
        _of(
            "DATETIME_ADD, DATETIME_SUB(time, INTERVAL n part)",
            exp.DatetimeAdd,
            exp.DatetimeSub,
            this=DATETIME,
            expression=WHOLE | TEXT,
        ),
        _of("DATE_DIFF(a, b, part)", exp.DateDiff, this=TIME, expression=TIME),
        _of("DATETIME_DIFF(a, b, part)", exp.DatetimeDiff, this=TIME, expression=TIME),
        _of("DATE_TRUNC(time, part)", exp.DateTrunc, this=TIME),
        _of("DATETIME_TRUNC(time, part)", exp.DatetimeTrunc, this=DATETIME),
        _of("LAST_DAY(date[, part])", exp.LastDay, this=DATE),
        _of("FORMAT_DATE, FORMAT_DATETIME(format, time)", exp.TimeToStr, note="before the year 1000 %Y is an error"),
        _of("UNIX_DATE(date)", exp.UnixDate, this=DATE),
        _of("DATE_FROM_UNIX_DATE(days)", exp.DateFromUnixDate, this=WHOLE),
        _of(
            "GENERATE_DATE_ARRAY(from, to[, INTERVAL n part])",
            exp.GenerateDateArray,
            start=DATE,
            end=DATE,
            step=frozenset({exp.DType.INTERVAL}),
        ),
    ),
    "Aggregates": (
        _of("COUNT(*), COUNT(x), COUNT(DISTINCT x)", exp.Count),
        _of("COUNTIF(condition)", exp.CountIf, this=BOOL),
        _of("SUM(x)", exp.Sum, this=NUMBER),
        _of("AVG(x)", exp.Avg, this=NUMBER, note="of NUMERICs a NUMERIC"),
        _of("MIN(x)", exp.Min, this=ORDERED),
        _of("MAX(x)", exp.Max, this=ORDERED),
        _of("LOGICAL_AND(x)", exp.LogicalAnd, this=BOOL),
        _of("LOGICAL_OR(x)", exp.LogicalOr, this=BOOL),
        _of("STRING_AGG(text[, delimiter] [ORDER BY …])", exp.GroupConcat),
        _of("STDDEV, STDDEV_SAMP(x)", exp.Stddev, exp.StddevSamp, this=NUMBER),
        _of("STDDEV_POP(x)", exp.StddevPop, this=NUMBER),
        _of("VARIANCE, VAR_SAMP(x)", exp.Variance, this=NUMBER),
        _of("VAR_POP(x)", exp.VariancePop, this=NUMBER),
        _of("CORR(x, y)", exp.Corr, this=NUMBER, expression=NUMBER),
        _of("GROUPING(x)", exp.Grouping),
    ),
    "Windows": (
        _of("f(…) OVER (PARTITION BY … ORDER BY … ROWS …)", exp.Window, exp.WindowSpec),
        _of("ROW_NUMBER()", exp.RowNumber),
        _of("RANK()", exp.Rank),
        _of("DENSE_RANK()", exp.DenseRank),
        _of("PERCENT_RANK()", exp.PercentRank),
        _of("CUME_DIST()", exp.CumeDist),
        _of("NTILE(n)", exp.Ntile),
        _of("LAG(x[, n[, default]])", exp.Lag),
        _of("LEAD(x[, n[, default]])", exp.Lead),
        _of("FIRST_VALUE(x [IGNORE NULLS])", exp.FirstValue, exp.IgnoreNulls),
        _of("LAST_VALUE(x [IGNORE NULLS])", exp.LastValue),
        _of("NTH_VALUE(x, n)", exp.NthValue),
        _of("PERCENTILE_CONT(x, share) OVER (…)", exp.PercentileCont, this=WHOLE | FLOAT, expression=NUMBER),
        _of("PERCENTILE_DISC(x, share) OVER (…)", exp.PercentileDisc, this=ORDERED, expression=NUMBER),
    ),
    "Lists": (
        _of("[a, b, …]", exp.Array),
        _of("UNNEST(list)", exp.Unnest),
        _of("ARRAY_LENGTH(list)", exp.ArraySize, this=LIST),
        _of("ARRAY_TO_STRING(list, delimiter)", exp.ArrayToString, this=LIST, expression=TEXT),
        _of(
            "list[OFFSET(n)], list[SAFE_OFFSET(n)], also ORDINAL", exp.Bracket, note="beyond the end an error, or NULL"
        ),
        _of("GENERATE_ARRAY(from, to[, step])", exp.GenerateSeries, start=WHOLE, end=WHOLE, step=WHOLE),
    ),
}
"""By what they are about."""
