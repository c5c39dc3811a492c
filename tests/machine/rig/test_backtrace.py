"""The calls on a kernel's stack, and who called what a step was made by: on the test kernel, whose source says so."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from cowcheck.machine.board.state import RA, SP
from cowcheck.machine.record.backtrace import MOST_CALLS, backtrace, waiting
from cowcheck.machine.record.calls import FP
from cowcheck.machine.record.event import BY, KIND, PC, A, B, C, Ending, EventKind, ProcessState
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.recorder import Recorder, Report
from cowcheck.machine.rig import Rig
from tests.machine.rig.test_rig import Recording, finished, play


def functions(kernel: Kernel, places: list[int]) -> list[str]:
    return [kernel.place(place).split(" ")[0] for place in places]


def stack(recording: Recording) -> list[int]:
    calls = recording.of(EventKind.CALL)
    assert [row[A] for row in calls] == list(range(len(calls)))
    return [row[PC] for row in calls]


def test_a_panic_has_its_calls_down_to_the_trap(kernel_with: Callable[..., Kernel]) -> None:
    kernel = kernel_with("BUG_EXIT_IN_HANDLER")
    _, recording = play(Rig.boot(kernel, harts=2, seed=5, counts="not asked for"), "read-no-frame")
    assert functions(kernel, stack(recording)) == [
        "sched", "exit", "cowfault", "writable_page", "copyout", "piperead", "sys_read", "syscall", "usertrap",
    ]  # fmt: skip
    assert not recording.of(EventKind.FAULT)


def test_a_trap_of_the_kernels_own_goes_on_where_it_came_from(kernel_with: Callable[..., Kernel]) -> None:
    kernel = kernel_with("BUG_GOES_ON_WITHOUT_FRAME")
    _, recording = play(Rig.boot(kernel, harts=2, seed=5, counts="not asked for"), "fault-no-frame")
    assert functions(kernel, stack(recording)) == [
        "kerneltrap", "kernelvec", "memmove", "cowfault", "pagefault", "usertrap",
    ]  # fmt: skip
    (fault,) = recording.of(EventKind.FAULT)
    assert (fault[A], fault[B], fault[C]) == (15, 0, fault[PC])
    assert functions(kernel, [fault[PC]]) == ["memmove"]


def test_steps_tell_who_called(rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel]) -> None:
    kernel = kernel_with()
    _, recording = play(rig_of(1), "two-stores")
    callers: dict[tuple[EventKind, str], set[str]] = {}
    for row in recording.rows:
        if row[PC] and row[BY]:
            function, caller = functions(kernel, [row[PC], row[BY]])
            callers.setdefault((EventKind(row[KIND]), function), set()).add(caller)
    assert callers[EventKind.PTE, "mappages"] == {"uvmcopy", "uvmalloc"}
    assert callers[EventKind.LIST, "kalloc"] >= {"uvmalloc", "cowfault", "walk"}
    assert callers[EventKind.COUNT, "kref_put"] == {"kfree"}
    assert callers[EventKind.FREE, "uvmunmap"] >= {"uvmfree"}
    known = [row for row in recording.of(EventKind.PTE) if row[PC]]
    assert sum(row[BY] != 0 for row in known) > len(known) // 2
    told = {row[A] & (1 << 64) - 1 for row in recording.of(EventKind.PLACE)}
    assert {row[BY] for row in recording.rows if row[BY]} <= told


def test_a_process_that_sleeps_has_its_calls(rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel]) -> None:
    """Init waits for its child while that is in user code."""
    found: set[tuple[str, ...]] = set()

    def look(report: Report, recorder: Recorder) -> Ending | None:
        for slot in np.flatnonzero(recorder.observer["slot_state"] == ProcessState.SLEEPING):
            places = waiting(recorder.board, recorder.kernel, recorder.observer, int(slot))
            found.add(tuple(functions(kernel_with(), list(places))))
        return finished(report, recorder)

    play(rig_of(1), "two-stores", look)
    assert ("sched", "sleep", "wait", "sys_wait", "syscall", "usertrap") in found
    assert all(calls[-1] == "usertrap" for calls in found)


def test_garbage_in_the_registers_makes_a_short_list(rig_of: Callable[[int], Rig]) -> None:
    rig = rig_of(1)
    play(rig, "two-stores")
    board, recorder, draw = rig.recorder.board, rig.recorder, random.Random(7)
    stack_top = board.engine.read(SP)
    for _ in range(300):
        frame = draw.choice([draw.getrandbits(64), stack_top + 8 * draw.randrange(-64, 64), draw.getrandbits(28) << 3])
        board.engine.write(FP, frame)
        board.engine.write(RA, draw.choice([draw.getrandbits(64), 0x80000000 + draw.getrandbits(16)]))
        places = backtrace(board, rig.kernel, recorder.observer)
        assert 1 <= len(places) <= MOST_CALLS
        assert all(rig.kernel.elf.locate(place) is not None for place in places[1:])
