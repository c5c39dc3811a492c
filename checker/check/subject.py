"""A submission that is being checked: its kernel, and a machine with as many harts as a workload asks for."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from pathlib import Path

from cowcheck.machine.board.state import FIRST_PPN, FRAMES
from cowcheck.machine.elf import read_kernel
from cowcheck.machine.machine import BOARD, MACHINES, Machine
from cowcheck.machine.record.counts import Counts
from cowcheck.machine.record.kernel import Kernel, know
from cowcheck.machine.record.observer import frame_index
from cowcheck.machine.trace.header import Header


@dataclass(slots=True)
class Subject:
    """A kernel and what is known of it. ``machine`` is a name in :data:`MACHINES`. The counts are learned once, on the
    first machine. One is kept at a time: each has a RAM and a copy of it."""

    kernel: Kernel
    seed: int
    machine: str = BOARD
    kept: Machine | None = None
    counts: Counts | str | None = None

    def rig(self, harts: int) -> Machine:
        """A machine with so many harts. Raises :class:`NotBooted`."""
        if self.kept is None or self.kept.harts != harts:
            self.kept = None
            gc.collect()  # the emulator's callbacks and the rig refer to each other
            boot = MACHINES[self.machine].boot
            self.kept = boot(self.kernel, harts=harts, seed=self.seed, counts=self.counts)
            self.counts = self.kept.counts
        return self.kept

    def header(self, harts: int, workload: str) -> Header:
        """The header of a recording on at most so many harts."""
        counts = self.counts
        found = isinstance(counts, Counts)
        layout = self.kernel.layout
        lists = bool(layout.free_lists)
        return Header(
            kernel=self.kernel.elf.path,
            build_id=self.kernel.elf.build_id,
            machine=MACHINES[self.machine].title(),
            harts=harts,
            first_ppn=FIRST_PPN + frame_index(layout.end + 4095),
            last_ppn=FIRST_PPN + FRAMES - 1,
            counts={"where": str(counts)} if found else None,
            no_counts="" if found else str(counts),
            ownership=lists,
            no_ownership="" if lists else layout.absent.get("free_lists", "no free list was found"),
            workload=workload,
        )


def open_kernel(path: Path | str, seed: int = 0, machine: str = BOARD) -> Subject:
    """The kernel at ``path`` (an ELF file, or an xv6 tree). Raises ``KernelError``, a :class:`CowcheckError`."""
    return Subject(know(read_kernel(path)), seed, machine)
