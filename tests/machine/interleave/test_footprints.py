"""What steps touch: words, frames by what they are, locks by what is left of them behind the step."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE
from cowcheck.machine.interleave.footprints import FootprintFinder, Use
from cowcheck.machine.interleave.keys import TAKEN_FRAMES, name_rows
from cowcheck.machine.interleave.state import IS_FRAME, IS_LOCK, LOGGED, MOST_HOT, STEP, Access

IMAGE_END = KERNBASE + 16 * PAGE
WORD, LOCK, FRAME = KERNBASE + 0x5000, KERNBASE + 0x6000, KERNBASE + 20 * PAGE

Row = tuple[Access, int, int]  # what, where, bytes


def footprints(*steps: tuple[int, Access, list[Row]], of_list: tuple[int, ...] = ()) -> list[dict[int, Use]]:
    """Of steps that are given as the hart, what they begin with, and the rows of the log."""
    rows = [(hart, *row) for hart, _, items in steps for row in items]
    log, table = np.zeros(len(rows), LOGGED), np.zeros(len(steps), STEP)
    for at, (hart, kind, place, size) in enumerate(rows):
        log[at]["hart"], log[at]["kind"], log[at]["object"], log[at]["size"] = hart, kind, place, size
    logged = 0
    for at, (hart, begins, items) in enumerate(steps):
        table[at]["hart"], table[at]["kind"], table[at]["logged"] = hart, begins, logged
        table[at]["object"] = items[0][1]
        logged += len(items)
    marks = np.zeros(len(rows), np.uint8)
    marks[list(of_list)] = 1
    words, frames = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    name_rows(log, marks, IMAGE_END, np.zeros(4, np.int64), np.zeros(FRAMES, np.int64), words, frames)
    finder = FootprintFinder(np.zeros(MOST_HOT, np.int64))
    finder.find(table, log, marks, words, frames)  # what one execution leaves behind is nothing to the next
    found = finder.find(table, log, marks, words, frames)
    return [
        {
            int(thing): Use(int(use))
            for thing, use in zip(found.objects[first:end], found.uses[first:end], strict=True)
        }
        for first, end in zip(found.starts[:-1].tolist(), found.starts[1:].tolist(), strict=True)
    ]  # fmt: skip


def test_words_and_frames_are_read_or_written() -> None:
    rows = [(Access.LOAD, WORD + 4, 4), (Access.STORE, WORD + 8, 8), (Access.LOAD, FRAME + 80, 8)]
    first, second = footprints((0, Access.BEGIN, rows), (1, Access.STORE, [(Access.STORE, WORD, 4)]))
    assert first == {WORD: Use.READS, WORD + 8: Use.WRITES, FRAME | IS_FRAME: Use.READS}
    assert second == {WORD: Use.WRITES}


def test_a_word_that_is_read_and_written_is_written() -> None:
    rows = [(Access.LOAD, WORD, 8), (Access.STORE, WORD, 8), (Access.LOAD, WORD, 8)]
    assert footprints((0, Access.BEGIN, rows)) == [{WORD: Use.WRITES}]


def test_filling_touches_every_word_of_the_image_and_a_frame_as_a_whole() -> None:
    (found,) = footprints((0, Access.BEGIN, [(Access.FILL, WORD, 24), (Access.FILL, FRAME, PAGE)]))
    assert found == dict.fromkeys((WORD, WORD + 8, WORD + 16, FRAME | IS_FRAME), Use.WRITES)


def test_a_lock_is_what_a_step_leaves_of_it() -> None:
    take, give = (Access.ACQUIRE, LOCK, 0), (Access.RELEASE, LOCK, 0)
    both, taken, given = footprints(
        (0, Access.ACQUIRE, [take, give]), (1, Access.ACQUIRE, [take]), (1, Access.LOAD, [give])
    )
    assert (both, taken) == ({LOCK | IS_LOCK: Use.READS}, {LOCK | IS_LOCK: Use.WRITES})
    assert given == {LOCK | IS_LOCK: Use.GIVES}


def test_a_step_touches_the_lock_that_stopped_it() -> None:
    """Hart 1 comes to a lock that is no point, waits, and goes on with taking it."""
    take, give = (Access.ACQUIRE, LOCK, 0), (Access.RELEASE, LOCK, 0)
    waits = footprints(
        (0, Access.BEGIN, [take]), (1, Access.BEGIN, [(Access.LOAD, WORD, 8)]), (0, Access.LOAD, [give]),
        (1, Access.ACQUIRE, [take, give]),
    )[1]  # fmt: skip
    assert waits == {WORD: Use.READS, LOCK | IS_LOCK: Use.READS}


def test_a_frame_that_is_taken_is_named_by_who_takes_it() -> None:
    """Whichever frame it is: row 0 of each step reads ``r->next`` of the free list."""
    for frames in ((FRAME, FRAME + PAGE), (FRAME + PAGE, FRAME)):
        rows = [[(Access.LOAD, frame, 8), (Access.FILL, frame, PAGE)] for frame in frames]
        found = footprints((0, Access.BEGIN, rows[0]), (1, Access.BEGIN, rows[1]), of_list=(0, 2))
        assert [list(each.values()) for each in found] == [[Use.WRITES], [Use.WRITES]]
        assert [list(each) for each in found] == [
            [TAKEN_FRAMES | 1 << 12 | IS_FRAME], [2 * TAKEN_FRAMES | 1 << 12 | IS_FRAME]
        ]  # fmt: skip
