"""Going through a log once, compiled: signatures of its prefixes, and the accesses that nothing orders."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import KERNBASE, MOST_HARTS, PAGE
from cowcheck.machine.interleave.hashing import mixed
from cowcheck.machine.interleave.objects import OBJECTS, is_kernel_word, place_of, variable
from cowcheck.machine.interleave.points import is_amo
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, Access
from cowcheck.machine.native import Array, Record, Value, compiled

ACQUIRE, RELEASE = int(Access.ACQUIRE), int(Access.RELEASE)
STORE, FILL, COPY = int(Access.STORE), int(Access.FILL), int(Access.COPY)
MOST_FOUND = 1 << 10


@compiled
def order(
    log: Array,
    steps: Array,
    ram: Array,
    of_list: Array,
    words: Array,
    frames: Array,
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
            place, count = place_of(objects, used, count, frames[at] if frames[at] else words[at])
            chains[hart] = chained(chains[hart], objects[place], row)
            if frames[at] and is_of_whole(row):
                racing = races_with(clocks[hart], hart, objects[place], row)
                if racing >= 0 and races < MOST_FOUND:
                    found[races, 0] = (row.object & ~np.int64(PAGE - 1)) | IS_FRAME
                    found[races, 1], found[races, 2], found[races, 3] = racing, row.pc, 0
                    races += 1
        if is_kernel_word(row):
            place, count = place_of(objects, used, count, variable(row))
            it = objects[place]
            racing = -1
            if is_amo(ram, row.pc):
                it.atomic = 1
                synchronise(clocks, hart, it, True, True)
                if row.kind == STORE:
                    it.write_hart, it.write_clock, it.write_pc = hart, clocks[hart, hart] - 1, row.pc
                place, count = place_of(objects, used, count, words[at])
                objects[place].atomic = 1
            else:
                racing = races_with(clocks[hart], hart, it, row)
                if it.atomic and row.kind == STORE:  # as a lock of one's own making is given back
                    synchronise(clocks, hart, it, False, True)
            if racing >= 0 and races < MOST_FOUND:
                found[races, 0], found[races, 1], found[races, 2] = row.object & ~np.int64(7), racing, row.pc
                found[races, 3] = row.kind == STORE
                races += 1
    while step <= len(steps):
        signatures[step] = chains
        step += 1
    return count, races


@compiled
def is_of_whole(row: Record) -> Value:
    """Whether a frame is taken as one variable: the kernel fills or copies it, or user code uses it."""
    return row.kind == FILL or row.kind == COPY or row.pc < KERNBASE


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
    """The place of an access to the word, or frame, that is not ordered with this one; -1 for none."""
    racing = -1
    if word.write_hart >= 0 and word.write_hart != hart and word.write_clock > clocks[word.write_hart]:
        racing = word.write_pc
    if row.kind == STORE or row.kind == FILL:
        for other in range(MOST_HARTS):
            if other != hart and word.read_clock[other] > clocks[other]:
                racing = word.read_pc[other]
        word.write_hart, word.write_clock, word.write_pc = hart, clocks[hart], row.pc
    else:
        word.read_clock[hart], word.read_pc[hart] = clocks[hart], row.pc
    return racing
