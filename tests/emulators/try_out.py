"""Google Cloud to try the ``gcp`` profile on, without an account: ``make cloud``.

Runs emulators of BigQuery and Cloud Storage, and a server of tokens for a key that is made for them, on loopback, until
Ctrl-C; then all that was in them is gone. ``.cloud/env`` has the settings: ``. .cloud/env`` in another terminal.
"""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from pathlib import Path

from lakehouse.settings import PROJECT_ROOT
from tests.emulators.emulator import Cloud, cloud_emulators
from tests.gcp.keys import google, write_key

_FOLDER = PROJECT_ROOT / ".cloud"
_PROJECT = "emulated-cloud"


def _settings(cloud: Cloud, key: Path) -> dict[str, str]:
    return {
        "LAKEHOUSE_PROFILE": "gcp",
        "LAKEHOUSE_PROJECT": _PROJECT,
        "LAKEHOUSE_BUCKET": _PROJECT,
        "LAKEHOUSE_PREFIX": "dev",
        "LAKEHOUSE_CREDENTIALS": str(key),
        "LAKEHOUSE_HOME": str(_FOLDER / "home"),
        "DAGSTER_HOME": str(_FOLDER / "dagster"),
        "BIGQUERY_EMULATOR_HOST": cloud.bigquery,
        "STORAGE_EMULATOR_HOST": cloud.storage,
        # Google's clients ask, beside, where an account may be used: nothing leaves this machine.
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "https_proxy": "http://127.0.0.1:1",  # the only spelling that gRPC knows, by which catalogs are asked for
        "NO_PROXY": "127.0.0.1,cloudfront.net,jsonplaceholder.typicode.com",
    }


def main() -> None:
    """Run until Ctrl-C."""
    shutil.rmtree(_FOLDER, ignore_errors=True)
    (_FOLDER / "emulators").mkdir(parents=True)
    try:
        with cloud_emulators(_FOLDER / "emulators") as cloud, google() as tokens:
            settings = _settings(cloud, write_key(_FOLDER, tokens.token_uri))
            lines = "".join(f'export {name}="{value}"\n' for name, value in settings.items())
            (_FOLDER / "env").write_text(lines)
            print("BigQuery and Cloud Storage, emulated, until Ctrl-C. In another terminal:\n  . .cloud/env")  # noqa: T201
            with suppress(KeyboardInterrupt):
                signal.pause()
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)


if __name__ == "__main__":
    main()
