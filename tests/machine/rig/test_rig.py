"""A kernel on a rig: it boots, its counts are found, and what is recorded of it is what stands in its memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from cowcheck.checker.catalogue import scenarios
from cowcheck.machine.board.state import A0, FIRST_PPN, FRAMES, KERNBASE, PAGE, X0
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.scenario_program import scenario_workload
from cowcheck.machine.program.workload import Workload
from cowcheck.machine.record.counts import Counts
from cowcheck.machine.record.event import FIELDS, KIND, PC, A, B, C, D, Ending, EventKind
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.observer import COUNTS_ARRAY, COUNTS_TABLE, TRAPFRAME_VPN
from cowcheck.machine.record.recorder import Recorder, Report
from cowcheck.machine.record.roots import word
from cowcheck.machine.rig import NotBooted, Rig, Run
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W, PTE_X

SET_BY_HART = 1 << 6 | 1 << 7  # bits A and D: no store of the kernel's
LEAF = PTE_R | PTE_W | PTE_X


class Recording:
    """All that a run told: rows, and texts by the place of their row."""

    def __init__(self) -> None:
        self.parts: list[tuple[bytes, tuple[str, ...]]] = []
        self.rows: list[tuple[int, ...]] = []
        self.texts: list[str] = []

    def take(self, rows: np.ndarray[Any, Any], texts: Sequence[str]) -> None:
        self.parts.append((rows.tobytes(), tuple(texts)))
        for row in rows.tolist():
            kind = EventKind(row[KIND])
            if "text" in FIELDS[kind]:
                self.texts.append(f"{kind.name}: {texts[row[A + FIELDS[kind].index('text')]]}")
            self.rows.append(tuple(row))

    def of(self, kind: EventKind) -> list[tuple[int, ...]]:
        return [row for row in self.rows if row[KIND] == kind]


def workload(name: str) -> Workload:
    return scenario_workload(scenarios()[name])


def finished(report: Report, recorder: Recorder) -> Ending | None:
    """A run ends where the workload's program says that it is over."""
    return Ending.DONE if report.values[0] == ReportKind.FINISHED else None


def play(rig: Rig, name: str, on_report: Callable[[Report, Recorder], Any] = finished) -> tuple[Run, Recording]:
    recording, what = Recording(), workload(name)
    return rig.run(what.files, recording.take, on_report, what.instructions), recording


# --- what is told, held against the kernel's memory ---


class Memory:
    """What stands in a kernel's memory, read slowly."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.ram = recorder, recorder.board.ram
        self.layout = recorder.kernel.layout

    def entries(self, frame: int) -> list[tuple[int, int]]:
        words = self.ram[frame * PAGE : (frame + 1) * PAGE].view(np.uint64)
        return [(int(index), int(words[index])) for index in np.flatnonzero(words)]

    def leaves(self, frame: int, level: int, vpn: int) -> list[tuple[int, int]]:
        found = []
        for index, pte in self.entries(frame):
            here, below = vpn + (index << 9 * level), (pte >> 10) - FIRST_PPN
            if level and pte & PTE_V and not pte & LEAF:
                found += self.leaves(below, level - 1, here)
            elif pte & PTE_V and here < TRAPFRAME_VPN:
                found.append((here, pte & ~SET_BY_HART))
        return found

    def mappings(self) -> dict[tuple[int, int], int]:
        procs, fields = self.layout.procs, self.layout.proc_fields
        found: dict[tuple[int, int], int] = {}
        for slot in range(procs.count):
            base = procs.address + slot * procs.stride
            root = (word(self.ram, base + fields["pagetable"].offset) - KERNBASE) // PAGE
            pid = word(self.ram, base + fields["pid"].offset) & 0xFFFFFFFF
            if 0 <= root < FRAMES:
                found |= {(pid, vpn): pte for vpn, pte in self.leaves(root, 2, 0)}
        return found

    def free(self) -> set[int]:
        found = set()
        at = word(self.ram, self.layout.free_lists[0].head)
        while at:
            found.add((at - KERNBASE) // PAGE)
            at = word(self.ram, at)
        return found


class Told:
    """What the events tell, folded."""

    def __init__(self) -> None:
        self.mappings: dict[tuple[int, int], int] = {}
        self.free: Counter[int] = Counter()
        self.counts: dict[int, int] = {}
        self.roles: dict[int, int] = {}

    def take(self, rows: np.ndarray[Any, Any], texts: Sequence[str]) -> None:
        for row in rows.tolist():
            match EventKind(row[KIND]):
                case EventKind.PTE:
                    assert self.mappings.get((row[A], row[B]), 0) == row[C] & ~SET_BY_HART
                    self.mappings[row[A], row[B]] = row[D] & ~SET_BY_HART
                    if not row[D]:
                        del self.mappings[row[A], row[B]]
                case EventKind.LIST:
                    self.free[row[A] - FIRST_PPN] += row[B]
                case EventKind.COUNT:
                    self.counts[row[A] - FIRST_PPN] = row[C]
                case EventKind.OWN:
                    self.roles[row[A] - FIRST_PPN] = row[B]

    def mapped(self) -> Counter[int]:
        """How often user pages lead to each frame."""
        return Counter((pte >> 10) - FIRST_PPN for pte in self.mappings.values() if pte & PTE_U)


COUNTS = {
    "": (COUNTS_ARRAY, 4, 4, 0),
    "VARIANT_COUNT_8BIT": (COUNTS_ARRAY, 1, 1, 0),
    "VARIANT_COUNT_FROM_ZERO": (COUNTS_ARRAY, 4, 4, -1),
    "VARIANT_INDEX_FROM_END": (COUNTS_ARRAY, 4, 4, 0),
    "VARIANT_LOCK_PER_FRAME": (COUNTS_ARRAY, 32, 4, 0),
    "VARIANT_COUNT_TABLE": (COUNTS_TABLE, 16, 4, 0),
    "VARIANT_XV6_2025": (COUNTS_ARRAY, 4, 4, 0),
}


@pytest.mark.parametrize("flag", COUNTS)
def test_what_is_recorded_is_what_stands_in_memory(
    rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel], flag: str
) -> None:
    """At every report, when the kernel is at rest: mappings, free list and counts; and no frame is lost."""
    rig = rig_of(1) if not flag else Rig.boot(kernel_with(flag))
    counts = rig.counts
    assert isinstance(counts, Counts)
    assert (counts.kind, counts.stride, counts.width, counts.offset) == COUNTS[flag]
    told, looks = Told(), 0

    def look(report: Report, recorder: Recorder) -> Ending | None:
        nonlocal looks
        looks += 1
        recorder.drain()
        memory = Memory(recorder)
        assert told.mappings == memory.mappings()
        assert set(+told.free) == memory.free()
        assert max(told.free.values()) == 1
        assert recorder.census() == len(memory.free())
        for frame, mapped in told.mapped().items():
            if frame in told.counts and (counts.kind == COUNTS_ARRAY or mapped > 1):
                assert told.counts[frame] == mapped, f"frame {frame}"
            if counts.kind == COUNTS_ARRAY:
                at = counts.base + counts.stride * frame - KERNBASE
                value = int.from_bytes(
                    recorder.board.ram[at : at + counts.width].tobytes(), "little", signed=counts.width > 1
                )
                assert value - counts.offset == mapped
        return finished(report, recorder)

    run = rig.run(workload("three-children").files, told.take, look, 10**9)
    assert run.ending is Ending.DONE
    assert looks > 10
    assert 5 not in told.roles.values()  # Role.LOST


def test_the_counts_are_the_kernels_array(rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel]) -> None:
    """The debugging information names the variable that was found by watching."""
    counts = rig_of(1).counts
    assert isinstance(counts, Counts)
    variable = next(item for item in kernel_with().elf.debug.variables if item.name == "kref")
    layout = variable.type.layout
    assert layout is not None
    assert counts.base == variable.address + layout.fields["count"].offset
    assert counts.name == "kref (kernel/kref.c)"


def test_a_kernel_that_shares_nothing(kernel_with: Callable[..., Kernel]) -> None:
    rig = Rig.boot(kernel_with("VARIANT_EAGER_COPY"))
    assert rig.counts == "fork shares no page: it copies each one at once"


# --- chance has no part in it ---


@pytest.mark.parametrize("harts", [1, 2, 3])
def test_runs_from_one_snapshot_are_the_same(rig_of: Callable[[int], Rig], harts: int) -> None:
    """To the byte, whatever ran in between; and the instructions too."""
    rig = rig_of(harts)
    first, recorded = play(rig, "three-children")
    play(rig, "store-unmapped")
    second, again = play(rig, "three-children")
    assert first.ending is Ending.DONE
    assert first == second
    assert recorded.parts == again.parts


@pytest.mark.parametrize("harts", [1, 2])
def test_two_boards_with_one_seed_are_the_same(
    rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel], harts: int
) -> None:
    other = Rig.boot(kernel_with(), harts=harts, seed=5, counts=None if harts == 1 else rig_of(1).counts)
    assert other.counts == rig_of(harts).counts
    assert play(other, "two-stores")[1].parts == play(rig_of(harts), "two-stores")[1].parts


def test_another_seed_is_another_interleaving(rig_of: Callable[[int], Rig], kernel_with: Callable[..., Kernel]) -> None:
    other = Rig.boot(kernel_with(), harts=2, seed=6, counts=rig_of(1).counts)
    run, recording = play(other, "two-stores")
    assert run.ending is Ending.DONE
    assert recording.parts != play(rig_of(2), "two-stores")[1].parts


# --- what a run tells ---


def test_a_recording_begins_with_what_is_and_ends(rig_of: Callable[[int], Rig]) -> None:
    run, recording = play(rig_of(3), "three-children")
    assert run.ending is Ending.DONE
    assert recording.rows[-1][KIND] == EventKind.END
    assert recording.rows[-1][A] == Ending.DONE
    kinds = Counter(row[KIND] for row in recording.rows)
    for kind in (
        EventKind.RUN, EventKind.TRAP, EventKind.USER, EventKind.STATE, EventKind.PTE, EventKind.OWN, EventKind.ALLOC,
        EventKind.FREE, EventKind.LIST, EventKind.COUNT, EventKind.FENCE, EventKind.SIZE, EventKind.PLACE,
    ):  # fmt: skip
        assert kinds[kind] > 0, kind.name
    assert any(text.startswith("PLACE: uvmcopy (kernel/vm.c:") for text in recording.texts)
    assert len({row[1] for row in recording.rows}) > 1


def test_places_come_before_the_rows_that_name_them(rig_of: Callable[[int], Rig]) -> None:
    _, recording = play(rig_of(1), "store-exit")
    known: set[int] = set()
    for row in recording.rows:
        if row[KIND] == EventKind.PLACE:
            assert row[A] not in known
            known.add(row[A])
        else:
            assert row[3] == 0 or row[3] in known


def test_an_answer_goes_to_the_hart_that_asked(rig_of: Callable[[int], Rig]) -> None:
    """Whatever is looked at in between: a census reads every hart's registers."""
    rig = rig_of(3)
    board, asked = rig.recorder.board, set()

    def answer(report: Report, recorder: Recorder) -> int | Ending | None:
        hart = int(board.shared["hart"])
        asked.add(hart)
        before = [board.engine.read(X0 + number) for number in range(32)]
        assert before[10] == report.values[0]
        recorder.census()
        assert int(board.shared["hart"]) == hart
        assert [board.engine.read(X0 + number) for number in range(32)] == before
        assert board.engine.read(A0) == report.values[0]
        return finished(report, recorder)

    run, _ = play(rig, "three-children", answer)
    assert run.ending is Ending.DONE
    assert len(asked) > 1


def test_a_budget_ends_a_run(rig_of: Callable[[int], Rig]) -> None:
    recording = Recording()
    run = rig_of(1).run(workload("two-stores").files, recording.take, finished, 50_000)
    assert run.ending is Ending.BUDGET
    assert recording.rows[-1][KIND] == EventKind.END
    assert run.instructions >= 50_000


LOOP = b"\x01\xa0"  # c.j . (RVC)


def start_of(kernel: Kernel, function: str) -> int:
    """The address of a function."""
    found = (kernel.elf.symbol_table.function_at(pc) for pc in range(KERNBASE, KERNBASE + (1 << 20), 2))
    return next(symbol.address for symbol in found if symbol is not None and symbol.name == function)


@pytest.mark.parametrize("function", ["cowfault", "fork"])
def test_a_kernel_that_loops_for_ever_hangs(kernel_with: Callable[..., Kernel], function: str) -> None:
    """With interrupts off, in the fault handler, and with interrupts on, in a system call."""
    rig = Rig.boot(kernel_with(), harts=1, seed=5)
    at = start_of(rig.kernel, function)
    for ram in (rig.snapshot.ram, rig.recorder.board.ram):
        ram[at - KERNBASE : at - KERNBASE + len(LOOP)] = np.frombuffer(LOOP, np.uint8)
    rig.recorder.board.engine.forget_code()
    recording, what = Recording(), workload("two-stores")
    run = rig.run(what.files, recording.take, finished, 40_000_000)
    assert run.ending is Ending.HANG
    assert run.text == "no user code has run for 20,000,000 instructions"
    assert at in {row[PC] for row in recording.of(EventKind.CALL) if row[A] == 0}


def test_a_disk_without_a_program_is_a_panic(rig_of: Callable[[int], Rig]) -> None:
    """The kernel says so; its text and the place of the call are told."""
    recording = Recording()
    run = rig_of(1).run({"other": b"no program"}, recording.take, finished, 10**8)
    assert run.ending is Ending.PANIC
    assert run.text
    assert recording.texts[-2:] == [f"PANIC: {run.text}", f"END: {run.text}"]
    assert "is booting" in run.console
    assert play(rig_of(1), "store-exit")[0].ending is Ending.DONE  # and the rig is as good as before


def test_a_leak_is_told_when_the_path_ends(kernel_with: Callable[..., Kernel], rig_of: Callable[[int], Rig]) -> None:
    """Pages that exit does not free are free no more, and nothing leads to them."""
    rig = Rig.boot(kernel_with("BUG_NO_DROP_FOR_COW"))
    _, recording = play(rig, "store-exit")
    lost = [row for row in recording.of(EventKind.OWN) if row[B] == 5]
    assert lost
    assert not [row for row in play(rig_of(1), "store-exit")[1].of(EventKind.OWN) if row[B] == 5]


# --- kernels that do not boot ---


def test_a_kernel_without_a_free_page(kernel_with: Callable[..., Kernel]) -> None:
    with pytest.raises(NotBooted, match="did not come to its first process") as failure:
        Rig.boot(kernel_with("BUG_FREE_AT_BOOT"))
    assert "The list of free pages is empty." in str(failure.value)
    assert "is booting" in failure.value.console
