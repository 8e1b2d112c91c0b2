"""The page that the sample source shows in a browser: what it is, and what it has published."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Sample data: generated, no real trips</title></head>
<body>
<h1>Sample data: generated, no real trips</h1>
<p>This server on your own machine stands in for TLC's distribution and for the users API. Every trip, zone and user
below is made up, and every file says so.</p>
<ul>
{links}
</ul>
</body>
</html>
"""


def index_page(folder: Path) -> str:
    """HTML with a link to each file published in the folder."""
    links = (
        f'<li><a href="/{quote(path)}">{escape(path)}</a>{f" ({size:,} bytes)" if size is not None else ""}</li>'
        for path, size in _published(folder)
    )
    return _PAGE.format(links="\n".join(links))


def _published(folder: Path) -> Iterator[tuple[str, int | None]]:
    """Paths as the server knows them, with sizes; what begins with a dot is not published yet."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            yield inside.as_posix(), path.stat().st_size
    yield "users", None
