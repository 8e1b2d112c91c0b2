"""What tests of Google's cloud share: nothing of the machine's own credentials or projects reaches them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gcp.keys import Google
from tests.gcp.keys import google as running_google


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "BIGQUERY_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")  # else it looks for a machine of Google's for seconds
    # With a service account's credentials any client asks, in a thread beside, iamcredentials.googleapis.com where they
    # may be used: what answers on loopback is asked over http, and nothing else leaves this machine.
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))


@pytest.fixture
def google() -> Iterator[Google]:
    with running_google() as server:
        yield server
