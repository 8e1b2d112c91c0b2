"""What engines may use, against the memory that there is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lakehouse.findings.finding import Finding, fault, ok
from lakehouse.machine import size
from lakehouse.settings import Settings

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where a container says what it may have; of none it is more than there is, or a word."""

_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def memory_findings(settings: Settings) -> Iterator[Finding]:
    """A line for each limit."""
    there = memory_there()
    yield memory_finding("LAKEHOUSE_MEMORY_LIMIT", settings.memory_limit, bytes_of(settings.memory_limit), there)
    asked = int(settings.query_memory_limit)
    yield memory_finding("LAKEHOUSE_QUERY_MEMORY_LIMIT", size(asked), asked, there)


def memory_finding(variable: str, written: str, limit: int, there: int) -> Finding:
    """Whether a limit is one, with so much memory there."""
    found = f"{variable}={written}, of {size(there)} that there are"
    if limit > there:
        return fault("memory", found, f"set {variable} to less: what needs as much would be ended by the system")
    return ok("memory", found)


def memory_there() -> int:
    """Bytes that this process may have in all."""
    told = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in _LIMITS:
        try:
            told.append(int(file.read_text()))
        except (OSError, ValueError):
            continue
    return min(told)


def bytes_of(text: str) -> int:
    """A size as an engine takes it: a number, and a unit of thousands, or with an i of 1,024s."""
    match = re.fullmatch(r"([\d.]+)\s?([KMGT])(i?)B", text)
    if match is None:
        raise ValueError(f"{text} is not a size")
    return int(float(match[1]) * (1024 if match[3] else 1000) ** _UNITS[match[2]])
