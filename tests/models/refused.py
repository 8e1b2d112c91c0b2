"""SQL that is refused, by the rule that does so: where the rule is taken away, the engines do not agree on it.

That they do not is tested on both engines (`tests/googlesql/test_refusals.py`); columns are those of `edges.py`.
"""

from __future__ import annotations

import re

from tests.googlesql.edges import COLUMNS

WRITTEN: dict[str, tuple[str, ...]] = {
    # rule of `refusals.py` → expressions, or whole queries
    "not listed": (
        *("FORMAT('%.2f', f)", "FARM_FINGERPRINT(s)", "SAFE.SUBSTR(s, 1, k)", "SOUNDEX(s)", "CONTAINS_SUBSTR(s, 'a')"),
        *("TO_JSON_STRING(f)", "TO_JSON_STRING(i)", "IEEE_DIVIDE(f, g)", "SAFE_ADD(i, j)", "RANGE_BUCKET(i, [0, 10])"),
        *(
            "SIN(f)",
            "CBRT(f)",
            "ATAN2(f, g)",
            "LOG(f, 2)",
            "i << 1",
            "UNICODE(s)",
            "ASCII(s)",
            "CHR(k)",
            "NORMALIZE(s)",
        ),
        *("UNIX_SECONDS(CAST(t AS TIMESTAMP))", "SHA1(s)", "b'ab'", "COLLATE(s, 'und:ci')"),
        "TIMESTAMP_DIFF(CAST(t AS TIMESTAMP), CAST(u AS TIMESTAMP), MINUTE)",
        "SELECT ARRAY_AGG(j ORDER BY j LIMIT 2) AS v FROM silver.edges",
        "SELECT APPROX_QUANTILES(j, 2) AS v FROM silver.edges",
        "SELECT APPROX_COUNT_DISTINCT(NULLIF(j, 60)) AS v FROM silver.edges TABLESAMPLE SYSTEM (0 PERCENT)",
        "RAND()",
        "GENERATE_UUID()",
    ),
    "names": (
        *("NVL(i, 0)", "LEN(s)", "LAST_DAY_OF_MONTH(d)", "REGEXP_LIKE(s, 'a')", "ARRAY_SIZE([1])", "TO_HEX(SHA512(s))"),
        "SELECT COUNT_IF(b) AS v FROM silver.edges",
    ),
    "arguments": (
        "INSTR(s, 'a', 1, 2)",
        "TIMESTAMP('2024-01-01 10:00:00', 'America/New_York')",
        "ROUND(f, k)",
        "LPAD(s, k)",
        "s LIKE q",
    ),
    "parts of times": (
        "EXTRACT(TIME FROM t)",
        "EXTRACT(WEEK(TUESDAY) FROM d)",
        "LAST_DAY(d, ISOYEAR)",
    ),
    "formats": (
        *("FORMAT_DATE('%e', d)", "FORMAT_DATE('%Q', d)", "FORMAT_DATETIME('%E3S', t)", "FORMAT_DATETIME('%s', t)"),
        *(
            "FORMAT_DATETIME('%f', t)",
            "FORMAT_DATETIME('%k', t)",
            "FORMAT_DATETIME('%c', t)",
            "FORMAT_DATE(s, d)",
            "FORMAT_DATE('', d)",
            "FORMAT_DATE('%H:%M', d)",
            "FORMAT_DATE('%Y%', d)",
        ),
    ),
    "subscripts": (
        "[1, 2][OFFSET(-1)]",
        "[i, j][OFFSET(k)]",
        "[1, 2][ORDINAL(0)]",
        "[1, 2][SAFE_OFFSET(-2)]",
        "SPLIT(s, 'b')[SAFE_OFFSET(k)]",
    ),
    "WITH OFFSET": ("SELECT n1, o FROM UNNEST([3, 1]) AS n1 WITH OFFSET AS o",),
    "set operations": ("SELECT j FROM silver.edges FULL UNION ALL BY NAME SELECT 1 AS other",),
    "DISTINCT": (
        "SELECT DISTINCT ON (b) b, j FROM silver.edges ORDER BY b, j",
        "SELECT COUNT(DISTINCT b, j) AS v FROM silver.edges",
    ),
    "order of DISTINCT": (
        "SELECT DISTINCT MOD(j, 2) AS v FROM silver.edges ORDER BY j",
        "SELECT DISTINCT MOD(j, 2) AS v FROM silver.edges ORDER BY MOD(j, 2)",
    ),
    "no FROM": (
        *(
            "SELECT COUNT(*) AS v",
            "SELECT 1 AS v WHERE TRUE",
            "SELECT 1 AS v ORDER BY v",
            "SELECT ROW_NUMBER() OVER () AS v",
        ),
        "SELECT 1 AS v GROUP BY v",
    ),
    "LIMIT": (
        *("SELECT j FROM silver.edges ORDER BY j LIMIT 1.5", "SELECT j FROM silver.edges ORDER BY j LIMIT NULL"),
        "SELECT j FROM silver.edges ORDER BY j OFFSET 1",
    ),
    "frames": (
        "SELECT j, SUM(j) OVER (ORDER BY j GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
        "SELECT j, SUM(j) OVER (ORDER BY j ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS v "
        "FROM silver.edges",
        "SELECT j, LAG(j IGNORE NULLS) OVER (ORDER BY j) AS v FROM silver.edges",
    ),
    "numbers of rows": (
        "SELECT j, LAG(j, -1) OVER (ORDER BY j) AS v FROM silver.edges",
        "SELECT j, NTH_VALUE(j, 0) OVER (ORDER BY j) AS v FROM silver.edges",
    ),
    "UNNEST": ("SELECT UNNEST([1, 2]) AS v",),
    "orders of windows": (
        *("SELECT j, RANK() OVER () AS v FROM silver.edges", "SELECT j, LAG(j) OVER () AS v FROM silver.edges"),
        "SELECT j, FIRST_VALUE(j IGNORE NULLS) OVER (PARTITION BY j) AS v FROM silver.edges",
        "SELECT j, RANK() OVER w AS v FROM silver.edges WINDOW w AS (PARTITION BY j)",
        "SELECT j, PERCENTILE_CONT(j, 0.5) OVER (ORDER BY j) AS v FROM silver.edges",
        "SELECT j, STRING_AGG(s ORDER BY s) OVER (PARTITION BY j) AS v FROM silver.edges",
    ),
    "frames of windows": (
        "SELECT j, RANK() OVER (ORDER BY j ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
        "SELECT j, COUNT(DISTINCT j) OVER (ORDER BY j) AS v FROM silver.edges",
    ),
    "bounds of frames": (
        "SELECT j, SUM(j) OVER (ORDER BY j ROWS BETWEEN j PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
        "SELECT j, SUM(j) OVER (RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
    ),
    "ordered aggregates": (
        "SELECT COUNT(j ORDER BY j) AS v FROM silver.edges",
        "SELECT STRING_AGG(z, ',' ORDER BY 1) AS v FROM silver.edges",
        "SELECT STRING_AGG(DISTINCT z, ',' ORDER BY LENGTH(z)) AS v FROM silver.edges",
    ),
    "reserved words": ("SELECT j AS end FROM silver.edges", "SELECT j AS größe FROM silver.edges"),
    "names of columns": (
        "WITH a1 (v) AS (SELECT j FROM silver.edges) SELECT v FROM a1",
        "SELECT v FROM (SELECT j FROM silver.edges) AS a1 (v)",
    ),
    "order of a set": ("SELECT j FROM silver.edges UNION ALL SELECT 1 AS v ORDER BY v",),
    "USING again": (
        "SELECT j FROM (SELECT 2 AS j) AS a1 FULL JOIN (SELECT 3 AS j) AS a2 USING (j) JOIN silver.edges USING (j)",
        "SELECT j FROM (SELECT 2 AS j) AS a1 RIGHT JOIN (SELECT 3 AS j) AS a2 USING (j) JOIN silver.edges USING (j)",
    ),
    "names twice": ("SELECT x1 FROM UNNEST([1]) AS x1, UNNEST([2]) AS x1",),
    "operands": ("NULL + 1", "i * NULL", "-NULL", "NULL / 2"),
    "too few": ("IF(b, 1)", "IFNULL(i, 1, 2)", "SELECT COUNT() AS v FROM silver.edges"),
    "shifts": ("DATE_ADD(d, INTERVAL 1.5 DAY)",),
    "lengths": ("LPAD(s, -1)",),
    "GROUP BY of a literal": ("SELECT COUNT(*) AS v FROM silver.edges GROUP BY 'a'",),
    "HAVING": ("SELECT 1 AS v FROM silver.edges HAVING COUNT(*) > 1",),
    "parts of groups": (
        "SELECT CAST(EXTRACT(YEAR FROM d) AS STRING) AS v FROM silver.edges GROUP BY EXTRACT(YEAR FROM d)",
        "SELECT MOD(j, 2) AS v FROM silver.edges GROUP BY v HAVING MOD(j, 2) = 1",
        "SELECT MOD(j, 2) AS v, RANK() OVER (ORDER BY MOD(j, 2)) AS w FROM silver.edges GROUP BY 1",
    ),
    "CAST with more": (
        "CAST(t AS STRING FORMAT 'YYYY-MM')",
        "CAST(m AS STRING FORMAT '9,999.99')",
        "CAST(s AS STRING(1))",
    ),
    "operators": ("i % 7",),
    "steps": ("GENERATE_ARRAY(1, 3, 0)",),
    "large numbers": ("1000000000000000000000",),
    "INTERVAL": ("COALESCE(INTERVAL 1 DAY, INTERVAL 2 DAY)", "SELECT INTERVAL 1 DAY AS v"),
    "kinds of SELECT": (
        "SELECT a1.j FROM silver.edges AS a1 SEMI JOIN (SELECT 2 AS j) AS a2 ON a1.j = a2.j",
        "SELECT AS STRUCT j FROM silver.edges",
        "SELECT a1.j FROM silver.edges AS a1 NATURAL JOIN (SELECT 2 AS k1) AS a2",
    ),
    "QUALIFY": ("SELECT j FROM silver.edges QUALIFY ROW_NUMBER() OVER (ORDER BY j) = 1",),
    "patterns": (
        "s LIKE 'a\\\\'",
        "REGEXP_EXTRACT(s, r'(a)(.)')",
        "REGEXP_EXTRACT(s, r'(?P<n>a)(.)')",
        "REGEXP_EXTRACT(s, r'(\\pL)(.)')",
    ),
    "STRING_AGG": (
        "SELECT STRING_AGG(z, ',' ORDER BY z LIMIT 2) AS v FROM silver.edges",
        "SELECT STRING_AGG(z, NULL) AS v FROM silver.edges",
    ),
    "|| of NULL": ("s || NULL",),
    "decimals": ("ROUND(r, 12)", "TRUNC(g, 16)"),
    "types": ("CAST('1.5' AS BIGNUMERIC)", "CAST('a' AS BYTES)", "TIME '10:00:00'"),
    "SAFE_CAST of digits": ("SAFE_CAST(n AS NUMERIC(4, 1))",),
    "literals": (
        "DATE '24-01-01'",
        "DATE '2024-01-01 10:00:00'",
        "CAST('1_000' AS INT64)",
        "CAST('t' AS BOOL)",
        "NUMERIC '0.0000000015'",
    ),
}

TYPED: dict[str, tuple[str, ...]] = {
    # rule of `type_rules.py` → expressions, or whole queries
    "arguments": (
        *(
            "LENGTH(i)",
            "UPPER(d)",
            "d + 1",
            "d - e",
            "t - u",
            "SQRT(m)",
            "POW(m, 2)",
            "CONCAT(f, s)",
            "m || s",
            "t || s",
        ),
        *(
            "DATE_TRUNC('2024-01-31 10:00:00', MONTH)",
            "DATE_DIFF(t, '2024-01-31', DAY)",
            "EXTRACT(HOUR FROM CAST(t AS TIMESTAMP))",
            "ABS(x)",
            "SUBSTR(s, f)",
            "DATETIME_TRUNC(d, MONTH)",
        ),
        "SELECT SUM(b) AS v FROM silver.edges",
        "SELECT m, PERCENTILE_CONT(m, 0.5) OVER () AS v FROM silver.edges",
    ),
    "casts": (
        "CAST(f AS STRING)",
        "CAST(CAST(t AS TIMESTAMP) AS STRING)",
        "CAST(f AS BOOL)",
        "CAST(i AS DATE)",
        "CAST(d AS INT64)",
    ),
    "comparisons": (
        *("i = '1'", "s = 1", "d = 1", "b = 1", "i IN ('1', '2')", "i BETWEEN '0' AND '9'", "COALESCE(i, 'none')"),
        *("IF(b, i, 'none')", "CASE WHEN b THEN 1 ELSE 'one' END", "NULLIF(i, '1')", "GREATEST(i, '5')"),
        "SELECT j FROM silver.edges WHERE j IN (SELECT s FROM silver.edges)",
        "s = NULL",
        *("d < '2024-01-02 10:00:00'", "d IN ('2024-01-01', 'x')", "d IN (y, '2024-01-01')"),
    ),
    "NULLIF": ("NULLIF(i, 1.0)",),
    "rows": ("SELECT a1 FROM silver.edges AS a1",),
    "partitions": ("SELECT f, COUNT(*) OVER (PARTITION BY f) AS v FROM silver.edges",),
    "distances": (
        "SELECT d, COUNT(*) OVER (ORDER BY d RANGE BETWEEN 7 PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
        "SELECT j, COUNT(*) OVER (ORDER BY j RANGE BETWEEN 0.5 PRECEDING AND CURRENT ROW) AS v FROM silver.edges",
    ),
    "joined texts": ("SELECT STRING_AGG(j, ',') AS v FROM silver.edges",),
    "defaults": (
        "SELECT j, LAG(j, 1, 0.5) OVER (ORDER BY j) AS v FROM silver.edges",
        "SELECT j, LAG(j, 1, k) OVER (ORDER BY j) AS v FROM silver.edges",
    ),
    "messages": ("IF(b, s, ERROR(1))",),
    "lists as text": ("ARRAY_TO_STRING([i, j], ',')",),
    "parts of dates": ("EXTRACT(HOUR FROM d)", "EXTRACT(DATE FROM d)"),
    "lists of lists": ("[[1]]",),
    "conditions": (
        "IF(i, 1, 2)",
        "CASE WHEN i THEN 1 END",
        "SELECT j FROM silver.edges WHERE j",
        "SELECT a1.j FROM silver.edges AS a1 JOIN silver.edges AS a2 ON a1.j",
    ),
    "set operations": (
        "SELECT j FROM silver.edges UNION ALL SELECT 'x'",
        "SELECT 1 AS v UNION ALL SELECT 2.5 UNION ALL SELECT NUMERIC '3.1'",
        "SELECT SUM(v) AS v FROM (SELECT NUMERIC '0.1' AS v UNION ALL SELECT 0.2)",
    ),
}

FOREIGN = (
    *("SELECT 1::INT64 AS v", "SELECT 1 == 1 AS v", "SELECT 1 <=> 1 AS v", "SELECT 'a' ILIKE 'A' AS v"),
    *("SELECT * EXCLUDE (a) FROM (SELECT 1 AS a, 2 AS b)", "SELECT * RENAME (a AS b) FROM (SELECT 1 AS a)"),
    "SELECT LAST_VALUE(n) IGNORE NULLS OVER (ORDER BY n) AS v FROM UNNEST([1]) AS n",
    "SELECT 1 AS v UNION ALL SELECT 2 UNION DISTINCT SELECT 2",
    "SELECT 1 AS v UNION ALL SELECT 2 INTERSECT DISTINCT SELECT 2",
    *("SELECT TRUE AS a, !TRUE AS b", "SELECT n NOTNULL AS v FROM UNNEST([1]) AS n"),
    *("SELECT TRY_CAST('1' AS INT64) AS v", "SELECT POSITION('a' IN 'ba') AS v"),
)
"""Statements of words that the parser takes and BigQuery does not."""

MISPLACED = (
    *("SELECT 'a\\d' AS v", "SELECT '\\0' AS v", "SELECT 'a\nb' AS v", "SELECT 1 AS 'v'"),
    *("SELECT CAST(1 AS TEXT) AS v", "SELECT CAST(1 AS DOUBLE) AS v", "SELECT n FROM UNNEST([1, 2]) AS n LIMIT 1, 1"),
    *("SELECT DATE_TRUNC(DATE '2024-01-03', 'MONTH') AS v", "SELECT EXTRACT('month' FROM DATE '2024-01-03') AS v"),
    *("SELECT 1 AS v FROM (SELECT 1 AS a) AS t JOIN (SELECT 1 AS b) AS u",),
    *("SELECT EXTRACT(MONTH, DATE '2024-01-03') AS v", "SELECT SUBSTRING('abc' FROM 2 FOR 1) AS v"),
)
"""Statements of texts, types and arguments that are written as elsewhere, each of which has another form here."""

TOO_EARLY = (
    *("SELECT 1 AS a, a + 1 AS b", "SELECT n AS a FROM UNNEST([1]) AS n WHERE a > 0"),
    "SELECT n AS a, SUM(n) OVER (PARTITION BY a) AS v FROM UNNEST([1]) AS n",
    "SELECT t.n AS a FROM (SELECT 1 AS n) AS t JOIN (SELECT 1 AS m) AS u ON u.m = a",
)
"""Statements that use a new column where its SELECT does not know it yet."""

SHADOWED = (
    "SELECT b, j * -1 AS j FROM silver.edges ORDER BY IFNULL(j, 0) LIMIT 1",
    "SELECT b, SUM(ABS(j)) AS j FROM silver.edges GROUP BY b ORDER BY -j",
    "SELECT id, 0 - j AS j FROM silver.edges WHERE j > 1 QUALIFY RANK() OVER (ORDER BY j DESC) = 1",
    "SELECT IFNULL(s, 'all') AS s, COUNT(*) AS v FROM silver.edges GROUP BY ROLLUP (s)",
)
"""Names of new columns that mean another one in some clause."""

AMBIGUOUS = (
    "SELECT j FROM (SELECT 1 AS j, j AS j FROM silver.edges)",
    "WITH a1 AS (SELECT * FROM silver.edges AS e1 JOIN silver.edges AS e2 ON e1.j = e2.j) SELECT j FROM a1",
)
"""Names that several columns of a subquery have."""

UNKNOWN = (
    "SELECT * EXCEPT (k1) FROM (SELECT j, b FROM silver.edges)",
    "SELECT * REPLACE (1 AS k1) FROM (SELECT j, b FROM silver.edges)",
    "SELECT a3.v FROM (SELECT j FROM silver.edges) AS a1 JOIN (SELECT 2 AS j) AS a2 ON a1.j = a2.j "
    "JOIN (SELECT 2 AS j, 3 AS v) AS a3 USING (j)",
)
"""Names in stars and in USING that there are none of, or several."""


def as_query(sql: str) -> str:
    """A statement of it."""
    return sql if sql.startswith(("SELECT", "WITH")) else f"SELECT id, {sql} AS v FROM silver.edges"


def columns_of(sql: str) -> tuple[str, ...]:
    """The columns of edges that it names."""
    names = re.findall(r"\b[a-z]\b", re.sub(r"'[^']*'", "", sql))
    return tuple(sorted(set(names) & COLUMNS.keys()))
