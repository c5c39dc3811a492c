"""The normal form: what two recordings of one run have in common, and what sets recordings of two runs apart."""

from __future__ import annotations

from typing import Any

from cowcheck.machine.record.event import WIDTH, EventKind, ProcessState, Role
from cowcheck.machine.record.normal_form import Path, difference, normal_form

R, W, U, COW = 0b11, 0b111, 1 << 4, 1 << 8
A, D = 1 << 6, 1 << 7
Row = tuple[int, ...]


def row(kind: EventKind, pid: int, *values: int, hart: int = 0) -> Row:
    found = [int(kind), hart, pid, 0, 0, *values]
    return tuple(found + [0] * (WIDTH - len(found)))


def pte(frame: int, flags: int) -> int:
    return frame << 10 | flags | U if flags else 0


def trap(pid: int, cause: int = 8) -> Row:
    return row(EventKind.TRAP, pid, cause)


def user(pid: int) -> Row:
    return row(EventKind.USER, pid)


def entry(pid: int, of: int, vpn: int, old: int, new: int) -> Row:
    return row(EventKind.PTE, pid, of, vpn, old, new)


def fault(page: int, old: int, new: int) -> list[Row]:
    """A store fault of process 3 on ``page``: a frame is taken, the old one dropped."""
    return [
        trap(3, 15),
        row(EventKind.LIST, 3, new, -1),
        row(EventKind.COUNT, 3, new, 0, 1),
        row(EventKind.ALLOC, 3, new),
        entry(3, 3, page, pte(old, R | COW), pte(new, W)),
        row(EventKind.FREE, 3, old),
        row(EventKind.COUNT, 3, old, 2, 1),
        user(3),
    ]


BEGIN = [entry(0, 3, 4, 0, pte(90, R | COW)), entry(0, 3, 5, 0, pte(91, R | COW)), user(3)]


def test_a_path_is_what_came_of_it() -> None:
    found = normal_form([*BEGIN, *fault(4, 90, 80)])
    assert found[3] == (
        Path(
            "exception 15",
            (
                "1 allocations",
                "1 kfree",
                "f1: count 2 -> 1",
                "f3: count 0 -> 1",
                "f3: taken",
                "process 3 page 0x4: f1 0x113 -> f3 0x17",
            ),
        ),
    )


def test_frames_may_be_others() -> None:
    other = [*BEGIN, *fault(4, 90, 70)]
    assert normal_form([*BEGIN, *fault(4, 90, 80)]) == normal_form(other)


def test_the_order_within_a_path_is_nothing() -> None:
    path = fault(4, 90, 80)
    turned = [path[0], path[1], *path[-2:1:-1], path[-1]]
    assert normal_form([*BEGIN, *path]) == normal_form([*BEGIN, *turned])


def test_steps_that_cancel_out_are_nothing() -> None:
    path = fault(4, 90, 80)
    there_and_back = [entry(3, 3, 5, pte(91, R | COW), 0), entry(3, 3, 5, 0, pte(91, R | COW))]
    assert normal_form([*BEGIN, *path]) == normal_form([*BEGIN, path[0], *there_and_back, *path[1:]])


def test_bits_of_the_hart_are_nothing() -> None:
    seen = [entry(3, 3, 5, pte(91, R | COW | A), pte(91, R | COW | A | D))]
    path = fault(4, 90, 80)
    assert normal_form([*BEGIN, *path]) == normal_form([*BEGIN, path[0], *seen, *path[1:]])


def test_interrupts_without_a_change_are_nothing() -> None:
    tick = [trap(3, -(1 << 63) | 5), row(EventKind.STATE, 3, 3, ProcessState.RUNNABLE), user(3)]
    alive = [row(EventKind.STATE, 0, 3, ProcessState.RUNNING)]
    assert normal_form([*alive, *BEGIN, *fault(4, 90, 80)]) == normal_form([*alive, *BEGIN, *tick, *fault(4, 90, 80)])


def test_processes_may_take_turns_otherwise() -> None:
    one, two = fault(4, 90, 80), [trap(7), row(EventKind.OWN, 7, 60, Role.PAGE_TABLE), user(7)]
    assert normal_form([*BEGIN, *one, *two]) == normal_form([*BEGIN, *two, *one])


def test_a_frame_that_was_freed_is_another_from_then_on() -> None:
    def freed_and_taken(page: int, entry_first: bool) -> list[Row]:
        unmapped, freed = entry(3, 3, page, pte(90, R | COW), 0), row(EventKind.LIST, 3, 90, 1)
        dropped = row(EventKind.COUNT, 3, 90, 1, 0)
        steps = [unmapped, dropped, freed] if entry_first else [freed, dropped, unmapped]
        return [
            trap(3),
            *steps,
            user(3),
            trap(3),
            row(EventKind.LIST, 3, 90, -1),
            entry(3, 3, 9, 0, pte(90, W)),
            user(3),
        ]

    found = normal_form([*BEGIN, *freed_and_taken(4, True)])
    assert found == normal_form([*BEGIN, *freed_and_taken(4, False)])
    assert found[3][0].changes == ("f1: count 1 -> 0", "f1: freed", "process 3 page 0x4: f1 0x113 -> invalid")
    assert found[3][1].changes == ("f3: taken", "process 3 page 0x9: invalid -> f3 0x17")


def test_a_count_may_be_set_before_its_frame_is_taken() -> None:
    def path(*steps: Row) -> Any:
        freed = [trap(3), row(EventKind.LIST, 3, 50, 1), user(3)]
        return normal_form([*BEGIN, *freed, trap(3), *steps, entry(3, 3, 9, 0, pte(50, W)), user(3)])

    taken, counted = row(EventKind.LIST, 3, 50, -1), row(EventKind.COUNT, 3, 50, 0, 1)
    assert path(taken, counted) == path(counted, taken)


def test_frames_without_a_name_are_counted() -> None:
    path = [
        trap(3),
        *(row(EventKind.LIST, 3, frame, -1) for frame in (40, 41)),
        row(EventKind.OWN, 3, 40, Role.PAGE_TABLE),
    ]
    assert normal_form([*BEGIN, *path])[3][0].changes == (
        "1 other frames: nothing -> page table",
        "2 other frames: taken",
    )


def test_a_kill_and_an_end_are_told() -> None:
    path = [trap(3), row(EventKind.KILLED, 3, 3), row(EventKind.STATE, 3, 3, ProcessState.ZOMBIE)]
    assert normal_form([*BEGIN, *path])[3][0].changes == ("process 3: to be killed", "process 3: zombie")


def test_a_difference_is_shown_with_its_path() -> None:
    one = normal_form([*BEGIN, *fault(4, 90, 80)])
    shared = [step for step in fault(4, 90, 80) if step[0] != EventKind.COUNT or step[5] != 90]
    other = normal_form([*BEGIN, *shared])
    assert difference(one, one, ("board", "QEMU")) == ""
    assert difference(one, other, ("board", "QEMU")) == (
        "process 3, path 1:\n  board (after exception 15)\n    f1: count 2 -> 1\n  QEMU (after exception 15)"
    )
    missing = difference(one, normal_form(BEGIN), ("board", "QEMU"))
    assert "QEMU: there is none" in missing
