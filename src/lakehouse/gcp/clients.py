"""Google's own clients, of a place and with credentials.

They honour ``BIGQUERY_EMULATOR_HOST`` and ``STORAGE_EMULATOR_HOST``, with the same credentials: to whom they talk makes
no difference here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.gcp.place import Place
from lakehouse.settings import keep_storage_client_quiet

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud import bigquery, storage

_USER_AGENT = "nyc-lakehouse"
"""What Google's own logs call us by."""


def storage_client(place: Place, credentials: Credentials) -> storage.Client:
    """Of Cloud Storage. Who makes it closes it."""
    from google.api_core.client_info import ClientInfo
    from google.cloud.storage import Client

    keep_storage_client_quiet()
    return Client(
        project=place.project,
        credentials=credentials,
        client_info=ClientInfo(user_agent=_USER_AGENT),  # type: ignore[no-untyped-call]
    )


def bigquery_client(place: Place, credentials: Credentials) -> bigquery.Client:
    """Of BigQuery, whose jobs run where the place is. Who makes it closes it."""
    from google.api_core.client_info import ClientInfo
    from google.cloud.bigquery import Client

    return Client(
        project=place.project,
        credentials=credentials,
        location=place.location,
        client_info=ClientInfo(user_agent=_USER_AGENT),  # type: ignore[no-untyped-call]
    )


def storage_address() -> str:
    """Where Cloud Storage answers, whoever asks."""
    from google.cloud.storage import Client

    keep_storage_client_quiet()
    client = Client.create_anonymous_client()
    try:
        return str(client.api_endpoint)
    finally:
        client.close()
