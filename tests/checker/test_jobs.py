"""Many explorations give the same results on one process as on several, in the order of the requests, whatever dies."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from cowcheck.checker.engines import EngineName
from cowcheck.checker.explore import Progress
from cowcheck.checker.job import Job, run
from cowcheck.checker.jobs import MIB, Running, Share, run_all, run_shared, share_out
from cowcheck.checker.result import Result, Verdict

SLOW_FIRST = [
    Job("lab-plan", "exec-after-fork"),
    Job("kref-lock", "two-stores"),
    Job("lab-plan", "store-text-alone"),
    Job("lab-plan", "no-such-scenario"),
]


def timeless(results: list[Result]) -> list[Result]:
    return [replace(result, stats=replace(result.stats, seconds=0.0, peak_rss_bytes=0)) for result in results]


def test_workers_change_nothing_but_the_time() -> None:
    seen: list[Running] = []
    results = run_all(SLOW_FIRST, 2, seen.append)
    assert [result.subject.scenario for result in results] == [job.scenario for job in SLOW_FIRST]
    assert timeless(results) == timeless(run_all(SLOW_FIRST, 1))
    assert {running.total for running in seen} == {len(SLOW_FIRST)}
    assert max(running.done for running in seen) == len(SLOW_FIRST)


def test_a_worker_that_dies_takes_no_other_job_with_it() -> None:
    """What ran when a worker died is run again, alone."""
    killed: list[int] = []

    def kill_once(running: Running) -> None:
        for child in multiprocessing.active_children() if not killed else []:
            assert child.pid is not None
            killed.append(child.pid)
            child.kill()

    jobs = SLOW_FIRST[:3]
    results = run_all(jobs, 2, kill_once)
    assert killed
    assert [result.verdict for result in results] == [Verdict.PASS, Verdict.FAIL, Verdict.PASS]


def test_a_job_that_kills_its_worker_again_is_an_error_and_no_hang() -> None:
    def kill_the_first(running: Running) -> None:
        if any(job.scenario == "exec-after-fork" for job, _ in running.jobs):
            for child in multiprocessing.active_children():
                child.kill()

    results = run_all(SLOW_FIRST[:3], 2, kill_the_first)
    assert [result.verdict for result in results] == [Verdict.ERROR, Verdict.FAIL, Verdict.PASS]
    assert results[0].error is not None
    assert results[0].error.kind == "internal"
    assert "worker process died" in results[0].error.message
    assert (results[0].subject.design, results[0].subject.frames) == ("lab-plan", 12)


def test_a_fault_of_our_own_is_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by way of a test")

    monkeypatch.setattr("cowcheck.checker.job.Explorer", broken)
    result = run(Job("lab-plan", "two-stores", engine=EngineName.REFERENCE))
    assert (result.verdict, result.subject.design) == (Verdict.ERROR, "lab-plan")
    assert result.error is not None
    assert (result.error.kind, result.error.message) == ("internal", "ZeroDivisionError: by way of a test")


def test_a_single_job_runs_here_and_tells_its_progress() -> None:
    seen: list[Running] = []
    run_all([SLOW_FIRST[0]], 4, seen.append)
    assert not multiprocessing.active_children()
    first, *others = [progress for running in seen for _, progress in running.jobs]
    assert first == Progress(0, 0, 0, 0.0)
    assert others
    assert [progress.states for progress in others] == sorted(progress.states for progress in others)


@pytest.mark.parametrize(
    ("jobs", "wanted", "memory", "cores", "workers", "each"),
    [
        (10, None, 1024, 2, 2, 448),
        (10, None, 1024, 64, 5, 179),
        (10, 4, 1024, 2, 2, 448),
        (10, 1, 1024, 2, 1, 1024),
        (1, None, 1024, 2, 1, 1024),
        (10, None, 256, 2, 1, 256),
    ],
)
def test_cores_and_memory_are_shared_out(
    monkeypatch: pytest.MonkeyPatch, jobs: int, wanted: int | None, memory: int, cores: int, workers: int, each: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert share_out(jobs, wanted, memory) == (workers, each * MIB)


def test_a_share_that_is_too_small_is_inconclusive() -> None:
    """Memory is looked at as states come, so a search that needs more than its share ends early."""
    job = SLOW_FIRST[0]._replace(engine=EngineName.REFERENCE)
    result = run(job._replace(budget=job.budget._replace(memory_bytes=1 * MIB)))
    assert (result.verdict, result.stats.stopped) == (Verdict.INCONCLUSIVE, "1 MiB of memory")


def test_what_a_share_does_not_suffice_for_is_run_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers with less than they hold already; then all of the memory."""
    monkeypatch.setattr("cowcheck.checker.jobs.share_out", lambda *_: Share(2, 1 * MIB))
    jobs = [job._replace(engine=EngineName.REFERENCE) for job in (SLOW_FIRST[0], SLOW_FIRST[2])]
    seen: list[Running] = []
    results = run_shared(jobs, 2, 1024, seen.append)
    assert timeless(results) == timeless(run_all(jobs, 1))
    assert all(result.stats.complete for result in results)
    assert {running.total for running in seen} == {2}
    monkeypatch.setattr("cowcheck.checker.jobs.PARENT_MIB", 1023)
    results = run_shared(jobs, 2, 1024)
    assert {result.stats.stopped for result in results} <= {"1 MiB of memory", ""}
    assert results[0].verdict is Verdict.INCONCLUSIVE
