"""A user program as it is written: instructions, system calls and reports.

No process ever touches its stack, or any memory but what its operations are about: registers survive system calls and
are copied by fork, and every constant stands in the text. So no page is shared or copied but on purpose.

Registers: s0 the process's number, s1 the first address of its heap; a0 to a7, t0 to t6 and ra are anybody's.
"""

from __future__ import annotations

from cowcheck.machine.program import encoding
from cowcheck.machine.program.assembler import Assembler
from cowcheck.machine.program.elf_file import PAGE_BYTES, PF_R, PF_W, PF_X, Segment, write_elf
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.report import REPORT_VA, ReportKind
from cowcheck.machine.program.syscalls import SBRK_EAGER, Syscall

SCRATCH = "scratch"
"""Label of the data segment: one page."""

GUARD = "guard"
"""Label of the page after the data segment: exec puts the stack's guard page there, and the stack above it."""

Value = Reg | int
"""A register, or a constant."""


class UserCode(Assembler):
    """The text of one program, from address 0 on, ``report`` in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.emit(encoding.RET, encoding.RET)  # a jump to address 0 comes back
        self.origin(REPORT_VA)
        self.label("report")
        self.emit(encoding.NOP, encoding.RET)
        self._strings: dict[str, str] = {}  # text to label
        self._words: dict[tuple[int | str, ...], str] = {}

    def load_value(self, rd: Reg, value: Value) -> None:
        if isinstance(value, Reg):
            self.mv(rd, value)
        else:
            self.li(rd, value)

    def string_label(self, text: str) -> str:
        """The label of a string, which will stand after the code."""
        return self._strings.setdefault(text, f"string.{len(self._strings)}")

    def words_label(self, *words: int | str) -> str:
        """The label of 64-bit numbers, which will stand after the code: constants, and addresses of labels."""
        return self._words.setdefault(words, f"words.{len(self._words)}")

    def write_constants(self) -> None:
        """Places the strings and the numbers: after the last instruction."""
        self.align(8)
        for words, label in self._words.items():
            self.label(label)
            for word in words:
                if isinstance(word, str):
                    self.label_word(word)
                else:
                    self.word(word)
        for text, label in self._strings.items():
            self.label(label)
            self.string(text)
        self._words.clear()
        self._strings.clear()

    def syscall(self, number: Syscall, *arguments: Value) -> None:
        """The result is in a0. A register that is an argument must not be one that an earlier argument goes into."""
        for rd, value in zip((Reg.A0, Reg.A1, Reg.A2), arguments, strict=False):
            self.load_value(rd, value)
        self.li(Reg.A7, number)
        self.emit(encoding.ECALL)

    def report(self, kind: ReportKind, point: Value, seen: Value = 0, due: Value = 0) -> None:
        """``seen`` is no register among a0 to a1, ``due`` none among a0 to a2."""
        self.load_value(Reg.A1, point)
        self.load_value(Reg.A2, seen)
        self.load_value(Reg.A3, due)
        self.mv(Reg.A4, Reg.S0)
        self.li(Reg.A0, kind)
        self.call("report")

    def ask(self, kind: ReportKind, point: Value, default: Value, answer: Reg) -> None:
        """``answer`` = what the observer says, or ``default``. ``answer`` is none of a0 to a4, t0."""
        silent = self.fresh_label("silent")
        self.load_value(answer, default)
        self.report(kind, point, answer)
        self.li(Reg.T0, kind)
        self.beq(Reg.A0, Reg.T0, silent)
        self.mv(answer, Reg.A0)
        self.label(silent)

    def begin(self, point: Value) -> None:
        self.report(ReportKind.BEGIN, point)

    def end(self, point: Value, result: Value = 0) -> None:
        self.report(ReportKind.END, point, result)

    def sbrk_pages(self, pages: int) -> None:
        self.syscall(Syscall.SBRK, pages * PAGE_BYTES, SBRK_EAGER)

    def leave(self, point: Value, status: Value) -> None:
        """The process exits."""
        self.report(ReportKind.LEAVE, point)
        self.syscall(Syscall.EXIT, status)

    def fork_to(self, child: str) -> None:
        """The child goes on at ``child``; the parent here, with the pid or -1 in a0."""
        parent = self.fresh_label("parent")
        self.syscall(Syscall.FORK)
        self.bne(Reg.A0, Reg.ZERO, parent)
        self.j(child)
        self.label(parent)

    def write_first_process(self, child: str, starts: int, done: int) -> None:
        """At ``init``: pid 1 forks one process, waits for all that end, and never ends: the kernel would panic."""
        self.label("init")
        self.li(Reg.S0, 1)
        self.report(ReportKind.STARTED, starts)
        self.fork_to(child)
        self.write_reaping(done)

    def write_reaping(self, done: int, after: int | None = None) -> None:
        """pid 1 waits for every process, and rests. ``after``: the point where all frames must be free again."""
        self.label("reap")
        self.syscall(Syscall.WAIT, 0)
        self.bge(Reg.A0, Reg.ZERO, "reap")
        if after is not None:
            self.report(ReportKind.AFTER, after)
        self.report(ReportKind.FINISHED, done)
        self.label("rest")
        self.syscall(Syscall.SLEEP, 1000)
        self.j("rest")

    def make_pipe(self) -> None:
        """Its descriptors are the two lowest that are free, so nobody need look where the kernel writes them."""
        self.la(Reg.A0, SCRATCH)
        self.syscall(Syscall.PIPE)

    def wait_for_end_of_file(self, descriptor: Value) -> None:
        """Sleeps until no process holds the pipe's other end any more. Nothing is read, so no user memory is
        written."""
        self.load_value(Reg.A0, descriptor)
        self.la(Reg.A1, SCRATCH)
        self.li(Reg.A2, 1)
        self.syscall(Syscall.READ)

    def executable(self, entry: str) -> bytes:
        """The file: the text, and one page of data after it."""
        assert not self._strings, "write_constants() comes before"
        assert not self._words, "write_constants() comes before"
        text_end = self.here
        data_va = -(-text_end // PAGE_BYTES) * PAGE_BYTES
        self.place(SCRATCH, data_va)
        self.place(GUARD, data_va + PAGE_BYTES)
        text = self.assemble()
        return write_elf(
            self.address_of(entry),
            [
                Segment(0, text, text_end, PF_R | PF_X),
                Segment(data_va, b"", PAGE_BYTES, PF_R | PF_W),
            ],
        )
