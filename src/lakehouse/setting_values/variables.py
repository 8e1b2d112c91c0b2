"""What settings are called in the environment, and values that cannot be used: a line each that names its variable."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import ValidationError

from lakehouse.setting_values.source_addresses import address_variable

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def variable(field: str) -> str:
    """The variable that a setting is read from."""
    return "DAGSTER_HOME" if field.upper() == "DAGSTER_HOME" else f"LAKEHOUSE_{field.upper()}"


def refusal(error: ValidationError) -> str:
    """Each value that cannot be used in a line, its variable and why, without the secrets that it may hold."""
    return "\n".join(_refused(each) for each in error.errors())


def _refused(details: ErrorDetails) -> str:
    field = str(details["loc"][0])
    is_address = field == "addresses" and len(details["loc"]) > 1
    name = address_variable(str(details["loc"][1])) if is_address else variable(field)
    reason = details["msg"].removeprefix("Value error, ")
    value = str(details["input"])
    if is_address:  # may hold a password or a signature
        value = re.sub(r"^(\w+:(?=/))?(/*).*@", r"\1\2", value).partition("?")[0]
    elif field == "credentials":  # may be the key itself
        value = "..."
    return f"{name}={value}: {reason}"
