"""Values at the edges of each type: what a form of SQL is tried on, on both engines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Edges:
    """A column of values, written as BigQuery's literals."""

    type: str
    literals: tuple[str, ...]


def _texts(*texts: str) -> tuple[str, ...]:
    return ("NULL", *(text_literal(text) for text in texts))


def text_literal(text: str) -> str:
    """A text as BigQuery's literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
    return f"'{escaped}'"


def _typed(type_: str, *values: str) -> tuple[str, ...]:
    return ("NULL", *(f"{type_} '{value}'" for value in values))


COLUMNS = {
    "s": Edges("STRING", _texts("", " ", "a", "Abc", " ab ", "é", "日本語", "a\\b", "50%_", "it's", "a\nb", "\ta b")),
    "q": Edges("STRING", _texts("", "a", "b", "é", "\\", "%", "_", "本", "zz")),
    "z": Edges("STRING", _texts("a", "Z", "z", "é", "É", "aa", "", "ß", "10", "9")),
    "x": Edges(
        "STRING",
        _texts(
            "1",
            "-1",
            "+1",
            "1.5",
            " 7 ",
            "",
            "1_000",
            "0x10",
            "1e3",
            "abc",
            "t",
            "true",
            "False",
            " true",
            "9223372036854775808",
        ),
    ),
    "y": Edges(
        "STRING",
        _texts(
            "2024-02-29",
            "2023-02-29",
            "2024-2-9",
            "2024-01-01 10:00:00",
            "2024-01-01T10:00:00.5",
            "",
            "today",
            "24-01-01",
        ),
    ),
    "w": Edges(
        "STRING",
        _texts(
            *("2024-02-29 10:00:00+00", "2024-02-29T10:00:00.25Z", "2024-02-29 10:00:00+02:00", "2024-01-01 1:2:3"),
            *("2024-02-29", "10:00", "2024-02-30 00:00:00Z", "24-01-01 00:00:00Z", "2024-02-29 10:00:00 UTC"),
        ),
    ),
    "i": Edges("INT64", ("NULL", "0", "1", "-1", "2", "-7", "10", "9223372036854775807", "-9223372036854775808")),
    "j": Edges("INT64", ("NULL", "0", "1", "-1", "2", "3", "-3", "60")),
    "k": Edges("INT64", ("NULL", "0", "1", "-1", "2", "-2", "3", "9")),
    "f": Edges(
        "FLOAT64",
        (
            *(
                "NULL",
                "0.0",
                "0.5",
                "1.5",
                "2.5",
                "-2.5",
                "1.005",
                "0.1",
                "-0.125",
                "1e15",
                "1e16",
                "1e-7",
                "1e300",
                "-1e300",
            ),
            *("123456.789", "5e-324", "9e15", "-0.0000000005", "12345678.005"),
        ),
    ),
    "r": Edges(
        "FLOAT64",
        (
            *("NULL", "2.675", "-2.675", "0.15", "0.25", "0.35", "1.45", "8.345", "0.285", "0.3", "2.3", "1e15", "0.0"),
            *("100000000000000.015625", "1e-7", "123456.785", "-0.05", "2.5e-6"),
        ),
    ),
    "g": Edges("FLOAT64", ("NULL", "0.0", "3.0", "-0.5", "0.1", "1e-300")),
    "m": Edges(
        "NUMERIC(18,2)",
        _typed("NUMERIC", "0", "0.5", "1.5", "2.5", "-2.5", "0.01", "-0.01", "10", "1234.56", "9999999999999999.99"),
    ),
    "n": Edges(
        "NUMERIC(38,9)",
        _typed(
            "NUMERIC",
            *("0", "1", "-3", "0.5", "2.5", "-2.5", "1.005", "0.000000001", "-0.000000002", "123456789012.345678901"),
        ),
    ),
    "d": Edges(
        "DATE",
        _typed(
            "DATE",
            *("2024-02-29", "2023-12-31", "2024-12-30", "2024-01-31", "2024-01-07", "2024-01-08", "1969-12-31"),
            *("1900-02-28", "0001-01-01", "9999-12-31"),
        ),
    ),
    "e": Edges("DATE", _typed("DATE", "2024-02-29", "2024-03-01", "2023-02-28", "2000-12-31", "9999-12-31")),
    "t": Edges(
        "DATETIME",
        _typed(
            "DATETIME",
            *("2024-02-29 23:59:59.999999", "2024-01-31 00:00:00", "2023-12-31 12:30:15.5", "1969-12-31 23:59:59.25"),
            *("2024-03-10 02:30:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "2024-01-07 06:07:08.009"),
        ),
    ),
    "u": Edges(
        "DATETIME", _typed("DATETIME", "2024-03-01 00:00:00", "2024-02-29 00:00:00.000001", "2000-06-15 12:00:00")
    ),
    "b": Edges("BOOL", ("NULL", "TRUE", "FALSE")),
    "c": Edges("BOOL", ("NULL", "TRUE", "FALSE")),
}


def rows_of(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Every combination of the edges of these columns."""
    return list(itertools.product(*(COLUMNS[name].literals for name in names)))
