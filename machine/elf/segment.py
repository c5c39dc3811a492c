"""Segments: what of a kernel's file goes into RAM, and where. A board loads these, and needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from cowcheck.machine.elf.damage import BUILD_AGAIN, KernelError

RAM = (0x8000_0000, 0x8800_0000)  # xv6 kernel/memlayout.h: KERNBASE and PHYSTOP
LINKED_ELSEWHERE = "give xv6's kernel (kernel/kernel), linked with kernel/kernel.ld"


class Segment(NamedTuple):
    """A part of RAM: ``data`` at ``paddr``, and zeros up to ``memsz`` bytes."""

    paddr: int
    data: bytes
    memsz: int


class SegmentHeader(NamedTuple):
    """A PT_LOAD program header, in the ELF specification's words."""

    p_offset: int
    p_vaddr: int
    p_paddr: int
    p_filesz: int
    p_memsz: int


def load(path: str, data: bytes, headers: Iterable[SegmentHeader]) -> tuple[Segment, ...]:
    """What the headers load, by physical address. Raises :class:`KernelError` where a board could not hold it."""
    loaded = sorted((item for item in headers if item.p_memsz or item.p_filesz), key=lambda item: item.p_paddr)
    if not loaded:
        raise KernelError(path, "has no segment to load", "give a linked kernel (kernel/kernel), not an object file")
    for item in loaded:
        _check(path, item, len(data))
    _refuse_overlaps(path, loaded)
    return tuple(
        Segment(item.p_paddr, data[item.p_offset : item.p_offset + item.p_filesz], item.p_memsz) for item in loaded
    )


def _check(path: str, item: SegmentHeader, file_bytes: int) -> None:
    name = f"its segment at {item.p_paddr:#x}"
    if item.p_paddr != item.p_vaddr:
        problem = f"{name} is linked for the address {item.p_vaddr:#x}; xv6's kernel runs where it is loaded"
        raise KernelError(path, problem, LINKED_ELSEWHERE)
    if not (RAM[0] <= item.p_paddr and item.p_paddr + item.p_memsz <= RAM[1]):
        problem = f"{name} of {item.p_memsz} bytes is not in RAM, {RAM[0]:#x} to {RAM[1]:#x}"
        hint = "a user program is not a kernel; " if item.p_paddr < 0x10_0000 else ""
        raise KernelError(path, problem, hint + LINKED_ELSEWHERE)
    if item.p_filesz > item.p_memsz:
        problem = f"{name} has more bytes in the file ({item.p_filesz}) than in memory ({item.p_memsz})"
        raise KernelError(path, problem, BUILD_AGAIN)
    if item.p_offset + item.p_filesz > file_bytes:
        problem = f"{name} ends at byte {item.p_offset + item.p_filesz}, and the file at {file_bytes}: it is truncated"
        raise KernelError(path, problem, BUILD_AGAIN)


def _refuse_overlaps(path: str, headers: Sequence[SegmentHeader]) -> None:
    for one, other in pairwise(headers):
        if one.p_paddr + one.p_memsz > other.p_paddr:
            problem = f"its segments at {one.p_paddr:#x} and {other.p_paddr:#x} overlap"
            raise KernelError(path, problem, BUILD_AGAIN)
