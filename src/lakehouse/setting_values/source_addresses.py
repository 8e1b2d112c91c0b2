"""Where sources are, as the environment says it: one variable a source, whatever sources there are."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

_OF_DATABASES = ("postgresql://", "postgres://", "sqlite:///")
_ADDRESS_VARIABLE = re.compile(r"lakehouse_(?P<source>\w+)_url", re.IGNORECASE)


def address_variable(source: str) -> str:
    """The variable that says where a source is."""
    return f"LAKEHOUSE_{source.upper()}_URL"


def _usable(url: str) -> str:
    if not url.startswith(("http://", "https://", "file:///", *_OF_DATABASES)):
        raise ValueError(
            "is not an address; it begins with https://, http:// or file:///, of a database with postgresql:// or "
            "sqlite:///"
        )
    return url


SourceUrl = Annotated[str, AfterValidator(_usable)]
"""An address over http(s), of a file:// folder, or of a database."""


class SourceAddresses(PydanticBaseSettingsSource):
    """Every ``LAKEHOUSE_<NAME>_URL``, whatever sources there are: they declare themselves elsewhere."""

    def __init__(self, settings: type[BaseSettings], *variables: EnvSettingsSource) -> None:
        super().__init__(settings)
        self._variables = variables

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, str] = {}
        for source in self._variables:
            for variable, value in source.env_vars.items():
                match = _ADDRESS_VARIABLE.fullmatch(variable)
                if match is not None and value:
                    found.setdefault(match["source"].lower(), value)
        return {"addresses": found}
