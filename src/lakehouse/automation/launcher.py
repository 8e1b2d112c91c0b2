"""The run launcher of ``dagster.yaml``: Dagster's own, which can tell whether a run still has a process."""

from __future__ import annotations

import dagster as dg

from lakehouse.assets.private_dagster import RunHealth, is_served_by_code_location, run_health
from lakehouse.automation.liveness import Liveness, RunLocks


class LockingRunLauncher(dg.DefaultRunLauncher):
    """Launches runs in their code location; run monitoring asks it which of those at work are dead.

    The default one cannot tell, so what run monitoring looks at stays *Started* for ever where its process was killed.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> RunHealth:
        """Dead only where a lock that was held is free; what takes none is left alone."""
        liveness = RunLocks.of(self._instance.root_directory).of_run(run.run_id)
        return run_health(is_alive=liveness is not Liveness.DEAD, why=liveness.value)

    def terminate(self, run_id: str) -> bool:
        """Ask a run to end; one that no code location has started looks for that by itself."""
        run = self._instance.get_run_by_id(run_id)
        locks = RunLocks.of(self._instance.root_directory)
        if run is None or is_served_by_code_location(run) or locks.of_run(run_id) is not Liveness.ALIVE:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        if run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return True
