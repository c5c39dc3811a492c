"""Frame symmetry: states that differ only in the names of frames, or of harts, are one state.

A frame's name is its number. The language compares frames with ``==`` and uses them as an index, and nothing else (the
compiler refuses arithmetic and order on them, and ``all_frames()`` outside boot), so renaming frames throughout a state
changes nothing that can happen later; no invariant's view carries a name. The same holds of harts: which of them runs a
process is never read. Hence the states of an orbit have the same future and the same verdicts, and one stands for all.

The canonical form names frames by first use: in page tables, then in processes, TLBs, shared variables, then along the
free list, then the rest by their contents. It is exact where every frame is reached; two states that differ only in
unreachable frames with equal contents may stay apart, which costs states and no truth. Boot is left alone: it counts
through the frames in their order.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from cowcheck.model.ir import RUN_NEXT, Type
from cowcheck.model.layout import FAULT_PTE, FIXED, PC, PHASE
from cowcheck.model.liveness import FRAME_TYPES, Allocation
from cowcheck.model.sv39 import FLAG_BITS, FLAG_MASK
from cowcheck.model.system import Model, StateTuple

Canonical = Callable[[StateTuple], StateTuple]


def no_symmetry(state: StateTuple) -> StateTuple:
    """Every state stands for itself."""
    return state


class FrameSymmetry:
    """Maps a model's states to their canonical forms."""

    def __init__(self, model: Model) -> None:
        layout = model.layout
        self._frames = layout.frames
        self._next = layout.arrays[RUN_NEXT] - 1
        self._arrays = [
            (
                slot - 1,
                name == RUN_NEXT or any(g.name == name and g.type is Type.FRAME for g in model.program.globals),
            )
            for name, slot in layout.arrays.items()
        ]
        table_slots = [layout.table(number) for number in range(1, layout.tables + 1)]
        self._plain = [slot + offset for slot in table_slots for offset in range(1 + layout.leaves)]
        self._plain += layout.frame_scalars
        self._ptes = [slot + 1 + layout.leaves + page for slot in table_slots for page in range(layout.pages)]
        self._harts = [layout.hart(number) for number in range(layout.harts)]
        self._hart_size = layout.hart_size
        self._ptes += [slot + 1 + page for slot in self._harts for page in range(layout.pages)]
        self._processes = [layout.process(pid) for pid in range(1, layout.processes + 1)]
        self._ptes += [base + FAULT_PTE for base in self._processes]
        self._registers = _frame_registers(model.allocation, FIXED + layout.pages)

    def __call__(self, state: StateTuple) -> StateTuple:
        """The canonical form of a state."""
        if state[PHASE] == 0:
            return state
        size = self._frames + 1
        new_name = [0] * size
        order: list[int] = []
        plain, ptes = self._plain, list(self._ptes)
        for base in self._processes:
            pc = state[base + PC]
            if pc:
                for offset, is_pte in self._registers[pc - 1]:
                    if is_pte:
                        ptes.append(base + offset)
                    else:
                        plain = [*plain, base + offset]
        for slot in ptes:
            frame = state[slot] >> FLAG_BITS
            if frame and not new_name[frame]:
                order.append(frame)
                new_name[frame] = len(order)
        for slot in plain:
            frame = state[slot]
            if frame and not new_name[frame]:
                order.append(frame)
                new_name[frame] = len(order)
        for frame in order:  # grows while it is walked: the free list, from its head
            follower = state[self._next + frame]
            if follower and not new_name[follower]:
                order.append(follower)
                new_name[follower] = len(order)
        if len(order) < self._frames:
            rest = [frame for frame in range(1, size) if not new_name[frame]]
            rest.sort(key=lambda frame: [state[base + frame] for base, names in self._arrays if not names])
            for frame in rest:
                order.append(frame)
                new_name[frame] = len(order)
        if order != sorted(order):
            state = self._renamed(state, order, new_name, plain, ptes)
        return self._harts_sorted(state)

    def _renamed(
        self, state: StateTuple, order: list[int], new_name: list[int], plain: list[int], ptes: list[int]
    ) -> StateTuple:
        renamed = list(state)
        for slot in plain:
            renamed[slot] = new_name[state[slot]]
        for slot in ptes:
            pte = state[slot]
            if pte > FLAG_MASK:
                renamed[slot] = new_name[pte >> FLAG_BITS] << FLAG_BITS | pte & FLAG_MASK
        for base, names in self._arrays:
            values = [state[base + frame] for frame in order]
            renamed[base + 1 : base + 1 + self._frames] = [new_name[value] for value in values] if names else values
        return tuple(renamed)

    def _harts_sorted(self, state: StateTuple) -> StateTuple:
        size = self._hart_size
        harts = [state[slot : slot + size] for slot in self._harts]
        in_order = sorted(harts, reverse=True)
        if harts == in_order:
            return state
        first = self._harts[0]
        return state[:first] + tuple(word for hart in in_order for word in hart)


@lru_cache(maxsize=64)
def _frame_registers(allocation: Allocation, first: int) -> list[tuple[tuple[int, bool], ...]]:
    """By instruction, where the registers stand that name frames there, and whether by a PTE."""
    return [
        tuple((first + kept.register, kept.var.type is Type.PTE) for kept in boundary if kept.var.type in FRAME_TYPES)
        if boundary
        else ()
        for boundary in allocation.boundary
    ]
