"""Every class of user address: what an access there may meet, and what is right.

An address is an offset from nothing, from the start of the heap or from the break, because how large the stack is, is
the kernel's business. ``room`` is the number of bytes from there on that are of the class's region; what is longer
runs into what is ``beyond``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from cowcheck.machine.program.elf_file import PAGE_BYTES
from cowcheck.machine.program.regions import Region
from cowcheck.machine.program.user_code import GUARD, SCRATCH

MAXVA = 1 << 38
"""xv6: one bit less than Sv39 allows, so that no address needs to be sign-extended (kernel/riscv.h)."""

TRAMPOLINE = MAXVA - PAGE_BYTES
TRAPFRAME = TRAMPOLINE - PAGE_BYTES
LEAF_BYTES = 512 * PAGE_BYTES
"""What one page of a page table maps: 2 MiB."""

RAM_END = 0x8800_0000
UNBOUNDED = 1 << 20
TEXT_WORD = "text.word"
DATA_WORD = 256
"""Offset in the data page of the word that is watched there."""


class Base(IntEnum):
    """What an offset is counted from."""

    NOTHING = 0
    HEAP = 1
    BREAK = 2


_FAMILIES = (
    (1 << 31, "addresses below RAM"),
    (RAM_END, "addresses of RAM"),
    (TRAPFRAME - PAGE_BYTES, "addresses without a page of the page table"),
    (TRAPFRAME, "the page below the trapframe"),
    (TRAMPOLINE, "the trapframe"),
    (MAXVA, "the trampoline"),
    (1 << 64, "addresses from MAXVA on"),
)
"""Of addresses that are no user memory: where each ends."""


@dataclass(frozen=True, slots=True)
class AddressClass:
    """A class of addresses, by one of them. ``label`` is added to the offset; ``holds`` says that a word of the
    program's own stands there, which is watched."""

    text: str
    region: Region
    offset: int = 0
    base: Base = Base.NOTHING
    label: str = ""
    room: int = UNBOUNDED
    beyond: Region = Region.NONE
    holds: bool = True
    spans: bool = False  # also tried with more bytes than one word
    skips_page: bool = False  # and with so many that the page after it is in the middle

    @property
    def family(self) -> str:
        """The classes that a kernel is likely to treat alike."""
        if self.region is not Region.NONE:
            return str(self.region)
        if self.label or self.base is not Base.NOTHING:
            return "the guard page" if self.label else "the pages above the break"
        address = self.offset % (1 << 64)
        return next(name for end, name in _FAMILIES if address < end)

    def region_of(self, size_bytes: int) -> Region:
        """What an access of so many bytes meets, at its worst."""
        return self.region if size_bytes <= self.room else self.beyond


def _nowhere(text: str, address: int, spans: bool = False) -> AddressClass:
    shown = f"{text} ({address % (1 << 64):#x})"
    return AddressClass(shown, Region.NONE, offset=address, room=0, holds=False, spans=spans)


def _heap(text: str, offset: int, room: int = UNBOUNDED) -> AddressClass:
    return AddressClass(text, Region.DATA, offset, Base.HEAP, room=room, spans=True)


TEXT = AddressClass("a word of text", Region.TEXT, label=TEXT_WORD)
DATA = AddressClass("a word of the data segment", Region.DATA, DATA_WORD, label=SCRATCH)
DATA_END = AddressClass(
    "the last word of the data segment, below the guard page",
    Region.DATA,
    PAGE_BYTES - 8,
    label=SCRATCH,
    room=8,
    spans=True,
    skips_page=True,
)
GUARD_PAGE = (
    AddressClass("the stack's guard page", Region.NONE, 16, label=GUARD, room=0, holds=False),
    AddressClass(
        "the last word of the guard page, below the stack",
        Region.NONE,
        PAGE_BYTES - 8,
        label=GUARD,
        room=0,
        holds=False,
        spans=True,
    ),
)
STACK = AddressClass("a word of the stack", Region.DATA, PAGE_BYTES + 16, label=GUARD)
ABOVE_BREAK = AddressClass("the break itself", Region.NONE, 0, Base.BREAK, room=0, holds=False)
BREAK_END = AddressClass("the last word below the break", Region.DATA, -8, Base.BREAK, room=8, spans=True)
FAR_ABOVE = AddressClass("a page above the break", Region.NONE, PAGE_BYTES, Base.BREAK, room=0, holds=False)

NULL = AddressClass("address 0, which is text", Region.TEXT)

NO_USER_MEMORY = (
    _nowhere("where the leaf page of the page table is missing", 16 * LEAF_BYTES),
    _nowhere("where two levels of the page table are missing", MAXVA // 2),
    _nowhere("the CLINT", 0x200_0000),
    _nowhere("the PLIC", 0xC00_0000),
    _nowhere("the UART", 0x1000_0000),
    _nowhere("the disk's registers", 0x1000_1000),
    _nowhere("below the kernel, 2^31 - 8", (1 << 31) - 8, spans=True),
    _nowhere("the kernel's text, 2^31", 1 << 31),
    _nowhere("after 2^31", (1 << 31) + 8),
    _nowhere("the last frame of RAM", RAM_END - PAGE_BYTES),
    _nowhere("after RAM", RAM_END),
    _nowhere("2^32 - 8", (1 << 32) - 8, spans=True),
    _nowhere("2^31, sign-extended", -(1 << 31)),
    _nowhere("below the trapframe", TRAPFRAME - PAGE_BYTES),
    _nowhere("the last word below the trapframe", TRAPFRAME - 8, spans=True),
    _nowhere("TRAPFRAME", TRAPFRAME),
    _nowhere("TRAMPOLINE", TRAMPOLINE),
    _nowhere("the last word below MAXVA", MAXVA - 8, spans=True),
    _nowhere("MAXVA", MAXVA),
    _nowhere("after MAXVA", MAXVA + 8),
    _nowhere("a page above MAXVA", MAXVA + PAGE_BYTES),
    _nowhere("2^39 - 8, not canonical", (1 << 39) - 8, spans=True),
    _nowhere("2^39, not canonical", 1 << 39),
    _nowhere("2^63 - 8", (1 << 63) - 8, spans=True),
    _nowhere("2^63", 1 << 63),
    _nowhere("2^63 + 8", (1 << 63) + 8),
    _nowhere("the first address of Sv39's upper half", -(1 << 38)),
    _nowhere("the last page of all", -PAGE_BYTES),
    _nowhere("the last word of all", -8, spans=True),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a process's break is, and which addresses are tried then. The heap grows by ``grow_bytes``, or up to
    ``grow_to`` where that is given, and then gives ``shrink_bytes`` back."""

    name: str
    summary: str
    classes: tuple[AddressClass, ...]
    grow_bytes: int = 0
    grow_to: int = 0
    shrink_bytes: int = 0
    fresh: bool = False  # each case runs in a process that has just executed the program: nothing of it is shared


LAYOUTS = (
    Layout(
        "addresses",
        "every class of address, with the break on a page",
        (
            NULL,
            TEXT,
            DATA,
            DATA_END,
            *GUARD_PAGE,
            STACK,
            _heap("a word of a shared heap page", 64),
            _heap("the last word of a shared heap page", PAGE_BYTES - 8),
            BREAK_END,
            ABOVE_BREAK,
            FAR_ABOVE,
            *NO_USER_MEMORY,
        ),
        grow_bytes=3 * PAGE_BYTES,
    ),
    Layout(
        "addresses-break-within-page",
        "addresses around a break that is not on a page",
        (
            AddressClass(
                "the last word below the break", Region.DATA, -8, Base.BREAK, room=8, beyond=Region.TAIL, spans=True
            ),
            AddressClass("the break itself", Region.TAIL, 0, Base.BREAK, holds=False),
            AddressClass(
                "the end of the page that the break is in",
                Region.TAIL,
                2 * PAGE_BYTES - 8,
                Base.HEAP,
                room=8,
                holds=False,
                spans=True,
            ),
            AddressClass("the page above that", Region.NONE, 2 * PAGE_BYTES, Base.HEAP, room=0, holds=False),
        ),
        grow_bytes=PAGE_BYTES + 104,
    ),
    Layout(
        "addresses-break-at-2mib",
        "addresses around a break that is where a page of the page table ends",
        (_heap("a word of a shared heap page", 64), BREAK_END, ABOVE_BREAK, FAR_ABOVE),
        grow_to=LEAF_BYTES,
    ),
    Layout(
        "addresses-given-back",
        "addresses around 2 MiB, where a page was had and given back: its page of the page table is still there",
        (BREAK_END, ABOVE_BREAK, FAR_ABOVE),
        grow_to=LEAF_BYTES + 2 * PAGE_BYTES,
        shrink_bytes=2 * PAGE_BYTES,
    ),
    Layout(
        "addresses-across-2mib",
        "addresses around 2 MiB, with memory on either side",
        (
            AddressClass("the last word below 2 MiB", Region.DATA, LEAF_BYTES - 8, spans=True),
            AddressClass("2 MiB", Region.DATA, LEAF_BYTES, spans=True),
            BREAK_END,
            ABOVE_BREAK,
        ),
        grow_to=LEAF_BYTES + 2 * PAGE_BYTES,
    ),
    Layout(
        "addresses-before-fork",
        "addresses of a process that shares nothing",
        (NULL, TEXT, DATA, DATA_END, *GUARD_PAGE, STACK, ABOVE_BREAK, FAR_ABOVE),
        fresh=True,
    ),
)
