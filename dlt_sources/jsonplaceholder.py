"""The users of the JSONPlaceholder API, flattened by dlt into one row for each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import url2pathname

from dlt_sources.bounds import ANSWER_BYTES
from dlt_sources.dataset import Dataset
from dlt_sources.fetch import SAMPLE_MARK, Download
from dlt_sources.json_records import json_list, records_source
from dlt_sources.remote_file import Address, RemoteFile, checked_url

if TYPE_CHECKING:
    from dlt.sources import DltSource

_FILE = "users.json"

USERS = Dataset(
    name="users", description="Users of the JSONPlaceholder API, nested objects flattened by dlt, one row for each."
)

TEXT_COLUMNS = (
    *("name", "username", "email", "phone", "website"),
    *("address__street", "address__suite", "address__city", "address__zipcode"),
    *("address__geo__lat", "address__geo__lng"),
    *("company__name", "company__catch_phrase", "company__bs"),
)
"""What dlt's normalizer makes of a user; whatever type the API gives them, they are landed as text."""

verify_users = json_list(
    "a list of users", is_sample=lambda user: str(user.get("username")).lower().startswith(SAMPLE_MARK)
)


def users_file(address: Address) -> RemoteFile:
    """What the API answers; a ``file://`` address is a JSON file, or a folder that has ``users.json``.

    Raises:
        ConfigurationError: the address cannot be used.
    """
    parts = checked_url(address, USERS.name)
    if parts.scheme == "file" and Path(url2pathname(parts.path)).is_dir():
        parts = parts._replace(path=f"{parts.path.rstrip('/')}/{_FILE}")
    url = parts._replace(fragment="").geturl()
    return RemoteFile(
        what=USERS.name,
        url=url,
        setting=address.setting,
        accept="application/json",
        largest_bytes=ANSWER_BYTES,
    )


def users_source(download: Download | None) -> DltSource:
    """The dlt source with the resource ``users``; without a download it yields nothing.

    Raises:
        CorruptFile: two fields would be one column, or a list stands where a text belongs.
    """
    return records_source("jsonplaceholder", USERS, download, {"id": "INT64", **dict.fromkeys(TEXT_COLUMNS, "STRING")})
