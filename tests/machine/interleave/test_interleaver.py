"""Schedules of the test kernel's code: each starts from the same state, and harts take turns where it says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from unicorn import riscv_const

from cowcheck.machine.board.state import FRAMES, KERNBASE, MACHINE, PAGE, PC, PRIV, X0
from cowcheck.machine.interleave.execution import Execution
from cowcheck.machine.interleave.interleaver import Interleaver
from cowcheck.machine.interleave.state import IS_LOCK, Access
from cowcheck.machine.record.event import HART, KIND, PID, TIME, A, B, C, Ending, EventKind, ProcessState
from tests.machine.interleave.conftest import Meeting

Meet = Callable[..., Meeting]
EBREAK = 0x00100073


def same(first: Execution, second: Execution) -> bool:
    """Whether two executions did the same, to the byte, but for the clock, which a stop moves on."""
    rows = [np.delete(execution.rows, TIME, axis=1) for execution in (first, second)]
    parts = ((first.steps, second.steps), (first.log, second.log), rows)
    told = (first.texts, first.ending, first.waiting) == (second.texts, second.ending, second.waiting)
    return told and all(np.array_equal(one, other) for one, other in parts)


def registers(it: Interleaver) -> list[list[int]]:
    """Every hart's registers, pc, and the privileged ones that a trap changes."""
    board, found = it.board, []
    current = int(board.shared["hart"])
    for hart in range(board.harts):
        board.switch(hart)
        found.append([board.engine.read(number) for number in (*range(X0, X0 + 32), PC, PRIV)])
        found[-1] += [csr(it, name) for name in ("SATP", "SEPC", "SCAUSE", "STVAL", "SSTATUS", "SSCRATCH", "STVEC")]
    board.switch(current)
    return found


def csr(it: Interleaver, name: str) -> int:
    """A control register of the hart that runs, whatever its mode."""
    engine = it.board.engine
    mode = engine.read(PRIV)
    engine.write(PRIV, MACHINE)
    value = engine.read(getattr(riscv_const, f"UC_RISCV_REG_{name}"))
    engine.write(PRIV, mode)
    return value


def everything(it: Interleaver) -> list[Any]:
    """All that :meth:`Interleaver.restore` must bring back, as values."""
    board, recorder = it.board, it.recorder
    devices = [
        {name: value for name, value in vars(device).items() if name not in ("ram", "write_ram", "signal")}
        for device in (board.uart, board.disk, board.plic)
    ]
    record = board.record.copy()
    record["lines"] = 0  # translated lines are forgotten, and met again
    return [
        registers(it), record.tobytes(), repr(devices), recorder.record.tobytes(), recorder.printed,
        sorted(recorder.told), list(board.waiting),
    ]  # fmt: skip


def changed(it: Interleaver) -> int:
    """The bytes of RAM that are not as they were at the gates. Bits A and D of page tables, which harts set themselves,
    do not count: the kernel's own table is in no hart's satp then."""
    assert it.moment is not None
    at = np.flatnonzero(it.board.ram != it.moment.snapshot.ram)
    bits = it.board.ram[at] ^ it.moment.snapshot.ram[at]
    return int(np.count_nonzero((bits & ~np.uint8(0xC0)) | ((at % 8 != 0) & (bits != 0))))


def heated(meeting: Meeting, *names: str) -> Interleaver:
    """The locks of these names are preemption points."""
    meeting.interleaver.heat([meeting.address_of(name) | IS_LOCK for name in names])
    return meeting.interleaver


# --- from the same state each time ---


@pytest.mark.parametrize("race", [("store", "store"), ("exec", "fork"), ("reap", "shrink"), ("read", "exit")])
def test_restoring_brings_everything_back(meet: Meet, race: tuple[str, ...]) -> None:
    it = heated(meet(*race), "kref", "kmem")
    it.restore()
    before = everything(it)
    first = it.run(((0, 0),))
    middle = len(first.steps) // 2
    it.run(((0, 0), (middle, 1)))
    assert changed(it)
    it.restore()
    assert not changed(it)
    for number, (now, then) in enumerate(zip(everything(it), before, strict=True)):
        assert now == then, number
    assert same(it.run(((0, 0),)), first)


def test_the_rest_of_a_workload_is_forgotten_too(meet: Meet) -> None:
    """After the sequel, which uses the disk, interrupts and every process."""
    meeting = meet("exec", "store")
    it = heated(meeting, "kref")
    it.restore()
    before = everything(it)
    first = it.run(((0, 1),))
    digest = it.digest()
    assert changed(it)
    listener = meeting.listener.copy()
    rows, _ = it.finish(listener.hear, listener.close, 400_000_000)
    assert (rows[-1, KIND], rows[-1, A]) == (EventKind.END, Ending.DONE)
    it.restore()
    assert not changed(it)
    for number, (now, then) in enumerate(zip(everything(it), before, strict=True)):
        assert now == then, number
    assert same(it.run(((0, 1),)), first)
    assert it.digest() == digest


def test_user_code_that_was_overwritten_is_translated_anew(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation's own instruction is an ebreak, in one run alone."""
    it = meet("store", "store").interleaver
    first = it.run(((0, 0),))
    sepc = next(int(row[C]) for row in first.rows if row[KIND] == EventKind.TRAP)
    it.restore()
    it.board.switch(int(first.steps["hart"][0]))
    at = user_address(it, sepc)
    restore = it.restore

    def overwrite() -> None:
        restore()
        it.board.ram[at - KERNBASE : at - KERNBASE + 4] = list(EBREAK.to_bytes(4, "little"))
        it.board.engine.forget_code()
        it.board.shared["dirty"][(at - KERNBASE) // PAGE] = 1

    monkeypatch.setattr(it, "restore", overwrite)
    other = it.run(((0, 0),))
    monkeypatch.undo()
    assert ended(other)
    assert not ended(first)
    assert same(it.run(((0, 0),)), first)


def ended(execution: Execution) -> list[int]:
    """The processes that ended."""
    return [int(row[A]) for row in execution.rows if row[KIND] == EventKind.STATE and row[B] == ProcessState.ZOMBIE]


def user_address(it: Interleaver, va: int) -> int:
    """Where a user address of the hart that runs lies in RAM."""
    table = (csr(it, "SATP") & ((1 << 44) - 1)) << 12
    for level in (2, 1, 0):
        at = table + 8 * (va >> 12 + 9 * level & 0x1FF) - KERNBASE
        table = int.from_bytes(it.board.ram[at : at + 8].tobytes(), "little") >> 10 << 12
    assert 0 <= (table - KERNBASE) // PAGE < FRAMES
    return table + (va & PAGE - 1)


def test_a_rig_has_one_interleaver(meet: Meet) -> None:
    it = meet("store", "store").interleaver
    assert Interleaver.of(it.rig) is it


# --- turns ---


def test_a_hart_goes_on_until_the_schedule_says_otherwise(meet: Meet) -> None:
    it = heated(meet("store", "store"), "kref")
    alone = it.run(((0, 0),))
    assert len(set(alone.steps["hart"].tolist())) == 2
    assert alone.ending is None
    turns = np.flatnonzero(np.diff(alone.steps["hart"]))
    assert len(turns) == 1
    for at in range(1, int(turns[0]) + 1):
        run = it.run(((0, 0), (at, 1)))
        assert run.steps["hart"][:at].tolist() == [0] * at
        assert run.steps["hart"][at] == 1
        assert np.array_equal(run.steps["pc"][:at], alone.steps["pc"][:at])
        assert run.ending is None


def test_a_switch_to_a_hart_that_there_is_not_is_none(meet: Meet) -> None:
    it = heated(meet("store", "store"), "kref")
    assert np.array_equal(it.run(((0, 0), (2, 7))).steps, it.run(((0, 0),)).steps)


def test_a_hart_waits_at_a_lock_that_another_one_holds(meet: Meet) -> None:
    """The count is a point, so that a hart is stopped with the lock held."""
    meeting = meet("store", "store")
    it = heated(meeting, "kref")
    first = it.run(((0, 0),))
    counts = [row for row in first.log if row["kind"] == Access.LOAD and meeting.place(int(row["pc"])) == "kref_put"]
    it.heat([int(counts[0]["object"]) & ~7])
    run = it.run(((0, 0),))
    held = next(at for at, step in enumerate(run.steps) if step["kind"] == Access.LOAD)
    run = it.run(((0, 0), (held, 1)))
    lock = meeting.address_of("kref")
    assert run.ending is None
    assert run.waiting == ()
    back = next(at for at in range(held + 1, len(run.steps)) if run.steps["hart"][at] == 0)
    assert run.steps["forced"][back] == 1
    assert int(run.steps["enabled"][back]) == 0b01  # hart 1 waits for the lock
    between = run.steps[held:back]
    assert not ((between["kind"] == Access.ACQUIRE) & (between["object"] == lock)).any()
    assert ((run.steps["kind"] == Access.ACQUIRE) & (run.steps["hart"] == 1) & (run.steps["object"] == lock)).any()


def test_no_two_harts_are_ever_in_one_critical_section(meet: Meet) -> None:
    meeting = meet("store", "fork")
    it = heated(meeting, "kref", "kmem")
    steps = len(it.run(((0, 0),)).steps)
    for at in range(1, steps):
        holder: dict[int, int] = {}
        for row in it.run(((0, 0), (at, 1))).log:
            lock, hart = int(row["object"]), int(row["hart"])
            if row["kind"] == Access.ACQUIRE:
                assert lock not in holder, (at, lock)
                holder[lock] = hart
            elif row["kind"] == Access.RELEASE:
                assert holder.pop(lock) == hart


def test_an_idle_hart_takes_a_process_when_there_is_one(meet: Meet) -> None:
    """One process exits, and its hart runs the child that the other has forked."""
    it = heated(meet("exit", "fork"), "kref")
    for first in (0, 1):
        execution = it.run(((0, first),))
        assert execution.ending is None
        (exited,) = ended(execution)
        hart = next(int(row[HART]) for row in execution.rows if row[KIND] == EventKind.RUN and row[PID] == exited)
        later = [int(row[A]) for row in execution.rows if row[KIND] == EventKind.RUN and row[HART] == hart and row[A]]
        assert later, first
        assert exited not in later


# --- atomic instructions and locks of the kernel's own ---


def test_an_atomic_instruction_of_the_kernel_is_done_once(meet: Meet) -> None:
    """acquire's amoswap, as if it were any other: done twice, it would find the lock taken by itself."""
    meeting = meet("store", "store")
    it = meeting.interleaver
    kept = it.shared["lock_code"].copy()
    it.shared["lock_code"][:] = 0
    try:
        it.heat([meeting.address_of("kref") & ~7])
        first = it.run(((0, 0),))
        atomics = [at for at, step in enumerate(first.steps) if step["kind"] == Access.ATOMIC and step["hart"] == 0]
        assert atomics
        for at in atomics:
            run = it.run(((0, 0), (at, 1)))
            assert run.ending is None, at
            assert run.steps["hart"][at] == 1
            assert np.count_nonzero(run.steps["kind"] == Access.ATOMIC) <= np.count_nonzero(run.steps["enabled"] > 0)
            assert run.waiting == ()
            ram = it.board.ram
            lock = meeting.address_of("kref") - KERNBASE
            assert not ram[lock : lock + 4].any()
    finally:
        it.shared["lock_code"][:] = kept


def test_harts_that_wait_for_each_other_are_told_with_the_locks(meet: Meet) -> None:
    meeting = meet("reap", "store", flags=("BUG_LOCK_ORDER",))
    it = heated(meeting, "kref", "kmem")
    found: list[Execution] = []
    steps = len(it.run(((0, 0),)).steps)
    for at in range(1, steps):
        first = it.run(((0, 0), (at, 1)))
        found += [first] if first.waiting else []
        for again in range(at + 1, len(first.steps)):
            run = it.run(((0, 0), (at, 1), (again, 0)))
            found += [run] if run.waiting else []
    assert found
    locks = {meeting.address_of("kref"), meeting.address_of("kmem")}
    for execution in found:
        assert execution.ending is None
        assert {wait.hart for wait in execution.waiting} == {0, 1}
        assert {wait.lock for wait in execution.waiting} == locks
        assert [wait.holder for wait in execution.waiting] == [1, 0]
        places = {meeting.place(wait.pc) for wait in execution.waiting}
        assert len(places) == 2
        assert places <= {"kalloc", "kfree", "kref_alloc", "kref_put", "push", "pop"}


def test_a_lock_that_nobody_gives_back(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting = meet("store", "store")
    it = meeting.interleaver
    restore, lock = it.restore, meeting.address_of("kref")

    def locked() -> None:
        restore()
        it.board.ram[lock - KERNBASE] = 1

    monkeypatch.setattr(it, "restore", locked)
    execution = it.run(((0, 0),))
    assert execution.ending is None
    assert [(wait.hart, wait.lock, wait.holder) for wait in execution.waiting] == [(0, lock, -1), (1, lock, -1)]
