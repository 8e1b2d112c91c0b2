"""What we use of Dagster that it does not promise to keep: a new version that takes it away fails here, by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from lakehouse.assets import private_dagster
from lakehouse.settings import PROJECT_ROOT

UP, DOWN = dg.AssetKey("up"), dg.AssetKey("down")


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    months = dg.MonthlyPartitionsDefinition("2024-01", fmt="%Y-%m")

    @dg.asset(partitions_def=months)
    def up() -> None: ...

    @dg.asset(deps=[up])
    def down() -> None: ...

    return dg.Definitions(assets=[up, down])


def test_the_graph_tells_parents_ancestors_partitions_and_order(definitions: dg.Definitions) -> None:
    graph = private_dagster.asset_graph(definitions)
    assert set(graph.get_all_asset_keys()) == {UP, DOWN}
    assert graph.toposorted_asset_keys == [UP, DOWN]
    assert graph.get(DOWN).parent_keys == {UP}
    assert graph.get_ancestor_asset_keys(DOWN) == {UP}
    assert graph.get(UP).partitions_def is not None
    assert graph.get(DOWN).partitions_def is None


def test_a_repository_has_the_same_graph(definitions: dg.Definitions) -> None:
    graph = private_dagster.asset_graph_of(definitions.get_repository_def())
    assert graph.toposorted_asset_keys == [UP, DOWN]


def test_the_job_of_all_assets_runs_a_selection(definitions: dg.Definitions) -> None:
    job = private_dagster.job_of_all_assets(definitions)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(asset_selection=[DOWN], instance=instance, run_id="0" * 32)
    assert result.success
    assert {event.asset_key for event in result.get_asset_materialization_events()} == {DOWN}


def test_a_step_may_leave_out_a_check_if_its_checks_are_optional() -> None:
    def made(*, optional: bool) -> bool:
        @dg.asset(check_specs=[dg.AssetCheckSpec("looked_at", asset="up")])
        def up() -> Iterator[dg.MaterializeResult[None]]:
            yield dg.MaterializeResult()

        asset = private_dagster.with_optional_checks(up) if optional else up
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize([asset], instance=instance, raise_on_error=False).success

    assert made(optional=True)
    assert not made(optional=False)


def test_a_job_s_origin_is_the_code_location_of_the_workspace(definitions: dg.Definitions) -> None:
    job = private_dagster.job_of_all_assets(definitions)
    origin = private_dagster.job_origin(PROJECT_ROOT / "workspace.yaml", job)
    assert (origin.location_name, origin.job_name) == ("lakehouse", job.name)
    assert origin.repository_origin.repository_name == definitions.get_repository_def().name


def test_an_instance_is_opened_that_captures_no_logs(tmp_path: Path) -> None:
    with private_dagster.open_without_captured_logs(tmp_path) as instance:
        assert type(instance.compute_log_manager).__name__ == "NoOpComputeLogManager"
        assert instance.get_runs() == []


@pytest.mark.parametrize("wrong", ["+", 'key:"nowhere" and (', "no_such_attribute:x"])
def test_a_selection_that_cannot_be_read_raises_one_of_the_faults(definitions: dg.Definitions, wrong: str) -> None:
    with pytest.raises(private_dagster.selection_faults()):
        dg.AssetSelection.from_coercible([wrong]).resolve(private_dagster.asset_graph(definitions))


def test_nobody_but_this_and_the_storage_reaches_into_dagster() -> None:
    found = {
        path.relative_to(PROJECT_ROOT).as_posix()
        for path in (PROJECT_ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        if name.startswith("dagster._") or "._" in name
    }
    assert found == {"src/lakehouse/assets/private_dagster.py", "src/lakehouse/automation/private_storage.py"}
