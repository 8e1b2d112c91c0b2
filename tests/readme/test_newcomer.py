"""A newcomer's path: every command of the README, in order, in a fresh copy of the project.

TLC's and the API's addresses are out of reach of tests: small made-up files in their place are named so by the
environment, as the README says for machines without a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from lakehouse.partition import Month, month_range
from lakehouse.settings import PROJECT_ROOT
from tests import fhv_files, green_files, reference_files, shares, yellow_files
from tests.readme.commands import SERVERS, Block, Shell, blocks
from tests.readme.warm import warmed

MONTHS = tuple(month_range(Month(2024, 1), Month(2024, 3)))
UI_PORT = 3000
_POLARS = (
    ".venv/bin/uv pip install --system-certs --quiet --python .venv/bin/python "
    "--constraint tests/requirements.txt polars"
)
INSTEAD = {"make test": _POLARS}
"""CI runs the tests, and this is one of them; of what they install besides, this is needed further on."""
IS_INSTALLED = ". .venv/bin/activate"
"""After this ``lakehouse`` is to be had by its name."""
_SETTINGS = re.compile(r"(?:[A-Z_]+=\S+ +)+")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the project, and what is new and not ignored, without history."""
    folder = tmp_path_factory.mktemp("newcomer") / "nyc-lakehouse"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT_ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT_ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three small made-up months of everything."""
    folder = tmp_path_factory.mktemp("source")
    reference_files.publish(folder)
    for month in MONTHS:
        green_files.write(folder / green_files.source_path(month), green_files.trips(month, 60))
        yellow_files.write(folder / yellow_files.source_path(month), yellow_files.trips(month, 60))
        fhv_files.write(folder / fhv_files.source_path(month), fhv_files.trips(month, 60))
    return folder


@pytest.fixture(scope="module")
def environment(source: Path) -> Mapping[str, str]:
    """Of a person who has set nothing but where the sources are."""
    dropped = ("LAKEHOUSE_", "DAGSTER_", "VIRTUAL_ENV", "PYTHON", "PYTEST", "MAKE", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    path = os.pathsep.join(part for part in kept["PATH"].split(os.pathsep) if not part.startswith(str(PROJECT_ROOT)))
    sources = {"LAKEHOUSE_TLC_URL": f"file://{source}", "LAKEHOUSE_USERS_URL": f"file://{source}/users.json"}
    return {**kept, **sources, "PATH": path}


@pytest.fixture
def shell(clone: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """That person's shell in the copy."""
    with Shell(clone, environment) as opened:
        yield opened


def test_every_command_of_the_readme_works_in_its_order(
    shell: Shell, clone: Path, environment: Mapping[str, str]
) -> None:
    done = 0
    shown = list(blocks((clone / "README.md").read_text()))
    servers = _servers(shown)
    with ExitStack() as stack:
        for block in shown:
            if block.file is not None:
                (clone / block.file).write_text(block.text)
            elif block.language == "python":
                (clone / "example.py").write_text(block.text)
                _require_success(shell, "python example.py")
            else:
                if IS_INSTALLED in block.lines:
                    _require_success(shell, stack.enter_context(warmed(clone, environment)))
                done += _type(shell, block, servers)
    assert done > 20


def _servers(shown: Sequence[Block]) -> Sequence[str]:
    """Those that are started: each of the README's, with settings alone if with any; or one, where a share is taken."""
    lines = [line for block in shown if block.language == "sh" for line in block.lines]
    commands = dict.fromkeys(_command(line) for line in lines if any(server in line for server in SERVERS))
    with_settings = {_SETTINGS.sub("", command) for command in commands if _SETTINGS.match(command)}
    started = [command for command in commands if command not in with_settings]
    assert len(started) > 2
    return shares.drawn("servers of the README", 0, started) if shares.are_drawn() else started


def _command(line: str) -> str:
    """What is typed, without a remark."""
    command = line.split("#", maxsplit=1)[0].strip()
    return INSTEAD.get(command, command)


def _type(shell: Shell, block: Block, servers: Sequence[str]) -> int:
    """Type the commands of a block, of servers those that are to be started."""
    for line in block.lines:
        command = _command(line)
        if command in servers:
            shell.start_and_stop(command, None if "daemon" in command else UI_PORT)
        elif not any(server in command for server in SERVERS):
            _require_success(shell, command)
    return len(block.lines)


def _require_success(shell: Shell, command: str) -> None:
    code, said = shell.type(command)
    assert code == 0, f"{command}\n{said}"
