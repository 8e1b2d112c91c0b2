"""What settings are called in the environment, and a value that cannot be used as one line that names its variable."""

from __future__ import annotations

import re

from pydantic import ValidationError

from lakehouse.setting_values.source_addresses import address_variable


def variable(field: str) -> str:
    """The variable that a setting is read from."""
    return "DAGSTER_HOME" if field.upper() == "DAGSTER_HOME" else f"LAKEHOUSE_{field.upper()}"


def refusal(error: ValidationError) -> str:
    """The first value that cannot be used, its variable and why, without the secrets that it may hold."""
    first = error.errors()[0]
    field = str(first["loc"][0])
    is_address = field == "addresses" and len(first["loc"]) > 1
    name = address_variable(str(first["loc"][1])) if is_address else variable(field)
    reason = first["msg"].removeprefix("Value error, ")
    value = str(first["input"])
    if is_address:  # may hold a password or a signature
        value = re.sub(r"^(\w+:(?=/))?(/*).*@", r"\1\2", value).partition("?")[0]
    elif field == "credentials":  # may be the key itself
        value = "..."
    return f"{name}={value}: {reason}"
