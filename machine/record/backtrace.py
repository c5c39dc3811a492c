"""The calls on a hart's stack: from where it is, out to the trap or the loop that began it, as far as can be believed.

Frame pointers are followed (:mod:`calls` says where they stand), each further out than the one before, and only from
one return address behind a call instruction to the next. Where one is missing the list ends, so garbage makes it short.
``kernelvec`` is a step on the way: its caller is the instruction that trapped, at ``sepc``, whose ``ra`` it has put on
the stack first of all (xv6 kernel/kernelvec.S).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from unicorn import riscv_const as rv

from cowcheck.machine.board.board import Board
from cowcheck.machine.board.state import PC, RA
from cowcheck.machine.native import Record
from cowcheck.machine.record.calls import FP, SATP, call_before, function_at, returns_to, stack_word
from cowcheck.machine.record.event_buffer import signed
from cowcheck.machine.record.kernel import Kernel
from cowcheck.machine.record.roots import kernel_table, word

SV39 = 8  # satp.MODE
MOST_CALLS = 24
MOST_FRAME = 1 << 16  # bytes from one frame to the next one out
OUTERMOST = ("usertrap", "scheduler", "main", "forkret")  # ra and s0 are somebody else's there


class Fault(NamedTuple):
    """The trap that the hart's kernel code took last."""

    scause: int
    stval: int
    sepc: int


def last_trap(board: Board) -> Fault:
    """Of the hart whose registers the board holds."""
    read = board.engine.read
    return Fault(read(rv.UC_RISCV_REG_SCAUSE), read(rv.UC_RISCV_REG_STVAL), read(rv.UC_RISCV_REG_SEPC))


def backtrace(board: Board, kernel: Kernel, observer: Record) -> tuple[int, ...]:
    """The addresses that the hart is at, innermost first: its pc, then the calls on its stack."""
    read = board.engine.read
    return tuple(_Walk(board, kernel, observer).places(read(PC), read(RA), read(FP)))[:MOST_CALLS]


def waiting(board: Board, kernel: Kernel, observer: Record, slot: int) -> tuple[int, ...]:
    """The same of a process that no hart runs, from where it gave up its hart: ``p->context`` (ra, sp, s0, ...)."""
    if "context" not in kernel.layout.proc_fields:
        return ()
    base = int(observer["proc"]) + slot * int(observer["proc_stride"]) + kernel.layout.proc_fields["context"].offset
    walk = _Walk(board, kernel, observer)
    if table := kernel_table(board.ram, kernel):  # the hart may be in user code, with a user's page table
        walk.satp = np.uint64(SV39 << 60 | table >> 12)
    pc = walk.call(word(board.ram, base))
    return tuple(walk.places(pc, 0, word(board.ram, base + 16)))[:MOST_CALLS] if pc else ()


class _Walk:
    def __init__(self, board: Board, kernel: Kernel, observer: Record) -> None:
        self.board, self.kernel, self.observer = board, kernel, observer
        self.satp = np.uint64(board.engine.read(SATP))

    def places(self, pc: int, ra: int, frame: int) -> Iterator[int]:
        """The instruction at ``pc``, and those that led to it; ``ra`` is 0 where it is known to be none of them."""
        yield pc
        for _ in range(MOST_CALLS):
            name = self.name(pc)
            if name in OUTERMOST:
                return
            saved = self.word(frame - 8)
            back = self.back(pc, ra, saved)
            if not back:
                return
            own_frame = back == saved or not self.call(saved)  # else the frame is the caller's already
            pc = self.call(back)
            yield pc
            if self.name(pc) == "kernelvec":
                pc, ra = last_trap(self.board).sepc, self.word(frame)
                yield pc
                inner, frame = frame, self.word(frame - 16)
                if not inner < frame <= inner + MOST_FRAME:
                    return
                continue
            ra = 0
            if own_frame:
                inner, frame = frame, self.word(frame - 16 if back == saved else frame - 8)
                if not inner < frame <= inner + MOST_FRAME:
                    return

    def back(self, pc: int, ra: int, saved: int) -> int:
        """Where the function at ``pc`` returns to, or 0. ``ra`` is 0 where the function has called another one."""
        back = int(returns_to(self.observer, np.int64(signed(pc)), np.int64(signed(ra)), np.int64(saved)))
        if not back and not ra and self.call(saved):
            return saved  # the function was jumped to, by one that was called
        if not back and self.call(ra) and not function_at(self.observer, np.int64(signed(pc))):
            return ra  # no code is there: the kernel called nonsense
        return back

    def word(self, va: int) -> int:
        """A word of the stack, with a sign."""
        return int(stack_word(self.board.ram, self.satp, np.int64(signed(va))))

    def call(self, back: int) -> int:
        """The address of the call that returns to ``back``, or 0."""
        return int(call_before(self.observer, np.int64(signed(back))))

    def name(self, pc: int) -> str:
        """The function or the label that an address is in."""
        symbol = self.kernel.elf.symbol_table.function_at(pc)
        return symbol.name if symbol else ""
