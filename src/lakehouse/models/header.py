"""The header of a SQL model: what its file says in YAML before its SELECT, validated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from lakehouse.annotations import DEFAULT_OWNER, RESERVED_TAGS, is_owner, is_tag_name, is_tag_value
from lakehouse.exceptions import ModelError
from lakehouse.models.checks.kinds import Check

_HEADER = re.compile(r"\s*/\*(?P<header>.*?)\*/(?P<body>.*)", re.DOTALL)


class ColumnHeader(BaseModel):
    """A column as the header declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    description: str = Field(min_length=1)
    unit: str | None = None


class ModelHeader(BaseModel):
    """The header of a SQL model; see the README for an example."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(min_length=1)
    table: str = Field(pattern=r"^(silver|gold)\.[a-z][a-z0-9_]*$")
    grain: tuple[str, ...] | Literal["record"]
    """Columns that identify a row, or ``record``: the whole record, unique by construction."""
    identity: tuple[str, ...] = ()
    """Of records: columns that tell what a record is of, so that a restated one is known for the same."""
    format: Literal["table", "iceberg"] = "table"
    partition: str | None = None
    cluster: tuple[str, ...] = ()
    columns: Mapping[str, ColumnHeader] = Field(default_factory=dict)
    reject: Mapping[str, str] = Field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    owner: str = DEFAULT_OWNER
    """Who answers for the table: an e-mail address or ``team:name``."""
    tags: Mapping[str, str] = Field(default_factory=dict)
    """More tags of its asset; ``dataset`` is that of its only source if it is not among them."""

    @field_validator("owner")
    @classmethod
    def _known_to_dagster(cls, owner: str) -> str:
        if not is_owner(owner):
            raise ValueError(f"{owner!r} is neither an e-mail address nor team: and a name")
        return owner

    @field_validator("tags")
    @classmethod
    def _fit_for_dagster(cls, tags: Mapping[str, str]) -> Mapping[str, str]:
        allowed = "at most 63 letters without accents, digits and _ . -"
        for name, value in tags.items():
            if name in RESERVED_TAGS:
                raise ValueError(f"{name} is set by itself")
            if name.startswith("dagster/"):
                raise ValueError(f"{name} is one of Dagster's own")
            if not is_tag_name(name):
                raise ValueError(f"{name!r} cannot be a tag's name: {allowed}, after a prefix and / if need be")
            if not is_tag_value(value):
                raise ValueError(f"{value!r} cannot be the value of tag {name}: {allowed}")
        return tags


def read_model_file(path: Path, name: str) -> tuple[ModelHeader, str]:
    """The header of a model's file, and its SQL; ``name`` is what messages call it.

    Raises:
        ModelError: it is not a text file with a valid header, or lies in another layer's folder.
    """
    if re.fullmatch(r"[a-z][a-z0-9_]*", path.stem) is None:
        raise ModelError(f"{name}: a model's file is named for its asset: lower-case letters, digits and _")
    try:
        match = _HEADER.fullmatch(path.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise ModelError(f"{name}: is not a text file in UTF-8 ({error})") from None
    if match is None:
        raise ModelError(f"{name}: must begin with its header, YAML between /* and */")
    try:
        header = ModelHeader.model_validate(yaml.safe_load(match["header"]))
    except yaml.YAMLError as error:
        raise ModelError(f"{name}: the header is not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "header"
        raise ModelError(f"{name}: header, {where}: {first['msg'].removeprefix('Value error, ')}") from None
    if header.table.partition(".")[0] != path.parent.name:
        raise ModelError(f"{name}: table {header.table} does not belong in sql/{path.parent.name}/")
    return header, match["body"].strip()
