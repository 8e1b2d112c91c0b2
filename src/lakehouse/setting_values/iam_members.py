"""Members of IAM, as a setting lists them: ``group:analysts@example.com, user:ann@example.com``.

Kinds: "IAM principal identifiers". Who is anybody is none: data that all may read is not made by a setting.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

_BY_EMAIL = re.compile(r"(user|group|serviceAccount):[^@\s:]+@[^@\s:]+\.[^@\s:]+")
_DOMAIN = re.compile(r"domain:[^@\s:/]+\.[^@\s:/]+")
_FEDERATED = re.compile(r"principal(Set)?://iam\.googleapis\.com/\S+")
_PUBLIC = frozenset({"allusers", "allauthenticatedusers"})


def members_of(text: str) -> tuple[str, ...]:
    """Each of a list, once."""
    return tuple(dict.fromkeys(filter(None, (each.strip() for each in text.split(",")))))


def _members(text: str) -> str:
    """As IAM keeps them: addresses in small letters."""
    return ",".join(dict.fromkeys(map(_member, members_of(text))))


def _member(text: str) -> str:
    if text.lower() in _PUBLIC:
        raise ValueError(f"{text} would let anybody read; name users, groups, service accounts or a domain")
    if _FEDERATED.fullmatch(text):
        return text
    if _BY_EMAIL.fullmatch(text) or _DOMAIN.fullmatch(text):
        kind, _, name = text.partition(":")
        return f"{kind}:{name.lower()}"
    raise ValueError(
        f"{text} is not a member of IAM; one is user:, group: or serviceAccount: and an e-mail address, domain: and a "
        "domain, or begins with principal:// or principalSet://; there are commas between them"
    )


Members = Annotated[str, AfterValidator(_members)]
"""Between commas; empty for none."""
