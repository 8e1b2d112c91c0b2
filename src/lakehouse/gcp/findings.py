"""What is looked at of Google Cloud before anything of ours there: settings, credentials, the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING

from lakehouse.exceptions import ConfigurationError
from lakehouse.findings.finding import Finding, fault, ok, parted, unseen, warning
from lakehouse.gcp.credentials import WAYS, Identity, credentials_of
from lakehouse.gcp.place import Place, missing, place_of
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from requests import Response

_WAIT_SECONDS = 10.0
_NEAR = timedelta(minutes=1)
"""How far from Google's a clock may be; tokens are refused that are made by one a few minutes off."""

_MEND_CLOCK = "have the time set by the network (timedatectl set-ntp true)"


def look_at_place(settings: Settings) -> tuple[Place | None, list[Finding]]:
    """The place that settings name, None if they do not; a line for each setting that is missing."""
    if needed := missing(settings):
        return None, [fault("place", *parted(line)) for line in needed]
    try:
        place = place_of(settings)
    except ConfigurationError as error:
        return None, [fault("place", *parted(str(error)))]
    return place, [ok("place", f"{place.words}, location {place.location}")]


def look_at_credentials(settings: Settings) -> tuple[Identity | None, Finding]:
    """Who asks, None if nobody may; a token is asked for, as for any request."""
    from google.auth.exceptions import GoogleAuthError, TransportError
    from google.auth.transport.requests import Request

    try:
        identity = credentials_of(settings)
    except ConfigurationError as error:
        return None, fault("credentials", *parted(str(error)))
    ask = partial(Request(), timeout=_WAIT_SECONDS)
    try:
        identity.credentials.refresh(ask)  # type: ignore[no-untyped-call]
    except TransportError as error:
        why = f"{identity.words}: who gives tokens cannot be reached ({type(error).__name__})"
        return None, fault("credentials", why, "is there a network, and does it let you to Google?")
    except GoogleAuthError as error:
        said = str(error.args[0]).split("\n", 1)[0] if error.args else type(error).__name__
        return None, fault("credentials", f"{identity.words}: Google gives no token for them ({said})", WAYS)
    return identity, ok("credentials", f"{identity.words}; Google gives a token for them")


def look_at_clock(address: str) -> Finding:
    """This machine's clock, against that of who answers at an address, whatever the answer is."""
    import requests

    try:
        before = datetime.now(UTC)
        answer = requests.head(address, timeout=_WAIT_SECONDS, allow_redirects=False)
        after = datetime.now(UTC)
    except requests.RequestException as error:
        return unseen("clock", f"{address} cannot be reached ({type(error).__name__})")
    theirs = _date(answer)
    if theirs is None:
        return warning("clock", f"{address} does not tell the time", "is it Google that answers, or a proxy?")
    return clock_finding(before + (after - before) / 2, theirs)


def clock_finding(ours: datetime, theirs: datetime) -> Finding:
    """A clock against Google's, at one moment."""
    off = ours - theirs
    seconds = abs(off.total_seconds())
    if abs(off) > _NEAR:
        how = "ahead of" if off > timedelta() else "behind"
        return fault("clock", f"is {seconds:,.0f} s {how} Google's, and tokens are refused for it", _MEND_CLOCK)
    return ok("clock", f"is within {max(seconds, 1):.0f} s of Google's")


def _date(answer: Response) -> datetime | None:
    try:
        told = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told
