"""Rows as markdown: whatever a value holds, the UI shows it as it is, in its own cell."""

from __future__ import annotations

import html
import re

import pyarrow as pa
import pytest
from dagster import Failure, MarkdownMetadataValue
from markdown_it import MarkdownIt

from lakehouse.assets.reporting import failures_in_words, markdown_table
from lakehouse.exceptions import NotPublished

_CELL = re.compile(r"<t[hd]>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<([^>]*)>")
_RENDERER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

AWKWARD = [
    *("a|b", "|", "a\\|b", "C:\\", "\\\\", "`code`", "``|``", "*emphasis*", "_emphasis_", "__init__", "~struck~"),
    *("<b>bold</b>", "<!-- gone", "&lt;", "[a link](https://nowhere)", "![x](y)", "# no heading", "- no list", "1. no"),
]


def cells(shown: MarkdownMetadataValue) -> list[str]:
    """What a reader sees in each cell; tags are put in braces, to tell them from text that looks like one."""
    return [html.unescape(_TAG.sub(r"{\1}", cell)) for cell in _CELL.findall(_RENDERER.render(shown.md_str or ""))]


@pytest.mark.parametrize("value", AWKWARD)
def test_a_value_that_markdown_gives_a_meaning_is_shown_as_it_is(value: str) -> None:
    table = pa.table({"zone": [value, "next"], "borough": ["Queens", value]})
    assert cells(markdown_table(table)) == ["zone", "borough", value, "Queens", "next", value]


@pytest.mark.parametrize("name", ["a|b", "_a_", "a*b*", "location_id"])
def test_a_name_that_markdown_gives_a_meaning_is_shown_as_it_is(name: str) -> None:
    assert cells(markdown_table(pa.table({name: [1], "next": [2]}))) == [name, "next", "1", "2"]


@pytest.mark.parametrize("value", ["two\nlines", "two\r\nlines", "two\rlines", "two\u2028lines"])
def test_a_value_of_several_lines_stays_in_its_cell(value: str) -> None:
    shown = markdown_table(pa.table({"zone\nname": [value], "next": [1]}))
    assert cells(shown) == ["zone name", "next", "two lines", "1"]


def test_a_long_text_is_cut_and_a_hash_is_not() -> None:
    shown = cells(markdown_table(pa.table({"sha256": ["a" * 64], "slogan": ["|" * 1000]})))
    assert shown == ["sha256", "slogan", "a" * 64, "|" * 63 + "…"]


def test_no_value_is_told_from_an_empty_one() -> None:
    assert cells(markdown_table(pa.table({"zone": [None, "", "NULL"]}))) == ["zone", "{em}NULL{/em}", "", "NULL"]


def test_columns_of_one_name_are_all_shown() -> None:
    table = pa.table([pa.array([1]), pa.array([2])], names=["n", "n"])
    assert cells(markdown_table(table)) == ["n", "n", "1", "2"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotPublished("green 2024-01: nothing there"), "green 2024-01: nothing there"),
        (OSError(28, "No space left on device", "/data/x"), "green 2024-01: No space left on device: /data/x; nothing"),
    ],
)
def test_a_failure_is_said_in_words_and_not_retried_as_a_whole(error: Exception, said: str) -> None:
    with pytest.raises(Failure) as failure, failures_in_words("green 2024-01"):
        raise error
    assert str(failure.value.description).startswith(said)
    assert failure.value.metadata["error"].value == type(error).__name__
    assert not failure.value.allow_retries
