"""Many explorations on all cores: the results come in the order of the requests, whatever ends first.

Worker processes are spawned, never forked, so nothing depends on what the parent was doing. At most one job a worker is
handed out at a time: when a worker dies (the system was out of memory, say) those that were running are run again, each
alone, and the one that kills its worker a second time gets an ``error`` result; nothing waits for it.

Progress and cancelling go through shared memory without locks, since a worker may die while it holds one. Ctrl-C
reaches the parent only, which asks the workers to stop.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from ctypes import c_bool, c_double
from multiprocessing.sharedctypes import RawArray, RawValue
from typing import Any, NamedTuple

from cowcheck.checker import memory
from cowcheck.checker.explore import Progress
from cowcheck.checker.job import Job, failed, run
from cowcheck.checker.result import Result

MIB = 1 << 20
DEFAULT_MEMORY_MIB = 1024
LEAST_MEMORY_MIB = 256
PARENT_MIB = 128  # what the parent itself takes
LEAST_WORKER_MIB = 160  # what a worker takes before its first state, and room for some
LOOK_EVERY_S = 0.1


class Running(NamedTuple):
    """What is known of the jobs at one moment: those that run, with their progress, and how many have ended."""

    done: int
    total: int
    jobs: tuple[tuple[Job, Progress], ...]


Watch = Callable[[Running], None]


class Share(NamedTuple):
    """How many workers there are, and the memory that each may hold."""

    workers: int
    memory_bytes: int


def share_out(jobs: int, wanted: int | None, memory_mib: int) -> Share:
    """No more workers than jobs, cores or ``wanted``, nor than have room to work in ``memory_mib`` for all."""
    workers = min(jobs, os.cpu_count() or 1, wanted or jobs)
    if workers <= 1:
        return Share(1, memory_mib * MIB)
    room = memory_mib - PARENT_MIB
    workers = max(1, min(workers, room // LEAST_WORKER_MIB))
    return Share(workers, (room // workers if workers > 1 else memory_mib) * MIB)


def run_shared(jobs: Sequence[Job], wanted: int | None, memory_mib: int, watch: Watch | None = None) -> list[Result]:
    """The result of every job within ``memory_mib`` for all: those that the share of one worker does not suffice for
    are run again at the end, one at a time, with all of it.
    """
    share = share_out(len(jobs), wanted, memory_mib)
    results = run_all([_with_memory(job, share.memory_bytes) for job in jobs], share.workers, watch)
    again = [number for number, result in enumerate(results) if result.stats.stopped.endswith("of memory")]
    if share.workers <= 1 or not again:
        return results
    whole = [_with_memory(jobs[number], (memory_mib - PARENT_MIB) * MIB) for number in again]
    done = len(jobs) - len(again)

    def watch_again(running: Running) -> None:
        assert watch is not None
        watch(running._replace(done=done + running.done, total=len(jobs)))

    pool = _Pool(whole, 1, None if watch is None else watch_again, fresh=True)
    for number, result in zip(again, pool.run(), strict=True):
        results[number] = result
    return results


def _with_memory(job: Job, memory_bytes: int) -> Job:
    return job._replace(budget=job.budget._replace(memory_bytes=memory_bytes))


def run_all(jobs: Sequence[Job], workers: int, watch: Watch | None = None) -> list[Result]:
    """The result of every job, in their order. A single worker is this process."""
    if workers <= 1 or len(jobs) <= 1:
        return [_run_here(jobs, number, watch) for number in range(len(jobs))]
    return _Pool(jobs, workers, watch).run()


def _run_here(jobs: Sequence[Job], number: int, watch: Watch | None) -> Result:
    if watch is None:
        return run(jobs[number])
    tell = watch
    tell(Running(number, len(jobs), ((jobs[number], Progress(0, 0, 0, 0.0)),)))
    return run(jobs[number], lambda progress: tell(Running(number, len(jobs), ((jobs[number], progress),))))


class _Pool:
    """Runs jobs in worker processes; ``fresh``: each in a new one."""

    def __init__(self, jobs: Sequence[Job], workers: int, watch: Watch | None, *, fresh: bool = False) -> None:
        self.jobs = jobs
        self.workers = workers
        self.watch = watch
        self.fresh = fresh or not memory.restart_peak()
        self.results: dict[int, Result] = {}
        self.board = RawArray(c_double, len(Progress._fields) * len(jobs))
        self.cancel = RawValue(c_bool, False)

    def run(self) -> list[Result]:
        waiting = deque(range(len(self.jobs)))
        suspects: deque[int] = deque()
        while waiting or suspects:
            if not suspects:
                suspects.extend(self._round(waiting, self.workers))
                continue
            suspect = suspects.popleft()
            if self._round(deque([suspect]), 1):
                text = "the worker process died, perhaps for lack of memory; give a smaller size or --max-states"
                self.results[suspect] = failed(self.jobs[suspect], "internal", text)
        return [self.results[number] for number in range(len(self.jobs))]

    def _round(self, waiting: deque[int], workers: int) -> list[int]:
        """Runs what waits until all is done or a worker dies; then, those that were running."""
        executor = ProcessPoolExecutor(
            min(workers, len(waiting)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self.board, self.cancel),
            max_tasks_per_child=1 if self.fresh else None,
        )
        running: dict[Future[Result], int] = {}
        try:
            while waiting or running:
                try:
                    while waiting and len(running) < workers:
                        with _interrupts_held():
                            future = executor.submit(_work, waiting[0], self.jobs[waiting[0]])
                        running[future] = waiting.popleft()
                    self._collect(running)
                except BrokenProcessPool:
                    return sorted(running.values())
            return []
        except BaseException:
            self.cancel.value = True
            raise
        finally:
            executor.shutdown(wait=True, cancel_futures=True)

    def _collect(self, running: dict[Future[Result], int]) -> None:
        """Takes up the results of those that have ended. Raises :class:`BrokenProcessPool`."""
        ended, _ = wait(running, None if self.watch is None else LOOK_EVERY_S, FIRST_COMPLETED)
        for future in sorted(ended, key=running.__getitem__):
            if future.exception() is None:
                self.results[running.pop(future)] = future.result()
        for future in ended & running.keys():
            future.result()  # raises
        if self.watch is not None:
            now = tuple((self.jobs[number], self._progress(number)) for number in sorted(running.values()))
            self.watch(Running(len(self.results), len(self.jobs), now))

    def _progress(self, number: int) -> Progress:
        width = len(Progress._fields)
        states, depth, frontier, seconds = self.board[number * width : (number + 1) * width]
        return Progress(int(states), int(depth), int(frontier), seconds)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """A process that is started meanwhile never sees Ctrl-C; this one sees it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# --- in a worker ---


class _Cancelled(BaseException):
    """The parent has asked to stop."""


_shared: list[Any] = []  # the board and the cancel flag


def _begin(board: Any, cancel: Any) -> None:
    _shared[:] = [board, cancel]


def _work(number: int, job: Job) -> Result:
    board, cancel = _shared
    width = len(Progress._fields)

    def report(progress: Progress) -> None:
        if cancel.value:
            raise _Cancelled
        board[number * width : (number + 1) * width] = progress

    return run(job, report)
