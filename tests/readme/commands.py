"""The README as a newcomer reads it: its blocks in order, and a shell that they are typed into."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_NAMED = re.compile(r"`([\w./-]+\.sql)`")

SERVERS = ("dagster dev", "dagster-daemon run", "lakehouse dev", "lakehouse --sample dev")
"""Commands that go on until they are told to stop."""

START_SECONDS = 90.0


@dataclass(frozen=True)
class Block:
    """A block of the README: commands (``sh``), ``python``, or ``sql`` for the file named last before it."""

    language: str
    text: str
    file: str | None

    @property
    def lines(self) -> list[str]:
        """Commands, those over several lines joined."""
        joined: list[str] = []
        for line in self.text.splitlines():
            if joined and (joined[-1].endswith("\\") or joined[-1].count('"') % 2):
                joined[-1] = joined[-1].removesuffix("\\") + "\n" + line
            elif line.strip() and not line.startswith("#"):
                joined.append(line)
        return joined


def blocks(readme: str) -> Iterator[Block]:
    """What a newcomer types or saves, in order; what is only shown is in blocks of other languages."""
    for match in _BLOCK.finditer(readme):
        language, text = match[1], match[2]
        if language in ("sh", "python", "sql"):
            named = _NAMED.findall(readme[: match.start()])
            yield Block(language, text, named[-1] if language == "sql" else None)


class Shell:
    """One bash that commands are typed into, so that what a command exports the next one sees."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)

    def __enter__(self) -> Self:
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.close()
        self._bash.wait(60)
        self._bash.stdout.close()

    def type(self, command: str) -> tuple[int, str]:
        """Exit code and output of a command."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        end = f"end-of-{uuid.uuid4().hex}"
        self._bash.stdin.write(f"{{ {command}\n}} < /dev/null\ncode=$?; echo; echo {end} $code\n")
        self._bash.stdin.flush()
        said: list[str] = []
        for line in self._bash.stdout:
            if line.startswith(end):
                return int(line.split()[1]), "".join(said)
            said.append(line)
        raise AssertionError(f"the shell ended: {command}\n{''.join(said)}")

    def start_and_stop(self, command: str, port: int | None) -> None:
        """Start a server in a session of its own, wait until it serves, and end it with all that it started."""
        log = self._folder / "server.log"
        log.write_text("")  # what the one before it said is not for this one
        code, said = self.type(f"setsid bash -c {shlex.quote(f'exec env {command}')} > server.log 2>&1 & echo $!")
        assert code == 0, said
        pid = int(said.split()[-1])
        deadline = time.monotonic() + START_SECONDS
        try:
            while not _serves(port, log):
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.3)
        finally:
            # Dagster's daemon may miss a signal that comes while it begins, as a person may have to press Ctrl-C twice.
            ended = f"for _ in $(seq 100); do kill -0 {pid} 2> /dev/null || break; sleep 0.1; done"
            asked = "; ".join(f"kill -{each} -- -{pid} 2> /dev/null; {ended}" for each in ("TERM", "TERM", "KILL"))
            self.type(f"{asked}; wait {pid}")


def _serves(port: int | None, log: Path) -> bool:
    """Whether a UI answers at the port; a daemon, which has none, says that it has begun."""
    if port is None:
        return "Instance is configured with the following daemons" in log.read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
