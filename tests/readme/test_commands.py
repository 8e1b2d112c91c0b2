"""The shell that types the README: what fails is told, whatever comes after it."""

from __future__ import annotations

import os
from pathlib import Path

from tests.readme.commands import Shell


def test_the_exit_code_is_the_commands_own(tmp_path: Path) -> None:
    with Shell(tmp_path, os.environ) as shell:
        assert shell.type("true") == (0, "\n")
        assert shell.type("printf said; (exit 3)") == (3, "said\n")
        assert shell.type("export A=here") == (0, "\n")
        assert shell.type('test "$A" = here') == (0, "\n")
        assert shell.type("echo x | false")[0] == 1
