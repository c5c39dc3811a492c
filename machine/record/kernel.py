"""A kernel as the recorder needs it: the ELF file's facts, as addresses to hook and numbers for the callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cowcheck.machine.board.board import BoardImage
from cowcheck.machine.board.state import KERNBASE
from cowcheck.machine.elf import KernelElf, KernelError, Xv6Layout, xv6_layout
from cowcheck.machine.record.call_sites import fill_calls
from cowcheck.machine.record.event import ProcessState
from cowcheck.machine.record.observer import MOST_LISTS, MOST_SLOTS, frame_index

CSRR_MHARTID = (0xFFFFF07F, 0xF1402073)
WFI = (0xFFFFFFFF, 0x10500073)
SRET = (0xFFFFFFFF, 0x10200073)
SFENCE = (0xFE007FFF, 0x12000073)
RET, COMPRESSED_RET = 0x00008067, 0x8082

TRAMPOLINE = (1 << 38) - 4096


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel's file and what it tells of the places where cowcheck looks."""

    elf: KernelElf
    layout: Xv6Layout

    @property
    def image(self) -> BoardImage:
        """What the board loads."""
        return BoardImage(
            entry=self.elf.entry,
            segments=[(segment.paddr, segment.data) for segment in self.elf.segments],
            mhartid=self.elf.instructions_like(*CSRR_MHARTID),
            wfi=self.elf.instructions_like(*WFI),
        )

    def high(self, address: int) -> int:
        """Where the trampoline's code runs: its page is mapped at the top of every address space."""
        start = self.layout.functions["trampoline"].address
        return TRAMPOLINE + address - start if start <= address < start + 4096 else address

    def everywhere(self, pattern: tuple[int, int]) -> tuple[int, ...]:
        """The addresses at which the kernel runs such an instruction."""
        found = self.elf.instructions_like(*pattern)
        return tuple(sorted({*found, *(self.high(address) for address in found)}))

    @property
    def kalloc_returns(self) -> tuple[int, ...]:
        """Where kalloc returns."""
        symbol = self.layout.functions["kalloc"]
        code = self.elf.read(symbol.address, symbol.size)
        at, found = 0, []
        while at + 2 <= len(code):
            half = int.from_bytes(code[at : at + 2], "little")
            if half & 3 == 3:
                if int.from_bytes(code[at : at + 4], "little") == RET:
                    found.append(symbol.address + at)
                at += 4
            else:
                if half == COMPRESSED_RET:
                    found.append(symbol.address + at)
                at += 2
        return tuple(found)

    def place(self, pc: int) -> str:
        """An address of the kernel for people: ``uvmcopy (kernel/vm.c:314)``; the number alone where it is unknown.

        Code of a function that was inlined is told with the one that it is in: ``..., inlined in copyout``.
        """
        line = self.elf.locate(self.layout.linked_address(pc))
        if line is None:
            return f"{pc:#x}"
        where = f" ({line.file}:{line.line})" if line.file and line.line else ""
        symbol = self.elf.symbol_table.function_at(self.layout.linked_address(pc))
        outer = symbol.name.split(".")[0] if symbol else line.function  # gcc names its clones copyout.part.0
        inlined = f", inlined in {outer}" if line.function and outer != line.function else ""
        return f"{line.function or hex(pc)}{where}{inlined}"

    def fill(self, observer: Any) -> None:
        """Sets the layout half of the observer's record. Raises :class:`KernelError` for tables that are too large."""
        layout, fields = self.layout, self.layout.proc_fields
        procs, cpus = layout.procs, layout.cpus
        if procs.count > MOST_SLOTS or len(layout.free_lists) > MOST_LISTS:
            problem = f"it has {procs.count} processes and {len(layout.free_lists)} free lists"
            raise KernelError(self.elf.path, problem, f"at most {MOST_SLOTS} and {MOST_LISTS} can be followed")
        observer["proc"], observer["proc_stride"] = procs.address, procs.stride
        observer["proc_end"] = procs.address + procs.count * procs.stride
        observer["slots"] = procs.count
        observer["pid_at"], observer["state_at"] = fields["pid"].offset, fields["state"].offset
        killed = fields.get("killed")
        observer["killed_at"] = killed.offset if killed else 1 << 40
        observer["sz_at"] = fields["sz"].offset
        observer["killed_size"] = killed.size if killed else 4
        observer["pagetable_at"], observer["trapframe_at"] = fields["pagetable"].offset, fields["trapframe"].offset
        for name, number in layout.states.items():
            if name in ProcessState.__members__ and 0 <= number < 8:
                observer["state_names"][number] = ProcessState[name]
        observer["cpus"], observer["cpu_stride"] = cpus.address, cpus.stride
        observer["cpus_end"] = cpus.address + cpus.count * cpus.stride
        observer["cpu_proc_at"] = cpus.layout.fields["proc"].offset
        observer["lists"] = len(layout.free_lists)
        for index, free_list in enumerate(layout.free_lists):
            observer["list_heads"][index] = free_list.head
            observer["next_at"] = free_list.next_offset
        observer["image_end"] = frame_index(layout.end + 4095)
        ranges = [end for first, end in self.elf.text_ranges if first >= KERNBASE]
        observer["text_end"] = max(ranges, default=KERNBASE)
        fill_calls(self.elf, observer)


def know(elf: KernelElf) -> Kernel:
    """A kernel with its layout. Raises :class:`KernelError` where something required is missing."""
    return Kernel(elf, xv6_layout(elf))
