"""Finding the reference counts in memory: layouts of all kinds, decoys, wrong counts, and nothing to find."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cowcheck.machine.board.state import FIRST_PPN, FRAMES, KERNBASE
from cowcheck.machine.elf import DataObject
from cowcheck.machine.elf.c_types import CType, Field, StructLayout
from cowcheck.machine.record.counts import Counts, Sample, find_counts
from cowcheck.machine.record.observer import COUNTS_ARRAY, COUNTS_TABLE, OBSERVER

BASE = KERNBASE + 0x8000  # where the samples' memory begins
SIZE = 0x2_0000
ARRAY = BASE + 0x4000  # where the counts are, or the variable that they are in
PAGES = (2010, 2009, 2008, 2007)  # frames of the heap, which are shared; kalloc goes downwards
OTHERS = (2020, 2019, 2017)  # text, data and stack of the program, shared too
COPIES = (1990, 1981)  # what stores to shared pages take


@dataclass(frozen=True)
class Layout:
    """Where a kernel keeps the count of each frame."""

    stride: int
    width: int
    offset: int = 0  # the count of a frame that is mapped once is 1 + offset
    first_frame: int = 1900  # of the array's first entry
    at: int = 0  # of the count within its struct
    key_at: int | None = None  # a table: where the frame stands, seen from the count
    key_shift: int = 0
    least: int = 1  # a table: frames with fewer mappings have no entry

    def address(self, frame: int, entry: int) -> int:
        """Of the count of a frame."""
        index = frame - self.first_frame if self.key_at is None else entry
        return ARRAY + index * self.stride + self.at


def steps() -> list[dict[int, int]]:
    """The numbers of mappings that the probe makes, step by step."""
    alone = dict.fromkeys((*PAGES, *OTHERS), 1)
    shared = dict.fromkeys((*PAGES, *OTHERS), 2)
    thrice = dict.fromkeys((*PAGES, *OTHERS), 3)
    first = thrice | {PAGES[0]: 2, COPIES[0]: 1}
    return [alone, shared, thrice, first, first | {OTHERS[2]: 2, COPIES[1]: 1}]


def memory_of(
    mappings: dict[int, int], layout: Layout | None, wrong: dict[int, int], rest: Sequence[int]
) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Memory with the counts; ``wrong`` is added to some of them, ``rest`` is what else stands there."""
    memory = np.frombuffer(bytes(rest), np.uint8).copy()
    for entry, frame in enumerate((*PAGES, *OTHERS, *COPIES)):
        if layout is None:
            break
        at = layout.address(frame, entry) - BASE
        listed = mappings.get(frame, 0) >= layout.least
        count = mappings[frame] + layout.offset + wrong.get(frame, 0) if listed else 0
        memory[at : at + layout.width] = list((count % (1 << 8 * layout.width)).to_bytes(layout.width, "little"))
        if layout.key_at is not None:
            key = (FIRST_PPN + frame) << 12 >> layout.key_shift if listed else 0
            memory[at + layout.key_at : at + layout.key_at + 8] = list(key.to_bytes(8, "little"))
    return memory


def samples(
    layout: Layout | None, *, seed: int = 0, noise: int = 0, wrong: dict[int, int] | None = None
) -> list[Sample]:
    """What is seen; ``noise`` bytes change at every step, and counters go with the number of processes."""
    draw = random.Random(seed)
    rest = bytearray(draw.randbytes(0x3000) + bytes(SIZE - 0x3000))
    found = []
    for number, mappings in enumerate(steps()):
        for _ in range(noise):
            rest[draw.randrange(0x3000)] = draw.randrange(256)
        rest[0x10], rest[0x20], rest[0x28] = (1, 2, 3, 3, 3)[number], (2, 3, 4, 4, 4)[number], number
        mapped = np.zeros(FRAMES, np.int32)
        mapped[list(mappings)] = list(mappings.values())
        found.append(Sample(mapped, memory_of(mappings, layout, wrong or {}, rest), BASE))
    return found


def check(found: Counts | None, layout: Layout) -> Counts:
    """That is where the counts are, and the callbacks would look there."""
    assert found is not None
    assert found.offset == layout.offset
    assert found.kind == (COUNTS_ARRAY if layout.key_at is None else COUNTS_TABLE)
    for entry, frame in enumerate((*PAGES, *OTHERS, *COPIES)):
        address = layout.address(frame, entry)
        assert found.first <= address < found.end
        if layout.key_at is None:
            assert found.base + found.stride * frame == address
        else:
            assert (address - found.base) % found.stride == 0
            assert (found.key_at, found.key_shift) == (layout.key_at, layout.key_shift)
    return found


INTEGERS = {1: "uchar", 2: "short", 4: "int", 8: "long"}


def integer(width: int) -> CType:
    return CType("integer", INTEGERS[width], width)


def array_of(element: CType, count: int) -> CType:
    return CType("array", f"{element.name} [{count}]", element.size * count, element=element, count=count)


def variable(layout: Layout, count: int = 400) -> DataObject:
    """The variable that the counts are in, with its type."""
    element = integer(layout.width)
    if layout.stride != layout.width:
        fields = {"count": Field("count", layout.at, element)}
        if layout.key_at is not None:
            fields["pa"] = Field("pa", layout.at + layout.key_at, CType("pointer", "void *", 8))
        struct = StructLayout("frame", layout.stride, fields)
        element = CType("struct", "struct frame", layout.stride, layout=struct)
    kind = array_of(element, count)
    return DataObject("refs", ARRAY, kind.size, layout.stride, count, kind, "kernel/kalloc.c")


LAYOUTS = {
    "bytes": Layout(1, 1),
    "shorts": Layout(2, 2),
    "ints": Layout(4, 4),
    "longs": Layout(8, 8),
    "ints from 0": Layout(4, 4, offset=-1),
    "one more": Layout(4, 4, offset=1),
    "a lock and an int": Layout(32, 4, at=24),
    "an int before its lock": Layout(32, 4),
    "12 bytes": Layout(12, 4, at=8),
    "40 bytes": Layout(40, 8, at=16),
}
TABLES = {
    "pa and int": Layout(16, 4, at=8, key_at=-8),
    "int and pa": Layout(16, 4, at=0, key_at=8),
    "ppn and long": Layout(16, 8, at=8, key_at=-8, key_shift=12),
    "a struct with a lock": Layout(48, 4, at=40, key_at=-16),
    "only what is shared": Layout(16, 4, at=8, key_at=-8, least=2),
    "less one": Layout(24, 4, at=16, key_at=-16, offset=-1),
}


@pytest.mark.parametrize("layout", [*LAYOUTS.values(), *TABLES.values()], ids=[*LAYOUTS, *TABLES])
@pytest.mark.parametrize("typed", [True, False], ids=["debug", "stripped"])
def test_every_layout_is_found(layout: Layout, typed: bool) -> None:
    """Among bytes that change at random, and counters that go with the number of processes."""
    found = check(find_counts(samples(layout, noise=200), [variable(layout)] if typed else []), layout)
    if typed:
        assert found.width == layout.width
        assert (found.first, found.end) == (ARRAY, ARRAY + 400 * layout.stride)
        assert found.name == "refs (kernel/kalloc.c)"
        assert found.stride == layout.stride
    assert found.explained == 1.0


@settings(max_examples=40, deadline=None)
@given(
    stride=st.sampled_from([1, 2, 4, 8, 12, 16, 24, 32, 40, 48, 64]),
    width=st.sampled_from([1, 2, 4, 8]),
    offset=st.sampled_from([-1, 0, 1]),
    first_frame=st.integers(1700, 1980),
    shift=st.sampled_from([None, 0, 12]),
    seed=st.integers(0, 1000),
)
def test_any_layout_is_found(
    stride: int, width: int, offset: int, first_frame: int, shift: int | None, seed: int
) -> None:
    if width > stride or (shift is not None and (stride < 16 or stride % 8)):
        return
    layout = Layout(stride, width, offset, first_frame, at=stride - width)
    if shift is not None:
        layout = replace(layout, at=stride - 8, key_at=8 - stride, key_shift=shift)
    found = check(find_counts(samples(layout, seed=seed, noise=50), [variable(layout, SIZE // stride // 2)]), layout)
    assert found.width == width


def test_an_array_by_page_number_from_0() -> None:
    """``int refs[PHYSTOP / PGSIZE]``: its first half a million entries are never used."""
    layout = Layout(4, 4, first_frame=1900)
    found = check(find_counts(samples(layout), []), layout)
    assert found.base == ARRAY - 4 * 1900
    kind = array_of(integer(4), FIRST_PPN + FRAMES)
    whole = DataObject("refs", ARRAY - 4 * (FIRST_PPN + 1900), kind.size, 4, kind.count or 0, kind, "")
    found = check(find_counts(samples(layout), [whole]), layout)
    assert (found.first, found.end) == (found.base, found.base + 4 * FRAMES)  # not the half that is before RAM
    assert found.name == "refs"


@pytest.mark.parametrize("layout", [LAYOUTS["ints"], LAYOUTS["a lock and an int"], TABLES["pa and int"]], ids=str)
def test_a_kernel_that_counts_a_frame_wrongly(layout: Layout) -> None:
    """That must not go unnoticed because the counts cannot be found."""
    found = check(find_counts(samples(layout, noise=100, wrong={OTHERS[0]: 1}), [variable(layout)]), layout)
    assert 0.75 <= found.explained < 1


def test_a_copy_that_lags_behind_is_not_taken() -> None:
    """An array that a debug version keeps beside the counts, right for fewer frames."""
    layout = LAYOUTS["ints"]
    moments = samples(layout)
    for moment in moments:
        at = 0x1_8000
        for frame in PAGES[:3]:
            moment.memory[at + 4 * (frame - 1900)] = moment.mapped[frame]
    check(find_counts(moments, []), layout)


def test_the_entries_of_a_table_may_move() -> None:
    """The last one takes the place of one that is given up, which belongs to a page that is shared no more."""
    moments = []
    for number, mappings in enumerate([*steps(), steps()[1] | dict.fromkeys(PAGES[:2], 1)]):
        memory = np.zeros(SIZE, np.uint8)
        listed = [frame for frame in (*PAGES, *OTHERS, *COPIES) if mappings.get(frame, 0) > 1]
        for entry, frame in enumerate(reversed(listed) if number % 2 else listed):
            memory[0x4000 + 16 * entry :][:8] = list(((FIRST_PPN + frame) << 12).to_bytes(8, "little"))
            memory[0x4008 + 16 * entry] = mappings[frame]
        mapped = np.zeros(FRAMES, np.int32)
        mapped[list(mappings)] = list(mappings.values())
        moments.append(Sample(mapped, memory, BASE))
    found = find_counts(moments, [])
    assert found is not None
    assert (found.kind, found.stride, found.key_at, found.offset, found.explained) == (COUNTS_TABLE, 16, -8, 0, 1.0)


def test_an_array_within_a_struct() -> None:
    """``struct { struct spinlock lock; int count[N]; } kref``: the lock before it is no count."""
    layout = LAYOUTS["ints"]
    array = array_of(integer(4), 400)
    fields = {"lock": Field("lock", 0, CType("struct", "struct spinlock", 24)), "count": Field("count", 24, array)}
    kind = CType("struct", "struct kref", 24 + array.size, layout=StructLayout("kref", 24 + array.size, fields))
    whole = DataObject("kref", ARRAY - 24, kind.size, kind.size, 1, kind, "kernel/kref.c")
    found = check(find_counts(samples(layout), [whole]), layout)
    assert (found.first, found.end, found.width) == (ARRAY, ARRAY + 1600, 4)


def test_nothing_to_find() -> None:
    assert find_counts(samples(None, noise=500), []) is None
    assert find_counts(samples(None, noise=500, seed=5), [variable(LAYOUTS["ints"])]) is None


def test_a_kernel_that_shares_nothing() -> None:
    """No number of mappings changes, so nothing can be told to follow them."""
    layout = LAYOUTS["ints"]
    moments = samples(layout)
    assert find_counts([moments[0]] * 3, [variable(layout)]) is None
    empty = [Sample(np.zeros(FRAMES, np.int32), moment.memory, BASE) for moment in moments]
    assert find_counts(empty, [variable(layout)]) is None


def test_the_callbacks_are_told() -> None:
    observer = np.zeros(1, OBSERVER)[0]
    counts = Counts(COUNTS_TABLE, 1, 2, 3, -1, 5, 6, 7, 12)
    counts.fill(observer)
    names = ("counts", "count_base", "count_stride", "count_width", "count_offset", "count_first", "count_end")
    assert [int(observer[name]) for name in (*names, "key_at", "key_shift")] == [COUNTS_TABLE, 1, 2, 3, -1, 5, 6, 7, 12]


def test_the_counts_in_words() -> None:
    assert str(Counts(COUNTS_ARRAY, 0, 4, 4, 0, 0x80, 0x90, name="refs (kalloc.c)")) == (
        "refs (kalloc.c): an array by frame, 4 of every 4 bytes, 1 for one mapping"
    )
    assert str(Counts(COUNTS_TABLE, 0, 16, 4, -1, 0x80, 0x90)) == (
        "0x80: a table that is searched, 4 of every 16 bytes, 0 for one mapping"
    )
