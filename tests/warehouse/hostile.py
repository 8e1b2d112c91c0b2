"""Statements that somebody may try on ``lakehouse query``, each with what it tries.

``{canary}`` is a file with a secret, in three formats by its suffix; ``{folder}`` where something could be written;
``{variable}`` the name of an environment variable with a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Hostile:
    """A statement, and what it tries; one that ``may_answer`` is harmless, and its answer has no secret."""

    tries: str
    sql: str
    may_answer: bool = False

    def __str__(self) -> str:
        return self.tries


def nested(opening: str, inner: str, closing: str, times: int) -> str:
    """Something within itself, so many times."""
    return opening * times + inner + closing * times


_FILES = (
    Hostile("a parquet file as a table function", "SELECT * FROM read_parquet('{canary}.parquet')"),
    Hostile("a parquet file by its other name", "SELECT * FROM parquet_scan('{canary}.parquet')"),
    Hostile("a csv file as a table function", "SELECT * FROM read_csv('{canary}.csv')"),
    Hostile("a csv file by its other name", "SELECT * FROM read_csv_auto('{canary}.csv')"),
    Hostile("a text file as a table function", "SELECT * FROM read_text('{canary}.csv')"),
    Hostile("a binary file as a table function", "SELECT * FROM read_blob('{canary}.csv')"),
    Hostile("a JSON file as a table function", "SELECT * FROM read_json('{canary}.json')"),
    Hostile("a JSON file by its other name", "SELECT * FROM read_json_auto('{canary}.json')"),
    Hostile("lines of JSON", "SELECT * FROM read_ndjson_objects('{canary}.json')"),
    Hostile("a file's name as a table, in single quotes", "SELECT * FROM '{canary}.parquet'"),
    Hostile("a file's name as a table, in double quotes", 'SELECT * FROM "{canary}.parquet"'),
    Hostile("a file's name as a table, in backquotes", "SELECT * FROM `{canary}.parquet`"),
    Hostile("a file's name with a layer before it", "SELECT * FROM silver.`{canary}.parquet`"),
    Hostile("a file's name with a catalog before it", "SELECT * FROM `a`.`silver`.`{canary}.parquet`"),
    Hostile(
        "a file's name that a CTE has elsewhere",
        "SELECT * FROM `{canary}.parquet`, "
        "(WITH `{canary}.parquet` AS (SELECT 1 AS x) SELECT x FROM `{canary}.parquet`)",
    ),
    Hostile(
        "a file's name that a CTE has elsewhere, within an expression",
        "SELECT (SELECT MAX(secret) FROM `{canary}.csv`) AS x FROM "
        "(WITH `{canary}.csv` AS (SELECT 1 AS secret) SELECT secret FROM `{canary}.csv`)",
    ),
    Hostile("a pattern of files", "SELECT * FROM glob('{folder}/*')"),
    Hostile("a pattern of files as a table", "SELECT * FROM '{folder}/*.csv'"),
    Hostile("the home's own files", "SELECT * FROM read_parquet('{folder}/../home/**/*.parquet')"),
    Hostile("a folder's list", "SELECT * FROM `{folder}/*`"),
    Hostile("a parquet file's footer", "SELECT * FROM parquet_metadata('{canary}.parquet')"),
    Hostile("a parquet file's schema", "SELECT * FROM parquet_schema('{canary}.parquet')"),
    Hostile("a parquet file's own words", "SELECT * FROM parquet_kv_metadata('{canary}.parquet')"),
    Hostile("the kind of a csv file", "SELECT * FROM sniff_csv('{canary}.csv')"),
    Hostile("a file by a function of values", "SELECT read_text('{canary}.csv') AS x"),
    Hostile("a file by a function that the parser knows", "SELECT READ_CSV('{canary}.csv') AS x"),
    Hostile("a parquet file by a function that the parser knows", "SELECT READ_PARQUET('{canary}.parquet') AS x"),
    Hostile("a file that is unnested", "SELECT * FROM UNNEST(read_text('{canary}.csv'))"),
    Hostile("a file beside a table", "SELECT * FROM silver.zones, LATERAL read_text('{canary}.csv')"),
    Hostile("a file in a subquery", "SELECT (SELECT content FROM read_text('{canary}.csv')) AS x FROM silver.zones"),
    Hostile("a file in a CTE", "WITH a AS (SELECT * FROM read_text('{canary}.csv')) SELECT * FROM a"),
    Hostile(
        "a file after a UNION", "SELECT zone FROM silver.zones UNION ALL SELECT content FROM read_text('{canary}.csv')"
    ),
    Hostile(
        "a file in a condition", "SELECT * FROM silver.zones WHERE EXISTS (SELECT 1 FROM read_text('{canary}.csv'))"
    ),
    Hostile("the environment as a file", "SELECT * FROM read_text('/proc/self/environ')"),
    Hostile("the environment as a table", "SELECT * FROM `/proc/self/environ`"),
    Hostile("a file over http", "SELECT * FROM read_csv('http://127.0.0.1:1/{variable}.csv')"),
    Hostile("a file over https as a table", "SELECT * FROM 'https://127.0.0.1:1/a.parquet'"),
    Hostile("a file on S3", "SELECT * FROM read_parquet('s3://bucket/a.parquet')"),
    Hostile("a file by a file address", "SELECT * FROM read_text('file://{canary}.csv')"),
    Hostile("an engine's own database", "SELECT * FROM sqlite_scan('{folder}/../home/catalog.db', 'iceberg_tables')"),
    Hostile("an Iceberg table by its folder", "SELECT * FROM iceberg_scan('{folder}/../home/tables')"),
)

_ENVIRONMENT = (
    Hostile("a variable of the environment", "SELECT getenv('{variable}') AS x"),
    Hostile("a variable, in another case", "SELECT GetEnv('{variable}') AS x"),
    Hostile("a variable, in backquotes", "SELECT `getenv`('{variable}') AS x"),
    Hostile("a variable by the dot of a method", "SELECT x.getenv() AS y FROM (SELECT '{variable}' AS x)"),
    Hostile("a variable by a function of a layer", "SELECT system.main.getenv('{variable}') AS x"),
    Hostile("a variable, in an order", "SELECT zone FROM silver.zones ORDER BY getenv('{variable}')"),
    Hostile("a variable, in a window", "SELECT SUM(1) OVER (PARTITION BY getenv('{variable}')) AS x FROM silver.zones"),
    Hostile("a variable of the session", "SELECT getvariable('{variable}') AS x"),
    Hostile("a setting", "SELECT current_setting('temp_directory') AS x"),
    Hostile("all settings", "SELECT * FROM duckdb_settings()"),
    Hostile("all settings, without brackets", "SELECT * FROM duckdb_settings"),
    Hostile("secrets", "SELECT * FROM duckdb_secrets()"),
    Hostile("the views of the session, which name files", "SELECT * FROM duckdb_views()"),
    Hostile("the views of the session as a table", "SELECT * FROM duckdb_views"),
    Hostile("the engine's list of tables", "SELECT * FROM sqlite_master"),
    Hostile(
        "the engine's list of tables, that a CTE has elsewhere",
        "SELECT * FROM sqlite_master, (WITH sqlite_master AS (SELECT 1 AS x) SELECT x FROM sqlite_master)",
    ),
    Hostile(
        "the engine's list of views, that a CTE has elsewhere",
        "SELECT (SELECT MAX(sql) FROM duckdb_views) AS s FROM "
        "(WITH duckdb_views AS (SELECT 'a' AS sql) SELECT sql FROM duckdb_views)",
    ),
    Hostile("the catalog of PostgreSQL", "SELECT * FROM pg_catalog.pg_tables"),
    Hostile("the engine's information schema", "SELECT * FROM system.information_schema.tables"),
    Hostile("databases", "SELECT * FROM pragma_database_list"),
    Hostile("a table's columns by a pragma", "SELECT * FROM pragma_table_info('silver.zones')"),
    Hostile("what is spilled, and where", "SELECT * FROM duckdb_temporary_files()"),
    Hostile("a table of another catalog", "SELECT * FROM memory.silver.zones"),
    Hostile("a table of the session", "SELECT * FROM audit.information_schema_tables"),
    Hostile("the statement itself", "SELECT current_query() AS x"),
    Hostile("who asks", "SELECT CURRENT_USER AS x", may_answer=True),
    Hostile("which version answers", "SELECT version() AS x"),
    Hostile("what the engine would complete", "SELECT * FROM sql_auto_complete('SEL')"),
    Hostile("the log", "SELECT * FROM duckdb_logs()"),
)

_STATEMENTS = (
    Hostile("SQL within a text", "SELECT * FROM query('SELECT * FROM read_text(''{canary}.csv'')')"),
    Hostile("a table by a text", "SELECT * FROM query_table('{canary}.csv')"),
    Hostile("to copy a table", "COPY silver.zones TO '{folder}/stolen.csv'"),
    Hostile("to copy a file", "COPY (SELECT * FROM read_text('{canary}.csv')) TO '{folder}/stolen.csv'"),
    Hostile("to export all", "EXPORT DATABASE '{folder}/stolen'"),
    Hostile("to export as BigQuery does", "EXPORT DATA OPTIONS(uri='{folder}/*.csv') AS SELECT 1 AS x"),
    Hostile("to import all", "IMPORT DATABASE '{folder}'"),
    Hostile("to attach a database", "ATTACH '{folder}/stolen.db' AS stolen"),
    Hostile("to detach a database", "DETACH memory"),
    Hostile("to set a setting", "SET enable_external_access = true"),
    Hostile("to unlock the settings", "SET lock_configuration = false"),
    Hostile("to reset a setting", "RESET max_execution_time"),
    Hostile("a pragma", "PRAGMA enable_profiling"),
    Hostile("to install an extension", "INSTALL httpfs"),
    Hostile("to load an extension", "LOAD httpfs"),
    Hostile("to load a file as an extension", "LOAD '{canary}.csv'"),
    Hostile("to make a table", "CREATE TABLE silver.stolen AS SELECT 1 AS x"),
    Hostile("to make a macro", "CREATE MACRO a(x) AS x"),
    Hostile("to make a secret", "CREATE PERSISTENT SECRET a (TYPE s3)"),
    Hostile("to drop a table", "DROP VIEW silver.zones"),
    Hostile("to delete rows", "DELETE FROM silver.zones WHERE TRUE"),
    Hostile("to insert rows", "INSERT INTO silver.zones (zone) VALUES ('x')"),
    Hostile("to update rows", "UPDATE silver.zones SET zone = 'x' WHERE TRUE"),
    Hostile("to merge rows", "MERGE silver.zones USING silver.users ON TRUE WHEN MATCHED THEN DELETE"),
    Hostile("to insert within a CTE", "WITH a AS (INSERT INTO silver.zones (zone) VALUES ('x')) SELECT 1 AS x"),
    Hostile("to delete within a CTE", "WITH a AS (DELETE FROM silver.zones WHERE TRUE) SELECT 1 AS x"),
    Hostile("to make a table within a CTE", "WITH a AS (CREATE TABLE t AS SELECT 1 AS x) SELECT 1 AS x"),
    Hostile("to select into a table", "SELECT zone INTO stolen FROM silver.zones"),
    Hostile("two statements", "SELECT 1 AS x; SELECT 2 AS x"),
    Hostile("a second statement that writes", "SELECT 1 AS x; COPY (SELECT 1) TO '{folder}/stolen.csv'"),
    Hostile("a second statement after a comment", "SELECT 1 AS x -- ;\n; DROP VIEW silver.zones"),
    Hostile("a second statement after a comment's end", "SELECT 1 AS x /* */; /* */ DROP VIEW silver.zones"),
    Hostile("to explain and run", "EXPLAIN ANALYZE SELECT * FROM read_text('{canary}.csv')"),
    Hostile("to call a function", "CALL duckdb_settings()"),
    Hostile("to run what is prepared", "EXECUTE a"),
    Hostile("to run a text", 'EXECUTE IMMEDIATE "SELECT 1"'),
    Hostile("to begin a transaction", "BEGIN TRANSACTION"),
    Hostile("a script", "DECLARE x INT64 DEFAULT 1; SELECT x"),
    Hostile("to wait", "SELECT sleep_ms(100000) AS x"),
    Hostile("to write to the log", "SELECT write_log('x') AS x"),
    Hostile("to fail in its own words", "SELECT ERROR('no parquet file is here') AS x"),
    Hostile("to fail without a word", "SELECT ERROR() AS x"),
    Hostile("to fail twice", "SELECT ERROR('one', 'two') AS x"),
    Hostile("a function that there is not", "SELECT NO_SUCH_FUNCTION(zone) AS x FROM silver.zones"),
    Hostile("a function with a typing error", "SELECT LENGHT(zone) AS x FROM silver.zones"),
    Hostile("a query of another database", "SELECT * FROM EXTERNAL_QUERY('a', 'SELECT 1')"),
    Hostile("a model's prediction", "SELECT * FROM ML.PREDICT(MODEL a, TABLE silver.zones)"),
    Hostile("a table function in a pipe", "FROM silver.zones |> CALL read_text('{canary}.csv')"),
    Hostile("SHOW of more than tables", "SHOW ALL TABLES; DROP VIEW silver.zones"),
    Hostile("DESCRIBE of a file", "DESCRIBE '{canary}.parquet'"),
    Hostile("DESCRIBE of a query", "DESCRIBE SELECT * FROM read_text('{canary}.csv')"),
    Hostile("SUMMARIZE of a file", "SUMMARIZE '{canary}.parquet'"),
)

_TEXTS = (
    Hostile("quoting by dollars", "SELECT $$'; DROP VIEW silver.zones; --$$ AS x"),
    Hostile("quoting by dollars with a tag", "SELECT * FROM read_text($a${canary}.csv$a$)"),
    Hostile("the end of a text by a backslash", "SELECT '\\'; DROP VIEW silver.zones; --' AS x", may_answer=True),
    Hostile("a backslash alone", "\\"),
    Hostile("a text that ends in a backslash", "SELECT 'a\\"),
    Hostile(
        "a raw text with quotes",
        "SELECT r'''a' || (SELECT content FROM read_text('{canary}.csv')) || ''' AS x",
        may_answer=True,
    ),
    Hostile(
        "the end of a name by quotes",
        "SELECT 1 AS `x\" FROM read_text('{canary}.csv') --`",
        may_answer=True,
    ),
    Hostile(
        "the end of an engine's text by quotes",
        "SELECT \"'), (SELECT content FROM read_text('{canary}.csv')) AS y --\" AS x",
        may_answer=True,
    ),
    Hostile("a comment that does not end", "SELECT 1 AS x /* "),
    Hostile("a comment within a comment", "SELECT /* /* */ * FROM read_text('{canary}.csv') /* */ */ 1"),
    Hostile("a comment that hides a name", "SELECT * FROM read_/**/text('{canary}.csv')"),
    Hostile("a comment by a hash", "SELECT 1 AS x # \n FROM read_text('{canary}.csv')"),
    Hostile("a hint", "SELECT /*+ x */ * FROM read_text('{canary}.csv')"),
    Hostile("a NUL", "SELECT 1 AS x\0; DROP VIEW silver.zones"),
    Hostile("a NUL in a text", "SELECT 'a\0b' AS x"),
    Hostile("a NUL by an escape", "SELECT 'a\\0b\\x00c' AS x", may_answer=True),
    Hostile("half a character", "SELECT '\ud800' AS x"),
    Hostile("half a character, as a name", "SELECT 1 AS `\udcff`"),
    Hostile("half a character by an escape", "SELECT '\\ud800' AS x", may_answer=True),
    Hostile("a byte that is no text, by an escape", "SELECT '\\xff' AS x", may_answer=True),
    Hostile("letters that look like others", "SELECT * FROM rеad_text('{canary}.csv')"),  # noqa: RUF001
    Hostile("wide letters", "SELECT * FROM ｒｅａｄ_ｔｅｘｔ('{canary}.csv')"),  # noqa: RUF001
    Hostile("quotes that look like others", "SELECT * FROM ‘{canary}.csv’"),  # noqa: RUF001
    Hostile("a semicolon that looks like another", "SELECT 1 AS x; DROP VIEW silver.zones"),
    Hostile("text from right to left", "SELECT '\u202e' AS x, * FROM read_text('{canary}.csv')"),
    Hostile("a space that is none", "SELECT\u00a0*\u3000FROM\u2003read_text('{canary}.csv')"),
    Hostile("a name of many lines", "SELECT * FROM `silver.a\nb\r\nc\u2028d`"),
    Hostile("a column of many lines", "SELECT `a\nb` FROM silver.zones"),
    Hostile("an escape of the terminal", "SELECT * FROM `silver.\x1b[2J`"),
    Hostile("a Jinja template", "SELECT * FROM {{ {canary} }}"),
    Hostile("a parameter", "SELECT @x AS x"),
    Hostile("a parameter of the engine", "SELECT $1 AS x"),
    Hostile("a question mark", "SELECT ? AS x"),
    Hostile("a system variable", "SELECT @@version AS x"),
    Hostile("a regular expression that is none", "SELECT REGEXP_CONTAINS(zone, '(') AS x FROM silver.zones"),
    Hostile("a format that is none", "SELECT PARSE_DATE('%Q', zone) AS x FROM silver.zones"),
    Hostile("a text that is no number", "SELECT CAST('x' AS INT64) AS x"),
    Hostile("a number beyond all", "SELECT 9223372036854775807 + 1 AS x"),
    Hostile("nothing", ""),
    Hostile("nothing but semicolons", ";" * 5000),
)


def _deep(times: int) -> Iterator[Hostile]:
    steps = "".join(f", a{step} AS (SELECT x FROM a{step - 1})" for step in range(1, times))
    yield Hostile(f"{times:,} brackets", f"SELECT {nested('(', '1', ')', times)} AS x")
    yield Hostile(f"{times:,} brackets that do not end", "SELECT " + "(" * times)
    yield Hostile(f"{times:,} NOTs", f"SELECT {'NOT ' * times}TRUE AS x")
    yield Hostile(f"{times:,} signs", f"SELECT {'- ' * times}1 AS x")
    yield Hostile(f"{times:,} pluses before a number", f"SELECT {'+' * times}1 AS x")
    yield Hostile(f"{times:,} INTERVALs", f"SELECT {'INTERVAL ' * times}1 DAY AS x")
    yield Hostile(f"{times:,} functions in one another", f"SELECT {nested('ABS(', '1', ')', times)} AS x")
    yield Hostile(f"{times:,} CASEs", f"SELECT {nested('CASE WHEN TRUE THEN ', '1', ' END', times)} AS x")
    yield Hostile(f"{times:,} subqueries", f"SELECT x FROM {nested('(SELECT x FROM ', '(SELECT 1 AS x)', ')', times)}")
    yield Hostile(f"{times:,} arrays", f"SELECT {nested('[', '1', ']', times)} AS x")
    yield Hostile(f"{times:,} types", f"SELECT CAST(NULL AS {nested('ARRAY<', 'INT64', '>', times)}) AS x")
    yield Hostile(f"{times:,} steps into an array", f"SELECT a{'[0]' * times} AS x FROM (SELECT [1] AS a)")
    yield Hostile(f"{times:,} UNIONs", " UNION ALL ".join(["SELECT 1 AS x"] * times))
    yield Hostile(f"{times:,} sums", f"SELECT {'+'.join(['1'] * times)} AS x")
    yield Hostile(f"{times:,} ANDs", f"SELECT {' AND '.join(['TRUE'] * times)} AS x")
    yield Hostile(f"{times:,} BETWEENs", f"SELECT 1{' BETWEEN 0 AND 1' * times} AS x")
    yield Hostile(f"{times:,} tables that are joined", f"SELECT 1 AS x FROM {', '.join(['silver.zones AS z'] * times)}")
    yield Hostile(
        f"{times:,} queries in one SELECT",
        f"SELECT {', '.join(f'(SELECT MAX(zone) FROM silver.zones) AS c{n}' for n in range(times))}",
    )
    yield Hostile(
        f"{times:,} CTEs, each of the one before", f"WITH a0 AS (SELECT 1 AS x){steps} SELECT x FROM a{times - 1}"
    )
    yield Hostile(f"{times:,} pipes", f"FROM silver.zones {'|> WHERE TRUE ' * times}|> SELECT zone")
    yield Hostile(f"{times:,} DESCRIBEs", f"{'DESCRIBE ' * times}silver.zones")


_TWICE = "".join(f", a{n} AS (SELECT CONCAT(x, x) AS x FROM a{n - 1})" for n in range(1, 41))
_STRUCTS = "".join(f", a{n} AS (SELECT STRUCT(x AS l, x AS r) AS x FROM a{n - 1})" for n in range(1, 41))
_TUPLES = "".join(f", a{n} AS (SELECT (x, x) AS x FROM a{n - 1})" for n in range(1, 41))
_ROWS = "".join(f", a{n} AS (SELECT l AS x, r AS y FROM a{n - 1} AS l, a{n - 1} AS r)" for n in range(1, 41))
_ARRAYS = "".join(f", a{n} AS (SELECT ARRAY_CONCAT(x, x) AS x FROM a{n - 1})" for n in range(1, 41))
_COLUMNS = "".join(f", a{n} AS (SELECT l.*, r.* FROM a{n - 1} AS l, a{n - 1} AS r)" for n in range(1, 31))
_MANY = "CROSS JOIN UNNEST(GENERATE_ARRAY(1, 100000)) AS"

_LARGE = (
    Hostile("a text of 10^10 letters", "SELECT REPEAT('x', 10000000000) AS x"),
    Hostile("a text of 4·10^9 letters", "SELECT LENGTH(REPEAT('x', 4000000000)) AS x"),
    Hostile("padding of 2·10^9 letters", "SELECT LENGTH(LPAD('x', 2000000000, 'ab')) AS x"),
    Hostile("a struct that doubles 40 times", f"WITH a0 AS (SELECT 1 AS x){_STRUCTS} SELECT 1 AS n FROM a40"),
    Hostile(
        "an array that doubles 40 times", f"WITH a0 AS (SELECT [1] AS x){_ARRAYS} SELECT ARRAY_LENGTH(x) AS n FROM a40"
    ),
    Hostile("an array of 10^12 numbers", "SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000000)) AS x"),
    Hostile("an array of 10^9 numbers", "SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000)) AS x"),
    Hostile(
        "rows of an array of 10^12 numbers", "SELECT COUNT(*) AS n FROM UNNEST(GENERATE_ARRAY(1, 1000000000000)) AS n"
    ),
    Hostile("a text that doubles 40 times", f"WITH a0 AS (SELECT 'x' AS x){_TWICE} SELECT x FROM a40"),
    Hostile("columns that double 30 times", f"WITH a0 AS (SELECT 1 AS x){_COLUMNS} SELECT COUNT(*) AS n FROM a30"),
    Hostile(
        "a product of a table with itself, counted",
        f"SELECT COUNT(*) AS n FROM {', '.join(f'silver.zones AS z{n}' for n in range(8))} WHERE z0.zone < z7.borough",
    ),
    Hostile(
        "a product of a table with itself, as rows",
        f"SELECT z0.zone FROM {', '.join(f'silver.zones AS z{n}' for n in range(8))}",
    ),
    Hostile(
        "a product of a table with itself, in order",
        f"SELECT z0.zone FROM {', '.join(f'silver.zones AS z{n}' for n in range(8))} ORDER BY z3.zone, z5.borough",
    ),
    Hostile("a product of arrays", f"SELECT SUM(a * b) AS n FROM silver.zones {_MANY} a {_MANY} b WHERE a + b > 7"),
    Hostile(
        "a text of all rows",
        f"SELECT STRING_AGG(z.zone, ',' ORDER BY a) AS x FROM silver.zones AS z {_MANY} a {_MANY} b",
    ),
    Hostile(
        "an array of all rows", f"SELECT ARRAY_AGG(z.zone ORDER BY a) AS x FROM silver.zones AS z {_MANY} a {_MANY} b"
    ),
    Hostile(
        "numbers without an end",
        "WITH RECURSIVE a AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM a) SELECT COUNT(*) AS n FROM a",
    ),
    Hostile("a tuple that doubles 40 times", f"WITH a0 AS (SELECT 1 AS x){_TUPLES} SELECT 1 AS n FROM a40"),
    Hostile("a row that doubles 40 times", f"WITH a0 AS (SELECT 1 AS x){_ROWS} SELECT 1 AS n FROM a40"),
    Hostile("a text of a megabyte", f"SELECT '{'x' * 1_000_000}' AS x"),
    Hostile("a list of 200,000 numbers", f"SELECT 1 AS x WHERE 1 IN ({','.join(map(str, range(200_000)))})"),
    Hostile("100,000 columns", f"SELECT {','.join(f'1 AS c{n}' for n in range(100_000))}"),
    Hostile("a name of 200,000 letters", f"SELECT * FROM silver.{'x' * 200_000}"),
    Hostile("a comment of a megabyte", f"SELECT 1 AS x /*{'x' * 1_000_000}*/"),
    Hostile("a number of 100,000 digits", f"SELECT {'9' * 100_000} AS x"),
)

HOSTILE: tuple[Hostile, ...] = (
    *_FILES,
    *_ENVIRONMENT,
    *_STATEMENTS,
    *_TEXTS,
    *_deep(3000),
    *(replace(each, may_answer=True) for each in _deep(60)),
    *_LARGE,
)
