-- What SQL must answer for the house to mean the same on every engine: `lakehouse conformance` runs it on the one there is.
-- Before each statement its topic and what it shows; after it `--=` the value of its one row and column, or `--!` words of
-- the error that it is. Values are those of GoogleSQL's own engine (PyPI zetasql 0.1.5), which a test asks again.

-- [casts] halves go away from zero
SELECT CAST(CAST(2.5 AS FLOAT64) AS INT64) --= 3
-- [casts] below zero as well
SELECT CAST(-2.5 AS INT64) --= -3
-- [casts] a half that is rounded before
SELECT CAST(ROUND(3.5) AS INT64) --= 4
-- [casts] nine decimals, then two
SELECT ROUND(CAST(1.005 AS NUMERIC), 2) --= 1.01
-- [casts] of a FLOAT64 that was text
SELECT ROUND(CAST(CAST('-0.125' AS FLOAT64) AS NUMERIC), 2) --= -0.13
-- [casts] more than NUMERIC holds
SELECT CAST(CAST('1e30' AS FLOAT64) AS NUMERIC) --! numeric
-- [casts] a FLOAT64 of sixteen digits keeps them
SELECT CAST(CAST('1e15' AS FLOAT64) AS NUMERIC) --= 1000000000000000
-- [casts] only whole numbers are INT64s
SELECT SAFE_CAST('1.5' AS INT64) --= NULL
-- [casts] no underscores in numbers
SELECT SAFE_CAST('1_000' AS INT64) --= NULL
-- [casts] blanks around a number are taken
SELECT CAST(' 7 ' AS INT64) --= 7
-- [casts] hexadecimal is a whole number
SELECT CAST('0x10' AS INT64) --= 16
-- [casts] t is no BOOL
SELECT SAFE_CAST('t' AS BOOL) --= NULL
-- [casts] TRUE in any case is one
SELECT SAFE_CAST('TRUE' AS BOOL) --= true
-- [casts] a date has no time
SELECT SAFE_CAST('2024-01-01 10:00:00' AS DATE) --= NULL
-- [casts] a year has four digits
SELECT SAFE_CAST('24-01-01' AS DATE) --= NULL
-- [casts] a day that there was not
SELECT SAFE_CAST('2023-02-29' AS DATE) --= NULL
-- [casts] text that is no date is an error
SELECT CAST(CONCAT('2023-02-', '30') AS DATE) --! Invalid
-- [casts] a NUMERIC as text has no zeros at its end
SELECT CAST(NUMERIC '1.50' AS STRING) --= 1.5
-- [casts] a whole NUMERIC as text has no point
SELECT CAST(NUMERIC '10' AS STRING) --= 10
-- [casts] a DATETIME as text has three decimals or six
SELECT CAST(DATETIME '2024-01-01 00:00:00.5' AS STRING) --= 2024-01-01 00:00:00.500
-- [casts] a FLOAT64 as text
SELECT CAST(CAST('1' AS FLOAT64) AS STRING) --= 1
-- [casts] coordinates
SELECT CAST('-37.3159' AS FLOAT64) --= -37.3159
-- [numbers] a decimal literal is a FLOAT64
SELECT 0.1 + 0.2 --= 0.30000000000000004
-- [numbers] beside a NUMERIC it is a NUMERIC
SELECT NUMERIC '0.1' + 0.2 --= 0.3
-- [numbers] thirds of a NUMERIC have nine decimals
SELECT NUMERIC '1' / 3 --= 0.333333333
-- [numbers] by zero
SELECT 1 / 0 --! division
-- [numbers] by zero, safely
SELECT SAFE_DIVIDE(1, 0) --= NULL
-- [numbers] nothing by zero
SELECT CAST(NULL AS INT64) / 0 --= NULL
-- [numbers] whole division goes to zero
SELECT DIV(-7, 2) --= -3
-- [numbers] a remainder has the sign of what is divided
SELECT MOD(-7, 2) --= -1
-- [numbers] a sum that INT64 does not hold
SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x --! int64 overflow
-- [numbers] a product that INT64 does not hold
SELECT 9223372036854775807 * 2 --! int64
-- [numbers] a FLOAT64 that is too large
SELECT CAST('1e308' AS FLOAT64) * 10 --! double
-- [numbers] money
SELECT SUM(x) FROM UNNEST([NUMERIC '0.10', NUMERIC '0.20', NUMERIC '-0.30']) AS x --= 0
-- [numbers] the sum of nothing
SELECT SUM(x) FROM UNNEST([1]) AS x WHERE FALSE --= NULL
-- [numbers] the average of money is money
SELECT AVG(x) FROM UNNEST([NUMERIC '1', NUMERIC '1', NUMERIC '0']) AS x --= 0.666666667
-- [numbers] a root of less than zero
SELECT SQRT(-1.0) --! Argument
-- [numbers] rounded to tens
SELECT ROUND(NUMERIC '15', -1) --= 20
-- [numbers] the nearest of two
SELECT GREATEST(1, NULL) --= NULL
-- [counts] only what is TRUE counts
SELECT COUNTIF(x > 1) FROM UNNEST([1, 2, NULL, 3]) AS x --= 2
-- [counts] of nothing it is zero
SELECT COUNTIF(x > 1) FROM UNNEST([1]) AS x WHERE FALSE --= 0
-- [counts] NULL is no value
SELECT COUNT(DISTINCT x) FROM UNNEST([1, 1, NULL]) AS x --= 1
-- [dates] the month of a time
SELECT DATE_TRUNC(DATE '2024-02-29', MONTH) --= 2024-02-01
-- [dates] weeks begin on Sunday
SELECT DATE_TRUNC(DATE '2024-01-03', WEEK) --= 2023-12-31
-- [dates] or on the day that is named
SELECT DATE_TRUNC(DATE '2024-01-03', WEEK(MONDAY)) --= 2024-01-01
-- [dates] Sunday is 1
SELECT EXTRACT(DAYOFWEEK FROM DATE '2024-01-07') --= 1
-- [dates] days before the first Sunday are week 0
SELECT EXTRACT(WEEK FROM DATE '2024-01-03') --= 0
-- [dates] weeks of ISO 8601
SELECT EXTRACT(ISOWEEK FROM DATE '2024-12-30') --= 1
-- [dates] years of ISO 8601
SELECT EXTRACT(ISOYEAR FROM DATE '2024-12-30') --= 2025
-- [dates] Monday is 1 in formats
SELECT FORMAT_DATE('%u', DATE '2024-01-07') --= 7
-- [dates] months are cut to their last day
SELECT DATE_ADD(DATE '2024-01-31', INTERVAL 1 MONTH) --= 2024-02-29
-- [dates] a leap day a year later
SELECT DATE_ADD(DATE '2024-02-29', INTERVAL 1 YEAR) --= 2025-02-28
-- [dates] after the last day there is
SELECT DATE_ADD(CAST(CONCAT('9999-12-', '31') AS DATE), INTERVAL 1 DAY) --! Adding 1 DAY to date 9999-12-31 causes overflow
-- [dates] months between are boundaries
SELECT DATE_DIFF(DATE '2024-02-01', DATE '2024-01-31', MONTH) --= 1
-- [dates] weeks between are Sundays
SELECT DATE_DIFF(DATE '2024-01-07', DATE '2024-01-06', WEEK) --= 1
-- [dates] the last day of a month
SELECT LAST_DAY(DATE '2024-02-10') --= 2024-02-29
-- [times] seconds between are boundaries
SELECT DATETIME_DIFF(DATETIME '2024-01-01 00:00:01', DATETIME '2024-01-01 00:00:00.999999', SECOND) --= 1
-- [times] years 2024 to 3019 in seconds
SELECT DATETIME_DIFF(DATETIME '3019-02-03 17:30:00', DATETIME '2024-01-01 00:07:00', SECOND) --= 31402056180
-- [times] milliseconds of a second
SELECT EXTRACT(MILLISECOND FROM DATETIME '2024-01-01 00:00:01.25') --= 250
-- [times] microseconds stay
SELECT DATETIME_ADD(DATETIME '2024-01-31 23:59:59.999999', INTERVAL 1 MICROSECOND) --= 2024-02-01 00:00:00
-- [times] a time before the next month
SELECT DATETIME '2024-01-31 23:59:59.999999' < DATETIME '2024-02-01 00:00:00' --= true
-- [times] a date is its midnight
SELECT DATE '2024-01-01' = DATETIME '2024-01-01 00:00:00' --= true
-- [times] an instant in UTC
SELECT CAST(TIMESTAMP '2024-01-31 23:30:00-05:00' AS DATETIME) --= 2024-02-01 04:30:00
-- [times] minutes between instants are whole
SELECT TIMESTAMP_DIFF(TIMESTAMP '2024-01-01 00:01:00+00', TIMESTAMP '2024-01-01 00:00:30+00', MINUTE) --= 0
-- [nulls] a comparison with NULL is not met
SELECT COALESCE(CAST(NULL AS INT64) < 1, FALSE) --= false
-- [nulls] NOT IN a list with NULL
SELECT 1 NOT IN (2, NULL) --= NULL
-- [nulls] NULL is not distinct from NULL
SELECT CAST(NULL AS INT64) IS NOT DISTINCT FROM NULL --= true
-- [nulls] NULL comes first
SELECT x FROM UNNEST([1, NULL]) AS x ORDER BY x LIMIT 1 --= NULL
-- [nulls] and last of all from the top
SELECT x FROM UNNEST([NULL, 1]) AS x ORDER BY x DESC LIMIT 1 --= 1
-- [nulls] NULLs are one group
SELECT COUNT(*) FROM (SELECT x FROM UNNEST([NULL, NULL, 1]) AS x GROUP BY x) --= 2
-- [nulls] text and NULL
SELECT CONCAT('a', NULL) --= NULL
-- [text] TRIM takes all white space
SELECT TRIM('\t a\n') --= a
-- [text] TRIM of a set takes just it
SELECT LENGTH(TRIM(' a\t ', ' ')) --= 2
-- [text] empty text is no NULL
SELECT NULLIF(TRIM('  '), '') --= NULL
-- [text] text is compared by its bytes
SELECT 'Z' < 'a' --= true
-- [text] lower case with accents
SELECT LOWER('ÉA') --= éa
-- [text] ß in upper case
SELECT UPPER('straße') --= STRASSE
-- [text] position 0 is the first
SELECT SUBSTR('abc', 0, 2) --= ab
-- [text] from the end
SELECT SUBSTR('abc', -2) --= bc
-- [text] beyond the left end
SELECT SUBSTR('abc', -5, 2) --= ab
-- [text] a negative length
SELECT LEFT('abc', -1) --! Second argument in LEFT() cannot be negative
-- [text] the second of two
SELECT INSTR('banana', 'an', 1, 2) --= 4
-- [text] a backslash in a pattern escapes
SELECT '50%' LIKE '50\\%' --= true
-- [text] a pattern of two characters
SELECT '日本' LIKE '__' --= true
-- [text] length in characters
SELECT LENGTH('日本') --= 2
-- [text] a part of a text
SELECT SPLIT('a,b', ',')[SAFE_OFFSET(1)] --= b
-- [text] no such part
SELECT SPLIT('a,b', ',')[OFFSET(2)] --! Array index 2 is out of bounds
-- [text] a regular expression without a match
SELECT REGEXP_EXTRACT('abc', r'[0-9]+') --= NULL
-- [text] all matches are replaced
SELECT REGEXP_REPLACE('a1b2', r'[0-9]', '#') --= a#b#
-- [text] a list of text
SELECT STRING_AGG(x, '+' ORDER BY x DESC) FROM UNNEST(['a', 'b']) AS x --= b+a
-- [text] a format as in C
SELECT FORMAT('%05.1f', 3.14159) --= 003.1
-- [hash] of a text
SELECT TO_HEX(MD5('lakehouse')) --= 8b75df7a95433f0750823b24c9773643
-- [hash] SHA-256
SELECT LEFT(TO_HEX(SHA256('lakehouse')), 16) --= 8714c2cfa0f9a24d
-- [hash] a row as JSON
SELECT TO_JSON_STRING(STRUCT(NUMERIC '1.50' AS m, DATETIME '2024-01-01 00:00:00' AS d, CAST(NULL AS INT64) AS n)) --= {"m":"1.5","d":"2024-01-01T00:00:00","n":null}
-- [windows] the last of each
SELECT x FROM UNNEST([1, 3, 2]) AS x WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY x DESC) = 1 --= 3
-- [windows] positions count from 0
SELECT o FROM UNNEST(['a']) AS x WITH OFFSET AS o --= 0
-- [windows] a median of four
SELECT DISTINCT PERCENTILE_CONT(x, 0.5) OVER () FROM UNNEST([1, 2, 3, 10]) AS x --= 2.5
-- [windows] a median that is one of the values
SELECT DISTINCT PERCENTILE_DISC(x, 0.5) OVER () FROM UNNEST([1, 2, 3, 10]) AS x --= 2
-- [windows] a running sum
SELECT SUM(x) OVER (ORDER BY x) AS v FROM UNNEST([1, 2, 3]) AS x WHERE TRUE QUALIFY ROW_NUMBER() OVER (ORDER BY x DESC) = 1 --= 6
-- [names] GROUP BY takes the alias before the column
SELECT COUNT(*) FROM (SELECT MOD(x, 2) AS x FROM UNNEST([1, 2, 3]) AS x GROUP BY x) --= 2
-- [names] types do not meet
SELECT 1 = '1' --! No matching signature for operator =
-- [windows] QUALIFY needs another clause
SELECT x FROM UNNEST([1, 2]) AS x QUALIFY ROW_NUMBER() OVER (ORDER BY x) = 1 --! QUALIFY clause must be used in conjunction with WHERE or GRO
