"""What the reference engine knows: processes, their pages, frames, harts, and the kernel's paths."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from cowcheck.checker.verify.scene import HISTORY, Past, Row
from cowcheck.machine.record.event import ProcessState, Role


@dataclass(eq=False)
class Path:
    """Kernel code in progress, from a trap to the return to user code: of process ``key``, or of hart ``-1 - key``."""

    key: int
    live: bool = False
    trap: Row | None = None
    trap_number: int = 0  # of that event
    touched: dict[Frame, None] = field(default_factory=dict)
    graves: list[Mapping] = field(default_factory=list)  # PTEs that it has cleared
    asked: bool = False  # another process, or an earlier path, has asked for the process's end
    out_of_memory: bool = False  # kalloc returned 0
    short: bool = False  # no frame was free when the path set p->killed
    fault: int = 0  # scause of a page fault, 0 for any other path
    vpn: int = -1  # the page that it was at ...
    pte: int = 0  # ... its PTE then ...
    permitted: bool = False  # ... and whether its region allows the access


@dataclass(eq=False)
class Mapping:
    """A page of a process: its PTE, 0 while it is not valid."""

    pid: int
    vpn: int
    pte: int = 0
    may_write: bool | None = None  # what its region allows; None until the path that made it ends
    maker: int = 0
    fresh: bool = True  # not judged yet, as user code may see it now
    buried: bool = False  # was cleared by a path that is still in progress
    image: int = 0


@dataclass(eq=False)
class Process:
    """A process, from its first mention until nothing of it is left."""

    pid: int
    state: ProcessState = ProcessState.UNUSED
    path: Path = field(init=False)
    pages: dict[int, Mapping] = field(default_factory=dict)
    count: int = 0  # valid PTEs
    image: int = 0  # how often that count has come to 0: exec takes all pages and maps others
    new: bool = False  # forked, and never in user mode yet
    killed: bool = False
    size: int | None = None
    fault: Row = ()  # scause, stval, sepc of the last page fault after which the access was still refused ...
    repeats: int = 0  # ... how often in a row ...
    idle: int = 0  # ... and how often of late without any change of the PTE
    first_fault: int = 0  # the number of the first of these
    told: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.path = Path(self.pid)

    def maps(self, vpn: int) -> bool:
        return vpn in self.pages and self.pages[vpn].pte != 0

    def newest_pages(self) -> list[Mapping]:
        """Its valid pages, that which was heard of last first."""
        return [mapping for mapping in reversed(self.pages.values()) if mapping.pte]


@dataclass(eq=False)
class Frame:
    """A frame that kalloc could give out."""

    ppn: int
    seen: bool = False  # something was told of it that says whose it is
    free: int = 0
    counted: bool = False
    refs: int = 0
    role: Role = Role.NONE
    mappings: list[Mapping] = field(default_factory=list)  # the newest first
    touched_by: dict[int, None] = field(default_factory=dict)  # live paths, by key
    history: deque[Past] = field(default_factory=lambda: deque(maxlen=HISTORY))
    since: Past | None = None
    told: set[int] = field(default_factory=set)

    def remember(self, number: int, row: Row, free: int) -> None:
        self.history.append(Past(number, row, free, self.history[-1].broken if self.history else 0))


@dataclass(eq=False)
class Hart:
    """A hart."""

    current: int = 0  # the process that it runs
    user: int = 0  # the same, while it is in user mode
    ran: set[int] = field(default_factory=set)  # processes whose user code it has run since its last sfence.vma
    remembered: list[tuple[int, int, int]] = field(default_factory=list)  # (pid, vpn, PTE) that it may still cache
