"""The groups of operations that are tried with memory running out, and the report points of a group."""

from __future__ import annotations

from dataclasses import dataclass

from cowcheck.machine.program.allocation_operations import (
    HEAP_PAGES,
    LARGE,
    LAST_WORD,
    SMALL,
    STORED_AGAIN,
    VALUES,
    Allocating,
    Looked,
    kept_token,
)
from cowcheck.machine.program.report import FAILS, KILLED, WORKS, Case, Points, ReportPoint, Watch

INIT = "process 1 (init)"
COORDINATOR = "process 2 (the coordinator)"
WORKER = "process 3 (the worker)"
HOLDER = "the holder"

_MEANS = "the process's own last store, or what it inherited at fork"


@dataclass(frozen=True, slots=True)
class Group:
    """Operations that are tried with one size of the heap. ``most_frames`` are left free at last; ``surely`` says that
    a right kernel succeeds by then, copying at fork or not."""

    name: str
    summary: str
    operations: tuple[Allocating, ...]
    reserve_pages: int
    most_frames: int
    surely: bool
    forks_half_way: bool = False  # fork is to fail when uvmcopy has mapped some of its pages


GROUPS = (
    Group(
        "allocations",
        "every operation that allocates, with no frame free, one, two, until it succeeds",
        SMALL,
        reserve_pages=112,
        most_frames=40,
        surely=True,
    ),
    Group(
        "allocations-many-pages",
        "fork that fails when some of its pages are mapped, and sbrk where a page of the page table ends",
        LARGE,
        reserve_pages=1280,
        most_frames=12,
        surely=False,
        forks_half_way=True,
    ),
)


@dataclass(frozen=True, slots=True)
class KeptWord:
    """A word of the coordinator's heap, which no worker may change."""

    page: int
    last: bool
    token: int
    point: int

    @property
    def offset(self) -> int:
        return LAST_WORD if self.last else 0


class AllocationPoints:
    """The points of one group."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.values: dict[int, str] = {0: "zeros", **VALUES}
        self._points = Points([])
        self.starts = self.point(INIT, "starts")
        self.done = self.point(INIT, "is alone again")
        self.next = self.point(COORDINATOR, "asks which operation comes next")
        self.exhausted = self.point(HOLDER, "has taken every frame")
        self.asks = self.point(HOLDER, "asks how many frames are to be free")
        self.ends = self.point(WORKER, "ends")
        self.kept = [self._kept(page, last) for page in range(HEAP_PAGES) for last in (False, True)]
        self.cases = {operation.name: self._case(operation) for operation in group.operations}

    @property
    def made(self) -> tuple[ReportPoint, ...]:
        return tuple(self._points.made)

    def point(self, process: str, text: str) -> int:
        """The index of a new point."""
        return self._points.add(ReportPoint(index=self._points.next, process=process, text=text))

    def look(self, operation: Allocating, looked: Looked) -> int:
        """What the worker sees when its operation is over."""
        text = f"{_word_name(looked.page, looked.offset != 0)} after its {operation.text}"
        dues = {looked.worked, looked.failed} if looked.any_order else set[int]()
        return self._watch(WORKER, text, dues, "isolation" if operation.can_fail else "out-of-memory-kills")

    def again(self, operation: Allocating) -> int:
        """The first of the points of what the worker does in its heap when there is memory again: for each page a
        case, and what it then sees in the word that it stored to, in the first and in the last."""
        first = self._points.next
        for page in range(HEAP_PAGES):
            self._again(operation, f"heap page {page}")
            for last in (False, True):
                self._watch(WORKER, _again(_word_name(page, last), operation), set(), relieved=True)
        return first

    def again_at(self, operation: Allocating, address: int) -> int:
        """The same of a page by its address: the point of the case, and after it that of the word that it stored to."""
        return self._again(operation, f"the page at {address >> 20} MiB")

    def _again(self, operation: Allocating, page: str) -> int:
        case = self._points.add(
            Case(
                index=self._points.next,
                process=WORKER,
                text=_again(f"a load from and a store to {page}", operation),
                right=WORKS,
                reason="the page is the process's own, and there is memory",
                writes=True,
                relieved=True,
            )
        )
        self._watch(WORKER, _again(f"the word of {page} that it stored to", operation), {STORED_AGAIN}, relieved=True)
        return case

    def success(self, operation: Allocating) -> int:
        """The operation works in the end."""
        frames, surely = self.group.most_frames, self.group.surely
        reason = f"no kernel needs more than {frames} frames for it"
        if not surely:
            reason = "a kernel that copies at fork needs a frame for each page"
        return self._points.add(
            Case(
                index=self._points.next,
                process=COORDINATOR,
                text=f"the worker's {operation.text} works, once enough frames are free",
                right=WORKS if surely else WORKS | FAILS,
                reason=reason,
            )
        )

    def _case(self, operation: Allocating) -> int:
        right, reason = WORKS | KILLED, "memory is out: the process gets its page, or is killed"
        if operation.can_fail:
            right, reason = right | FAILS, "memory is out: it may fail, or end its process, and nothing else"
        return self._points.add(
            Case(
                index=self._points.next,
                process=WORKER,
                text=operation.text,
                right=right,
                reason=reason,
                works=operation.works,
                fails=operation.fails,
                starved=True,
                writes=True,
            )
        )

    def _kept(self, page: int, last: bool) -> KeptWord:
        token = kept_token(page, last)
        self.values[token] = f"what {_word_name(page, last)} held"
        return KeptWord(page, last, token, self._watch(COORDINATOR, _word_name(page, last), {token}))

    def _watch(
        self, process: str, text: str, dues: set[int], invariant: str = "isolation", *, relieved: bool = False
    ) -> int:
        return self._points.add(
            Watch(
                index=self._points.next,
                process=process,
                text=text,
                dues=frozenset(dues),
                reason=_MEANS,
                invariant=invariant,
                relieved=relieved,
            )
        )


def _word_name(page: int, last: bool) -> str:
    return f"the {'last' if last else 'first'} word of heap page {page}"


def _again(text: str, operation: Allocating) -> str:
    return f"{text}, when there is memory again after its {operation.text}"
