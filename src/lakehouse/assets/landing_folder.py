"""The folder that dlt lands in, as dlt's destination."""

from __future__ import annotations

from functools import cached_property

from dlt.common.destination import DestinationCapabilitiesContext
from dlt.common.normalizers.naming import NamingConvention
from dlt.destinations import filesystem
from dlt.destinations.impl.filesystem.configuration import FilesystemDestinationClientConfiguration


class LandingFolder(filesystem):
    """dlt's filesystem that reads its configuration once.

    dlt asks it some twenty times a load what it can do, and has it look through all configuration each time.
    """

    @property
    def destination_type(self) -> str:
        return "dlt.destinations.filesystem"

    def capabilities(
        self,
        config: FilesystemDestinationClientConfiguration | None = None,
        naming: NamingConvention | None = None,
    ) -> DestinationCapabilitiesContext:
        return super().capabilities(config or self._configured, naming)

    @cached_property
    def _configured(self) -> FilesystemDestinationClientConfiguration:
        return self.configuration(self.spec(), accept_partial=True)
