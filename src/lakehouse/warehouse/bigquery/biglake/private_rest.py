"""What pyiceberg has no public call for: a client of a REST catalog that waits within bounds, and reads by our client.

pyiceberg's own files in Cloud Storage would look for credentials by themselves, and ask for a quarter of an hour.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.rest.auth import AuthManager
from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from lakehouse.bronze.gcs.answers import told_as_ours
from lakehouse.bronze.gcs.objects import patient

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.storage import Blob, Bucket
    from pyiceberg.typedef import Properties
    from requests import PreparedRequest, Response, Session

ANSWER_SECONDS = 60.0
"""How long a request may go without an answer."""

ATTEMPTS = 4
"""How often in all the catalog is asked that refuses for now, or cannot be reached; a change once."""

_PAUSE_SECONDS = 0.5
_READ_BYTES = 1 << 18
_REFUSED_FOR_NOW = (429, 503)
_EARLY = timedelta(minutes=2)
"""How long before it ends a token is made anew."""


class Client(RestCatalog):
    """Of BigLake's catalog, with files that are read and written by Google's client of Cloud Storage."""

    def __init__(self, name: str, bucket: Bucket, **properties: Any) -> None:
        self._bucket = bucket
        super().__init__(name, **properties)

    def _create_session(self) -> Session:
        session = super()._create_session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Bounded())
        return session

    def _load_file_io(
        self,
        properties: Properties | None = None,  # noqa: ARG002 - neither tokens that are vended nor other settings count
        location: str | None = None,  # noqa: ARG002
    ) -> FileIO:
        return ObjectIO(self._bucket)


class _Bounded(HTTPAdapter):
    def __init__(self) -> None:
        super().__init__(
            max_retries=Retry(
                total=ATTEMPTS - 1,
                backoff_factor=_PAUSE_SECONDS,
                status_forcelist=_REFUSED_FOR_NOW,
                allowed_methods=("GET", "HEAD"),
                raise_on_status=False,
            )
        )

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        kwargs["timeout"] = kwargs.get("timeout") or ANSWER_SECONDS
        return super().send(request, *args, **kwargs)


class Tokens(AuthManager):
    """Those of credentials, each asked for as long as it is good."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def auth_header(self) -> str:
        from google.auth.transport.requests import Request

        ends: datetime | None = self._credentials.expiry
        is_ending = ends is not None and ends.replace(tzinfo=UTC) - _EARLY < datetime.now(UTC)
        if not self._credentials.token or is_ending:
            self._credentials.refresh(Request())  # type: ignore[no-untyped-call]
        return f"Bearer {self._credentials.token}"


class ObjectIO(FileIO):
    """Files of Iceberg that are objects of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        super().__init__()
        self._bucket = bucket

    def new_input(self, location: str) -> _Object:
        return _Object(location, self._blob(location))

    def new_output(self, location: str) -> _NewObject:
        return _NewObject(location, self._blob(location))

    def delete(self, location: str | InputFile | OutputFile) -> None:
        from google.api_core.exceptions import NotFound

        uri = location if isinstance(location, str) else location.location
        with told_as_ours(uri):
            try:
                self._blob(uri).delete(retry=patient())
            except NotFound:
                raise FileNotFoundError(uri) from None

    def _blob(self, location: str) -> Blob:
        start = f"gs://{self._bucket.name}/"
        if not location.startswith(start):
            raise FileNotFoundError(f"{location} is not in the catalog's bucket, {start}")
        return self._bucket.blob(location.removeprefix(start), chunk_size=_READ_BYTES)


class _Object(InputFile):
    def __init__(self, location: str, blob: Blob) -> None:
        super().__init__(location)
        self._blob = blob

    def __len__(self) -> int:
        if self._blob.size is None:
            self._look()
        return int(self._blob.size)

    def exists(self) -> bool:
        with told_as_ours(self.location):
            return bool(self._blob.exists(retry=patient()))

    def open(self, seekable: bool = True) -> InputStream:  # noqa: ARG002
        self._look()
        return cast("InputStream", self._blob.open("rb", retry=patient()))

    def _look(self) -> None:
        from google.api_core.exceptions import NotFound

        with told_as_ours(self.location):
            try:
                self._blob.reload(retry=patient())
            except NotFound:
                raise FileNotFoundError(self.location) from None


class _NewObject(OutputFile):
    def __init__(self, location: str, blob: Blob) -> None:
        super().__init__(location)
        self._blob = blob

    def __len__(self) -> int:
        return len(self.to_input_file())

    def exists(self) -> bool:
        return self.to_input_file().exists()

    def to_input_file(self) -> _Object:
        return _Object(self.location, self._blob)

    def create(self, overwrite: bool = False) -> OutputStream:  # noqa: ARG002 - names have a UUID in them
        return cast("OutputStream", _Written(self.location, self._blob))


class _Written(io.BytesIO):
    """What is written, sent when it is closed."""

    def __init__(self, location: str, blob: Blob) -> None:
        super().__init__()
        self._location, self._blob = location, blob

    def close(self) -> None:
        if not self.closed:
            with told_as_ours(self._location):
                self._blob.upload_from_string(self.getvalue(), "application/octet-stream", retry=patient())
        super().close()
