"""The board: harts, RAM and devices, run deterministically.

One engine runs the harts in turn. A turn (quantum) is a number of instructions, drawn from a seed where there are
several harts; interrupts are taken between turns. The clock counts instructions, so a run depends on nothing but the
kernel, the disk, the seed and what is typed. Where every hart waits, the clock is put forward to the next timer.

Instructions are counted by the blocks that run, at :data:`BYTES` of code each: Unicorn's own count calls back at every
instruction, which took a third of the time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import numpy as np
from unicorn import unicorn_const

from cowcheck.machine.board.devices import clint, plic, uart, virtio_block
from cowcheck.machine.board.engine import Engine, EngineError
from cowcheck.machine.board.hooks import on_block, on_mhartid, on_wfi
from cowcheck.machine.board.snapshot import Snapshot, go_back, take
from cowcheck.machine.board.state import (
    BOARD,
    FRAMES,
    KERNBASE,
    LINE_MTIP,
    LINE_SEIP,
    LINE_STIP,
    MACHINE,
    MOST_HARTS,
    PAGE,
    PC,
    PRIV,
    RAM_BYTES,
    Stop,
)
from cowcheck.machine.board.trap import (
    BREAKPOINT,
    LOAD_REFUSED,
    STORE_REFUSED,
    enter_trap,
    fault_address,
    fetch,
    on_exception,
    set_lines,
    stores_atomically,
    take_interrupt,
    wakes,
)
from cowcheck.machine.native import address_of

QUANTUM = 20_000  # instructions of a turn, where several harts run
LONGEST_QUANTUM = 200_000  # and where one does
IDLE_QUANTUM = 2_000  # of a hart that had nothing to do before an interrupt
ACCESS_INSTRUCTIONS = 50  # of an access to a device, so that a kernel that only polls comes to an end
WFI_INSTRUCTIONS = 10_000  # and a ``wfi`` that ends at once, as it may again and again
BYTES = 3  # of code, for an instruction: half of the kernel's are compressed to two
FOREVER = (1 << 63) - 1

REFUSALS = {
    unicorn_const.UC_ERR_FETCH_UNMAPPED: 1,
    unicorn_const.UC_ERR_INSN_INVALID: BREAKPOINT,
    unicorn_const.UC_ERR_READ_UNMAPPED: 5,
    unicorn_const.UC_ERR_WRITE_UNMAPPED: 7,
}
"""The cause of the trap (privileged architecture 1.12, table 4.2) that is behind an error of ``emu_start``: accesses to
no memory, and ``ebreak``, which Unicorn gives to no callback."""


class Pause(Enum):
    """Why :meth:`Board.run` came back."""

    BUDGET = "the instruction budget ran out"
    ASKED = "the observer asked for it"
    STUCK = "a hart trapped where nothing handles it"
    STILL = "every hart waits, and no timer is set"
    BROKEN = "the emulator cannot go on"


@dataclass(frozen=True, slots=True)
class BoardImage:
    """What the board needs of a kernel: the bytes to load, and the instructions that it must carry out itself."""

    entry: int
    segments: Sequence[tuple[int, bytes]]  # physical address in RAM, contents
    mhartid: Sequence[int]  # addresses of ``csrr rd, mhartid``: Unicorn cannot be told the number
    wfi: Sequence[int]


class Board:
    """Harts, RAM and devices. ``record`` is what compiled callbacks share with Python (:data:`BOARD`)."""

    def __init__(self, image: BoardImage, *, harts: int = 1, seed: int = 0, virtio: int = 2) -> None:
        assert 1 <= harts <= MOST_HARTS
        self.image, self.harts = image, harts
        self.random = random.Random(seed)
        self.engine = Engine()
        self.ram = self.engine.ram
        self.record: np.ndarray[Any, Any] = np.zeros(1, BOARD)
        self.record["ram"] = address_of(self.ram)
        self.shared = self.record[0]
        self.shared["stimecmp"][:] = FOREVER
        self.shared["mtimecmp"][:] = FOREVER
        self.plic = plic.Plic(harts)
        self.uart = uart.Uart(partial(self.plic.signal, uart.IRQ))
        self.disk = virtio_block.VirtioBlock(
            self.ram, self.write_ram, partial(self.plic.signal, virtio_block.IRQ), virtio
        )
        self.clint = clint.Clint(self.shared)
        self.is_idle: Callable[[int], bool] = lambda hart: False
        self.waiting = [False] * harts
        self.frozen: frozenset[int] = frozenset()  # harts that get no turn
        self.turn = 0
        self.device_uses = 0  # times that a device was spoken to
        self.jumps = 0  # times that the clock was put forward because every hart waits
        self.why = ""  # what BROKEN is about
        self.last: Snapshot | None = None  # the one that ``dirty`` is about
        self.unseen = np.zeros(0, np.int64)  # frames whose stores are told to nobody, and so not marked in ``dirty``
        for address, contents in image.segments:
            self.ram[address - KERNBASE : address - KERNBASE + len(contents)] = np.frombuffer(contents, np.uint8)
        self.shared["dirty"][:] = 1
        self._connect()
        self.contexts: list[Any] = []
        self.engine.write(PC, image.entry)
        self.engine.write(PRIV, MACHINE)
        self.contexts = [self.engine.save() for _ in range(harts)]

    def _connect(self) -> None:
        """Maps the devices and hooks what the board itself must carry out."""
        user = address_of(self.record)
        for device in (self.uart, self.disk, self.plic, self.clint):
            self._map(device)
        self.engine.hook(unicorn_const.UC_HOOK_INTR, on_exception, user, 1, 0)
        self.engine.hook(unicorn_const.UC_HOOK_BLOCK, on_block, user, 1, 0)
        self.engine.hook_code(on_mhartid, user, *self.image.mhartid)
        self.engine.hook_code(on_wfi, user, *self.image.wfi)

    def _map(self, device: Any) -> None:
        """Puts a device's registers into the address space."""

        def read(uc: Any, offset: int, size: int, user: Any) -> int:
            self.shared["ran"] += ACCESS_INSTRUCTIONS * BYTES
            self.device_uses += 1
            value: int = device.read(offset, size)
            if device is self.plic:
                self.signalled()
            return value

        def write(uc: Any, offset: int, size: int, value: int, user: Any) -> None:
            self.shared["ran"] += ACCESS_INSTRUCTIONS * BYTES
            self.device_uses += 1
            device.write(offset, size, value)
            if device is self.plic:
                self.signalled()
            elif device is self.disk and self.disk.waits:
                # Not stopped here: Unicorn would go on at the start of the block, and run some of it twice.
                self.shared["stop"], self.shared["turn"] = Stop.ASKED, 0

        self.engine.uc.mmio_map(device.base, device.size, read, None, write, None)

    def signalled(self) -> None:
        """Interrupts were claimed or completed: the running hart's lines change at once."""
        self.lines()
        set_lines(self.engine.handle, self.shared)

    def write_ram(self, pa: int, data: bytes) -> None:
        """A device writes RAM; ``pa`` and what follows lie in it."""
        self.engine.uc.mem_write(pa, data)
        offset = pa - KERNBASE
        self.shared["dirty"][offset // PAGE : (offset + len(data) - 1) // PAGE + 1] = 1

    def switch(self, hart: int) -> None:
        """Makes ``hart`` the one whose registers the engine holds."""
        current = int(self.shared["hart"])
        if hart != current:
            self.engine.uc.context_update(self.contexts[current])
            self.engine.restore(self.contexts[hart])
            self.shared["hart"] = hart

    def lines(self) -> None:
        """Brings the interrupt lines up to date with clock and devices."""
        now = int(self.shared["time"])
        for hart in range(self.harts):
            line = int(self.shared["lines"][hart]) & ~(LINE_MTIP | LINE_STIP | LINE_SEIP)
            line |= LINE_MTIP if int(self.shared["mtimecmp"][hart]) <= now else 0
            line |= LINE_STIP if int(self.shared["stimecmp"][hart]) <= now else 0
            line |= LINE_SEIP if self.plic.best(2 * hart + 1) else 0
            self.shared["lines"][hart] = line

    def next_timer(self) -> int:
        """The earliest time, later than now, at which a hart's timer fires; FOREVER where none will."""
        now = int(self.shared["time"])
        times = (*self.shared["mtimecmp"][: self.harts], *self.shared["stimecmp"][: self.harts])
        return min((int(time) for time in times if int(time) > now), default=FOREVER)

    def run(self, budget: int) -> Pause:
        """Runs until something asks for a stop, or ``budget`` instructions are retired (checked between turns)."""
        shared = self.shared
        end = int(shared["retired"]) + budget
        while int(shared["retired"]) < end:
            self.lines()
            hart = self.choose()
            if hart is None:
                timer = self.next_timer()
                if timer >= FOREVER:
                    return Pause.STILL
                shared["time"] = timer
                self.jumps += 1
                continue
            self.switch(hart)
            set_lines(self.engine.handle, shared)
            take_interrupt(self.engine.handle, shared)
            pause = self.step(self.quantum())
            if pause is not None:
                return pause
        return Pause.BUDGET

    def choose(self) -> int | None:
        """The hart whose turn it is: the next that does not wait."""
        for ahead in range(self.harts):
            hart = (self.turn + ahead) % self.harts
            if hart in self.frozen:
                continue
            if self.waiting[hart] or self.is_idle(hart):
                self.switch(hart)
                if not wakes(self.engine.handle, self.shared):
                    continue
                self.waiting[hart] = False
            self.turn = (hart + 1) % self.harts
            return hart
        return None

    def quantum(self) -> int:
        """The instructions of the turn: to the next timer, at most; drawn where several harts run."""
        left = self.next_timer() - int(self.shared["time"])
        if self.is_idle(int(self.shared["hart"])):
            return min(left, IDLE_QUANTUM)
        if self.harts == 1:
            return min(left, LONGEST_QUANTUM)
        return min(left, self.random.randrange(QUANTUM // 10, 2 * QUANTUM))

    def step(self, count: int) -> Pause | None:
        """One turn of the hart that the engine holds."""
        shared = self.shared
        shared["stop"] = Stop.NONE
        shared["ran"], shared["turn"] = 0, count * BYTES
        try:
            self.engine.run()
        except EngineError as error:
            cause = REFUSALS.get(error.errno)
            if cause is None:
                self.why = str(error)
                return Pause.BROKEN
            self.refused(cause)
        count = int(shared["ran"]) // BYTES + 1
        shared["retired"] += count
        shared["time"] += count
        if int(shared["stop"]) == Stop.WFI:
            self.waiting[int(shared["hart"])] = True
            if wakes(self.engine.handle, shared):
                shared["retired"] += WFI_INSTRUCTIONS
                shared["time"] += WFI_INSTRUCTIONS
        match int(shared["stop"]):
            case Stop.STUCK:
                return Pause.STUCK
            case Stop.ASKED:
                return Pause.ASKED
        return None

    def refused(self, cause: int) -> None:
        """An exception that ends ``emu_start``: an access to a physical address where nothing is, or ``ebreak``."""
        handle, shared = self.engine.handle, self.shared
        privilege, pc = self.engine.read(PRIV), np.uint64(self.engine.read(PC))
        self.engine.write(PRIV, MACHINE)
        tval = int(pc) if cause == BREAKPOINT else fault_address(handle, shared, self.ram, pc, cause, privilege)
        if cause == LOAD_REFUSED and stores_atomically(np.uint64(fetch(handle, shared, self.ram, pc, privilege))):
            cause = STORE_REFUSED  # the load in an atomic instruction is the store's
        enter_trap(handle, shared, cause, False, pc, np.uint64(tval), privilege)

    def snapshot(self) -> Snapshot:
        """The whole board, to go back to."""
        return take(self)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back, to the last snapshot in microseconds and to an older one in some more."""
        go_back(self, snapshot)


assert RAM_BYTES == FRAMES * PAGE
