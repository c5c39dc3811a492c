"""A stand-in for xv6, so that programs can be run without a kernel: processes are pages and registers in Python, their
instructions run on Unicorn, and system calls are answered here. It shares pages at fork, or copies them, and can be
told to make a mistake.
"""

from __future__ import annotations

import contextlib
import ctypes
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.outcome import Observation, Observer
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.workload import PROGRAM, Workload

unicorn = pytest.importorskip("unicorn", reason="programs run on Unicorn, which is not installed")
riscv = pytest.importorskip("unicorn.riscv_const")

PAGE = 4096
TABLES = 6  # frames of a process beside its pages: trapframe, root, two levels below, twice
R, W, X, U = 1, 2, 4, 8
EAGER = frozenset({"eager"})
ECALLS = (8, 11)
NOWHERE = 1 << 40  # where no code is: emulation goes on until it is stopped
WRITES = (unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)
FETCHES = (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)


@dataclass(eq=False)
class Frame:
    data: bytearray
    sharers: int = 1


@dataclass(eq=False)
class Mapping:
    frame: Frame
    flags: int
    cow: bool = False


@dataclass(eq=False)
class Pipe:
    data: bytearray = field(default_factory=bytearray)
    readers: int = 1
    writers: int = 1


@dataclass(eq=False)
class File:
    pipe: Pipe | None = None
    writes: bool = False
    name: str = ""
    data: bytes = b""
    offset: int = 0
    holders: int = 1


@dataclass(eq=False)
class Process:
    pid: int
    parent: Process | None
    pages: dict[int, Mapping]
    size: int
    registers: list[int]
    pc: int
    files: list[File | None]
    blocked: bool = False
    sleeping: int = 0
    killed: bool = False
    spins: bool = False  # in a fault that is taken again and again
    status: int | None = None


class OutOfMemory(Exception):
    pass


class BadAddress(Exception):
    pass


class Stuck(Exception):
    pass


class FakeXv6:
    """``mistakes``: "eager" (none: fork copies), "no-cow", "copyout-shares", "copyout-ignores", "leak",
    "no-kill", "lazy", "mark-cleared"."""

    def __init__(self, workload: Workload, mistakes: frozenset[str], frames: int, year: int) -> None:
        self.workload = workload
        self.mistakes = mistakes
        self.free = frames
        self.rwx = year <= 2021
        self.observer = Observer(workload)
        self.processes: list[Process] = []
        self.pids = 0
        self.emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
        self.mapped: dict[int, object] = {}
        self.current: Process | None = None
        self.trap: int | None = None
        self.fault: tuple[int, int] | None = None
        self.emulator.hook_add(unicorn.UC_HOOK_INTR, self._interrupt)
        self.emulator.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._invalid)
        at = workload.report_va
        self.emulator.hook_add(unicorn.UC_HOOK_CODE, self._report, None, at, at)

    def run(self) -> Observation:
        init = Process(1, None, {}, 0, [0] * 32, 0, [None] * 16)
        self.pids = 1
        self.processes.append(init)
        assert self._exec_file(init, PROGRAM, [PROGRAM]) == 0
        try:
            while not self.observer.finished:
                self._turn()
        except Stuck:
            pass
        return self.observer.observation()

    # --- scheduling ---

    def _turn(self) -> None:
        ready = [
            process for process in self.processes if process.status is None and not (process.sleeping or process.spins)
        ]
        progressed = False
        for process in ready:
            if process.status is None and not self.observer.finished:
                progressed |= self._run(process)
        if not progressed:
            sleepers = [process for process in self.processes if process.sleeping]
            if not sleepers or all(process.pid == 1 for process in sleepers):
                raise Stuck
            for process in sleepers:
                process.sleeping -= 1

    def _run(self, process: Process) -> bool:
        """One system call further; False where it would block."""
        if process.blocked:
            done = self._system_call(process)
        else:
            self._execute(process)
            done = process.status is not None or process.spins or self._system_call(process)
        process.blocked = not done and process.status is None
        if process.killed and process.status is None:
            self._exit(process, -1)
        return done or process.status is not None

    def _execute(self, process: Process) -> None:
        """Up to the next system call, or the process's end."""
        self._switch(process)
        while True:
            self.trap, self.fault = None, None
            with contextlib.suppress(unicorn.UcError):  # the hooks have seen what it was
                self.emulator.emu_start(process.pc, NOWHERE)
            process.pc = self.emulator.reg_read(riscv.UC_RISCV_REG_PC) % (1 << 64)
            if self.observer.finished or self.trap in ECALLS:
                break
            if self.fault is None or not self._serve(process, *self.fault):
                if "no-kill" in self.mistakes:
                    process.spins = True
                else:
                    self._exit(process, -1)
                return
        self._save(process)

    def _switch(self, process: Process) -> None:
        for page in self.mapped:
            self.emulator.mem_unmap(page * PAGE, PAGE)
        self.mapped.clear()
        self.current = process
        for number, value in enumerate(process.registers):
            if number:
                self.emulator.reg_write(riscv.UC_RISCV_REG_X0 + number, value)

    def _save(self, process: Process) -> None:
        process.registers = [
            self.emulator.reg_read(riscv.UC_RISCV_REG_X0 + number) & (1 << 64) - 1 for number in range(32)
        ]

    # --- hooks ---

    def _interrupt(self, emulator: object, number: int, data: object) -> None:
        self.trap = number
        self.emulator.emu_stop()

    def _invalid(self, emulator: object, access: int, va: int, size: int, value: int, data: object) -> bool:
        self.fault = (access, va % (1 << 64))
        return False

    def _serve(self, process: Process, access: int, va: int) -> bool:
        """A page fault: the page is given to the emulator, or the process must go."""
        page = va // PAGE
        mapping = process.pages.get(page)
        if mapping is None or not mapping.flags & U:
            return False
        if access in WRITES:
            if not self._make_writable(process, page, mapping):
                return False
        elif page in self.mapped or (access in FETCHES and not mapping.flags & X):
            return False
        self._map(page, mapping)
        return True

    def _map(self, page: int, mapping: Mapping) -> None:
        if page in self.mapped:
            self.emulator.mem_unmap(page * PAGE, PAGE)
        buffer = (ctypes.c_char * PAGE).from_buffer(mapping.frame.data)
        protection = unicorn.UC_PROT_READ
        protection |= unicorn.UC_PROT_WRITE if mapping.flags & W and not mapping.cow else 0
        protection |= unicorn.UC_PROT_EXEC if mapping.flags & X else 0
        self.emulator.mem_map_ptr(page * PAGE, PAGE, protection, ctypes.addressof(buffer))
        self.mapped[page] = buffer

    def _report(self, emulator: object, address: int, size: int, data: object) -> None:
        values = [self.emulator.reg_read(riscv.UC_RISCV_REG_X0 + number) for number in range(10, 15)]
        unsigned = [value & (1 << 64) - 1 for value in values]
        assert self.current is not None
        answer = self.observer.feed(self.current.pid, unsigned[0], unsigned[1:])
        if answer is not None:
            self.emulator.reg_write(riscv.UC_RISCV_REG_A0, answer)
        if self.observer.finished:
            self.emulator.emu_stop()

    # --- memory ---

    def _allocate(self, count: int = 1) -> None:
        if self.free < count:
            raise OutOfMemory
        self.free -= count

    def _drop(self, mapping: Mapping) -> None:
        mapping.frame.sharers -= 1
        if mapping.frame.sharers == 0:
            self.free += 1

    def _make_writable(self, process: Process, page: int, mapping: Mapping) -> bool:
        """What a store-page-fault handler does."""
        if "mark-cleared" in self.mistakes and mapping.cow and mapping.frame.sharers > 1 and not self.free:
            mapping.cow, mapping.flags = False, mapping.flags & ~W
        if mapping.cow and mapping.frame.sharers > 1:
            try:
                self._allocate()
            except OutOfMemory:
                return False
            mapping.frame.sharers -= 1
            mapping.frame = Frame(bytearray(mapping.frame.data))
        mapping.cow = False
        return bool(mapping.flags & W)

    def _copy_out(self, process: Process, va: int, data: bytes) -> None:
        for at, byte in enumerate(data):
            page, offset = divmod((va + at) % (1 << 64), PAGE)
            mapping = process.pages.get(page)
            if mapping is None or not mapping.flags & U or not mapping.flags & W:
                raise BadAddress
            if "copyout-shares" not in self.mistakes:
                written = self._make_writable(process, page, mapping)
                if not written and "copyout-ignores" not in self.mistakes:
                    raise BadAddress
            mapping.frame.data[offset] = byte

    def _copy_in(self, process: Process, va: int, size: int) -> bytes:
        found = bytearray()
        for at in range(size):
            page, offset = divmod((va + at) % (1 << 64), PAGE)
            mapping = process.pages.get(page)
            if mapping is None or not mapping.flags & U:
                break
            found.append(mapping.frame.data[offset])
        return bytes(found)

    def _string(self, process: Process, va: int) -> str:
        return self._copy_in(process, va, 64).partition(b"\0")[0].decode("ascii")

    # --- system calls ---

    def _system_call(self, process: Process) -> bool:
        a = process.registers
        number = a[Reg.A7]
        handlers: dict[int, Callable[[Process, int, int, int], int | None]] = {
            Syscall.FORK: self._fork, Syscall.EXIT: self._sys_exit, Syscall.WAIT: self._wait, Syscall.PIPE: self._pipe,
            Syscall.READ: self._read, Syscall.KILL: self._kill, Syscall.EXEC: self._exec, Syscall.FSTAT: self._fstat,
            Syscall.SBRK: self._sbrk, Syscall.SLEEP: self._sleep, Syscall.OPEN: self._open,
            Syscall.WRITE: self._write, Syscall.CLOSE: self._close,
        }  # fmt: skip
        if process.killed:
            return True
        result = handlers[number](process, a[Reg.A0], a[Reg.A1], a[Reg.A2])
        if result is None:
            return False
        process.registers[Reg.A0] = result % (1 << 64)
        return True

    def _fork(self, process: Process, *_: int) -> int:
        eager = "eager" in self.mistakes
        try:
            self._allocate(TABLES + (len(process.pages) if eager else 0))
        except OutOfMemory:
            return -1
        pages = {}
        for page, mapping in process.pages.items():
            if eager:
                pages[page] = Mapping(Frame(bytearray(mapping.frame.data)), mapping.flags)
                continue
            mapping.frame.sharers += 1
            mapping.cow |= bool(mapping.flags & W) and "no-cow" not in self.mistakes
            pages[page] = Mapping(mapping.frame, mapping.flags, mapping.cow)
        self.pids += 1
        registers = [*process.registers]
        registers[Reg.A0] = 0
        files = [*process.files]
        for file in files:
            if file:
                file.holders += 1
        self.processes.append(Process(self.pids, process, pages, process.size, registers, process.pc, files))
        return self.pids

    def _sys_exit(self, process: Process, status: int, *_: int) -> None:
        self._exit(process, status)

    def _exit(self, process: Process, status: int) -> None:
        assert process.pid != 1, "init exiting"
        for descriptor in range(len(process.files)):
            self._close(process, descriptor)
        for child in self.processes:
            if child.parent is process:
                child.parent = self.processes[0]
        process.status = status
        process.sleeping = 0

    def _wait(self, process: Process, va: int, *_: int) -> int | None:
        children = [child for child in self.processes if child.parent is process]
        if not children:
            return -1
        for child in children:
            if child.status is not None:
                if va:
                    try:
                        self._copy_out(
                            process, va, struct.pack("<i", (child.status + (1 << 31)) % (1 << 32) - (1 << 31))
                        )
                    except BadAddress:
                        return -1
                self._reap(child)
                return child.pid
        return None

    def _reap(self, child: Process) -> None:
        for mapping in child.pages.values():
            self._drop(mapping)
        self.free += TABLES - ("leak" in self.mistakes)
        self.processes.remove(child)

    def _open_file(self, process: Process, file: File) -> int:
        descriptor = process.files.index(None)
        process.files[descriptor] = file
        return descriptor

    def _pipe(self, process: Process, va: int, *_: int) -> int:
        try:
            self._allocate()
        except OutOfMemory:
            return -1
        pipe = Pipe()
        reader = self._open_file(process, File(pipe))
        writer = self._open_file(process, File(pipe, writes=True))
        try:
            self._copy_out(process, va, struct.pack("<ii", reader, writer))
        except BadAddress:
            self._close(process, reader)
            self._close(process, writer)
            return -1
        return 0

    def _read(self, process: Process, descriptor: int, va: int, size: int) -> int | None:
        file = process.files[descriptor]
        assert file is not None
        if file.pipe is None:
            data = file.data[file.offset : file.offset + size]
        else:
            if not file.pipe.data and file.pipe.writers:
                return None
            data = bytes(file.pipe.data[:size])
        for count, byte in enumerate(data):
            try:
                self._copy_out(process, va + count, bytes([byte]))
            except BadAddress:
                return count or -1
            if file.pipe:
                del file.pipe.data[0]
        return len(data)

    def _write(self, process: Process, descriptor: int, va: int, size: int) -> int:
        file = process.files[descriptor]
        assert file is not None
        assert file.pipe is not None
        data = self._copy_in(process, va, size)
        assert len(file.pipe.data) + len(data) <= 512, "would block"
        file.pipe.data += data
        return len(data)

    def _close(self, process: Process, descriptor: int, *_: int) -> int:
        file = process.files[descriptor]
        if file is None:
            return -1
        process.files[descriptor] = None
        file.holders -= 1
        if file.holders == 0 and file.pipe:
            if file.writes:
                file.pipe.writers = 0
            else:
                file.pipe.readers = 0
            if not file.pipe.writers and not file.pipe.readers:
                self.free += 1
        return 0

    def _open(self, process: Process, va: int, *_: int) -> int:
        name = self._string(process, va)
        if name not in self.workload.files:
            return -1
        return self._open_file(process, File(name=name, data=self.workload.files[name]))

    def _fstat(self, process: Process, descriptor: int, va: int, *_: int) -> int:
        file = process.files[descriptor]
        assert file is not None
        number = 2 + list(self.workload.files).index(file.name)
        try:
            self._copy_out(process, va, struct.pack("<iIhhQ", 1, number, 2, 1, len(file.data)))
        except BadAddress:
            return -1
        return 0

    def _kill(self, process: Process, pid: int, *_: int) -> int:
        for other in self.processes:
            if other.pid == pid:
                other.killed = True
                other.sleeping = 0
                return 0
        return -1

    def _sleep(self, process: Process, ticks: int, *_: int) -> int:
        process.sleeping = ticks
        return 0

    def _sbrk(self, process: Process, change: int, eager: int, *_: int) -> int:
        assert eager == 1
        change = (change + (1 << 31)) % (1 << 32) - (1 << 31)
        old, new = process.size, process.size + change
        if "lazy" in self.mistakes:
            process.size = new
            return old
        first, last = -(-old // PAGE), -(-new // PAGE)
        try:
            self._allocate(max(last - first, 0))
        except OutOfMemory:
            return -1
        for page in range(first, last):
            process.pages[page] = Mapping(Frame(bytearray(PAGE)), R | W | U | (X if self.rwx else 0))
        for page in range(last, first):
            self._drop(process.pages.pop(page))
        process.size = new
        return old

    def _exec(self, process: Process, path: int, argv: int, *_: int) -> int:
        name = self._string(process, path)
        arguments: list[str] = []
        while True:
            (pointer,) = struct.unpack("<Q", self._copy_in(process, argv + 8 * len(arguments), 8))
            if not pointer:
                break
            arguments.append(self._string(process, pointer))
        return self._exec_file(process, name, arguments) or process.registers[Reg.A0]

    def _exec_file(self, process: Process, name: str, arguments: list[str]) -> int:
        """xv6 kernel/exec.c, for the files that we make."""
        data = self.workload.files[name]
        entry, headers = struct.unpack_from("<QQ", data, 24)
        (count,) = struct.unpack_from("<H", data, 56)
        pages: dict[int, Mapping] = {}
        size = 0
        for number in range(count):
            _, flags, offset, va, _, in_file, in_memory, _ = struct.unpack_from(
                "<IIQQQQQQ", data, headers + 56 * number
            )
            assert va % PAGE == 0
            for page in range(-(-size // PAGE), -(-(va + in_memory) // PAGE)):
                allowed = R | W | X | U if self.rwx else R | U | (X if flags & 1 else 0) | (W if flags & 2 else 0)
                pages[page] = Mapping(Frame(bytearray(PAGE)), allowed)
            size = va + in_memory
            for at in range(in_file):
                pages[(va + at) // PAGE].frame.data[(va + at) % PAGE] = data[offset + at]
        top = -(-size // PAGE)
        pages[top] = Mapping(Frame(bytearray(PAGE)), R | W)
        pages[top + 1] = Mapping(Frame(bytearray(PAGE)), R | W | U | (X if self.rwx else 0))
        try:
            self._allocate(len(pages) + TABLES)
        except OutOfMemory:
            return -1
        for mapping in process.pages.values():
            self._drop(mapping)
        self.free += TABLES if process.pages else 0
        process.pages, process.size = pages, (top + 2) * PAGE
        sp = process.size
        pointers = []
        for argument in arguments:
            sp = (sp - len(argument) - 1) // 16 * 16
            self._copy_out(process, sp, argument.encode() + b"\0")
            pointers.append(sp)
        sp = (sp - 8 * (len(pointers) + 1)) // 16 * 16
        self._copy_out(process, sp, struct.pack(f"<{len(pointers) + 1}Q", *pointers, 0))
        process.registers[Reg.SP] = process.registers[Reg.A1] = sp
        process.registers[Reg.A0] = len(arguments)
        process.pc = entry
        return 0


@pytest.fixture
def run_workload() -> Callable[..., Observation]:
    """``run_workload(workload, *mistakes, frames=3000, year=2022)``: the programs on the stand-in."""

    def run(workload: Workload, *mistakes: str, frames: int = 3000, year: int = 2022) -> Observation:
        return FakeXv6(workload, frozenset(mistakes), frames, year).run()

    return run
