"""What the graph counts after a run that failed: checks that it left out say again what they said before."""

from __future__ import annotations

import dagster as dg

from lakehouse.assets.check_results import UNCHECKED, newest_evaluation
from lakehouse.assets.private_dagster import asset_graph
from lakehouse.automation.freshness import SENSOR
from lakehouse.automation.unanswered import said_again
from lakehouse.definitions import build_definitions
from lakehouse.partition import Month
from tests import green_files
from tests.commands import dagster_in_memory
from tests.project import Project

MONTH = Month(2024, 1)


def test_checks_that_a_failed_run_left_out_say_again_what_they_said_and_only_once(project: Project) -> None:
    definitions = build_definitions(project.settings())
    checks = asset_graph(definitions).asset_check_keys
    key = dg.AssetCheckKey(dg.AssetKey("green_silver"), "row_ledger")
    with dagster_in_memory(), project.instance() as instance:
        project.publish(MONTH, green_files.trips(MONTH, 3))
        (made,) = project.run(MONTH)
        assert made.succeeded
        assert list(said_again(instance, checks)) == []
        (project.source / green_files.source_path(MONTH)).write_text("<html>")
        (failed,) = project.run(MONTH)
        assert not failed.succeeded

        context = dg.build_sensor_context(instance=instance, definitions=definitions)
        result = definitions.resolve_sensor_def(SENSOR).evaluate_tick(context)
        events = [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]
        assert {event.asset_key.to_user_string() for event in events} == {"green_bronze", "green_silver", "green_gold"}
        assert len(events) == 19
        assert all(event.passed for event in events)
        for event in events:
            instance.report_runless_asset_event(event)
        assert list(said_again(instance, checks)) == []
        said = newest_evaluation(instance, key)
        newest = instance.fetch_materializations(key.asset_key, limit=1).records[0]
    assert said is not None
    assert (said.metadata["month"].value, said.metadata[UNCHECKED].value) == (str(MONTH), True)
    assert said.target_materialization_data is not None
    assert said.target_materialization_data.storage_id == newest.storage_id
