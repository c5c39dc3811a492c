"""Names of what a log touches: frames, and their counts, by who took them."""

from __future__ import annotations

import numpy as np

from cowcheck.machine.board.state import FRAMES, KERNBASE, PAGE
from cowcheck.machine.interleave.keys import TAKEN_FRAMES, name_rows
from cowcheck.machine.interleave.state import IS_COUNT, IS_FRAME, LOGGED, Access

IMAGE_END = KERNBASE + 16 * PAGE
COUNTS, STRIDE = KERNBASE + 0x4000, 4
FRAME = KERNBASE + 20 * PAGE

Row = tuple[int, Access, int]  # the hart, what, where


def count_of(frame: int) -> int:
    """The address of a frame's count."""
    return COUNTS + (frame - KERNBASE) // PAGE * STRIDE


def named(*rows: Row, of_list: tuple[int, ...] = (), stride: int = STRIDE) -> list[tuple[int, int]]:
    """By row: the word's name, and the frame's."""
    log, marks = np.zeros(len(rows), LOGGED), np.zeros(len(rows), np.uint8)
    for at, (hart, kind, place) in enumerate(rows):
        log[at]["hart"], log[at]["kind"], log[at]["object"] = hart, kind, place
    marks[list(of_list)] = 1
    words, frames = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64)
    counts = np.array([COUNTS, COUNTS + FRAMES * STRIDE, COUNTS, stride])
    name_rows(log, marks, IMAGE_END, counts, np.ones(FRAMES, np.int64), words, frames)
    return list(zip(words.tolist(), frames.tolist(), strict=True))


def take(hart: int, frame: int) -> Row:
    """kalloc reads ``r->next``; a row that the caller marks as the list's."""
    return hart, Access.LOAD, frame


def test_words_of_the_image_go_by_their_address() -> None:
    assert named((0, Access.STORE, KERNBASE + 0x3006)) == [(KERNBASE + 0x3000, 0)]


def test_locks_touch_no_word() -> None:
    assert named((0, Access.ACQUIRE, KERNBASE + 0x3000), (0, Access.RELEASE, KERNBASE + 0x3000)) == [(0, 0), (0, 0)]


def test_a_frame_that_nobody_took_goes_by_its_address() -> None:
    (word, frame), (count, _) = named((0, Access.LOAD, FRAME + 20), (1, Access.LOAD, count_of(FRAME)))
    assert (word, frame) == (FRAME + 16, FRAME | IS_FRAME)
    assert count == FRAME | IS_COUNT


def test_the_counts_of_two_frames_are_two_words() -> None:
    (one, _), (other, _) = named((0, Access.LOAD, count_of(FRAME)), (0, Access.LOAD, count_of(FRAME + PAGE)))
    assert count_of(FRAME) // 8 == count_of(FRAME + PAGE) // 8
    assert one != other


def test_where_counts_are_no_array_their_words_go_by_address() -> None:
    assert named((0, Access.LOAD, count_of(FRAME)), stride=0) == [(count_of(FRAME) & ~7, 0)]


def test_a_frame_that_was_taken_goes_by_who_took_it_until_it_is_taken_again() -> None:
    rows = [
        take(0, FRAME), (0, Access.STORE, count_of(FRAME)), (1, Access.STORE, FRAME + 8),
        take(1, FRAME), (1, Access.STORE, count_of(FRAME)),
    ]  # fmt: skip
    names = named(*rows, of_list=(0, 3))
    first, second = TAKEN_FRAMES | 1 << 12, 2 * TAKEN_FRAMES | 1 << 12
    assert names[1][0] == first | IS_COUNT
    assert names[2] == (first | 8, first | IS_FRAME)  # whoever uses it
    assert names[4][0] == second | IS_COUNT


def test_another_frame_in_its_place_has_the_same_name() -> None:
    one, other = (
        named(take(0, frame), (0, Access.FILL, frame), (0, Access.STORE, count_of(frame)), of_list=(0,))
        for frame in (FRAME, FRAME + 5 * PAGE)
    )
    assert one[1:] == other[1:]


def test_without_a_list_in_order_no_frame_is_named() -> None:
    assert named(take(0, FRAME), (0, Access.STORE, count_of(FRAME)))[1][0] == FRAME | IS_COUNT
