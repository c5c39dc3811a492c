"""What a recording says, whoever made it: two recordings of one run are the same if their normal forms are equal.

Two machines run the same kernel at different speeds, and see it at different granularity. So a normal form keeps what a
process did from one trap to the next return to user code (a *path*), and of that only what came of it: each page-table
entry, count and frame from what it was to what it is. Processes stand side by side, in no common order. The bits that
the hart sets in a PTE are left out, and so are frame numbers: a frame is named by the first page-table entry that leads
to it, in the order of processes, paths and pages, and a frame that was freed is another one from then on. A frame that
no page-table entry of a process ever leads to (a page table, a trapframe, a stack) has no name; such frames are
counted.

This module computes; it knows events and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from cowcheck.machine.record.event import KIND, PID, A, B, C, D, EventKind, ProcessState, Role

Row = Sequence[int]

PTE_FLAGS = 0b11_0001_1111
"""V, R, W, X, U and the two bits for software; not G, A and D."""

_KERNEL_USE = {Role.PAGE_TABLE: "page table", Role.TRAPFRAME: "trapframe"}
_LIFE = {ProcessState.UNUSED: "gone", ProcessState.ZOMBIE: "zombie"}


class Path(NamedTuple):
    """What came of one path, as sorted lines: equal paths have equal lines."""

    began: str  # the exception that began it
    changes: tuple[str, ...]


@dataclass(slots=True)
class _Open:
    """A path in progress, from what each thing was to what it is."""

    began: str
    ptes: dict[tuple[int, int], list[tuple[int, _Frame | None]]] = field(default_factory=dict)
    counts: dict[_Frame, list[int]] = field(default_factory=dict)
    listed: Counter[_Frame] = field(default_factory=Counter)
    roles: dict[_Frame, list[int]] = field(default_factory=dict)
    lives: dict[int, str] = field(default_factory=dict)
    killed: set[int] = field(default_factory=set)
    happened: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False, slots=True)
class _Frame:
    """A frame from one allocation to the next."""

    name: str = ""


class _Reader:
    """Takes rows in their order, and collects paths by process."""

    def __init__(self) -> None:
        self.paths: dict[int, list[_Open]] = {}
        self.open: dict[int, _Open] = {}
        self.frames: dict[int, _Frame] = {}
        self.freed: dict[int, _Frame] = {}  # what the frames on the free list were before
        self.lives: dict[int, str] = {}
        self.roles: dict[int, int] = {}
        self.mappings: dict[tuple[int, int], _Frame | None] = {}  # by process and page

    def frame(self, ppn: int) -> _Frame:
        return self.frames.setdefault(ppn, _Frame())

    def path(self, pid: int) -> _Open:
        if pid not in self.open:
            self.open[pid] = _Open("")
            self.paths.setdefault(pid, []).append(self.open[pid])
        return self.open[pid]

    def take(self, row: Row) -> None:
        kind, pid = row[KIND], row[PID]
        match kind:
            case EventKind.TRAP:
                self.open.pop(pid, None)
                self.path(pid).began = "interrupt" if row[A] < 0 else f"exception {row[A]}"
            case EventKind.USER:
                self.open.pop(pid, None)
            case EventKind.PTE:
                self.page_table_entry(self.path(pid), row)
            case EventKind.COUNT:
                # A count may be cleared after its frame was put on the list, and set before it is taken off.
                frame = self.freed.get(row[A]) if row[C] < row[B] else None
                was = self.path(pid).counts.setdefault(frame or self.frame(row[A]), [row[B], row[C]])
                was[1] = row[C]
            case EventKind.LIST:
                frame = self.frame(row[A])
                self.path(pid).listed[frame] += row[B]
                if row[B] > 0:
                    self.freed[row[A]] = frame
                    self.frames[row[A]] = _Frame()
                else:
                    self.freed.pop(row[A], None)
            case EventKind.OWN:
                self.own(self.path(pid), row[A], row[B])
            case EventKind.STATE:
                self.state(self.path(pid), row[A], row[B])
            case EventKind.ALLOC:
                self.path(pid).happened["allocations" if row[A] else "allocations that failed"] += 1
            case EventKind.FREE:
                self.path(pid).happened["kfree"] += 1
            case EventKind.KILLED:
                self.path(pid).killed.add(row[A])
            case EventKind.PANIC:
                self.path(pid).happened["panic"] += 1

    def page_table_entry(self, path: _Open, row: Row) -> None:
        """A mapping keeps the frame that it was made with, though kfree may come before the entry is cleared."""
        page, old, new = (row[A], row[B]), row[C], row[D]
        before = self.mappings.get(page) or (self.frame(_ppn(old)) if old else None)
        after = None
        if new:
            after = before if old and _ppn(old) == _ppn(new) else self.frame(_ppn(new))
        self.mappings[page] = after
        was = path.ptes.setdefault(page, [(old & PTE_FLAGS, before), (0, None)])
        was[1] = (new & PTE_FLAGS, after)

    def own(self, path: _Open, ppn: int, role: int) -> None:
        known = role if role in _KERNEL_USE else Role.NONE
        path.roles.setdefault(self.frame(ppn), [self.roles.get(ppn, Role.NONE), known])[1] = known
        self.roles[ppn] = known

    def state(self, path: _Open, of: int, state: int) -> None:
        if of == 0 or state == ProcessState.USED:  # a compiler may have a process USED before it has its pid
            return
        life = _LIFE.get(ProcessState(state), "alive")
        if self.lives.get(of) != life:
            path.lives[of] = life
            self.lives[of] = life


def _ppn(pte: int) -> int:
    return pte >> 10 & (1 << 44) - 1


def normal_form(rows: Iterable[Row]) -> dict[int, tuple[Path, ...]]:
    """The paths of each process, by pid; 0 is the boot and the scheduler. Paths that came to nothing are left out, and
    with them the interrupts that a machine had and another had not."""
    reader = _Reader()
    for row in rows:
        reader.take(row)
    _give_names(reader.paths)
    found: dict[int, tuple[Path, ...]] = {}
    for pid in sorted(reader.paths):
        paths = (Path(path.began, _lines(path)) for path in reader.paths[pid])
        kept = tuple(path for path in paths if path.changes)
        if kept:
            found[pid] = kept
    return found


def _give_names(paths: Mapping[int, Iterable[_Open]]) -> None:
    """Names frames in the order of processes, paths and pages."""
    number = 0
    for pid in sorted(paths):
        for path in paths[pid]:
            for _, sides in sorted(path.ptes.items(), key=lambda item: item[0]):
                for _, frame in sides:
                    if frame is not None and not frame.name:
                        number += 1
                        frame.name = f"f{number}"


def _lines(path: _Open) -> tuple[str, ...]:
    """The changes, sorted; what has no name is counted."""
    lines = [
        f"process {of} page {vpn:#x}: {_side(old)} -> {_side(new)}"
        for (of, vpn), (old, new) in path.ptes.items()
        if old != new
    ]
    unnamed: Counter[str] = Counter()
    for frame, (before, after) in path.counts.items():
        if before != after:
            _say(lines, unnamed, frame, f"count {before} -> {after}")
    for frame, steps in path.listed.items():
        if steps:
            _say(lines, unnamed, frame, "freed" if steps == 1 else "taken" if steps == -1 else f"on the list {steps:+}")
    for frame, (was, now) in path.roles.items():
        if was != now:
            _say(
                lines,
                unnamed,
                frame,
                f"{_KERNEL_USE.get(Role(was), 'nothing')} -> {_KERNEL_USE.get(Role(now), 'nothing')}",
            )
    lines += [f"process {of}: {life}" for of, life in path.lives.items()]
    lines += [f"process {of}: to be killed" for of in path.killed]
    lines += [f"{count} {what}" for what, count in path.happened.items()]
    lines += [f"{count} other frames: {what}" for what, count in unnamed.items()]
    return tuple(sorted(lines))


def _say(lines: list[str], unnamed: Counter[str], frame: _Frame, what: str) -> None:
    if frame.name:
        lines.append(f"{frame.name}: {what}")
    else:
        unnamed[what] += 1


def _use(role: int) -> str:
    return _KERNEL_USE.get(Role(role), "nothing")


def _side(side: tuple[int, _Frame | None]) -> str:
    flags, frame = side
    return f"{frame.name} {flags:#x}" if frame is not None else "invalid"


def difference(one: Mapping[int, Sequence[Path]], other: Mapping[int, Sequence[Path]], names: tuple[str, str]) -> str:
    """The first difference between two normal forms, for a person; empty where there is none."""
    for pid in sorted({*one, *other}):
        pairs = zip_longest(one.get(pid, ()), other.get(pid, ()))
        for number, (left, right) in enumerate(pairs, start=1):
            if left == right:
                continue
            text = [f"process {pid}, path {number}:"]
            for name, path, rest in ((names[0], left, right), (names[1], right, left)):
                began = f" (after {path.began or 'its birth'})" if path else ": there is none"
                text.append(f"  {name}{began}")
                known = set(rest.changes) if rest else set()
                text += [f"    {line}" for line in (path.changes if path else ()) if line not in known]
            return "\n".join(text)
    return ""
