"""The test suite; a package so that tests can share helpers: `from tests.http_source import SourceServer`."""
