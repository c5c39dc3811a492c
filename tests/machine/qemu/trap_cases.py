"""The cases of the trap program: every class of exception, from every level, delegated and not.

Pages are mapped without the bits A and D, as xv6 maps them: the hart sets those itself. A store changes what later
loads see, so both machines must be given all cases, in one order.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from cowcheck.machine.program import encoding
from cowcheck.model.sv39 import PTE_R, PTE_U, PTE_V, PTE_W, PTE_X, make_pte
from tests.machine.qemu.trap_program import EBREAK, MACHINE, PAGES, SSIP, SUPERVISOR, TABLES, USER, Case, csrr, csrw

PAGE = 4096
NO_MEMORY = 0x9000_0000
SATP = 8 << 60 | TABLES >> 12
ALL = 0xB1FF  # medeleg: every exception but the supervisor's own ecall
SUM, MXR, FS = 1 << 18, 1 << 19, 1 << 13
LEVELS = {USER: 0x1000, SUPERVISOR: 0x11000}  # where each finds the snippets; machine mode, at their physical address

_RW = PTE_V | PTE_R | PTE_W | PTE_U
_RX = PTE_V | PTE_R | PTE_X | PTE_U
_ALL = _RW | PTE_X
_FRAMES: Mapping[int, tuple[int, int]] = {  # Sv39 page: frame after PAGES, and flags
    0x1: (0, _RX), 0x2: (1, _RX), 0x4: (2, _RW), 0x5: (3, _RW), 0x7: (4, _RX & ~PTE_X), 0x8: (5, _RW),
    0x9: (6, _RW & ~PTE_U), 0xA: (7, PTE_V | PTE_X | PTE_U), 0xB: (8, PTE_V | PTE_W | PTE_U), 0xD: (9, _ALL & ~PTE_V),
    0x11: (0, _RX & ~PTE_U), 0x12: (1, _RX & ~PTE_U), 0x14: (10, PTE_V | PTE_U), 0x15: (11, _ALL),
    0x16: (12, PTE_V | PTE_W | PTE_X | PTE_U), 0x17: (2, _RW | 1 << 8), 0x18: (2, _RX & ~PTE_X | 1 << 8),
    0x1D: (3, _RW),
}  # fmt: skip
_SNIPPETS = (0, 7, 11)  # frames that hold the instructions

_LOAD, _STORE, _AMO = 10 << 15 | 12 << 7 | 0x03, 11 << 20 | 10 << 15 | 0x23, 10 << 15 | 12 << 7 | 0x2F
_RS2 = 11 << 20
_FLOAT_LOAD, _FLOAT_STORE = _LOAD | 4, _STORE | 4
LOADS = {
    **{name: _LOAD | size << 12 for size, name in enumerate(("lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"))},
    "ld -8(a0)": encoding.ld(12, 10, -8),
    "ld 2047(a0)": encoding.ld(12, 10, 2047),
    "c.lw": 0x4110, "c.ld": 0x6110, "c.lw 124(a0)": 0x5D70, "c.ld 248(a0)": 0x7D70, "c.lwsp": 0x567A, "c.ldsp": 0x767E,
    "lr.w": _AMO | 2 << 12 | 2 << 27, "lr.d": _AMO | 3 << 12 | 2 << 27,
}  # fmt: skip
STORES = {
    **{name: _STORE | size << 12 for size, name in enumerate(("sb", "sh", "sw", "sd"))},
    "sd -8(a0)": encoding.sd(11, 10, -8),
    "c.sw": 0xC10C, "c.sd": 0xE10C, "c.sd 248(a0)": 0xFD6C, "c.swsp": 0xDFAE, "c.sdsp": 0xFFAE,
    "amoadd.w": _AMO | _RS2 | 2 << 12, "amoadd.d": _AMO | _RS2 | 3 << 12, "amoswap.d": _AMO | _RS2 | 3 << 12 | 1 << 27,
    "amomax.d": _AMO | _RS2 | 3 << 12 | 0x14 << 27, "sc.w": _AMO | _RS2 | 2 << 12 | 3 << 27,
    "sc.d": _AMO | _RS2 | 3 << 12 | 3 << 27,
}  # fmt: skip
FLOATS = {
    "flw": _FLOAT_LOAD | 2 << 12, "fld": _FLOAT_LOAD | 3 << 12, "fsw": _FLOAT_STORE | 2 << 12,
    "fsd": _FLOAT_STORE | 3 << 12,
}  # fmt: skip
SHORT_FLOATS = {"c.fld": 0x2110, "c.fsd": 0xA110, "c.fldsp": 0x2602, "c.fsdsp": 0xA02E}
INSTRUCTIONS = {
    "ecall": encoding.ECALL, "ebreak": EBREAK, "c.ebreak": 0x9002, "zeros": 0, "ones": 0xFFFF_FFFF, "custom": 0x0B,
    "fence": 0x0FF0_000F, "fence.i": 0x100F, "sfence.vma": 0x1200_0073, "uret": 0x0020_0073, "fadd.s": 0x02B5_0553,
    "csrr satp": csrr(12, 0x180), "csrw cycle": csrw(0xC00, 11), "csrr nothing": csrr(12, 0x5C0),
    "csrw mhartid": csrw(0xF14, 11), "csrr menvcfg": csrr(12, 0x30A), "csrr senvcfg": csrr(12, 0x10A),
    "csrw time": csrw(0xC01, 11), "csrw stimecmp": csrw(0x14D, 11), "mul": 0x02B5_0633,
}  # fmt: skip
COUNTERS = {"csrr cycle": csrr(12, 0xC00), "csrr instret": csrr(12, 0xC02)}
_RETURNS = {"sret": 0x1020_0073, "mret": 0x3020_0073}
_GROUPS = (LOADS, STORES, FLOATS, SHORT_FLOATS, INSTRUCTIONS, COUNTERS, _RETURNS)


def _snippets() -> tuple[dict[str, int], bytes, bytes]:
    """Offsets of the instructions in their page, that page, and the one after it: a ``ld`` lies over each one's end."""
    page, after, at, places = bytearray(PAGE), bytearray(PAGE), 0x100, {}
    ecall, load = (word.to_bytes(4, "little") for word in (encoding.ECALL, LOADS["ld"]))
    for group in _GROUPS:
        for name, word in group.items():
            size = 4 if word & 3 == 3 else 2
            page[at : at + size + 4] = word.to_bytes(size, "little") + ecall
            places[name] = at
            at += 8
    page[-2:] = after[-2:] = load[:2]
    after[:6] = load[2:] + ecall
    return places, bytes(page), bytes(after)


PLACES, _FIRST, _SECOND = _snippets()


def segments() -> list[tuple[int, bytes]]:
    """Page tables and pages."""
    root, middle, leaves = [0] * 512, [0] * 512, [0] * 512
    table = TABLES >> 12
    root[0] = root[256] = make_pte(table + 1, PTE_V)
    root[1] = make_pte((0x8000_0000 >> 12) + 512, _ALL)  # a page of 1 GiB that is not aligned
    root[2] = make_pte(0x8000_0000 >> 12, _ALL & ~PTE_U)  # the program itself
    root[4] = make_pte(NO_MEMORY >> 12, PTE_V)
    middle[0] = make_pte(table + 2, PTE_V)
    middle[1] = make_pte(0x8080_0000 >> 12, _ALL)
    middle[2] = make_pte(0x8080_1000 >> 12, _ALL)  # a page of 2 MiB that is not aligned
    middle[3] = make_pte(NO_MEMORY >> 12, PTE_V)
    middle[7] = make_pte(table + 2, PTE_V | PTE_W)
    for flag, place in ((PTE_U, 4), (1 << 6, 5), (1 << 7, 6)):
        middle[place + 4] = make_pte(table + 2, PTE_V | flag)
    for vpn, (frame, flags) in _FRAMES.items():
        leaves[vpn] = make_pte((PAGES >> 12) + frame, flags)
    for vpn in (0xC, 0x1E):
        leaves[vpn] = make_pte(NO_MEMORY >> 12, _ALL)
    leaves[0x19] = make_pte(0, _ALL)
    for vpn, bit in ((0xE, 54), (0xF, 62), (0x10, 63)):
        leaves[vpn] = make_pte((PAGES >> 12) + 13, _ALL) | 1 << bit
    pages = [bytes((number * 16 + place) & 0xFF for place in range(PAGE)) for number in range(14)]
    for number in _SNIPPETS:
        pages[number] = _FIRST
    pages[1] = _SECOND
    tables = b"".join(struct.pack("<512Q", *entries) for entries in (root, middle, leaves))
    return [(TABLES, tables), (PAGES, b"".join(pages))]


_MAPPED = [page << 12 | 0x108 for page in (4, 5, 6, 7, 8, 9, 0xA, 0xB, 0xC, 0xD, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19)]
_MAPPED += [0x20_0108, 0x40_0108, 0x60_0108, 0xE0_4108, 0xFFFF_FFC0_0000_4108]
_ODD = [0x4100 + offset for offset in (1, 2, 4, 5)]
_ODD += [(page + 1 << 12) - back for page in (4, 5, 7, 6) for back in (1, 2, 4, 7)]
_FAR = [
    0, 4, 0x4000_0000, 0x8070_0000, 0x7FFF_FFFF, 0xC000_0000, 1 << 32, 1 << 38, (1 << 38) - 8, 1 << 39, 1 << 63,
    (1 << 64) - 8, (1 << 64) - 1, 0xFFFF_FFBF_FFFF_FFF8, 0xFFFF_FFE0_0000_0000, 1 << 40 | 0x4108,
]  # fmt: skip


_PHYSICAL = [
    NO_MEMORY, 0x8800_0000 - 8, 0x8800_0000, 0, 1 << 63, 1 << 56 | PAGES, 1 << 55, (1 << 64) - 8, PAGES + 0x2001,
]  # fmt: skip


def accesses(names: Mapping[str, int]) -> Iterator[Case]:
    """Each instruction at each class of address, by user and supervisor, every other one delegated."""
    number = 0
    for level, base in LEVELS.items():
        for name in names:
            aligned = name == "ld 2047(a0)" or "248" in name or "sp" in name  # of these, what no emulator tells apart
            for va in [*_MAPPED, *_ODD, *_FAR]:
                if aligned and (va in _ODD or va & ~0xFFF in (0xC000, 0x19000)):
                    continue
                number += 1
                delegated = ALL if number % 2 else 0
                yield Case(f"{level} {name} {va:#x}", level, base + PLACES[name], va, medeleg=delegated, satp=SATP)


def permissions() -> Iterator[Case]:
    """SUM and MXR."""
    for name in ("lb", "lw", "ld", "c.ld", "sd", "sb", "amoadd.d", "lr.d"):
        for status in (SUM, MXR, SUM | MXR):
            for level, base in LEVELS.items():
                pc = base + PLACES[name]
                for va in (*(page << 12 | 0x200 for page in (4, 6, 7, 9, 0xA, 0xB, 0x18)), 0x20_0200, 0x4FFD, 0x5FFD):
                    yield Case(f"{level} {name} {va:#x} {status:#x}", level, pc, va, 7, ALL, status, SATP)


def instructions(names: Mapping[str, int]) -> Iterator[Case]:
    """Instructions that are illegal, or calls, at some level."""
    for level, base in {**LEVELS, MACHINE: PAGES}.items():
        for name in names:
            for medeleg in (0, ALL):
                satp = 0 if level == MACHINE else SATP
                yield Case(f"{level} {name} {medeleg:#x}", level, base + PLACES[name], medeleg=medeleg, satp=satp)


def returns() -> Iterator[Case]:
    """Returns from traps that a level may not make, and an ecall that comes back to the level that made it."""
    for name, level in (("mret", USER), ("mret", SUPERVISOR), ("sret", USER)):
        yield Case(f"{level} {name}", level, LEVELS[level] + PLACES[name], medeleg=ALL, satp=SATP)
    yield Case("1 ecall delegated", SUPERVISOR, LEVELS[SUPERVISOR] + PLACES["ecall"], medeleg=1 << 9, satp=SATP)


def floats(names: Mapping[str, int], statuses: tuple[int, ...]) -> Iterator[Case]:
    """Floating-point accesses."""
    for level, base in LEVELS.items():
        for name in names:
            for status in statuses:
                pc = base + PLACES[name]
                for va in (0x4108, 0x6108, 0x5FFD, 0x7108, 1 << 63):
                    yield Case(f"{level} {name} {va:#x} {status:#x}", level, pc, va, 0, ALL, status, SATP)


def fetches() -> Iterator[Case]:
    """Jumps to each class of address, instructions that lie over a page's end among them."""
    ecall = PLACES["ecall"]
    for level in LEVELS:
        for medeleg in (0, ALL):
            for va in (
                0x3000, 0x3002, 0x2FFE, 0x1FFE, 0x4000, 0x9000, 0xA000 + ecall, 0xB000, 0xC000, 0xD000, 0x14000,
                0x15000 + ecall, 0x15000, 0x19000, 0x12FFE, 0x11FFE, 0x11000 + ecall, 0x20_0000, 0x40_0000, 0x60_0000,
                0x8000_0000, PAGES + ecall, 1 << 38, 1 << 39, 1 << 63, (1 << 64) - 2, (1 << 64) - 4, (1 << 38) - 2,
                0x4000_0000, 1 << 32, 0xFFFF_FFC0_0000_1000 + ecall, 0,
            ):  # fmt: skip
                yield Case(f"{level} fetch {va:#x} {medeleg:#x}", level, va, 0x4100, medeleg=medeleg, satp=SATP)


def saved_status(bits: tuple[int, ...]) -> Iterator[Case]:
    """What a trap saves of mstatus."""
    for status in bits:
        for level, base in LEVELS.items():
            for medeleg in (0, ALL):
                for name, va in (("ebreak", 0), ("ld", 0x6000)):
                    pc = base + PLACES[name]
                    yield Case(f"{level} {name} {status:#x} {medeleg:#x}", level, pc, va, 0, medeleg, status, SATP)


def interrupts() -> Iterator[Case]:
    """A software interrupt that is pending when the level is entered."""
    for level, base in LEVELS.items():
        for mideleg in (0, SSIP):
            for status in (0, 1 << 5, 1 << 1, 1 << 1 | 1 << 5, 1 << 7, 1 << 8):
                for name in ("ecall", "ld", "ebreak"):
                    shown = f"{level} {name} {mideleg} {status:#x}"
                    yield Case(shown, level, base + PLACES[name], 0x6000, 0, ALL, status, SATP, SSIP, mideleg)


def untranslated() -> Iterator[Case]:
    """Physical addresses, of RAM and of nothing."""
    for level in (USER, SUPERVISOR, MACHINE):
        for medeleg in (0, ALL):
            for name in ("lb", "ld", "c.ld", "sd", "sb", "c.sd", "amoadd.d", "lr.d"):
                for pa in _PHYSICAL:
                    yield Case(f"{level} {name} {pa:#x} {medeleg:#x}", level, PAGES + PLACES[name], pa, 5, medeleg)
            for pa in (NO_MEMORY, 0x8800_0000, 0, 1 << 63, (1 << 64) - 2):
                yield Case(f"{level} fetch {pa:#x} {medeleg:#x}", level, pa, medeleg=medeleg)


def _at(names: tuple[str, ...], addresses: tuple[int, ...]) -> Iterator[Case]:
    for level, base in LEVELS.items():
        for name in names:
            for va in addresses:
                yield Case(f"{level} {name} {va:#x}", level, base + PLACES[name], va, 0, ALL, 0, SATP)


AGREED: Mapping[str, list[Case]] = {
    "loads": list(accesses(LOADS)),
    "stores": list(accesses(STORES)),
    "SUM and MXR": list(permissions()),
    "instructions": list(instructions(INSTRUCTIONS)),
    "returns": list(returns()),
    "floating-point": [*floats(FLOATS, (0, FS)), *floats(SHORT_FLOATS, (FS,))],
    "fetches": list(fetches()),
    "saved status": list(saved_status((1 << 5, 1 << 7, 1 << 5 | 1 << 7, 1 << 8, 1 << 20))),
    "software interrupts": list(interrupts()),
    "physical addresses": list(untranslated()),
}
"""What both machines do alike."""

GAPS: Mapping[str, list[Case]] = {
    "a PTE with reserved bits faults": list(_at(("lb", "ld", "sd"), (0xE108, 0xF108, 0x10108))),
    "a PTE that leads to a table has no U, A or D": list(_at(("lb", "ld", "sd"), (0x100_4108, 0x120_4108, 0x140_4108))),
    "compressed floating-point is illegal when it is off": list(floats(SHORT_FLOATS, (0,))),
    "mcounteren closes counters": list(instructions(COUNTERS)),
    "mstatus has TW and TSR": list(saved_status((1 << 21, 1 << 22))),
}
"""What the board does otherwise, because Unicorn does: no kernel that xv6's tests run comes there."""
