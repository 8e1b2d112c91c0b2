"""What is installed, against what the project was tested with."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lakehouse.findings.finding import Finding, fault, ok, warning
from lakehouse.settings import PROJECT_ROOT

LOCK = PROJECT_ROOT / "requirements.lock"

_LOCAL = ("dagster", "dlt", "duckdb", "pyiceberg")
_OF_GOOGLE = ("dagster", "dlt", "google-auth", "google-cloud-bigquery", "google-cloud-storage")
_ENTRY = re.compile(r"([\w.-]+)==([^\s;]+)")


def version_findings(profile: str, lock: Path = LOCK) -> Iterator[Finding]:
    """A line for each package that is not as locked; one of all that are."""
    locked = _locked(lock)
    same = [f"Python {platform.python_version()}"]
    for name in _OF_GOOGLE if profile == "gcp" else _LOCAL:
        try:
            held = version(name)
        except PackageNotFoundError:
            yield fault("versions", f"{name} is not installed", "say make setup")
            continue
        wanted = locked.get(name, held)
        if held == wanted:
            same.append(f"{name} {held}")
        else:
            yield warning("versions", f"{name} is {held}, and {lock.name} says {wanted}", "say make setup")
    yield ok("versions", f"{', '.join(same)}, as {lock.name} says" if locked else f"{', '.join(same)}")


def _locked(lock: Path) -> Mapping[str, str]:
    """Versions by package, none where there is no such file."""
    try:
        lines = lock.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {match[1]: match[2] for line in lines if (match := _ENTRY.match(line)) is not None}
