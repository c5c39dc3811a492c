"""The sweep over every address: each operation at each class of address, each in a child of its own.

pid 1 forks the parent, which prepares its memory (a word of its own wherever it may, each of which is also a ``ret``
for jumps) and then goes through the cases: it forks a child that does the one operation, reports how it went and what
it sees afterwards, and exits, or is killed; the parent waits for it, and looks whether its own words are as before.

Before each case the parent asks which comes next, so an observer can leave out one that hangs or panics the kernel.

Registers: s1 start of the heap, s2 the break, s3 the address, s4 the size, s5 the case's point, s6 where its
operation's code is, s7 its number, s8 the row of its class, s11 what is due at the address before it.
"""

from __future__ import annotations

from collections.abc import Callable

from cowcheck.machine.program import encoding
from cowcheck.machine.program.address_cases import AddressCases
from cowcheck.machine.program.address_classes import TEXT_WORD, AddressClass, Base, Layout
from cowcheck.machine.program.address_operations import (
    OPERATIONS,
    OVER_A_PAGE,
    OVER_FILE,
    READ_TOKEN,
    write_operations,
)
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import ReportKind
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall
from cowcheck.machine.program.user_code import SCRATCH, UserCode
from cowcheck.machine.program.workload import PROGRAM, Workload

_CASE_SHIFT = 2  # of the size of a row of the table of cases
_BASE, _ADDRESS, _DUE, _FOUND, _KEPT, _HOLDS, _CLASS_BYTES = 0, 8, 16, 24, 32, 40, 48
"""Offsets in a row of the table of classes: what the address is counted from, the offset from there, the word that is
due, the points of what a child finds and of what the parent keeps, and whether the parent may mend the word."""
_ARGUMENTS = 1024  # offset in the data page: argv of a child that executes the program anew
_INDEX_BASE = 0x40  # a case's number as two letters: its upper and its lower six bits from here on


def address_workload(layout: Layout) -> Workload:
    """The cases of one layout of the heap."""
    cases = AddressCases(layout)
    return Workload(
        name=layout.name,
        summary=layout.summary,
        files={
            PROGRAM: _Sweep(layout, cases).executable(),
            OVER_FILE: READ_TOKEN.to_bytes(8, "little") * (OVER_A_PAGE // 8),
        },
        points=cases.points,
        harts=1,
        values=cases.values,
        instructions=1_000_000_000,
        steps=cases.steps,
    )


class _Sweep:
    def __init__(self, layout: Layout, cases: AddressCases) -> None:
        self.layout = layout
        self.cases = cases
        self.code = UserCode()

    def executable(self) -> bytes:
        """Where argv has a second string, this is a case's child that has executed the program anew."""
        code = self.code
        code.label("entry")
        code.li(Reg.T0, 1)
        code.blt(Reg.T0, Reg.A0, "anew")
        code.write_first_process("parent", self.cases.starts, self.cases.done)
        self._write_parent()
        self._write_select()
        self._write_child()
        self._write_tables()
        return code.executable("entry")

    # --- the parent ---

    def _write_parent(self) -> None:
        code = self.code
        code.label("parent")
        code.li(Reg.S0, 2)
        self._write_growth()
        self._for_each_class("prepare", self._write_token)
        code.report(ReportKind.BEFORE, self.cases.before)
        code.li(Reg.S7, 0)
        code.label("next")
        code.ask(ReportKind.NEXT, self.cases.next, Reg.S7, Reg.S7)
        code.li(Reg.T0, len(self.cases.rows))
        code.bge(Reg.S7, Reg.T0, "last")
        code.call("select")
        code.fork_to("child")
        code.blt(Reg.A0, Reg.ZERO, "last")
        code.syscall(Syscall.WAIT, 0)
        if not self.layout.fresh:
            self._for_each_class("look", self._write_look)
        code.emit(encoding.addi(Reg.S7, Reg.S7, 1))
        code.j("next")
        code.label("last")
        code.syscall(Syscall.SLEEP, 2)  # pid 1 may have a killed child's child to wait for
        code.report(ReportKind.AFTER, self.cases.after)
        code.syscall(Syscall.EXIT, 0)

    def _write_growth(self) -> None:
        code, layout = self.code, self.layout
        code.syscall(Syscall.SBRK, 0, SBRK_EAGER)
        code.mv(Reg.S1, Reg.A0)
        if layout.grow_to:
            code.li(Reg.A0, layout.grow_to)
            code.emit(encoding.sub(Reg.A0, Reg.A0, Reg.S1))
        else:
            code.li(Reg.A0, layout.grow_bytes)
        code.syscall(Syscall.SBRK, Reg.A0, SBRK_EAGER)
        code.syscall(Syscall.SBRK, -layout.shrink_bytes, SBRK_EAGER)
        code.syscall(Syscall.SBRK, 0, SBRK_EAGER)
        code.mv(Reg.S2, Reg.A0)

    def _for_each_class(self, label: str, write: Callable[[str], None]) -> None:
        """A loop over the rows of the table of classes: s8 is the row, s3 the address; ``write`` is given the label
        that ends one turn."""
        code = self.code
        code.la(Reg.S8, "classes")
        code.label(label)
        code.la(Reg.T0, "classes.end")
        code.beq(Reg.S8, Reg.T0, f"{label}.end")
        code.call("address")
        write(f"{label}.turn")
        code.label(f"{label}.turn")
        code.emit(encoding.addi(Reg.S8, Reg.S8, _CLASS_BYTES))
        code.j(label)
        code.label(f"{label}.end")

    def _write_token(self, turn: str) -> None:
        """The parent's own word, where it may have one."""
        code = self.code
        code.emit(encoding.ld(Reg.T0, Reg.S8, _HOLDS))
        code.beq(Reg.T0, Reg.ZERO, turn)
        code.emit(encoding.ld(Reg.T1, Reg.S8, _DUE), encoding.sd(Reg.T1, Reg.S3, 0))

    def _write_look(self, turn: str) -> None:
        """Is the parent's word as it was? If not it is reported, and mended for the cases to come."""
        code = self.code
        code.emit(encoding.ld(Reg.S10, Reg.S8, _DUE))
        code.beq(Reg.S10, Reg.ZERO, turn)
        code.emit(encoding.ld(Reg.S9, Reg.S3, 0))
        code.beq(Reg.S9, Reg.S10, turn)
        code.emit(encoding.ld(Reg.A1, Reg.S8, _KEPT))
        code.report(ReportKind.SEEN, Reg.A1, Reg.S9, Reg.S10)
        code.emit(encoding.ld(Reg.T0, Reg.S8, _HOLDS))
        code.beq(Reg.T0, Reg.ZERO, turn)
        code.emit(encoding.sd(Reg.S10, Reg.S3, 0))

    def _write_select(self) -> None:
        """``select``: the case of number s7 into s3 to s6, s8 and s11. ``address``: that of the row s8 into s3."""
        code = self.code
        code.label("select")
        code.la(Reg.T0, "cases")
        code.emit(
            encoding.slli(Reg.T1, Reg.S7, _CASE_SHIFT),
            encoding.add(Reg.T0, Reg.T0, Reg.T1),
            encoding.lbu(Reg.T1, Reg.T0, 0),  # its class
            encoding.lbu(Reg.T2, Reg.T0, 1),  # its operation
            encoding.lhu(Reg.S4, Reg.T0, 2),
        )
        code.la(Reg.T3, "operations")
        code.emit(
            encoding.slli(Reg.T2, Reg.T2, 3),
            encoding.add(Reg.T3, Reg.T3, Reg.T2),
            encoding.ld(Reg.S6, Reg.T3, 0),
        )
        code.li(Reg.S5, self.cases.first_case)
        code.emit(encoding.add(Reg.S5, Reg.S5, Reg.S7))
        code.la(Reg.S8, "classes")
        assert _CLASS_BYTES == 48
        code.emit(
            encoding.slli(Reg.T2, Reg.T1, 5),
            encoding.slli(Reg.T1, Reg.T1, 4),
            encoding.add(Reg.S8, Reg.S8, Reg.T1),
            encoding.add(Reg.S8, Reg.S8, Reg.T2),
            encoding.ld(Reg.S11, Reg.S8, _DUE),
        )
        code.label("address")
        code.emit(encoding.ld(Reg.S3, Reg.S8, _ADDRESS), encoding.ld(Reg.T0, Reg.S8, _BASE))
        code.li(Reg.T1, Base.HEAP)
        code.li(Reg.T2, Base.BREAK)
        code.bne(Reg.T0, Reg.T1, "no heap")
        code.emit(encoding.add(Reg.S3, Reg.S3, Reg.S1))
        code.label("no heap")
        code.bne(Reg.T0, Reg.T2, "no break")
        code.emit(encoding.add(Reg.S3, Reg.S3, Reg.S2))
        code.label("no break")
        code.ret()

    def _write_child(self) -> None:
        code = self.code
        code.label("child")
        code.li(Reg.S0, 3)
        if self.layout.fresh:
            self._write_exec()
        code.emit(encoding.jalr(Reg.ZERO, Reg.S6, 0))
        self._write_anew()
        code.label("found")
        code.emit(encoding.ld(Reg.T1, Reg.S8, _FOUND))
        code.beq(Reg.T1, Reg.ZERO, "leave")
        code.report(ReportKind.SEEN, Reg.T1, Reg.S9, Reg.S10)
        code.j("leave")
        code.label("found over")
        code.report(ReportKind.SEEN, self.cases.over, Reg.S9, Reg.S10)
        code.label("leave")
        code.leave(self.cases.leaves, 0)
        write_operations(code)

    def _write_exec(self) -> None:
        """The program again, with the number of the case."""
        code = self.code
        code.la(Reg.T0, "numbers")
        code.emit(encoding.slli(Reg.T1, Reg.S7, _CASE_SHIFT), encoding.add(Reg.T1, Reg.T0, Reg.T1))
        code.la(Reg.A0, code.string_label(PROGRAM))
        code.la(Reg.T2, SCRATCH)
        code.emit(
            encoding.addi(Reg.T2, Reg.T2, _ARGUMENTS),
            encoding.sd(Reg.A0, Reg.T2, 0),
            encoding.sd(Reg.T1, Reg.T2, 8),
            encoding.sd(Reg.ZERO, Reg.T2, 16),
        )
        code.syscall(Syscall.EXEC, Reg.A0, Reg.T2)
        code.j("leave")

    def _write_anew(self) -> None:
        code = self.code
        code.label("anew")
        code.emit(encoding.ld(Reg.T0, Reg.A1, 8), encoding.lbu(Reg.S7, Reg.T0, 0), encoding.lbu(Reg.T1, Reg.T0, 1))
        code.emit(
            encoding.addi(Reg.S7, Reg.S7, -_INDEX_BASE),
            encoding.addi(Reg.T1, Reg.T1, -_INDEX_BASE),
            encoding.slli(Reg.S7, Reg.S7, 6),
            encoding.add(Reg.S7, Reg.S7, Reg.T1),
        )
        code.li(Reg.S0, 3)
        code.syscall(Syscall.SBRK, 0, SBRK_EAGER)
        code.mv(Reg.S1, Reg.A0)
        code.mv(Reg.S2, Reg.A0)
        code.call("select")
        code.emit(encoding.jalr(Reg.ZERO, Reg.S6, 0))

    # --- tables ---

    def _write_tables(self) -> None:
        code = self.code
        code.write_constants()
        code.align(8)
        code.label("operations")
        for operation in OPERATIONS:
            code.label_word(operation.name)
        code.label("classes")
        for number, place in enumerate(self.layout.classes):
            self._write_class(number, place)
        code.label("classes.end")
        code.label("cases")
        for row in self.cases.rows:
            code.data(bytes([row.place, row.operation]) + row.size_bytes.to_bytes(2, "little"))
        if self.layout.fresh:
            code.label("numbers")
            for number in range(len(self.cases.rows)):
                code.data(bytes([_INDEX_BASE + (number >> 6), _INDEX_BASE + (number & 63), 0, 0]))
        code.align(64)
        code.label(TEXT_WORD)
        for number, place in enumerate(self.layout.classes):
            if place.label == TEXT_WORD:
                code.word(self.cases.dues[number])
        code.data(bytes(64))  # what fstat may write

    def _write_class(self, number: int, place: AddressClass) -> None:
        code = self.code
        code.word(place.base)
        if place.label:
            code.label_word(place.label, place.offset)
        else:
            code.word(place.offset)
        code.word(self.cases.dues[number])
        code.word(self.cases.found[number] if self.cases.watched(number) else 0)
        code.word(self.cases.kept[number])
        code.word(self.cases.mended(number))
