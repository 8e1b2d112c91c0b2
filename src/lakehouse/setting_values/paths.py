"""Folders and files that settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_UNSAFE_IN_PATHS = set("*?[]#%'")
_LONGEST_PATH = 1000


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise ValueError(f"is not a path: {error}") from None


def _can_be_a_folder(path: Path) -> Path:
    for folder in (path, *path.parents):
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is a file, so {path} cannot be a folder: choose another one")
    return path


def _usable_in_file_lists(path: Path) -> Path:
    if unsafe := sorted(_UNSAFE_IN_PATHS & set(str(path))):
        which = " ".join(unsafe)
        raise ValueError(f"the path {path} contains {which}, which file patterns give a meaning: choose another folder")
    return path


def _not_its_content(value: object) -> object:
    text = str(value)
    if "{" in text or "\n" in text or len(text) > _LONGEST_PATH:
        raise ValueError("is not a path; if it is the key itself, save that in a file and name the file")
    return value


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
"""A relative one counts from the current folder."""

Folder = Annotated[AbsolutePath, AfterValidator(_can_be_a_folder)]
"""One that is there, or can be made."""

DataFolder = Annotated[Folder, AfterValidator(_usable_in_file_lists)]
"""One whose path readers of many files take as it is."""

KeyFile = Annotated[Path, BeforeValidator(_not_its_content), AfterValidator(_absolute)]
"""A file that holds a secret; the secret itself in its place is refused, in words that do not repeat it."""
