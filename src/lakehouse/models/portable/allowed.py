"""What else SQL may be made of: clauses, casts, parts of times, formats; and what to write for what it may not."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from lakehouse.models.portable.functions import FUNCTIONS, Function
from lakehouse.models.portable.types import BOOL, DECIMAL, INSTANT, NUMBER, TEXT, TIME, WHOLE, Types

BY_KIND: Mapping[type[exp.Expr], Function] = {
    kind: function for functions in FUNCTIONS.values() for function in functions for kind in function.kinds
}

STRUCTURE: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.Qualify, exp.Order, exp.Ordered),
        *(exp.Limit, exp.Offset, exp.Distinct, exp.With, exp.CTE, exp.Subquery, exp.Union, exp.Except, exp.Intersect),
        *(exp.Rollup, exp.Cube, exp.GroupingSets, exp.Table, exp.TableAlias, exp.Identifier, exp.Column, exp.Alias),
        *(exp.Star, exp.Literal, exp.RawString, exp.HexString, exp.Boolean, exp.Null, exp.Paren, exp.Tuple),
        *(exp.Parameter, exp.Var, exp.DataType, exp.DataTypeParam, exp.WeekStart, exp.Interval),
        exp.TsOrDsToDate,
    }
)
"""What a statement is built of."""

CASTS: Mapping[str, Types] = {
    "INT64": NUMBER | TEXT | BOOL,
    "FLOAT64": NUMBER | TEXT,
    "NUMERIC": NUMBER | TEXT,
    "STRING": WHOLE | DECIMAL | TEXT | BOOL | TIME,
    "BOOL": WHOLE | TEXT | BOOL,
    "DATE": TIME | TEXT | INSTANT,
    "DATETIME": TIME | TEXT | INSTANT,
    "TIMESTAMP": TIME | TEXT | INSTANT,
}
"""Type → what may be cast to it."""

PARTS: Mapping[str, frozenset[str]] = {
    "EXTRACT": frozenset(
        [
            "YEAR",
            "ISOYEAR",
            "QUARTER",
            "MONTH",
            "WEEK",
            "WEEK(MONDAY)",
            "ISOWEEK",
            "DAY",
            "DAYOFYEAR",
            "DAYOFWEEK",
            "HOUR",
            "MINUTE",
            "SECOND",
            "MILLISECOND",
            "MICROSECOND",
            "DATE",
        ]
    ),
    "DATE_ADD": frozenset(["DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]),
    "DATETIME_ADD": frozenset(
        ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]
    ),
    "DATE_DIFF": frozenset(["ISOYEAR", "DAY", "WEEK", "WEEK(MONDAY)", "ISOWEEK", "MONTH", "QUARTER", "YEAR"]),
    "DATETIME_DIFF": frozenset(
        ["MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]
    ),
    "DATE_TRUNC": frozenset(["ISOYEAR", "DAY", "WEEK", "WEEK(MONDAY)", "ISOWEEK", "MONTH", "QUARTER", "YEAR"]),
    "DATETIME_TRUNC": frozenset(
        ["ISOYEAR", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "WEEK(MONDAY)", "ISOWEEK", "MONTH", "QUARTER", "YEAR"]
    ),
    "LAST_DAY": frozenset(["MONTH", "QUARTER", "YEAR"]),
}
"""Function → the parts of a time that it takes."""

PART_OF: Mapping[type[exp.Expr], str] = {
    exp.Extract: "EXTRACT",
    exp.DateAdd: "DATE_ADD",
    exp.DateSub: "DATE_ADD",
    exp.DatetimeAdd: "DATETIME_ADD",
    exp.DatetimeSub: "DATETIME_ADD",
    exp.DateDiff: "DATE_DIFF",
    exp.DatetimeDiff: "DATETIME_DIFF",
    exp.DateTrunc: "DATE_TRUNC",
    exp.DatetimeTrunc: "DATETIME_TRUNC",
    exp.LastDay: "LAST_DAY",
}

FORMATS = frozenset(
    [
        "%Y",
        "%m",
        "%d",
        "%y",
        "%b",
        "%B",
        "%A",
        "%a",
        "%u",
        "%w",
        "%j",
        "%V",
        "%G",
        "%U",
        "%W",
        "%H",
        "%M",
        "%S",
        "%I",
        "%p",
        "%R",
        "%x",
        "%%",
    ]
)
"""Elements of FORMAT_DATE and FORMAT_DATETIME; %F, %T and %D are made of them."""

OF_CLOCK = frozenset({"%H", "%M", "%S", "%I", "%p", "%R"})
"""Those of a time of the day, which a DATE has none of."""

INSTEAD: Mapping[str, str] = {
    "APPROX_COUNT_DISTINCT": "write COUNT(DISTINCT …)",
    "APPROX_QUANTILES": "write PERCENTILE_CONT(x, 0.5) OVER (…)",
    "APPROX_TOP_COUNT": "write COUNT(*) with GROUP BY, ORDER BY and LIMIT",
    "FARM_FINGERPRINT": "write TO_HEX(MD5(…))",
    "SHA512": "write TO_HEX(SHA256(…))",
    "FORMAT": "write ROUND, LPAD or CONCAT, or format where the result is shown",
    "TIMESTAMP_DIFF": "write DATETIME_DIFF(CAST(a AS DATETIME), CAST(b AS DATETIME), SECOND)",
    "TIMESTAMP_TRUNC": "write DATETIME_TRUNC(CAST(x AS DATETIME), …)",
    "PARSE_DATE": "write CAST(text AS DATE) of YYYY-MM-DD",
    "PARSE_DATETIME": "write CAST(text AS DATETIME) of YYYY-MM-DD HH:MM:SS",
    "SAFE.": "test the argument with IF first",
    "ANY_VALUE": "write MIN or MAX",
    "ARRAY_AGG": "write STRING_AGG, or WHERE TRUE QUALIFY ROW_NUMBER() OVER (…)",
    "PIVOT": "write SUM(IF(condition, x, NULL)) AS name for each column",
    "UNPIVOT": "write a SELECT for each column, with UNION ALL between",
    "TABLESAMPLE": "filter by a column",
    "INTERVAL": "write DATE_ADD or DATETIME_ADD",
    "CONTAINS_SUBSTR": "write STRPOS(LOWER(x), 'text') > 0",
    "RAND": "there is no value that both engines give",
    "GENERATE_UUID": "there is no value that both engines give",
    "CURRENT_TIMESTAMP": "write CURRENT_DATETIME()",
    "MIN_BY": "write WHERE TRUE QUALIFY ROW_NUMBER() OVER (… ORDER BY …) = 1",
    "MAX_BY": "write WHERE TRUE QUALIFY ROW_NUMBER() OVER (… ORDER BY … DESC) = 1",
    "LOG": "write LN(x) / LN(base)",
    "LOG10": "write LN(x) / LN(10)",
    "STRUCT": "name its fields as columns",
    "TO_JSON_STRING": "name the columns, and write JSON where the result is shown: --format json",
    "IEEE_DIVIDE": "write SAFE_DIVIDE",
    "LOGICAL_XOR": "write a <> b",
    "RESPECT NULLS": "leave it out of FIRST_VALUE, LAST_VALUE and NTH_VALUE, which have it by themselves",
    "HAVING MAX or MIN": "write WHERE TRUE QUALIFY ROW_NUMBER() OVER (… ORDER BY …) = 1",
    "DATETIME of a zone": "write CAST(x AS DATETIME), which is UTC's",
    "INITCAP": "write CONCAT(UPPER(LEFT(x, 1)), LOWER(SUBSTR(x, 2)))",
    "TRANSLATE": "write a REPLACE for each character",
    "REGEXP_EXTRACT_ALL": "write SPLIT, or REGEXP_EXTRACT of the first",
    "FORMAT_TIMESTAMP": "write FORMAT_DATETIME of CAST(x AS DATETIME), which is UTC's",
    "SHA1": "write TO_HEX(SHA256(…))",
}
"""What is not on the list → what to write."""
