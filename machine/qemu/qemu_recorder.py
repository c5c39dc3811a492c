"""Recording a kernel that runs on QEMU: the events of the board's recorder, at the granularity of stops.

Breakpoints stand where a path begins and ends (the trampoline), at ``swtch``, where frames are allocated and freed (so
that no frame is freed and allocated again between two stops), at ``sfence.vma`` and ``panic``, and where a workload's
program reports. At each stop the changes since the last one are told (:mod:`changes`), and then what the stop itself
means. The instruction that made a change is not known, so its ``pc`` is 0.

Several harts take turns while a recording is made, so that each change is known to be the doing of the hart that ran.
A turn ends after some stops, after a while without one, or when the hart has nothing to do. The boot is hart 0's alone:
the others would only wait for it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from enum import Enum
from typing import Any, cast

import numpy as np

from cowcheck.machine.board.board import Board, Pause
from cowcheck.machine.board.state import FRAMES, RAM_BYTES, USER
from cowcheck.machine.native import compiled
from cowcheck.machine.qemu.changes import catch_up
from cowcheck.machine.qemu.gdbstub import Stopped
from cowcheck.machine.qemu.qemu import LOOK_S, Qemu
from cowcheck.machine.record.event import Ending, EventKind
from cowcheck.machine.record.event_buffer import Sink, signed
from cowcheck.machine.record.hooks import freed, repeated, unaccounted
from cowcheck.machine.record.kernel import SFENCE, SRET, TRAMPOLINE, Kernel
from cowcheck.machine.record.observer import CAPACITY, MARGIN, WATCH_DATA, index_of
from cowcheck.machine.record.recorder import Recorder, Report, Seen
from cowcheck.machine.record.stores import runs

BOOT_INSTRUCTIONS = 1_500_000_000  # more, until a kernel has come to its first return to user code

STILL_S = 4.0  # without an instruction carried out: a hart that traps and traps
TURN_STOPS, TURN_S = 6, 0.01  # the most that one turn of several harts lasts
LOWEST_CODE = 4  # a trap without a vector leads to 0

PANIC = re.compile(rb"panic: ?([^\n]*)\n")

RA, REPORT_PASSED = 1, 4  # register x1; bytes of the nop at a report's address
ARGUMENT = 10  # a0 is x10
PC = 32  # in a ``g`` packet


class Place(Enum):
    """What it means that a hart comes to a breakpoint."""

    TRAP = "user code is left"
    USER = "the kernel returns to user code"
    SWITCH = "swtch"
    ALLOCATING = "kalloc begins"
    ALLOCATED = "kalloc returns"
    FREED = "kfree begins"
    FENCE = "sfence.vma in the kernel's own text"
    PANIC = "panic"
    REPORT = "a workload's program reports"


@compiled
def switched(observer: Any, board: Any, events: Any, hart: int, pointer: int) -> None:
    """The hart goes on to run the process at ``pointer``, or none."""
    runs(observer, board, events, hart, pointer, 0)


class QemuRecorder(Recorder):
    """Watches a QEMU that has been started. ``board`` is that machine."""

    def __init__(self, machine: Qemu, kernel: Kernel, sink: Sink) -> None:
        self.machine = machine
        self.places: dict[int, Place] = {}
        self.shadow: np.ndarray[Any, np.dtype[np.uint8]] = np.zeros(RAM_BYTES, np.uint8)
        self.fresh = np.zeros(FRAMES, np.uint8)
        self._frames = np.zeros(0, np.int64)  # that hold data of the kernel's
        self._pending: Stopped | None = None  # a stop that is not dealt with yet
        self._booted = False
        self._turn_stops = 0
        self._fences: dict[Place, list[int]] = {}
        super().__init__(cast(Board, machine), kernel, sink)

    def _connect(self) -> None:
        """What is needed to come to the first return to user code; :meth:`begin` adds the rest.

        QEMU carries out a page with a breakpoint in it one instruction at a time, and ``panic`` and ``memset``, which
        fills all RAM in a boot, are often neighbours. So a panic in a boot is known by what the kernel prints.
        """
        if self.machine.harts > 1:
            self.machine.turn = 0
        kernel, functions = self.kernel, self.kernel.layout.functions
        returns = {kernel.high(address) for address in kernel.elf.instructions_like(*SRET)}
        self._stop_at(Place.USER, *(address for address in returns if address >= TRAMPOLINE))
        trampoline = [kernel.high(address) for address in kernel.elf.instructions_like(*SFENCE)]
        trampoline = [address for address in trampoline if address >= TRAMPOLINE]
        userret = kernel.high(functions["userret"].address)
        self._fences = {
            Place.TRAP: [address for address in trampoline if address < userret],
            Place.USER: [address for address in trampoline if address >= userret],
        }

    def _stop_at(self, place: Place, *addresses: int) -> None:
        for address in addresses:
            self.machine.set_breakpoint(address)
            self.places[address] = place

    def _stop_at_kalloc(self, on: bool) -> None:
        """After a frame was freed, the next allocation is stopped at its beginning too: it may be given the same
        frame."""
        address = self.kernel.layout.functions["kalloc"].address
        self.places[address] = Place.ALLOCATING
        self.machine.set_breakpoint(address, on)

    def _tell_stacks(self) -> None:
        """Nothing: the page table of a stack stands in a CSR, and these are not read here."""

    def hook_reports(self, address: int) -> None:
        """Stops where user code comes to ``address``, the workload's place for reports."""
        self._stop_at(Place.REPORT, address)

    def begin(self) -> None:
        """Starts to record: the rows that describe the state as it is come first."""
        kernel, functions = self.kernel, self.kernel.layout.functions
        if "panic" in functions:
            self._stop_at(Place.PANIC, functions["panic"].address)
        self._stop_at(Place.TRAP, kernel.high(functions["uservec"].address))
        self._stop_at(Place.ALLOCATED, *kernel.kalloc_returns)
        self._stop_at(Place.FREED, functions["kfree"].address)
        if "swtch" in functions:
            self._stop_at(Place.SWITCH, functions["swtch"].address)
        fences = {kernel.high(address) for address in kernel.elf.instructions_like(*SFENCE)}
        self._stop_at(Place.FENCE, *(address for address in fences if address < TRAMPOLINE))
        if self.machine.turn is not None:
            self.machine.look_s = TURN_S
        self.shadow[:] = self.machine.ram
        self.fresh[:] = 0
        super().begin()
        self._frames = np.flatnonzero(self.observer["watch"] & WATCH_DATA)

    def run(self, budget: int, until: Callable[[Recorder], bool] | None = None, patience: int | None = None) -> Seen:
        """Runs on until something is to be decided outside: a report, an ending. ``until`` is asked now and then.
        Instructions are not counted one by one here: a machine that stops nowhere for some seconds hangs."""
        shared = self.machine.shared
        end = int(shared["retired"]) + budget + (0 if self._booted else BOOT_INSTRUCTIONS)
        before, moved, asked = -1, time.monotonic(), time.monotonic()
        while time.monotonic() - moved < STILL_S and int(shared["retired"]) < end:
            stopped, self._pending = self._pending or self._go_on(), None
            if not stopped.interrupted or int(shared["retired"]) != before:
                before, moved = int(shared["retired"]), time.monotonic()
            if stopped.interrupted:
                self._turn_stops = TURN_STOPS
                if not self._booted and (panic := PANIC.search(self.machine.uart.printed)):
                    return Seen(Ending.PANIC, text=panic[1].decode("utf-8", "backslashreplace").strip())
            else:
                seen = self._meet(stopped)
                if int(self.observer["lost"]):
                    return Seen(Ending.BROKEN, text="more happened at once than the event buffer holds")
                if seen is not None:
                    return seen
            if until is not None and time.monotonic() - asked > LOOK_S:
                asked = time.monotonic()
                if until(self):
                    return Seen(Ending.DONE)
        return self._exhausted(still=time.monotonic() - moved >= STILL_S)

    def _go_on(self) -> Stopped:
        """Runs on to the next stop; of several harts that are recorded, the next one where the turn is over.

        What a hart did in its turn is told before another's begins, also where it stands in user code.
        """
        machine = self.machine
        if machine.turn is not None and self.observer["active"]:
            if self._turn_stops >= TURN_STOPS:
                machine.switch(machine.turn)
                self._catch_up(tell=not self.observer["in_user"][machine.turn])
                machine.turn, self._turn_stops = (machine.turn + 1) % machine.harts, 0
            self._turn_stops += 1
        return machine.run()

    def _exhausted(self, *, still: bool) -> Seen:
        """Why it went on no longer: a hart that traps and traps, processes that all wait, or plain work."""
        at_zero = [hart for hart in range(self.machine.harts) if self.machine.general(hart)[PC] < LOWEST_CODE]
        if still or any(self.machine.stub.read(hart, "priv") != USER for hart in at_zero):
            return Seen(Ending.BROKEN, text=Pause.STUCK.value)
        if self.observer["active"]:
            self._catch_up(tell=False)
            if int(self.observer["runnable"]) == 0:
                return Seen(Ending.HANG, text="every process waits, and nothing woke one")
        return Seen(Ending.BUDGET, text=Pause.BUDGET.value)

    def _catch_up(self, tell: bool) -> None:
        """Tells of the changes since the last stop. ``tell``: also of those to mapped pages' contents."""
        if int(self.observer["count"]) >= CAPACITY - MARGIN:
            self.drain()
        catch_up(
            self.observer, self.machine.shared, self.events, self.machine.ram, self.shadow, self._frames, self.fresh,
            tell,
        )  # fmt: skip

    def _meet(self, stopped: Stopped) -> Seen | None:
        """What a stop means; gives what the caller must know of."""
        hart, observer = stopped.hart, self.observer
        registers = self.machine.general(hart)
        pc = registers[PC]
        place = self.places.get(pc)
        if place is None:
            return None
        self.machine.switch(hart)
        if place in (Place.TRAP, Place.USER, Place.PANIC):
            self.machine.count(hart)
        if place is Place.REPORT:
            return self._reported(hart, pc, registers)
        active = bool(observer["active"])
        if active:  # what is told before a recording begins is thrown away when it does
            self._catch_up(tell=place is not Place.TRAP)
            if "swtch" not in self.kernel.layout.functions:
                cpu = self.kernel.layout.cpus.address_of(hart, "proc")
                switched(observer, self.machine.shared, self.events, hart, self.word(cpu))
        caller = registers[RA] - 4
        match place:
            case Place.TRAP:
                return self._left(hart, pc)
            case Place.USER:
                return self._returns(stopped, pc)
            case Place.SWITCH:
                switched(observer, self.machine.shared, self.events, hart, registers[ARGUMENT + 1])
                if int(observer["hart_slot"][hart]) < 0:
                    self._turn_stops = TURN_STOPS
            case Place.ALLOCATING:
                self._stop_at_kalloc(False)
            case Place.ALLOCATED:
                self.tell(EventKind.ALLOC, registers[ARGUMENT] >> 12, pc=caller)
            case Place.FREED:
                self._stop_at_kalloc(True)
                pa = registers[ARGUMENT]
                self.tell(EventKind.FREE, pa >> 12, pc=caller)
                frame = index_of(signed(pa))
                freed(observer, self.machine.shared, self.events, self.shadow, frame, caller)
            case Place.FENCE:
                if active:
                    self.tell(EventKind.FENCE, pc=pc)
            case Place.PANIC:
                text = self.string_at(registers[ARGUMENT])
                self.tell(EventKind.PANIC, self.text(text), pc=caller)
                return Seen(Ending.PANIC, text=text)
        return None

    def _left(self, hart: int, pc: int) -> Seen | None:
        """User code was left: a path begins."""
        observer, stub = self.observer, self.machine.stub
        observer["in_user"][hart] = 0
        observer["last_store"][hart] = -1
        cause, value, where = (signed(stub.read(hart, name)) for name in ("scause", "stval", "sepc"))
        slot = int(observer["hart_slot"][hart])
        self.tell(EventKind.TRAP, cause, value, where, pc=signed(pc))
        for address in self._fences[Place.TRAP]:
            self.tell(EventKind.FENCE, pc=address)
        observer["moves"] += 1
        if cause > 0 and repeated(observer, slot, cause, value, where):
            shown = f"scause {cause}, stval {value & (1 << 64) - 1:#x}"
            return Seen(Ending.HANG, text=f"user code at {where:#x} takes the same fault for ever ({shown})")
        return None

    def _returns(self, stopped: Stopped, pc: int) -> Seen | None:
        """The kernel returns to user code: a path ends."""
        observer, hart = self.observer, stopped.hart
        self._booted = True
        if observer["mark"] and not observer["marked"]:
            observer["marked"] = 1
            self._pending = stopped
            return Seen()
        if observer["active"]:
            if unaccounted(observer, int(observer["hart_slot"][hart])):
                self.scan()
                self.machine.switch(hart)
            for address in self._fences[Place.USER]:
                self.tell(EventKind.FENCE, pc=address)
            self.tell(EventKind.USER, signed(self.machine.stub.read(hart, "sepc")), pc=pc)
        observer["marked"] = 0
        observer["in_user"][hart] = 1
        observer["last_store"][hart] = -1
        return None

    def _reported(self, hart: int, pc: int, registers: tuple[int, ...]) -> Seen | None:
        """A workload's program reports, from user code."""
        if self.machine.stub.read(hart, "priv") != USER:
            return None
        self.machine.passed(hart, pc + REPORT_PASSED)
        slot = int(self.observer["hart_slot"][hart])
        pid = int(self.observer["slot_pid"][slot]) if slot >= 0 else 0
        return Seen(report=Report(pid, registers[ARGUMENT : ARGUMENT + 6]))
