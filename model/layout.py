"""Where each word of a state stands: a state is a flat tuple of integers, compared whole.

Order: system, shared globals, per-frame arrays, page tables, processes, harts. Frames, page tables and processes are
numbered from 1, for 0 is NULL; pid 1 is init, as in xv6.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.model.ir import PAGE_DATA, RUN_NEXT, Program, Type
from cowcheck.model.scenario import OpKind, Scenario

PANIC = 0  # slot: 0, or 1 + the number of the panic message
PHASE = 1  # slot: 0 while one process runs at a time (boot, setup), then 1

# Fields of a process, from its base.
(
    STATE,
    PC,
    UPC,
    PARENT,
    KILLED,
    TABLE,
    SZ,
    LOCK,
    NOFF,
    INTR,
    SCAUSE,
    STVAL,
    RETURN,
    OOM,
    KILL_ASKED,
    FAULT_PTE,
    FIXED,
) = range(17)
"""``PC`` is 1 + the instruction's index, or 0 in user mode; ``NOFF`` counts the spinlocks held, ``INTR`` says whether
interrupts are on but for those; the last three are ghosts: memory was out during this operation, another process asked
for the kill, the PTE at the trap."""

FREE_LIST = "kmem.freelist"
"""The shared variable that every kernel keeps its free frames by."""

INIT = 1
FIRST = 2
"""pids."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Slots of a state of one program in one scenario."""

    frames: int
    pages: int
    processes: int
    harts: int
    tables: int
    leaves: int  # leaf pages of a page table
    leaf_pages: int  # PTEs in each
    kept_registers: int
    globals: dict[str, int]  # slot of a scalar or lock
    arrays: dict[str, int]  # slot of frame 1's element
    frame_scalars: tuple[int, ...]  # slots of scalars that hold a frame
    table_base: int
    process_base: int
    process_size: int
    hart_base: int
    size: int

    @property
    def table_size(self) -> int:
        return 1 + self.leaves + self.pages

    @property
    def hart_size(self) -> int:
        return 1 + self.pages

    def array(self, name: str, frame: int) -> int:
        return self.arrays[name] + frame - 1

    def table(self, number: int) -> int:
        """Slot of a page table's root; its leaf pages and its PTEs follow."""
        return self.table_base + (number - 1) * self.table_size

    def pte(self, table: int, page: int) -> int:
        return self.table(table) + 1 + self.leaves + page

    def leaf(self, table: int, index: int) -> int:
        """Slot of a leaf page of a page table (0 where it has none there)."""
        return self.table(table) + 1 + index

    def process(self, pid: int) -> int:
        return self.process_base + (pid - 1) * self.process_size

    def due(self, pid: int, page: int) -> int:
        return self.process(pid) + FIXED + page

    def hart(self, number: int) -> int:
        """Slot of the process that hart ``number`` (from 0) runs; its TLB, a PTE for each page, follows."""
        return self.hart_base + number * self.hart_size


def layout_of(program: Program, scenario: Scenario, kept_registers: int) -> Layout:
    """The layout for a program in a scenario."""
    slot = 2
    scalars: dict[str, int] = {}
    frame_scalars = []
    for declared in program.globals:
        if not declared.per_frame:
            scalars[declared.name] = slot
            if declared.type is Type.FRAME:
                frame_scalars.append(slot)
            slot += 1
    arrays: dict[str, int] = {}
    for name in (RUN_NEXT, PAGE_DATA, *(declared.name for declared in program.globals if declared.per_frame)):
        arrays[name] = slot
        slot += scenario.frames
    pages = scenario.table_pages
    users = scenario.processes - 1
    execs = sum(op.kind is OpKind.EXEC for op in scenario.ops)
    tables = users + min(users, execs)
    table_base = slot
    leaves = scenario.leaf_count
    process_base = table_base + tables * (1 + leaves + pages)
    process_size = FIXED + pages + kept_registers
    hart_base = process_base + scenario.processes * process_size
    return Layout(
        frames=scenario.frames,
        pages=pages,
        processes=scenario.processes,
        harts=scenario.harts,
        tables=tables,
        leaves=leaves,
        leaf_pages=scenario.leaf_pages,
        kept_registers=kept_registers,
        globals=scalars,
        arrays=arrays,
        frame_scalars=tuple(frame_scalars),
        table_base=table_base,
        process_base=process_base,
        process_size=process_size,
        hart_base=hart_base,
        size=hart_base + scenario.harts * (1 + pages),
    )
