"""The part of what BigQuery says that a person can use: one line, without addresses, of bounded length."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from google.api_core.exceptions import GoogleAPICallError

_MOST_CHARACTERS = 300
_REQUEST = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE) \S+: ")
_SENTENCE = re.compile(r"(?<=[.;!?]) +")
_ADDRESS = re.compile(r"\s*https?://\S+")
_DETAIL = re.compile(r"message: (.*?)(?=; reason: |\Z)", re.DOTALL)
_ELSEWHERE = "errors[] collection"
"""What a load job says whose other errors say what is wrong."""


def reason_of(error: GoogleAPICallError) -> str:
    """BigQuery's own word for what is wrong; empty where there is none."""
    named = (str(each["reason"]) for each in error.errors if isinstance(each, dict) and each.get("reason"))
    return next(named, "") or str(error.reason or "")


def said(error: GoogleAPICallError) -> str:
    """BigQuery's own words, without the address that was asked; the status, if it has none for people."""
    messages = (str(each["message"]) for each in error.errors if isinstance(each, dict) and each.get("message"))
    text = next(messages, None) or _REQUEST.sub("", str(error.message))
    if _ELSEWHERE in text:
        details = (each for each in _DETAIL.findall(str(error.message)) if _ELSEWHERE not in each)
        text = next(details, text)
    line = in_one_line(text)
    return line if line and not line.startswith("<") and line != "unknown error" else _status(error)


def in_one_line(text: str) -> str:
    """The first line of a text, without sentences that only say where else to read, and cut if it is long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    sentences = [each for each in _SENTENCE.split(line) if not _ADDRESS.search(each)]
    return cut(" ".join(sentences) or _ADDRESS.sub("", line), _MOST_CHARACTERS)


def cut(text: str, most: int) -> str:
    """A text of at most so many characters, and a mark where there were more."""
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


def _status(error: GoogleAPICallError) -> str:
    code = error.code or 0
    return f"{code} {HTTPStatus(code).phrase}" if code in set(HTTPStatus) else f"status {code}"
