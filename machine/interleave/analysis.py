"""What an execution's log shows: which accesses conflict, which of them no lock orders, and which executions are alike.

Two accesses *conflict* where two harts touch one word and one of them writes. *Happens before* is the order that each
hart's program, and the locks, give (Lamport 1978; as vector clocks, Fidge 1988, Mattern 1989; per word as FastTrack
does, Flanagan and Freund 2009). Conflicting accesses that it leaves unordered are a data race. A kernel without data
races behaves under every schedule as under one that switches harts at acquire only (Musuvathi and Qadeer 2007); where
there is one, its word becomes a preemption point too.

The *signature* of a prefix of an execution is a number that two prefixes share where they differ in nothing but the
order of accesses that do not conflict (the same Mazurkiewicz trace), so that they lead to the same state.

The free list is special. Where all that touch it hold one lock, and it never runs empty, taking a frame and giving one
back commute but for the number of the frame, which means nothing. So those accesses are left out of conflicts and
signatures (``plenty``), like what locks themselves are made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cowcheck.machine.board.state import KERNBASE, MOST_HARTS, PAGE, RAM_BYTES
from cowcheck.machine.interleave.footprints import FootprintFinder, Footprints
from cowcheck.machine.interleave.points import is_amo, slot_of
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, MOST_HELD, MOST_STEPS, Access
from cowcheck.machine.native import Array, Record, Value, compiled

LOAD, STORE, ACQUIRE, RELEASE, FILL, COPY = (
    int(Access.LOAD), int(Access.STORE), int(Access.ACQUIRE), int(Access.RELEASE), int(Access.FILL), int(Access.COPY),
)  # fmt: skip
OBJECTS = 1 << 16
MOST_FOUND = 1 << 10
PRIME = 0x9E3779B97F4A7C15
TEXT_END = KERNBASE + RAM_BYTES

OBJECT = np.dtype(
    [
        ("key", np.int64),
        ("harts", np.int64),  # that touched it, as bits; of a lock: under it, a word that conflicts
        ("writers", np.int64),  # of a lock: that took it
        ("atomic", np.int64),
        ("write_hart", np.int64),
        ("write_clock", np.int64),
        ("write_pc", np.int64),
        ("write_hash", np.uint64),
        ("read_hash", np.uint64),  # of the reads since, in any order
        ("read_clock", np.int64, (MOST_HARTS,)),
        ("read_pc", np.int64, (MOST_HARTS,)),
        ("clocks", np.int64, (MOST_HARTS,)),  # of a lock or an atomic: what its last holder had seen
    ]
)

NOTES = np.dtype([("shared", np.uint8), ("subject", np.uint8)])  # of each row of the log


@dataclass(frozen=True, slots=True)
class DataRace:
    """Two accesses to one word that nothing orders."""

    address: int
    first_pc: int
    second_pc: int
    second_writes: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """``signatures[n, h]``: what hart h had done, and seen, before step n; the row behind the last is of the end.
    ``conflicts[n]``: step n touches a word that conflicts, or takes a lock that two harts take."""

    signatures: np.ndarray[Any, np.dtype[np.uint64]]
    conflicts: np.ndarray[Any, np.dtype[np.uint8]]
    locks: tuple[int, ...]  # under which two harts touched words that conflict, and matter
    atomics: tuple[int, ...]  # words that two harts touched, by atomic instructions too
    shared: tuple[int, ...]  # words that two harts touched, and one wrote
    races: tuple[DataRace, ...]
    footprints: Footprints


@dataclass(frozen=True, slots=True)
class Subject:
    """What copy-on-write is about, as ranges of addresses: processes, counts, the heads of the free lists; and every
    frame that is kalloc's, from ``image_end`` on."""

    image_end: int
    processes: tuple[int, int]
    counts: tuple[int, int]
    heads: tuple[tuple[int, int], ...]

    def name_of(self, address: int) -> str:
        """What stands at an address; nothing for what copy-on-write is not about."""
        if self.counts[0] <= address < self.counts[1]:
            return "a reference count"
        if any(first <= address < end for first, end in self.heads):
            return "the free list"
        return "a page-table entry, or a page on the free list" if address >= self.image_end else ""


class Analyst:
    """Analyses logs of one kernel. ``plenty``: the free list never runs empty."""

    def __init__(self, ram: Any, subject: Subject, hot: Any, plenty: bool) -> None:
        self.ram, self.subject, self.hot, self.plenty = ram, subject, hot, plenty
        ranges = [subject.counts, subject.processes, *subject.heads, (subject.image_end, TEXT_END)]
        self.ranges = np.array(ranges, np.int64)
        self.objects = np.zeros(OBJECTS, OBJECT)
        self.used = np.zeros(OBJECTS, np.int64)
        self.signatures = np.zeros((MOST_STEPS + 1, MOST_HARTS), np.uint64)
        self.conflicts = np.zeros(MOST_STEPS + 1, np.uint8)
        self.found = np.zeros((MOST_FOUND, 4), np.int64)
        self.footprints = FootprintFinder(subject.image_end, hot)

    def analyse(self, steps: Any, log: Any, harts: int) -> Analysis:
        """One execution's steps and log."""
        of_list = np.zeros(len(log), np.uint8)
        if self.plenty:
            mark_list(log, self.ranges, len(self.subject.heads), of_list)
        used, races = order(
            log, steps, self.ram, of_list, self.subject.image_end, self.objects, self.used, self.signatures, self.found
        )
        used = find_conflicts(log, steps, of_list, self.ranges, self.hot, self.objects, self.used, used, self.conflicts)
        objects = self.objects[self.used[:used]]
        keys, many = objects["key"], (objects["harts"] & (objects["harts"] - 1)) != 0
        of_word = (keys & (IS_LOCK | IS_FRAME)) == 0
        analysis = Analysis(
            self.signatures[: len(steps) + 1, :harts].copy(),
            self.conflicts[: len(steps)].copy(),
            _numbers(keys[many & ((keys & IS_LOCK) != 0)]),
            _numbers(keys[many & of_word & (objects["atomic"] != 0)]),
            _numbers(keys[many & of_word & (objects["writers"] != 0)]),
            tuple(DataRace(int(a), int(b), int(c), bool(d)) for a, b, c, d in self.found[:races]),
            self.footprints.find(steps, log, of_list),
        )
        self.objects["key"][self.used[:used]] = 0
        return analysis


def _numbers(keys: Any) -> tuple[int, ...]:
    return tuple(sorted(int(key) for key in keys))


@compiled
def place_of(objects: Array, used: Array, count: Value, key: Value) -> Value:
    """Where an object stands, and how many there are; it is added if it was not met."""
    at = np.int64((np.uint64(key) * np.uint64(PRIME)) >> np.uint64(48))
    while objects[at].key != 0 and objects[at].key != key:
        at = (at + 1) & (OBJECTS - 1)
    if objects[at].key == 0:
        it = objects[at]
        it.key = key
        it.harts = it.writers = it.atomic = 0
        it.write_hart, it.write_clock, it.write_pc = -1, 0, 0
        it.write_hash = it.read_hash = np.uint64(0)
        for hart in range(MOST_HARTS):
            it.read_clock[hart] = it.read_pc[hart] = it.clocks[hart] = 0
        used[count] = at
        count += 1
    return at, count


@compiled
def mixed(first: Value, second: Value) -> Value:
    """One number of two."""
    value = (np.uint64(first) ^ (np.uint64(second) * np.uint64(PRIME))) * np.uint64(0xD6E8FEB86659FD93)
    return value ^ (value >> np.uint64(32))


@compiled
def is_kernel_word(row: Record) -> Value:
    """Whether a row is a load or a store of the kernel's own code, but for the trampoline's."""
    return (row.kind == LOAD or row.kind == STORE) and KERNBASE <= row.pc < TEXT_END


@compiled
def variable(row: Record) -> Value:
    """The key of what a row touches, which may be a part of a word: the counts of two frames do not race.

    Who touches a whole word, and who touches a part that is not its first, are not taken to touch the same.
    """
    return (row.object & ~np.int64(7)) | ((row.object & np.int64(7)) << np.int64(56))


@compiled
def hold(held: Array, depth: Array, row: Record) -> Value:
    """Follows which locks each hart holds."""
    hart = row.hart
    if row.kind == ACQUIRE and depth[hart] < MOST_HELD:
        held[hart, depth[hart]] = row.object
        depth[hart] += 1
    elif row.kind == RELEASE:
        kept = 0
        for place in range(depth[hart]):
            if held[hart, place] != row.object:
                held[hart, kept] = held[hart, place]
                kept += 1
        depth[hart] = kept


@compiled
def forget(held: Array, depth: Array, taken: Array, row: Record) -> None:
    """What ``taken`` says of a lock goes when it is released."""
    hart, kept = row.hart, 0
    for place in range(depth[hart]):
        if held[hart, place] != row.object:
            taken[hart, kept] = taken[hart, place]
            kept += 1


@compiled
def within(ranges: Array, first: Value, end: Value, address: Value) -> Value:
    """Whether the address lies in one of the ranges of these numbers."""
    found = False
    for place in range(first, end):
        found = found or ranges[place, 0] <= address < ranges[place, 1]
    return found


@compiled
def mark_list(log: Array, ranges: Array, heads: Value, of_list: Array) -> None:
    """Marks the accesses to the free list, if one lock is held at all that touch a head."""
    held, depth = np.zeros((MOST_HARTS, MOST_HELD), np.int64), np.zeros(MOST_HARTS, np.int64)
    common, known = np.zeros(MOST_HELD, np.int64), -1
    for at in range(len(log)):
        row = log[at]
        hold(held, depth, row)
        if not is_kernel_word(row) or not within(ranges, 2, 2 + heads, row.object):
            continue
        kept = 0
        for place in range(depth[row.hart]):
            lock, was = held[row.hart, place], known < 0
            for other in range(known):
                was = was or common[other] == lock
            if was:
                common[kept] = lock
                kept += 1
        known = kept
    if known <= 0:
        return
    depth[:] = 0
    for at in range(len(log)):
        row = log[at]
        hold(held, depth, row)
        if not is_kernel_word(row) or within(ranges, 0, 1, row.object):
            continue
        if not within(ranges, 2, len(ranges), row.object):
            continue
        for place in range(depth[row.hart]):
            if held[row.hart, place] == common[0]:
                of_list[at] = 1


@compiled
def order(
    log: Array,
    steps: Array,
    ram: Array,
    of_list: Array,
    image_end: Value,
    objects: Array,
    used: Array,
    signatures: Array,
    found: Array,
) -> Value:
    """Goes through the log once: signatures and data races. Gives the number of objects and of races."""
    clocks = np.zeros((MOST_HARTS, MOST_HARTS), np.int64)
    for hart in range(MOST_HARTS):
        clocks[hart, hart] = 1
    chains = np.zeros(MOST_HARTS, np.uint64)
    count = races = step = 0
    for at in range(len(log)):
        while step < len(steps) and steps[step].logged <= at:
            signatures[step] = chains
            step += 1
        row = log[at]
        hart = row.hart
        if count > OBJECTS - 8:
            break
        if row.kind == ACQUIRE or row.kind == RELEASE:
            place, count = place_of(objects, used, count, row.object | IS_LOCK)
            synchronise(clocks, hart, objects[place], row.kind == ACQUIRE, row.kind == RELEASE)
            chains[hart] = mixed(chains[hart], np.uint64(row.object) ^ (np.uint64(row.pc) << np.uint64(20)))
            continue
        if not of_list[at]:
            key = row.object & ~np.int64(7)
            if row.object >= image_end:
                key = (row.object & ~np.int64(PAGE - 1)) | IS_FRAME
            place, count = place_of(objects, used, count, key)
            chains[hart] = chained(chains[hart], objects[place], row)
        if is_kernel_word(row):
            word = row.object & ~np.int64(7)
            place, count = place_of(objects, used, count, variable(row))
            it = objects[place]
            racing = -1
            if is_amo(ram, row.pc):
                it.atomic = 1
                synchronise(clocks, hart, it, True, True)
                if row.kind == STORE:
                    it.write_hart, it.write_clock, it.write_pc = hart, clocks[hart, hart] - 1, row.pc
                place, count = place_of(objects, used, count, word)
                objects[place].atomic = 1
            else:
                racing = races_with(clocks[hart], hart, it, row)
                if it.atomic and row.kind == STORE:  # as a lock of one's own making is given back
                    synchronise(clocks, hart, it, False, True)
            if racing >= 0 and races < MOST_FOUND:
                found[races, 0], found[races, 1], found[races, 2] = word, racing, row.pc
                found[races, 3] = row.kind == STORE
                races += 1
    while step <= len(steps):
        signatures[step] = chains
        step += 1
    return count, races


@compiled
def synchronise(clocks: Array, hart: Value, thing: Record, takes: Value, gives: Value) -> None:
    """A lock, or an atomic: who takes it has seen what those before it had; who gives it tells what it has seen."""
    for other in range(MOST_HARTS):
        if takes:
            clocks[hart, other] = max(clocks[hart, other], thing.clocks[other])
        if gives:
            thing.clocks[other] = clocks[hart, other]
    if gives:
        clocks[hart, hart] += 1


@compiled
def chained(chain: Value, thing: Record, row: Record) -> Value:
    """What a hart has done and seen, with one access more."""
    value = mixed(mixed(chain, np.uint64(thing.key) ^ (np.uint64(row.pc) << np.uint64(20))), thing.write_hash)
    if row.kind == STORE or row.kind == FILL:
        value = mixed(value, thing.read_hash)
        thing.write_hash, thing.read_hash = value, np.uint64(0)
    else:
        thing.read_hash += value
    return value


@compiled
def races_with(clocks: Array, hart: Value, word: Record, row: Record) -> Value:
    """The place of an access to the word that is not ordered with this one; -1 for none."""
    racing = -1
    if word.write_hart >= 0 and word.write_hart != hart and word.write_clock > clocks[word.write_hart]:
        racing = word.write_pc
    if row.kind == STORE:
        for other in range(MOST_HARTS):
            if other != hart and word.read_clock[other] > clocks[other]:
                racing = word.read_pc[other]
        word.write_hart, word.write_clock, word.write_pc = hart, clocks[hart], row.pc
    else:
        word.read_clock[hart], word.read_pc[hart] = clocks[hart], row.pc
    return racing


@compiled
def find_conflicts(
    log: Array,
    steps: Array,
    of_list: Array,
    ranges: Array,
    hot: Array,
    objects: Array,
    used: Array,
    count: Value,
    conflicts: Array,
) -> Value:
    """Which steps touch words that conflict, and which locks are held there. Gives the number of objects.

    The step that takes a lock counts too, if such a word is touched under it: once it is taken, no other hart gets
    there.
    """
    for at in range(len(log)):
        row = log[at]
        if row.kind == ACQUIRE:
            place, count = place_of(objects, used, count, row.object | IS_LOCK)
            objects[place].writers |= 1 << row.hart
        elif is_kernel_word(row) and not of_list[at]:
            place, count = place_of(objects, used, count, row.object & ~np.int64(7))
            objects[place].harts |= 1 << row.hart
            if row.kind == STORE:
                objects[place].writers |= 1 << row.hart
    conflicts[: len(steps) + 1] = 0
    held, depth = np.zeros((MOST_HARTS, MOST_HELD), np.int64), np.zeros(MOST_HARTS, np.int64)
    taken = np.zeros((MOST_HARTS, MOST_HELD), np.int64)  # in the places of the locks that are held: the step
    step = -1
    for at in range(len(log)):
        while step + 1 < len(steps) and steps[step + 1].logged <= at:
            step += 1
        row = log[at]
        if row.kind == ACQUIRE and depth[row.hart] < MOST_HELD:
            taken[row.hart, depth[row.hart]] = step
        elif row.kind == RELEASE:
            forget(held, depth, taken, row)
        hold(held, depth, row)
        if step >= 0 and row.kind == ACQUIRE and hot[slot_of(hot, row.object | IS_LOCK)] != 0:
            place, count = place_of(objects, used, count, row.object | IS_LOCK)
            if objects[place].writers & (objects[place].writers - 1):
                conflicts[step] = 1  # from here on, who takes the lock as well does not come to what it guards
        if not is_kernel_word(row) or of_list[at]:
            continue
        place, count = place_of(objects, used, count, row.object & ~np.int64(7))
        word = objects[place]
        if word.writers == 0 or word.harts & (word.harts - 1) == 0:
            continue
        matters = within(ranges, 0, len(ranges), row.object)
        if step >= 0 and (matters or hot[slot_of(hot, word.key)] != 0):
            conflicts[step] = 1
            for index in range(depth[row.hart]):
                conflicts[max(taken[row.hart, index], 0)] = 1
        if matters:
            for index in range(depth[row.hart]):
                place, count = place_of(objects, used, count, held[row.hart, index] | IS_LOCK)
                objects[place].harts |= 1 << row.hart
    return count
