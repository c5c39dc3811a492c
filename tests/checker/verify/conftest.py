"""A toy of a copy-on-write kernel, which only leaves a recording: what a right xv6 does, event by event."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from cowcheck.checker.verify import KernelResult, Verifier
from cowcheck.machine.record.event import WIDTH, Ending, EventKind, ProcessState, Role
from cowcheck.machine.trace.header import Header
from cowcheck.machine.trace.writer import TraceWriter
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, PTE_X, make_pte, pte_ppn

FIRST = 0x80100
TEXT = PTE_V | PTE_R | PTE_X | PTE_U
DATA = PTE_V | PTE_R | PTE_W | PTE_U
GUARD = PTE_V | PTE_R | PTE_W
ECALL, STORE_FAULT = 8, 15
PAGES = 5  # text, data, guard, data, data
PLACES = {
    "kalloc": 0x80000100,
    "kfree": 0x80000200,
    "mappages": 0x80000300,
    "uvmunmap": 0x80000400,
    "uvmcopy": 0x80000500,
    "cowfault": 0x80000600,
    "copyout": 0x80000700,
    "fork": 0x80000800,
    "exit": 0x80000900,
    "wait": 0x80000A00,
    "uservec": 0x80000B00,
    "userret": 0x80000C00,
}


class ToyKernel:
    """Runs processes on one hart, and records."""

    def __init__(
        self, bugs: Collection[str] = (), frames: int = 32, counts: bool = True, ownership: bool = True
    ) -> None:
        self.bugs = set(bugs)
        self.header = Header(
            "toy", 2, FIRST, FIRST + frames - 1, counts={} if counts else None, ownership=ownership, workload="toy"
        )
        self.rows: list[list[int]] = []
        self.texts: list[str] = []
        self.free = [FIRST + number for number in range(frames - 1, 0, -1)]
        self.refs = dict.fromkeys(self.free, 0)
        self.pages: dict[int, dict[int, int]] = {}
        self.hart = self.pid = self.time = 0
        self.next_pid = 2
        self.tables: dict[int, int] = {}
        for function, pc in PLACES.items():
            self.event(EventKind.PLACE, "", pc, self.text(f"{function} (kernel/vm.c:{pc & 0xFFF})"))
        self._start()

    # --- recording ---

    def text(self, text: str) -> int:
        self.texts.append(text)
        return len(self.texts) - 1

    def event(self, kind: EventKind, where: str, *fields: int) -> None:
        self.time += 1
        pc = PLACES.get(where, 0)
        row = [int(kind), self.hart, self.pid, pc, self.time, *fields]
        self.rows.append([*row, *[0] * (WIDTH - len(row))])

    def _start(self) -> None:
        self.pages[1] = {}
        self.event(EventKind.STATE, "", 1, ProcessState.RUNNING)
        self.event(EventKind.SIZE, "", 1, PAGES << 12)
        for vpn, flags in ((0, TEXT), (1, DATA), (2, GUARD), (3, DATA), (4, DATA)):
            frame = self.free.pop()
            self.refs[frame] = 1
            self.pages[1][vpn] = make_pte(frame, flags)
            self.event(EventKind.COUNT, "", frame, 0, 1)
            self.event(EventKind.PTE, "", 1, vpn, 0, self.pages[1][vpn])
        for frame in self.free:
            self.event(EventKind.LIST, "", frame, 1)
        self.event(EventKind.OWN, "", FIRST, Role.PAGE_TABLE)
        self.event(EventKind.RUN, "", 1)
        self.pid = 1
        self.user()

    def end(self, how: Ending = Ending.DONE, text: str = "done") -> ToyKernel:
        self.event(EventKind.END, "", how, self.text(text))
        return self

    def write(self, path: Path) -> Path:
        """Leaves the recording in a trace file."""
        with path.open("wb") as file, TraceWriter(file, self.header, path.name) as writer:
            writer.write(np.array(self.rows, np.int64), self.texts)
        return path

    def verify(self, *, reference: bool = False, oracle: bool = False) -> KernelResult:
        verifier = Verifier(self.header, reference=reference, oracle=oracle)
        verifier.feed(np.array(self.rows, np.int64), self.texts)
        return verifier.finish()

    # --- kalloc.c ---

    def kalloc(self) -> int:
        if not self.free:
            self.event(EventKind.ALLOC, "kalloc", 0)
            return 0
        frame = self.free.pop()
        self.event(EventKind.LIST, "kalloc", frame, -1)
        self.count(frame, 1, "kalloc")
        self.event(EventKind.STORE, "kalloc", frame)
        self.event(EventKind.ALLOC, "kalloc", frame)
        return frame

    def kfree(self, frame: int) -> None:
        self.event(EventKind.FREE, "kfree", frame)
        if "junk-first" in self.bugs:
            self.event(EventKind.STORE, "kfree", frame)
        self.count(frame, self.refs[frame] - 1, "kfree")
        if self.refs[frame] <= 0 or "free-at-one" in self.bugs:
            self.event(EventKind.STORE, "kfree", frame)
            self.free.append(frame)
            self.event(EventKind.LIST, "kfree", frame, 1)

    def count(self, frame: int, to: int, where: str) -> None:
        self.event(EventKind.COUNT, where, frame, self.refs[frame], to)
        self.refs[frame] = to

    # --- vm.c ---

    def pte(self, pid: int, vpn: int, new: int, where: str) -> None:
        old = self.pages[pid].get(vpn, 0)
        self.pages[pid][vpn] = new
        self.event(EventKind.PTE, where, pid, vpn, old, new)

    def unmap(self, pid: int, vpn: int) -> None:
        self.kfree(pte_ppn(self.pages[pid][vpn]))
        self.pte(pid, vpn, 0, "uvmunmap")
        del self.pages[pid][vpn]

    def uvmcopy(self, child: int) -> None:
        for vpn, pte in sorted(self.pages[self.pid].items()):
            shared = pte
            if pte & PTE_W:
                shared = (pte & ~PTE_W) | PTE_COW
            elif "tag-everything" in self.bugs and pte & PTE_U:
                shared = pte | PTE_COW
            if pte & PTE_COW and "drop-mark" in self.bugs:
                shared = pte & ~PTE_COW
            if "eager" in self.bugs:
                frame = self.kalloc()
                self.event(EventKind.STORE, "uvmcopy", frame)
                self.pte(child, vpn, make_pte(frame, pte & 0x3FF), "mappages")
                continue
            self.pte(child, vpn, shared, "mappages")  # before the reference, and before the parent's own PTE
            if "no-count" not in self.bugs:
                self.count(pte_ppn(pte), self.refs[pte_ppn(pte)] + 1, "uvmcopy")
            if "parent-keeps-w" not in self.bugs and shared != pte:
                self.pte(self.pid, vpn, shared, "uvmcopy")

    # --- traps and system calls ---

    def trap(self, scause: int, stval: int = 0, sepc: int = 0x40) -> None:
        self.event(EventKind.TRAP, "uservec", scause, stval, sepc)
        if "no-fence" not in self.bugs:
            self.event(EventKind.FENCE, "uservec")

    def user(self) -> None:
        if "no-fence" not in self.bugs:
            self.event(EventKind.FENCE, "userret")
        self.event(EventKind.USER, "userret", 0x44)

    def run(self, pid: int) -> None:
        self.event(EventKind.RUN, "", pid)
        self.pid = pid

    def switch(self, pid: int) -> None:
        """The timer has another process run."""
        self.trap(-(1 << 63) + 5)
        self.run(0)
        self.run(pid)
        self.user()

    def fork(self) -> int:
        child, self.next_pid = self.next_pid, self.next_pid + 1
        self.trap(ECALL)
        self.pages[child] = {}
        self.event(EventKind.STATE, "fork", child, ProcessState.USED)
        table = self.kalloc()
        self.event(EventKind.OWN, "fork", table, Role.PAGE_TABLE)
        self.uvmcopy(child)
        self.tables[child] = table
        self.event(EventKind.SIZE, "fork", child, PAGES << 12)
        self.event(EventKind.STATE, "fork", child, ProcessState.RUNNABLE)
        self.user()
        return child

    def store(self, vpn: int) -> None:
        """A user store, which faults where the PTE does not allow it."""
        pte = self.pages[self.pid].get(vpn, 0)
        if pte & PTE_W and pte & PTE_U:
            return
        self.trap(STORE_FAULT, (vpn << 12) + 16)
        if not pte & PTE_COW and "any-fault" not in self.bugs:
            self.die()
            return
        if not self.cow(vpn):
            self.die()
            return
        self.user()

    def cow(self, vpn: int) -> bool:
        """Gives the process a page of its own."""
        pte = self.pages[self.pid][vpn]
        old = pte_ppn(pte)
        flags = (pte & 0x3FF | PTE_W) & ~PTE_COW
        if "nothing-done" in self.bugs:
            return True
        if self.refs[old] == 1:
            self.pte(self.pid, vpn, make_pte(old, flags), "cowfault")
            return True
        frame = self.kalloc()
        if not frame and "map-zero" in self.bugs:
            self.pte(self.pid, vpn, make_pte(0, flags), "cowfault")
            return False
        if not frame:
            return False
        self.event(EventKind.STORE, "cowfault", frame)
        if "no-drop" not in self.bugs:
            self.kfree(old)  # before the PTE is rewritten
        if "double-drop" in self.bugs:
            self.kfree(old)
        self.pte(self.pid, vpn, make_pte(frame, flags), "cowfault")
        return True

    def copyout(self, vpn: int) -> None:
        """A system call that writes to user memory."""
        self.trap(ECALL)
        pte = self.pages[self.pid][vpn]
        if pte & PTE_COW and not pte & PTE_W and "copyout-shared" not in self.bugs:
            self.cow(vpn)
        self.event(EventKind.STORE, "copyout", pte_ppn(self.pages[self.pid][vpn]))
        self.user()

    def die(self) -> None:
        self.event(EventKind.KILLED, "cowfault", self.pid)
        self._exit()

    def exit(self) -> None:
        self.trap(ECALL)
        self._exit()

    def _exit(self) -> None:
        self.event(EventKind.STATE, "exit", self.pid, ProcessState.ZOMBIE)
        self.run(0)
        self.run(1)
        self.user()

    def wait(self, child: int) -> None:
        """Process 1 frees a zombie."""
        self.trap(ECALL)
        for vpn in sorted(self.pages[child]):
            if not ("leak" in self.bugs and self.pages[child][vpn] & PTE_COW):
                self.unmap(child, vpn)
            else:
                self.pte(child, vpn, 0, "uvmunmap")
                del self.pages[child][vpn]
        self.kfree(self.tables[child])
        self.event(EventKind.OWN, "wait", self.tables[child], Role.NONE)
        self.event(EventKind.STATE, "wait", child, ProcessState.UNUSED)
        self.user()

    def play(self) -> ToyKernel:
        """Three generations share pages, and all of them end."""
        child = self.fork()
        self.switch(child)
        self.store(1)
        self.copyout(3)
        grandchild = self.fork()
        self.switch(grandchild)
        self.store(3)
        self.store(4)
        if self.pid == grandchild:
            self.exit()
        self.switch(child)
        self.store(0)  # text: that kills it
        if self.pid == child:
            self.exit()
        self.wait(child)
        self.wait(grandchild)
        self.store(1)
        self.store(3)
        self.copyout(4)
        return self


@pytest.fixture(scope="session")
def toy_kernel() -> type[ToyKernel]:
    return ToyKernel
