"""Every real month through the whole pipeline, once for all tests of a process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog

from tests.real_data.published import Pipeline, data_versions, open_catalog, real_project, run_all_months


@pytest.fixture(scope="session")
def pipeline(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    project = real_project(tmp_path_factory.mktemp("months"), real_data)
    outcomes = run_all_months(project)
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    return Pipeline(
        project,
        {str(outcome.partition): outcome for outcome in outcomes},
        data_versions(project),
        project.files(),
        project.snapshots(),
    )


@pytest.fixture(scope="session")
def iceberg(pipeline: Pipeline) -> Iterator[SqlCatalog]:
    with open_catalog(pipeline.project) as catalog:
        yield catalog
