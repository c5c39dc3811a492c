"""Which stores reach the recorder: all to RAM, but for those to the kernel stacks that processes have from the boot.

Most of a kernel's stores go to its stacks, and nothing is told of them. Unicorn takes its time over each store that has
a callback, so leaving these out saves a fifth of a run. A stack that comes to be anything else (it is freed, mapped, or
a page table) is noticed by what makes it so, and from then on all stores are seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from unicorn import unicorn_const

from cowcheck.machine.board.board import Board
from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.native import Record, address_of
from cowcheck.machine.record import hooks
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.roots import kernel_pa, word

Frames = np.ndarray[tuple[int], np.dtype[np.int64]]

MOST_GAPS = 6
"""Each takes a callback more, and Unicorn asks all of them at each store. xv6's stacks lie side by side."""


class SeenStores:
    """The callbacks for stores to RAM, on one board."""

    def __init__(self, board: Board, kernel: Kernel, observer: Record) -> None:
        self.board, self.kernel, self.observer = board, kernel, observer
        self._hooks: list[int] = []
        self._callback, self._user = hooks.on_store, address_of(board.record)
        self._hook(np.zeros(0, np.int64))

    def call(self, callback: Any, user: int) -> None:
        """Has another callback called in the place of the recorder's own."""
        self._callback, self._user = callback, user
        self._hook(self.board.unseen)

    def leave_stacks_out(self) -> None:
        """Leaves out the stacks that the processes have now."""
        frames = kernel_stacks(self.board, self.kernel)
        self._leave_out(longest_runs(frames[self.observer["watch"][frames] == 0], MOST_GAPS))

    def see_all(self) -> None:
        """Leaves nothing out any more."""
        self._leave_out(np.zeros(0, np.int64))

    def _leave_out(self, frames: Frames) -> None:
        observer, board = self.observer, self.board
        observer["unseen"][:] = 0
        observer["unseen"][frames] = 1
        observer["unseen_used"] = 0
        board.shared["dirty"][board.unseen] = 1
        board.shared["dirty"][frames] = 1
        if not np.array_equal(frames, board.unseen):
            self._hook(frames)

    def _hook(self, frames: Frames) -> None:
        """Has the callback called for every frame but these, which are in order."""
        engine = self.board.engine
        for number in self._hooks:
            engine.unhook(number)
        self._hooks.clear()
        first = 0
        for end in (*frames.tolist(), FRAMES):
            if first < end:
                start, last = KERNBASE + first * PAGE, KERNBASE + end * PAGE - 1
                self._hooks.append(
                    engine.hook(unicorn_const.UC_HOOK_MEM_WRITE, self._callback, self._user, start, last)
                )
            first = end + 1
        self.board.unseen = frames
        engine.forget_code()


def longest_runs(frames: Frames, most: int) -> Frames:
    """Of frames in order, those in the longest runs of neighbours, at most so many runs; in order."""
    runs = np.split(frames, np.flatnonzero(np.diff(frames) != 1) + 1)
    kept = sorted(sorted(runs, key=len, reverse=True)[:most], key=lambda run: run[:1].tolist())
    return np.concatenate(kept)


def kernel_stacks(board: Board, kernel: Kernel) -> Frames:
    """The frames, by index and in order, of the kernel stacks that ``p->kstack`` leads to, behind the image."""
    layout = kernel.layout
    stack = layout.proc_fields.get("kstack")
    found = set[int]()
    for slot in range(layout.procs.count if stack is not None else 0):
        assert stack is not None
        va = word(board.ram, layout.procs.address + slot * layout.procs.stride + stack.offset)
        pa = kernel_pa(board.ram, kernel, va) if va else None
        if pa is not None and layout.end <= pa and pa + PAGE <= KERNBASE + RAM_BYTES:
            found.add((pa - KERNBASE) // PAGE)
    return np.array(sorted(found), np.int64)
