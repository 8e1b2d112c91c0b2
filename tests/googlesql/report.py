"""A table of what was tried: function by cases by engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from lakehouse.models.portable.allowed import BY_KIND
from lakehouse.models.portable.functions import FUNCTIONS
from tests.googlesql.trial import Form, Trial

TRIAL = "trial"


def told(trial: Trial) -> dict[str, Any]:
    """What is said of a trial, in a form that a test's process can hand on."""
    return {
        "form": trial.form.sql,
        "cases": trial.cases,
        "values": trial.values,
        "refused": trial.refused,
        "differences": len(trial.differences) - trial.refused,
    }


def functions_of(form: Form) -> set[str]:
    """What of the list a form is made of."""
    return {BY_KIND[kind].form for kind in form.kinds if kind in BY_KIND} or {"literals"}


def lines(given: Iterable[dict[str, Any]]) -> Iterator[str]:
    """A line for each function: its forms, cases, values in GoogleSQL, and how many of the cases DuckDB has, too."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    everything = [0, 0, 0, 0, 0]
    for trial in given:
        counts = [1, trial["cases"], trial["values"], trial["refused"], trial["differences"]]
        for name in functions_of(Form(trial["form"])):
            totals[name] = [before + more for before, more in zip(totals[name], counts, strict=True)]
        everything = [before + more for before, more in zip(everything, counts, strict=True)]
    yield f"{'':52}{'forms':>6}{'cases':>7}{'GoogleSQL':>11}{'DuckDB':>8}{'refused':>9}{'DIFFERENT':>11}"
    order = [each.form for functions in FUNCTIONS.values() for each in functions] + ["literals"]
    for name in sorted(totals, key=order.index):
        yield _line(name, totals[name])
    yield _line("all (a form counts once)", everything)


def _line(name: str, counts: list[int]) -> str:
    forms, cases, values, refused, different = counts
    return f"{name[:51]:52}{forms:>6}{cases:>7}{values:>11}{cases - refused - different:>8}{refused:>9}{different:>11}"
