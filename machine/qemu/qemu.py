"""QEMU's ``virt`` machine as a machine of cowcheck's: RAM as an array that both sides map, registers and stops by the
stub.

It has the parts of a :class:`~cowcheck.machine.board.board.Board` that a recorder uses, under the same names: ``ram``,
``record`` and ``shared``, ``harts``, ``uart``, ``disk``, ``engine`` (registers by Unicorn's numbers), ``switch``. It
has no snapshots, and its clock is its own.

It runs with ``-icount``: time then counts instructions, and two runs differ by when the disk answers and by a little
time at each stop, both of which depend on the host. Several harts take turns, all in one host thread: QEMU's own, or
one hart at a time (``turn``) for as long as whoever drives it says. How long a turn is in instructions depends on the
host too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from cowcheck.machine.board.board import BoardImage
from cowcheck.machine.board.devices.uart import MOST_OUTPUT
from cowcheck.machine.board.state import BOARD, KERNBASE, MOST_HARTS, PC, RAM_BYTES, X0
from cowcheck.machine.elf import KernelElf
from cowcheck.machine.native import address_of
from cowcheck.machine.qemu.gdbstub import GENERAL, GdbStub, Stopped
from cowcheck.machine.qemu.program import Run, find_qemu

ICOUNT_SHIFT = 3
"""An instruction takes 2**3 ns: a tick of xv6's timer, 0.1 s, is 12.5 million instructions. With 0 the ticks that a
program sleeps for last longer to emulate than it would take to wait for them; with 7 many a system call is
interrupted."""

LOOK_S = 0.5  # how long a machine that does not stop by itself is left alone
SECTOR = 512

PMP_WRITES = tuple((0xFFF0_007F, csr << 20 | 0x73) for csr in (0x3A0, 0x3B0))
"""Instructions that access pmpcfg0 or pmpaddr0: mask and match."""


def sets_pmp(elf: KernelElf) -> bool:
    """Whether the kernel opens memory to supervisor mode. xv6 of 2019 and 2020 does not, for there was no need then: a
    hart with physical memory protection would run such a kernel into an access fault at its first instruction there."""
    return all(elf.instructions_like(*pattern) for pattern in PMP_WRITES)


class Console:
    """What the kernel printed, and what is typed to it."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self.printed = bytearray()
        self.discarded = 0  # bytes beyond MOST_OUTPUT

    def type(self, text: bytes) -> None:
        """Puts text in front of the receiver."""
        self._send(text)

    def take(self, data: bytes) -> None:
        """The kernel printed this."""
        room = MOST_OUTPUT - len(self.printed)
        self.printed += data[:room]
        self.discarded += max(len(data) - room, 0)


class Disk:
    """What the disk holds when the machine starts; a copy is what the kernel writes to."""

    def __init__(self) -> None:
        self.disk = bytearray()


class Registers:
    """Registers of the hart that is looked at, by Unicorn's numbers: the general ones and pc."""

    def __init__(self, machine: Qemu) -> None:
        self._machine = machine

    def read(self, register: int) -> int:
        """A register's value."""
        return self._machine.general(int(self._machine.shared["hart"]))[
            GENERAL - 1 if register == PC else register - X0
        ]

    def write(self, register: int, value: int) -> None:
        """Sets a register."""
        self._machine.set_general(int(self._machine.shared["hart"]), _name(register), value)


_NAMES = (
    "zero ra sp gp tp t0 t1 t2 fp s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split()  # noqa: SIM905
)


def _name(register: int) -> str:
    return "pc" if register == PC else _NAMES[register - X0]


class Qemu:
    """The machine, as a context manager: it runs within the ``with`` block, and the disk is filled before."""

    def __init__(self, image: BoardImage, *, harts: int = 1, virtio: int = 2, pmp: bool = True) -> None:
        assert 1 <= harts <= MOST_HARTS
        self.image, self.harts, self.virtio, self.pmp = image, harts, virtio, pmp
        self.record: np.ndarray[Any, Any] = np.zeros(1, BOARD)
        self.shared = self.record[0]
        self.ram: np.ndarray[Any, np.dtype[np.uint8]] = np.zeros(0, np.uint8)
        self.engine = Registers(self)
        self._run = Run(find_qemu(), self._arguments)
        self.uart = Console(self._run.type)
        self._run.take_console = self.uart.take
        self.disk = Disk()
        self.breakpoints: set[int] = set()
        self.is_idle: Callable[[int], bool] = lambda hart: False  # what a recorder says; only a board asks for it
        self.turn: int | None = None  # the only hart that runs; None: all do
        self.look_s = LOOK_S
        self._standing: list[int] = []  # harts at a breakpoint that was told of
        self._general: dict[int, tuple[int, ...]] = {}  # as they are while the machine stands still

    def __enter__(self) -> Qemu:
        self._run.__enter__()
        try:
            self.stub = GdbStub(self._run)
            for hart in range(self.harts):
                self.set_general(hart, "pc", self.image.entry)
        except BaseException:
            self._run.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._run.close()
        self.ram = np.zeros(0, np.uint8)  # 128 MiB
        self.is_idle = lambda hart: False  # a recorder's own, which leads back to this

    def _arguments(self, folder: Path) -> list[str]:
        """The command line. RAM and disk are files in the private folder; the kernel is put into RAM from here."""
        ram, disk = folder / "ram", folder / "disk"
        with ram.open("wb") as file:
            file.truncate(RAM_BYTES)
        self.ram = np.memmap(ram, np.uint8, "r+", shape=(RAM_BYTES,)).view(np.ndarray)
        self.record["ram"] = address_of(self.ram)
        for address, contents in self.image.segments:
            self.ram[address - KERNBASE : address - KERNBASE + len(contents)] = np.frombuffer(contents, np.uint8)
        disk.write_bytes(bytes(self.disk.disk) + bytes(-len(self.disk.disk) % SECTOR or SECTOR * (not self.disk.disk)))
        return [
            "-nodefaults", "-display", "none", "-S", "-no-reboot",
            "-machine", "virt,memory-backend=ram",
            "-object", f"memory-backend-file,id=ram,size={RAM_BYTES},mem-path={ram},share=on",
            "-m", f"{RAM_BYTES >> 20}M",
            "-smp", str(self.harts),
            "-cpu", f"rv64,pmp={'true' if self.pmp else 'false'}",
            "-bios", "none",
            "-icount", f"shift={ICOUNT_SHIFT}",
            "-global", f"virtio-mmio.force-legacy={'true' if self.virtio == 1 else 'false'}",
            "-drive", f"file={disk},if=none,format=raw,cache=unsafe,id=disk",
            "-device", "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0",
        ]  # fmt: skip

    def switch(self, hart: int) -> None:
        """Makes ``hart`` the one whose registers ``engine`` reads."""
        self.shared["hart"] = hart

    def set_breakpoint(self, address: int, on: bool = True) -> None:
        """Stops where any hart comes to a virtual address, in any address space; or no longer."""
        if (address in self.breakpoints) != on:
            self.stub.set_breakpoint(address, on)
            self.breakpoints ^= {address}

    def run(self) -> Stopped:
        """Runs on to the next breakpoint, or for ``look_s``, after which the machine is stopped to be looked at
        (``interrupted``)."""
        self._general.clear()
        for hart in [hart for hart in self._standing if self.turn in (None, hart)]:
            self.stub.step(hart)
            self._standing.remove(hart)
        self.stub.resume(self.turn)
        stopped = self.stub.wait(self.look_s) or self.stub.interrupt()
        if self.turn is not None:
            stopped = replace(stopped, hart=self.turn)  # of an interrupt, QEMU may name any hart
        self._run.receive_console()
        self.shared["hart"] = stopped.hart
        if stopped.interrupted:
            self.count(stopped.hart)
        else:
            self._standing.append(stopped.hart)
        return stopped

    def general(self, hart: int) -> tuple[int, ...]:
        """A hart's registers x0 to x31, and its pc."""
        if hart not in self._general:
            self._general[hart] = self.stub.general(hart)
        return self._general[hart]

    def set_general(self, hart: int, name: str, value: int) -> None:
        """Sets one of them."""
        self.stub.write(hart, name, value)
        self._general.pop(hart, None)

    def passed(self, hart: int, pc: int) -> None:
        """The instruction that a hart stands at was carried out from here: it goes on at ``pc``."""
        self.set_general(hart, "pc", pc)
        if hart in self._standing:
            self._standing.remove(hart)

    def count(self, hart: int) -> None:
        """Brings ``retired`` up to date: it costs a question to the stub, so that not every stop is worth it."""
        self.shared["retired"] = self.stub.read(hart, "minstret") >> ICOUNT_SHIFT  # what it reads there are ns
        self.shared["time"] = self.shared["retired"]
