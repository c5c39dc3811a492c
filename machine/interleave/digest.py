"""A kernel's memory at rest as one number: what processes map, share, count and hold, whatever frames it is in.

Two states with one digest go on alike, as far as copy-on-write is concerned: frames are numbered by first use, and of a
page's contents the first and the last word count, which is where the workloads store.
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import BOARD, FRAMES, KERNBASE, PAGE, RAM_BYTES
from cowcheck.machine.interleave.hashing import mixed
from cowcheck.machine.interleave.state import INTERLEAVING
from cowcheck.machine.native import Array, Value, carray, compiled, pointer
from cowcheck.machine.record.numbers import number
from cowcheck.machine.record.observer import COUNTS_ARRAY, OBSERVER
from cowcheck.machine.record.tables import ENTRIES, entry, is_branch, is_leaf, target

FLAGS = 0x3FF  # privileged architecture 1.12, section 4.4.1
USED = 0xC0  # bits A and D, which say nothing of what is right


@compiled
def count_of(observer: Value, ram: Array, frame: Value) -> Value:
    """The kernel's count of a frame, where it keeps an array by frame; else 0."""
    if observer.counts != COUNTS_ARRAY:
        return np.int64(0)
    at = observer.count_base + frame * observer.count_stride
    if at < observer.count_first or at + observer.count_width > observer.count_end:
        return np.int64(0)
    return np.int64(number(ram, at - KERNBASE, observer.count_width))


@compiled
def leaf(value: Value, observer: Value, ram: Array, names: Array, named: Value, vpn: Value, pte: Value) -> Value:
    """A leaf PTE, and what the page holds. Gives the number, and how many frames have names now."""
    value = mixed(mixed(value, np.uint64(vpn)), np.uint64(pte & FLAGS & ~USED))
    frame = target(pte)
    if frame < 0:
        return mixed(value, np.uint64(pte)), named
    if names[frame] == 0:
        named += 1
        names[frame] = named
    value = mixed(value, np.uint64(names[frame]))
    value = mixed(value, np.uint64(count_of(observer, ram, frame)))
    value = mixed(value, np.uint64(observer.on_list[frame]))
    value = mixed(value, np.uint64(entry(ram, frame, 0)))
    return mixed(value, np.uint64(entry(ram, frame, PAGE // 8 - 1))), named


@compiled
def digest(address: Value) -> Value:
    """The number; ``address`` is that of the interleaving's record."""
    it = carray(pointer(np.uint64(address)), 1, INTERLEAVING)[0]
    board = carray(pointer(it.board), 1, BOARD)[0]
    observer = carray(pointer(board.observer), 1, OBSERVER)[0]
    ram = carray(pointer(board.ram), RAM_BYTES, np.uint8)
    names = np.zeros(FRAMES, np.int32)
    value, named, free = np.uint64(1), 0, 0
    for slot in range(observer.slots):
        value = mixed(value, np.uint64(observer.slot_state[slot]))
        root = observer.slot_root[slot]
        if root < 0:
            continue
        for high in range(ENTRIES // 2 - 1):  # the last leads to the trampoline and the trapframe
            middle = target(entry(ram, root, high))
            if not is_branch(entry(ram, root, high)) or middle < 0:
                continue
            for mid in range(ENTRIES):
                low = target(entry(ram, middle, mid))
                if not is_branch(entry(ram, middle, mid)) or low < 0:
                    continue
                for index in range(ENTRIES):
                    pte = entry(ram, low, index)
                    if is_leaf(pte):
                        vpn = (high << 18) + (mid << 9) + index
                        value, named = leaf(value, observer, ram, names, named, vpn, pte)
    for frame in range(FRAMES):
        free += observer.on_list[frame]
    return mixed(value, np.uint64(free))
