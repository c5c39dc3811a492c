"""What a process may do where: the right endings of each operation on each kind of memory, with the reason.

Kernels differ, and these are the sets that a right one stays in: until 2021 all user memory is readable, writable and
executable; since 2022 text is not writable and data not executable. A system call on a bad address fails (-1, or fewer
bytes than were asked for), and some kernels kill the process instead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cowcheck.machine.program.report import FAILS, KILLED, WORKS, Ending


class Region(StrEnum):
    """Kinds of user memory."""

    DATA = "data, heap or stack"
    TEXT = "text"
    TAIL = "the rest of the last page"  # mapped, but at or above the break
    NONE = "no user memory"  # nothing is mapped there, or not for user code


class Access(StrEnum):
    """What an operation does to memory."""

    LOAD = "load"
    STORE = "store"
    JUMP = "jump"
    COPYOUT = "copyout"  # the kernel writes to user memory
    COPYIN = "copyin"  # the kernel reads user memory


@dataclass(frozen=True, slots=True)
class Right:
    """How an operation may rightly end, and why."""

    endings: frozenset[Ending]
    reason: str

    def starved(self) -> Right:
        """The same where memory is out."""
        if self.endings == KILLED:
            return self
        return Right(
            self.endings | FAILS | KILLED,
            f"{self.reason}; memory is out, so it may fail, or end its process, and nothing else",
        )

    def killable(self) -> Right:
        """The same where another process asks the kernel for this one's end."""
        return replace(self, endings=self.endings | FAILS | KILLED, reason=f"{self.reason}; a kill is asked for")


_SYSTEM_CALLS = frozenset({Access.COPYOUT, Access.COPYIN})
_OWN = "the memory is the process's own, whoever shares its frames"
_TEXT = "text is writable until xv6 of 2021 and read-only since"
_DATA = "data can be run until xv6 of 2021 and not since"
_TAIL = "the page is mapped, though the break is below"
_NONE = "user code may not use this address"


def right_endings(access: Access, region: Region) -> Right:
    """The right endings with memory to spare and nobody asking for a kill."""
    call = access in _SYSTEM_CALLS
    match region:
        case Region.DATA:
            return Right(WORKS | KILLED, _DATA) if access is Access.JUMP else Right(WORKS, _OWN)
        case Region.TEXT if access is Access.STORE:
            return Right(WORKS | KILLED, _TEXT)
        case Region.TEXT if access is Access.COPYOUT:
            return Right(WORKS | FAILS | KILLED, _TEXT)
        case Region.TEXT:
            return Right(WORKS, "text can be read and run")
        case Region.TAIL:
            return Right(WORKS | KILLED | (FAILS if call else frozenset()), _TAIL)
        case Region.NONE:
            return Right(FAILS | KILLED if call else KILLED, _NONE)
