"""Executors whose runs can be told from dead ones: the process holds the run's lock, and hears when it is to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from lakehouse.assets.private_dagster import ExecutionPlan, RetryMode, RunContext, is_served_by_code_location
from lakehouse.automation.liveness import RunLocks

_WATCH_SECONDS = 2.0


def locking(executor: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """The same executor, its runs locked while they are at work."""

    def create(context: dg.InitExecutorContext) -> dg.Executor:
        if executor.executor_creation_fn is None:
            raise dg.DagsterInvariantViolationError(f"executor {executor.name} cannot be made")
        return _LockingExecutor(executor.executor_creation_fn(context))

    return dg.ExecutorDefinition(
        name=executor.name,
        config_schema=executor.config_schema.as_field(),
        requirements=executor.get_requirements,
        executor_creation_fn=create,
        description=executor.description,
    )


class _LockingExecutor(dg.Executor):
    """Executes as another one does."""

    def __init__(self, executor: dg.Executor) -> None:
        self._executor = executor

    @property
    def retries(self) -> RetryMode:
        return self._executor.retries

    def execute(self, plan_context: RunContext, execution_plan: ExecutionPlan) -> Iterator[dg.DagsterEvent]:
        instance, run = plan_context.instance, plan_context.dagster_run
        # Kept, for Dagster has yet to write that the run is over when this is.
        RunLocks.of(instance.root_directory).keep(run.run_id)
        with _canceled_if_interrupted(instance, run), _told_to_end(instance, run):
            yield from self._executor.execute(plan_context, execution_plan)


@contextmanager
def _canceled_if_interrupted(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[None]:
    """Let an interruption of this process end its run as canceled; Dagster makes a failure of what it did not ask for.

    What interrupts a run that a code location has started is no person who has seen enough: it was asked for before,
    or the machine goes down.
    """
    try:
        yield
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        if not is_served_by_code_location(run):
            let_end_as_canceled(instance, run.run_id)
        raise


def let_end_as_canceled(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell Dagster that a run that is interrupted was asked to end; whether it is under way."""
    run = instance.get_run_by_id(run_id)
    if run is None or run.status is not dg.DagsterRunStatus.STARTED:
        return False
    instance.report_run_canceling(run)
    return True


@contextmanager
def _told_to_end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Iterator[None]:
    """Interrupt this process when its run is terminated in the UI, where nobody else could tell it.

    A run that a code location has started is interrupted by that.
    """
    if is_served_by_code_location(run):
        yield
        return
    over = threading.Event()
    watch = threading.Thread(target=_interrupt_when_canceling, args=(instance, run.run_id, over), daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _interrupt_when_canceling(instance: dg.DagsterInstance, run_id: str, over: threading.Event) -> None:
    while not over.wait(_WATCH_SECONDS):
        run = instance.get_run_by_id(run_id)
        if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
            _interrupt_main_thread()
            return


def _interrupt_main_thread() -> None:
    """As Ctrl-C does, which also ends a wait for a source; ``_thread.interrupt_main`` would let it wait on."""
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGINT)
