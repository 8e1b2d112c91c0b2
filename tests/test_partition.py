from datetime import date, datetime

import pytest

from lakehouse.partition import Month, month_range


def test_a_month_is_read_and_written_as_year_dash_month() -> None:
    assert str(Month.parse("2024-01")) == "2024-01"


@pytest.mark.parametrize(
    "text", ["2024-13", "2024-00", "2024-1", "24-01", "2024-01-01", "hello", "", "\N{ARABIC-INDIC DIGIT TWO}024-01"]
)
def test_what_is_not_a_month_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="write it as YYYY-MM, for example 2024-01"):
        Month.parse(text)


def test_a_month_ends_where_the_next_begins() -> None:
    december = Month(2023, 12)
    assert december.start == datetime(2023, 12, 1)
    assert december.end == Month(2024, 1).start == datetime(2024, 1, 1)
    assert december.first_day == date(2023, 12, 1)


@pytest.mark.parametrize("month", [Month(2024, 1), Month(2023, 12), Month(2024, 2), Month(2011, 11)])
def test_next_and_previous_undo_each_other(month: Month) -> None:
    assert month.next().previous() == month
    assert month.previous().next() == month
    assert month.previous() < month < month.next()


def test_a_range_has_both_its_ends() -> None:
    months = list(month_range(Month(2023, 11), Month(2024, 2)))
    assert [str(month) for month in months] == ["2023-11", "2023-12", "2024-01", "2024-02"]
    assert list(month_range(Month(2024, 2), Month(2024, 1))) == []
