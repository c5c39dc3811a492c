"""What is known of a scenario's process when its program is written: its memory, its pipes, whom it may kill.

A scenario's programs have no branches, so all of this is known beforehand, but for what may fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.encoding import Reg
from cowcheck.machine.program.regions import Region
from cowcheck.model import user
from cowcheck.model.errors import CowcheckError, Place
from cowcheck.model.language import MAXVA
from cowcheck.model.scenario import Op, Scenario

FIRST_WORD = 0
LAST_WORD = PAGE_BYTES - 8
RETURN_OFFSET = 16
"""Where each page of the scenario holds a ``ret``, to be jumped to."""

FAR_VA = 1 << 37
"""For ``FAR``: half way up, where no page-table page exists. (The last page below MAXVA is the trampoline.)"""

MAXVA_VA = 1 << 38
"""For ``MAXVA``: the first address above Sv39's lower half, that xv6's ``walk`` panics on."""


class PageBase(StrEnum):
    """What a page's address is counted from."""

    HEAP = "heap"
    LABEL = "label"
    ABSOLUTE = "absolute"


@dataclass(frozen=True, slots=True)
class PageAddress:
    """Where a page of the scenario stands in a real process."""

    base: PageBase
    offset: int = 0  # bytes from the base
    label: str = ""


def page_address(scenario: Scenario, page: int) -> PageAddress:
    """Data pages are the first pages of the heap, so that sbrk gives them back from the end, as in the model."""
    if page == MAXVA:
        return PageAddress(PageBase.ABSOLUTE, MAXVA_VA)
    if page == user.FAR:
        return PageAddress(PageBase.ABSOLUTE, FAR_VA)
    if page < len(scenario.pages) and scenario.pages[page] == "text":
        return PageAddress(PageBase.LABEL, label=text_label(page))
    if page < len(scenario.pages) and scenario.pages[page] == "guard":
        return PageAddress(PageBase.LABEL, label="guard")
    return PageAddress(PageBase.HEAP, heap_page(scenario, page) * PAGE_BYTES)


def heap_page(scenario: Scenario, page: int) -> int:
    """Which page of the heap a data page is: those of the image come first."""
    image = scenario.pages[:page]
    return image.count("data") + max(page - len(scenario.pages), 0)


def text_label(page: int) -> str:
    """The label of a page of text that scenario operations are about."""
    return f"page.{page}"


@dataclass(slots=True)
class ProcessState:
    """A process at one place of its program. A fork copies it; so does an exec, with a fresh memory."""

    number: int
    name: str
    heap_pages: int = 0
    words: dict[tuple[int, int], frozenset[int]] = field(default_factory=dict)  # by page and offset: what may be there
    round: int = 0  # meets that it has come through
    writers: frozenset[int] = frozenset()  # rounds whose pipe it still holds open for writing
    pids: frozenset[str] = frozenset()  # programs whose pid stands in a register
    children: tuple[int, ...] = ()  # exit statuses of those that it has forked and may still wait for
    waits: int = 0
    starved: bool = False  # memory may be out
    killable: bool = False  # another process asks for its end, some time

    def copy(self) -> ProcessState:
        return ProcessState(
            self.number,
            self.name,
            self.heap_pages,
            dict(self.words),
            self.round,
            self.writers,
            self.pids,
            self.children,
            self.waits,
            self.starved,
            self.killable,
        )

    def inherit(self, parent: ProcessState) -> None:
        """What a fork copies."""
        self.heap_pages, self.words = parent.heap_pages, dict(parent.words)
        self.round, self.writers = parent.round, parent.writers
        self.starved = parent.starved

    def region(self, scenario: Scenario, page: int) -> Region:
        """What kind of memory a page of the scenario is now."""
        if page in (user.FAR, MAXVA):
            return Region.NONE
        if page < len(scenario.pages) and scenario.pages[page] != "data":
            return Region.TEXT if scenario.pages[page] == "text" else Region.NONE
        return Region.DATA if heap_page(scenario, page) < self.heap_pages else Region.NONE

    def grow(self, scenario: Scenario, pages: int, place: Place) -> None:
        """Notes an sbrk. Raises :class:`CowcheckError` where a real process could not do it and go on."""
        if self.heap_pages + pages < 0:
            raise CowcheckError(
                f"{place}: sbrk({pages}) gives back more than the process's {self.heap_pages} data pages: on a real "
                "kernel that would be its stack and its program; give back fewer"
            )
        old, self.heap_pages = self.heap_pages, self.heap_pages + pages
        for page, offset in list(self.words):
            if self.region(scenario, page) is Region.NONE:
                del self.words[page, offset]
        total = len(scenario.pages) + max(old, self.heap_pages)
        for page in range(total):
            in_heap = page_address(scenario, page).base is PageBase.HEAP
            if in_heap and old <= heap_page(scenario, page) < self.heap_pages:
                self.words[page, FIRST_WORD] = self.words[page, LAST_WORD] = frozenset({0})


def kill_registers(scenario: Scenario) -> dict[str, Reg]:
    """For each program that is killed by another: the register that its pid is kept in."""
    registers = (Reg.S2, Reg.S3, Reg.S4, Reg.S5, Reg.S6, Reg.S7)
    targets = list(dict.fromkeys(op.target for op in scenario.ops if op.target and op.kind == "kill"))
    return dict(zip(targets, registers, strict=False))


def read_span(op: Op) -> tuple[int, int]:
    """Of a ``read`` into ``op.pages`` pages: the offset in its first page, and the number of bytes.

    One page: its first word. More: from the last word of the first to the first word of the last, so that a buffer of
    two pages is 16 bytes over their boundary.
    """
    if op.pages == 1:
        return FIRST_WORD, 8
    return LAST_WORD, 16 + (op.pages - 2) * PAGE_BYTES


def read_words(op: Op) -> list[tuple[int, int]]:
    """The watched words, by page and offset, that a ``read`` changes."""
    if op.pages == 1:
        return [(op.page, FIRST_WORD)]
    last = op.page + op.pages - 1
    middle = [(page, offset) for page in range(op.page + 1, last) for offset in (FIRST_WORD, LAST_WORD)]
    return [(op.page, LAST_WORD), *middle, (last, FIRST_WORD)]
