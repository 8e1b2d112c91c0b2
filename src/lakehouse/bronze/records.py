"""How landed files, their records and marks of them are called and read, wherever they are kept."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from lakehouse.bronze.store import Landing
from lakehouse.exceptions import CorruptFile

REFUSED, TAKEN = "refused", "taken"
"""What a mark says of a landing: that a model takes none of it, or is made of it."""

RECORD_SUFFIX = ".json"

NOT_NOTED = "why was not noted"
"""What a guard said where a mark does not tell."""

_SHA_PREFIX = 32
"""Hexadecimal digits of a landed file's hash in its name."""


class _Refusal(BaseModel):
    """What is in the mark of a landing that a model refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    held_back: str | None


def file_name(landing: Landing) -> str:
    """What a landed file is called: by its content."""
    return f"{landing.sha256[:_SHA_PREFIX]}.{landing.suffix}"


def record_name(landing: Landing) -> str:
    """What a landing's record is called: the greatest of a dataset's month is of the newest."""
    stamp = landing.place.astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return f"{stamp}-{landing.sha256[:_SHA_PREFIX]}{RECORD_SUFFIX}"


def recorded(record: str) -> str:
    """What the file of a landing is called, without its suffix, by the name of its record."""
    return record.removesuffix(RECORD_SUFFIX).rpartition("-")[2]


def mark_name(landing: Landing, reader: str, verdict: str = REFUSED) -> str:
    """What a model's mark is called: by what the source served, which it may serve, and be refused for, again."""
    return f"{marks_prefix(landing)}{reader}.{verdict}"


def marks_prefix(landing: Landing) -> str:
    """What the names of all marks of a landing begin with."""
    return f"{landing.served_sha256[:_SHA_PREFIX]}."


def refuser(name: str) -> str | None:
    """The model that refuses a landing, by the name of a mark; None if the mark is of something else."""
    reader, _, verdict = name.partition(".")[2].rpartition(".")
    return reader if verdict == REFUSED else None


def read_record(content: bytes, place: str) -> Landing:
    """The landing that a record at ``place`` is of.

    Raises:
        CorruptFile: it cannot be read.
    """
    try:
        return Landing.model_validate_json(content.decode())
    except (ValidationError, UnicodeDecodeError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else "it is no text in UTF-8"
        raise CorruptFile(f"{place}: not a landing record ({reason}): remove it and land it again") from None


def write_refusal(held_back: str | None) -> str:
    """What a mark of a refusal says."""
    return _Refusal(held_back=held_back).model_dump_json()


def read_refusal(content: bytes, place: str, landing: Landing, reader: str) -> str | None:
    """What a guard said, by the mark at ``place``.

    Raises:
        CorruptFile: it cannot be read.
    """
    if not content:  # older versions left marks empty
        return NOT_NOTED
    try:
        return _Refusal.model_validate_json(content).held_back
    except ValidationError:
        raise CorruptFile(
            f"{place}: does not say why {reader} refuses {landing}: remove it if that landing is right"
        ) from None


def require_whole(landing: Landing, landed: Path, sha256: str) -> None:
    """Look whether a file that was fetched is what a landing says, by the hash of what is in it.

    Raises:
        CorruptFile: it is not.
    """
    if sha256 != landing.sha256:
        raise CorruptFile(f"{landing}: {landed} was not written whole, is the disk full? Run it again")
