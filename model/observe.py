"""The views of a model state: what the invariants may know of it.

Two words decide what is seen of a process. It is *in an operation* while it is inside the kernel and not asleep: what
it maps and points to is in flux, so its frames are not quiescent, and its own mappings are not visible, for neither
user code nor anyone else can use them before it returns. Everything else is visible: a process in user mode,
preempted there, or asleep in ``wait``. A process that has not yet started or has ended maps frames that no one can
use.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from cowcheck.model.ir import Type
from cowcheck.model.language import RUNNABLE, SLEEPING
from cowcheck.model.layout import FIXED, FREE_LIST, PANIC, PC, PHASE, STATE, TABLE
from cowcheck.model.liveness import Allocation
from cowcheck.model.sv39 import FLAG_BITS, PTE_COW, PTE_U, PTE_V, PTE_W
from cowcheck.model.system import Model, StateTuple
from cowcheck.model.views import FrameView, MappingView, SystemView, TranslationView, View

SUBJECT_KERNEL = "the kernel"


class Observer:
    """Makes the views of a model's states."""

    def __init__(self, model: Model) -> None:
        self.model = model
        layout = model.layout
        self._frames = layout.frames
        self._pages = layout.pages
        self._upper = 1 + layout.leaves  # slots of a page table before its PTEs
        self._tables = [(number, layout.table(number)) for number in range(1, layout.tables + 1)]
        self._processes = [(pid, layout.process(pid)) for pid in range(1, layout.processes + 1)]
        self._harts = [layout.hart(number) for number in range(layout.harts)]
        count = model.program.count
        self._counts = layout.arrays[count] - 1 if count else None
        self._offset = model.program.count_offset
        self._may_write = [model.kernel.region(page) == "data" for page in range(self._pages)]
        held = [declared for declared in model.program.globals if declared.type is Type.FRAME]
        self._kept = [
            slot
            for declared in held
            if declared.name != FREE_LIST
            for slot in (
                range(layout.arrays[declared.name], layout.arrays[declared.name] + layout.frames)
                if declared.per_frame
                else (layout.globals[declared.name],)
            )
        ]
        self._references = _references(model.allocation, FIXED + self._pages)

    def views(self, state: StateTuple) -> list[View]:
        """Every view of the state: of the kernel, of each frame in turn, of each mapping, of each cached
        translation."""
        return [view for _, view in self._observe(state)]

    def subject(self, state: StateTuple, index: int) -> str:
        """In words, what ``views(state)[index]`` is of."""
        key, _ = self._observe(state)[index]
        kind, number, page = key
        if kind == "frame":
            users = ", ".join(self._users(state, number))
            return f"frame {number}" + (f" ({users})" if users else "")
        if kind == "mapping":
            return f"{self._owner(state, number)}'s page {page}"
        if kind == "translation":
            return f"hart {number}'s cached translation of page {page}"
        return SUBJECT_KERNEL

    def _observe(self, state: StateTuple) -> list[tuple[tuple[str, int, int], View]]:
        if state[PANIC]:  # stopped in the middle of a step: what the process pointed to is not known any more
            return [(("kernel", 0, 0), SystemView(True, True))]
        size = self._frames + 1
        mappings, visible, writers = [0] * size, [0] * size, [0] * size
        booting = state[PHASE] == 0 and state[self._processes[0][1] + PC] != 0  # kinit has not freed every frame yet
        held, owned, touched = [0] * size, [0] * size, [booting] * size
        found: list[tuple[tuple[str, int, int], View]] = []
        owners: dict[int, bool] = {}  # page table -> visible
        busy: list[int] = []  # page tables inside an operation
        for pid, base in self._processes:
            pc, run, table = state[base + PC], state[base + STATE], state[base + TABLE]
            inside = pc != 0 and run != SLEEPING
            if table:
                owners[table] = run == SLEEPING or (run == RUNNABLE and pc == 0)
                if inside:
                    busy.append(table)
            if inside:
                for offset, kind in self._references[pc - 1]:
                    value = state[base + offset]
                    if not value:
                        continue
                    if kind is Type.PAGE_TABLE:
                        busy.append(value)
                    elif kind is Type.PROC:
                        if value != pid and (other := state[self._processes[value - 1][1] + TABLE]):
                            busy.append(other)
                    elif kind is Type.FRAME or kind is Type.PTE:
                        frame = value if kind is Type.FRAME else value >> FLAG_BITS
                        if 0 < frame < size:
                            held[frame] += 1
                            touched[frame] = True
                    elif kind is Type.PTE_REF:
                        frame = state[value] >> FLAG_BITS
                        if 0 < frame < size:
                            touched[frame] = True
        for slot in self._kept:
            held[state[slot]] += 1
        for number, slot in self._tables:
            seen = owners.get(number, False)
            inside = number in busy
            for frame in state[slot : slot + self._upper]:
                if inside:
                    touched[frame] = True
                else:
                    owned[frame] += 1
            for page in range(self._pages):
                pte = state[slot + self._upper + page]
                if not pte & PTE_V:
                    continue
                frame = pte >> FLAG_BITS
                in_ram = 0 < frame < size
                writable = bool(pte & PTE_W)
                user = bool(pte & PTE_U)
                if in_ram:
                    mappings[frame] += 1
                    visible[frame] += seen
                    writers[frame] += seen and writable and user
                    if inside:
                        touched[frame] = True
                view = MappingView(in_ram, seen, user, writable, bool(pte & PTE_COW), self._may_write[page])
                found.append((("mapping", number, page), view))
        for hart, slot in enumerate(self._harts):
            pid = state[slot]
            if not pid or state[self._processes[pid - 1][1] + PC]:
                continue
            for page in range(self._pages):
                cached = state[slot + 1 + page]
                if cached:
                    found.append(
                        (
                            ("translation", hart, page),
                            self._translation(state, pid, page, cached, visible, writers),
                        )
                    )
        free = self.model.kernel.free_counts(state)
        counts = self._counts
        frames: list[tuple[tuple[str, int, int], View]] = [(("kernel", 0, 0), SystemView(False, True))]
        for frame in range(1, size):
            refs = 0 if counts is None else state[counts + frame] - self._offset
            frame_view = FrameView(
                counts is not None, refs, mappings[frame], visible[frame], writers[frame], free[frame], held[frame],
                owned[frame], not touched[frame],
            )  # fmt: skip
            frames.append((("frame", frame, 0), frame_view))
        return frames + found

    def _translation(
        self, state: StateTuple, pid: int, page: int, cached: int, visible: list[int], writers: list[int]
    ) -> TranslationView:
        pte = self.model.kernel.leaf_pte(state, pid, page)
        valid = bool(pte & PTE_V and pte & PTE_U)
        frame = cached >> FLAG_BITS
        same = valid and pte >> FLAG_BITS == frame
        if not same:
            visible[frame] += 1
        if cached & PTE_W and not (same and pte & PTE_W):
            writers[frame] += 1
        return TranslationView(bool(cached & PTE_W), valid, valid and bool(pte & PTE_W), same)

    # --- words ---

    def _owner(self, state: StateTuple, table: int) -> str:
        for pid, base in self._processes:
            if state[base + TABLE] == table:
                return self.process_name(state, pid)
        return f"page table {table}"

    def process_name(self, state: StateTuple, pid: int) -> str:
        """The program that a process runs, as the scenario names it."""
        return self.model.op_program(state, pid)

    def _users(self, state: StateTuple, frame: int) -> Iterator[str]:
        for number, slot in self._tables:
            for page in range(self._pages):
                pte = state[slot + self._upper + page]
                if pte & PTE_V and pte >> FLAG_BITS == frame:
                    yield f"{self._owner(state, number)}'s page {page}"


@lru_cache(maxsize=64)
def _references(allocation: Allocation, first: int) -> list[tuple[tuple[int, Type], ...]]:
    """By instruction, where registers stand that hold references, and of what; ``first`` is where they begin."""
    return [
        tuple((first + kept.register, kept.var.type) for kept in boundary if kept.reference) if boundary else ()
        for boundary in allocation.boundary
    ]
