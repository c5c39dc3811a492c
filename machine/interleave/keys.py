"""What the rows of a log touch, by names that do not depend on which frames a schedule happened to take.

A frame that a hart takes off the free list is named by the hart, and by how many it has taken before: where the free
list never runs empty, another frame would have done as well. What stands in the frame, and its reference count, go by
that name until it is taken again. So two harts that use one frame one after the other, each as its own, are not said
to share anything. (Frames that are not taken in the log keep their address for a name.)
"""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FRAMES, KERNBASE, MOST_HARTS, PAGE
from cowcheck.machine.interleave.state import IS_COUNT, IS_FRAME, Access
from cowcheck.machine.native import Array, Value, compiled

LOAD, ACQUIRE, RELEASE = int(Access.LOAD), int(Access.ACQUIRE), int(Access.RELEASE)
TAKEN_FRAMES = 1 << 40  # above every physical address: names of frames that were taken


@compiled
def name_rows(
    log: Array, of_list: Array, image_end: Value, counts: Array, names: Array, words: Array, frames: Array
) -> None:
    """By row: the word or the count that it touches, and the frame (with IS_FRAME); 0 for none.

    ``of_list`` marks the rows of the free list, which is known to be in order. ``counts``: first address, end, the
    address of the first frame's count, and bytes from one to the next; 0 for no array. ``names`` is scratch, by frame.
    """
    names[:] = 0
    taken = np.zeros(MOST_HARTS, np.int64)
    first, end, base, stride = counts[0], counts[1], counts[2], counts[3]
    for at in range(len(log)):
        row = log[at]
        words[at] = frames[at] = 0
        if row.kind == ACQUIRE or row.kind == RELEASE:
            continue
        words[at] = row.object & ~np.int64(7)
        if row.object >= image_end:
            frame = (row.object - KERNBASE) >> 12
            if of_list[at] and row.kind == LOAD:  # kalloc reads r->next: it takes the frame
                taken[row.hart] += 1
                names[frame] = ((row.hart + 1) * TAKEN_FRAMES) | (taken[row.hart] << 12)
            name = names[frame] if names[frame] else row.object & ~np.int64(PAGE - 1)
            frames[at] = name | IS_FRAME
            words[at] = name | (row.object & (PAGE - 8))
        elif stride > 0 and first <= row.object < end:
            frame = (row.object - base) // stride
            if 0 <= frame < FRAMES:
                words[at] = (names[frame] if names[frame] else KERNBASE + (frame << 12)) | IS_COUNT
