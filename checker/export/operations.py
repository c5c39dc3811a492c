"""What the built-ins of the reference interpreter answer for each operation of a scenario.

An export needs them as tables. They are asked for, never written a second time: each built-in is called on a blank
state in which a process stands at that operation.
"""

from __future__ import annotations

from typing import NamedTuple

from cowcheck.model.kernel import Kernel
from cowcheck.model.layout import FIRST, KILLED, SCAUSE, SZ, TABLE, UPC
from cowcheck.model.scenario import ACCESSES, Op, OpKind
from cowcheck.model.sv39 import FLAG_MASK, make_pte

NEVER = 32767
"""A size that no process has."""

_ARGUMENTS = (0, 1)


class Operation(NamedTuple):
    """One operation. A field is 0 where it does not apply."""

    op: Op
    fault: int  # the cause of the page fault that it takes where no PTE grants the access
    bad_address: int  # ... and of the trap where the PTE leads to no RAM
    needs: int  # PTE flags that grant the access
    syscall: int  # the system call's number
    arguments: tuple[int, ...]
    least_sz: int  # pages that the process must have for the operation to be permitted
    judged: bool  # its end is judged though it is no fault and nothing was killed
    start: int  # where the program that it forks begins


def operations(kernel: Kernel) -> tuple[Operation, ...]:
    """By the operation's number (``upc``)."""
    return tuple(_Probe(kernel, number).operation() for number in range(len(kernel.ops)))


class _Probe:
    """A kernel whose first process stands at one operation."""

    def __init__(self, kernel: Kernel, number: int) -> None:
        self.kernel = kernel
        self.op = kernel.ops[number]
        self.number = number
        self.base = kernel.layout.process(FIRST)

    def blank(self) -> list[int]:
        state = [0] * self.kernel.layout.size
        state[self.base + UPC] = self.number
        self.kernel.events = []
        return state

    def operation(self) -> Operation:
        op, kernel = self.op, self.kernel
        access = op.kind in ACCESSES
        calls = not access and op.kind is not OpKind.MEET
        arguments = tuple(kernel.syscall_argument(self.blank(), FIRST, n) if calls else 0 for n in _ARGUMENTS)
        return Operation(
            op=op,
            fault=kernel.access(self.blank(), FIRST, 0, op) if access else 0,
            bad_address=self._bad_address() if access else 0,
            needs=self._needs() if access else 0,
            syscall=kernel.syscall_number(self.blank(), FIRST) if calls else 0,
            arguments=arguments,
            least_sz=self._least_sz(),
            judged=self._judged() if calls else False,
            start=kernel.scenario.starts[op.target] if op.kind is OpKind.FORK else 0,
        )

    def _bad_address(self) -> int:
        """A PTE that grants all and leads to physical address 0."""
        layout, op = self.kernel.layout, self.op
        if op.page >= layout.pages:
            return 0
        state = self.blank()
        state[self.base + TABLE] = 1
        state[layout.leaf(1, op.page // layout.leaf_pages)] = 1
        state[layout.pte(1, op.page)] = make_pte(0, FLAG_MASK)
        return self.kernel.access(state, FIRST, 0, op)

    def _needs(self) -> int:
        flags = (1 << bit for bit in range(FLAG_MASK.bit_length()))
        return sum(flag for flag in flags if not self.kernel.walk_grants(FLAG_MASK & ~flag, self.op.kind))

    def _least_sz(self) -> int:
        for sz in range(self.kernel.layout.pages + 1):
            state = self.blank()
            state[self.base + SZ] = sz
            if self.kernel.permitted(state, FIRST, self.op):
                return sz
        return NEVER

    def _judged(self) -> bool:
        state = self.blank()
        state[self.base + SCAUSE] = state[self.base + KILLED] = 0
        self.kernel.operation(state, FIRST, killed=False)
        return bool(self.kernel.events)
