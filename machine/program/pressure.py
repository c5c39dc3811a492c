"""How many frames a scenario leaves free where it begins to matter: at the first ``meet()``, or before the first
operation.

A scenario's ``frames`` is all RAM there is in the model. A real kernel has 32,000 frames and takes others for a process
than the model does, so what carries over is not that number but what it leaves: with everything shared that may be
shared, and a page-table root and leaf pages for each process, so many frames are free. If all that the processes still
do cannot use them up, memory plays no part in the scenario. A fork that is still to come takes more for its child than
in the model, and so many more are left free for it: it fails at the same page of the page table.
"""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.model.scenario import Op, OpKind, Scenario

FORK_TAKES_MORE = 4
"""Frames that a real fork takes and the model's does not: the trapframe, the two pages of the page table that lead to
the trampoline, and the one between the root and the leaf (xv6 kernel/proc.c ``allocproc``, ``proc_pagetable``)."""

_WRITERS = frozenset({OpKind.STORE, OpKind.READ, OpKind.WAIT})


@dataclass(slots=True)
class _Process:
    """In the setup: which frame each of its pages is, and the operation that it has come to."""

    frames: dict[int, int]
    next_op: int
    ended: bool = False


def spare_frames(scenario: Scenario) -> int | None:
    """Frames that are free when the processes have met; None where memory cannot run out after that."""
    setup = _Setup(scenario)
    setup.run()
    spare = scenario.frames - setup.used()
    needed = sum(setup.still_needed(process.next_op) for process in setup.processes if not process.ended)
    if spare >= needed:
        return None
    spare = max(spare, 0)
    return spare + FORK_TAKES_MORE * setup.forks_begun(spare)


class _Setup:
    """One process at a time, the first first, each up to its first ``meet()``."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.meets = any(op.kind is OpKind.MEET for op in scenario.ops)
        pages = {page: page for page in range(len(scenario.pages))}
        self.fresh = len(pages)
        self.processes = [_Process(pages, scenario.starts[scenario.first])]

    def run(self) -> None:
        if self.meets:
            for process in self.processes:  # grows as they fork
                while not process.ended and self._op(process).kind is not OpKind.MEET:
                    self._take(process, self._op(process))
                    process.next_op += 1

    def used(self) -> int:
        live = [process for process in self.processes if not process.ended]
        tables = sum(1 + self._leaves(len(process.frames)) for process in live)
        return tables + len({frame for process in live for frame in process.frames.values()})

    def still_needed(self, op_number: int) -> int:
        """The most frames that a process and those that it forks can take from this operation on."""
        needed = 0
        size = self.scenario.table_pages
        for op in self._from(op_number):
            if op.kind in _WRITERS and 0 <= op.page < size:
                needed += op.pages
            elif op.kind is OpKind.SBRK:
                needed += max(op.pages, 0)
            elif op.kind is OpKind.EXEC:
                needed += 1 + self._leaves(len(self.scenario.pages)) + len(self.scenario.pages)
            elif op.kind is OpKind.FORK:
                needed += 1 + self._leaves(size) + self.still_needed(self.scenario.starts[op.target])
        return needed

    def forks_begun(self, spare: int) -> int:
        """How many forks still to come get as far as a root for the child, with so many frames free."""
        begun = 0
        takes = 1 + self._leaves(self.scenario.table_pages)
        for process in self.processes:
            for op in [] if process.ended else self._from(process.next_op):
                if op.kind is OpKind.FORK and spare > 0:
                    begun += 1
                    spare -= takes
        return begun

    def _op(self, process: _Process) -> Op:
        return self.scenario.ops[process.next_op]

    def _from(self, op_number: int) -> list[Op]:
        rest = []
        for op in self.scenario.ops[op_number:]:
            rest.append(op)
            if op.kind is OpKind.EXIT:
                break
        return rest

    def _leaves(self, pages: int) -> int:
        return -(-pages // self.scenario.leaf_pages)

    def _take(self, process: _Process, op: Op) -> None:
        match op.kind:
            case OpKind.FORK:
                self.processes.append(_Process(dict(process.frames), self.scenario.starts[op.target]))
            case OpKind.STORE | OpKind.READ:
                for page in range(op.page, op.page + op.pages):
                    if page in process.frames and self._shared(process.frames[page]):
                        process.frames[page] = self._new()
            case OpKind.SBRK if op.pages > 0:
                for page in range(len(process.frames), len(process.frames) + op.pages):
                    process.frames[page] = self._new()
            case OpKind.SBRK:
                for page in range(max(len(process.frames) + op.pages, 0), len(process.frames)):
                    del process.frames[page]
            case OpKind.EXEC:
                process.frames = {page: self._new() for page in range(len(self.scenario.pages))}
            case OpKind.EXIT:
                process.ended = True

    def _shared(self, frame: int) -> bool:
        return sum(frame in process.frames.values() for process in self.processes if not process.ended) > 1

    def _new(self) -> int:
        self.fresh += 1
        return self.fresh - 1
