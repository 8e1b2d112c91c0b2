"""Variables that are called as settings are, and are none: a mistyped one would say nothing, and nobody would know."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from lakehouse.bronze.sources import SOURCES
from lakehouse.bronze.table_source import DATABASES
from lakehouse.setting_values.source_addresses import address_variable
from lakehouse.settings import given_variables, variables

_OF_TESTS = re.compile(r"LAKEHOUSE_(SOAK(_SEED)?|REAL_DATA|REQUIRE_\w+)")
_PREFIX = "LAKEHOUSE_"


def mistyped_variables() -> Iterator[str]:
    """A line for each that is given and that nothing reads, with the name that is meant, if one is near."""
    addresses = (*(source.address for source in SOURCES), *DATABASES)
    known = {*variables(), *(address_variable(each.name) for each in addresses)}
    near = {name.removeprefix(_PREFIX): name for name in sorted(known)}
    for name in given_variables():
        if name in known or _OF_TESTS.fullmatch(name):
            continue
        meant = difflib.get_close_matches(name.removeprefix(_PREFIX), near, n=1)
        advice = f"did you mean {near[meant[0]]}?" if meant else "the README lists those there are"
        yield f"{name} is no setting, and nothing reads it; {advice}"
