"""Where a database is, as its address says it."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from dlt_sources.remote_file import Address
from lakehouse.exceptions import ConfigurationError

_SCHEMES = ("postgresql", "postgres")
_EXAMPLE = "set it to an address such as postgresql://user@host/database, or sqlite:////absolute/file.db"


def is_sqlite(url: str) -> bool:
    """Whether it is the address of a file."""
    return url.startswith("sqlite:")


def database_url(address: Address, what: str) -> str:
    """The address of a database that can be read. What is wrong with another is said without quoting it: where a
    malformed one hides its password cannot be told.

    Raises:
        ConfigurationError: it is none, or none that can be read.
    """
    url, setting = address.url, address.setting
    if not url:
        raise ConfigurationError(f"{what}: {setting} is not set; {_EXAMPLE}")
    if is_sqlite(url):
        if not url.startswith("sqlite:///") or not PurePosixPath(url.removeprefix("sqlite:///")).is_absolute():
            raise ConfigurationError(f"{what}: {setting} is no absolute path; {_EXAMPLE}")
        return url
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(each.isspace() or not each.isprintable() for each in url):
        raise ConfigurationError(f"{what}: {setting} is not the address of a database; {_EXAMPLE}")
    after = f"{parts.path[1:]}?{parts.query}"
    if parts.netloc.count("@") > 1 or "@" in after or "/" in parts.path[1:] or parts.fragment:
        raise ConfigurationError(
            f"{what}: {setting} has a user, password or database with a sign that has a meaning in addresses; write "
            "@ as %40, / as %2F, # as %23, ? as %3F"
        )
    return url
