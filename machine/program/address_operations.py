"""What is tried at every address: user accesses, and system calls that write to or read from user memory.

Each is a few instructions of a child: what it needs is made before ``BEGIN``, the address is in s3 and the size in s4,
the point in s5. After a success the child looks at what is there now, and reports it with what is due: that is
``found``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cowcheck.machine.program import encoding
from cowcheck.machine.program.address_classes import AddressClass
from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.regions import Access
from cowcheck.machine.program.syscalls import Syscall
from cowcheck.machine.program.user_code import SCRATCH, UserCode
from cowcheck.machine.program.workload import PROGRAM

STORE_TOKEN = 0xB000_0001 << 32 | encoding.RET
READ_TOKEN = 0xB000_0002 << 32 | encoding.RET
STATUS = 0x5A
FILE_WORD = 2 << 32 | 1
"""Of ``struct stat``: the disk's number, and that of the first file on it (xv6 kernel/stat.h)."""
PIPE_WORD = 1 << 32
"""Two descriptors, 0 and 1: a case's child has no other files open."""

VALUES = {
    STORE_TOKEN: "what a child stored",
    READ_TOKEN: "what a child's read was given",
    STATUS: "the status of a child's child",
    FILE_WORD: "what fstat writes",
    PIPE_WORD: "what pipe writes",
}

_BUFFER = 512  # offset in the data page: what came out of a pipe
_TWO_WORDS = 16
OVER_A_PAGE = PAGE_BYTES + 16
"""A word, the whole page after it, and a word of the next."""

OVER_FILE = "over"
"""A file of so many bytes: more than a pipe holds."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: ``text`` is a template over ``size``; results from ``least`` (or the size) on mean success."""

    name: str
    text: str
    access: Access
    write: Callable[[UserCode], None]
    size_bytes: int
    result: int | None = 0  # of a success; None for the size, and for less a failure
    most: int | None = None  # the largest result of a success, where it is not the only one
    takes_sizes: bool = False
    takes_page: bool = False  # also tried with a page in the middle
    writes: bool = False
    unreliable: bool = False  # its result says nothing: a kernel of 2019 claims to have read what it could not write

    def sizes(self, place: AddressClass) -> tuple[int, ...]:
        """How many bytes it is tried with at an address."""
        sizes = [self.size_bytes] if self.size_bytes else []
        if self.takes_sizes and place.spans:
            sizes.append(_TWO_WORDS)
        if self.takes_page and place.skips_page:
            sizes.append(OVER_A_PAGE)
        return tuple(sizes)

    def works(self, size_bytes: int) -> tuple[int, int]:
        """The results that mean success, from first to last."""
        least = size_bytes if self.result is None else self.result
        return least, least if self.most is None else self.most

    def fails(self, size_bytes: int) -> tuple[int, int]:
        """The results that mean failure: -1, or fewer bytes than were asked for."""
        return -1, size_bytes - 1 if self.result is None else -1


def write_found(code: UserCode, due: Reg | int) -> None:
    """Reports the word at s3, and what is due there; then the child ends."""
    code.emit(encoding.ld(Reg.S9, Reg.S3, 0))
    code.load_value(Reg.S10, due)
    code.j("found")


def _end(code: UserCode) -> None:
    code.mv(Reg.S9, Reg.A0)
    code.end(Reg.S5, Reg.S9)


def _end_call(code: UserCode) -> None:
    """Reports the result of a system call; after a failure the child has nothing to look at."""
    _end(code)
    code.blt(Reg.S9, Reg.ZERO, "leave")


def _load(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.emit(encoding.ld(Reg.S9, Reg.S3, 0))
    code.end(Reg.S5)
    code.mv(Reg.S10, Reg.S11)
    code.j("found")


def _store(code: UserCode) -> None:
    code.li(Reg.S10, STORE_TOKEN)
    code.begin(Reg.S5)
    code.emit(encoding.sd(Reg.S10, Reg.S3, 0))
    code.end(Reg.S5)
    write_found(code, Reg.S10)


def _jump(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.emit(encoding.jalr(Reg.RA, Reg.S3, 0))
    code.end(Reg.S5)
    code.j("leave")


def _read(code: UserCode) -> None:
    code.make_pipe()
    code.la(Reg.A1, code.words_label(READ_TOKEN, READ_TOKEN))
    code.syscall(Syscall.WRITE, 1, Reg.A1, Reg.S4)
    code.begin(Reg.S5)
    code.syscall(Syscall.READ, 0, Reg.S3, Reg.S4)
    _end(code)
    code.bne(Reg.S9, Reg.S4, "leave")
    write_found(code, READ_TOKEN)


def _read_over(code: UserCode) -> None:
    """The word after the page in the middle must be as it was, whatever the call returned."""
    code.la(Reg.A0, code.string_label(OVER_FILE))
    code.syscall(Syscall.OPEN, Reg.A0, 0)
    code.begin(Reg.S5)
    code.syscall(Syscall.READ, 0, Reg.S3, Reg.S4)
    _end(code)
    code.li(Reg.T0, OVER_A_PAGE - 8)
    code.emit(encoding.add(Reg.T0, Reg.T0, Reg.S3), encoding.ld(Reg.S9, Reg.T0, 0))
    code.li(Reg.S10, 0)
    code.j("found over")


def _write(code: UserCode) -> None:
    """A kernel of 2019 returns the size though it has read nothing: what counts is what comes out of the pipe."""
    code.make_pipe()
    code.begin(Reg.S5)
    code.syscall(Syscall.WRITE, 1, Reg.S3, Reg.S4)
    code.mv(Reg.S9, Reg.A0)
    failed = code.fresh_label("failed")
    code.blt(Reg.S9, Reg.ZERO, failed)
    code.syscall(Syscall.CLOSE, 1)
    code.la(Reg.A1, SCRATCH)
    code.emit(encoding.addi(Reg.A1, Reg.A1, _BUFFER))
    code.syscall(Syscall.READ, 0, Reg.A1, Reg.S4)
    code.mv(Reg.S9, Reg.A0)
    code.label(failed)
    code.end(Reg.S5, Reg.S9)
    code.bne(Reg.S9, Reg.S4, "leave")
    code.la(Reg.T0, SCRATCH)
    code.emit(encoding.ld(Reg.S9, Reg.T0, _BUFFER))
    code.mv(Reg.S10, Reg.S11)
    code.j("found")


def _fstat(code: UserCode) -> None:
    code.la(Reg.A0, code.string_label(PROGRAM))
    code.syscall(Syscall.OPEN, Reg.A0, 0)
    code.begin(Reg.S5)
    code.syscall(Syscall.FSTAT, 0, Reg.S3)
    _end_call(code)
    write_found(code, FILE_WORD)


def _wait(code: UserCode) -> None:
    code.fork_to("exit")
    code.begin(Reg.S5)
    code.syscall(Syscall.WAIT, Reg.S3)
    _end(code)
    worked = code.fresh_label("worked")
    code.bge(Reg.S9, Reg.ZERO, worked)
    code.syscall(Syscall.WAIT, 0)
    code.j("leave")
    code.label(worked)
    code.beq(Reg.S3, Reg.ZERO, "leave")  # address 0 means that the status is not wanted
    code.emit(encoding.lw(Reg.S9, Reg.S3, 0))
    code.li(Reg.S10, STATUS)
    code.j("found")


def _pipe(code: UserCode) -> None:
    code.begin(Reg.S5)
    code.syscall(Syscall.PIPE, Reg.S3)
    _end_call(code)
    write_found(code, PIPE_WORD)


OPERATIONS = (
    Operation("load", "a load from", Access.LOAD, _load, 8),
    Operation("store", "a store to", Access.STORE, _store, 8, writes=True),
    Operation("jump", "a jump to", Access.JUMP, _jump, 4),
    Operation(
        "read",
        "read() of {size} bytes from a pipe to",
        Access.COPYOUT,
        _read,
        8,
        result=None,
        takes_sizes=True,
        writes=True,
    ),
    Operation(
        "write",
        "write() to a pipe of {size} bytes from",
        Access.COPYIN,
        _write,
        8,
        result=None,
        takes_sizes=True,
        takes_page=True,
    ),
    Operation(
        "read over",
        "read() of {size} bytes from a file to",
        Access.COPYOUT,
        _read_over,
        0,
        result=None,
        takes_page=True,
        unreliable=True,
    ),
    Operation("fstat", "fstat() into", Access.COPYOUT, _fstat, 24, writes=True),
    Operation("wait", "wait() with the status into", Access.COPYOUT, _wait, 4, 1, (1 << 31) - 1, writes=True),
    Operation("pipe", "pipe() with its descriptors into", Access.COPYOUT, _pipe, 8, writes=True),
)


def write_operations(code: UserCode) -> None:
    """All of them, each at the label of its name; ``leave``, ``found`` and ``found over`` are the caller's."""
    for operation in OPERATIONS:
        code.label(operation.name)
        operation.write(code)
    code.label("exit")
    code.syscall(Syscall.EXIT, STATUS)
