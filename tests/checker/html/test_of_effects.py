"""Pictures of recorded kernels, from what steps changed."""

from __future__ import annotations

from cowcheck.checker.html.of_effects import pictures
from cowcheck.checker.html.picture import Picture
from cowcheck.checker.verify.effect import Changed, Effect, Mapped
from cowcheck.model.sv39 import PTE_COW, PTE_R, PTE_U, PTE_V, PTE_W, make_pte

SHARED, OWN = make_pte(7, PTE_V | PTE_R | PTE_U | PTE_COW), make_pte(9, PTE_V | PTE_R | PTE_W | PTE_U)
HERE = {("process", 2, 4): (7, "R--UC")}


def count(before: int, after: int) -> Effect:
    return Effect(Changed.COUNT, before, after, frame=7)


def free(before: int, after: int) -> Effect:
    return Effect(Changed.FREE, before, after, frame=7)


def pte(pid: int, before: int, after: int) -> Effect:
    return Effect(Changed.PTE, before, after, pid=pid, vpn=4)


def pages(picture: Picture) -> dict[object, object]:
    return {key: (page.frame, page.flags) for key, page in picture.pages.items()}


def facts(picture: Picture) -> tuple[str, ...]:
    return picture.frames[7].facts


def test_what_was_so_before_is_what_the_steps_changed_it_from() -> None:
    drawn = pictures([None, pte(2, SHARED, 0), count(2, 1), pte(3, SHARED, OWN), count(1, 0), free(0, 1)])
    assert [facts(item) for item in drawn] == [
        ("count 2",), ("count 2",), ("count 2",), ("count 1",), ("count 1",), ("count 0",),
        ("count 0", "on the free list"),
    ]  # fmt: skip
    assert pages(drawn[0]) == {("process", 2, 4): (7, "R--UC"), ("process", 3, 4): (7, "R--UC")}
    assert pages(drawn[2]) == {("process", 2, 4): (None, "not here"), ("process", 3, 4): (7, "R--UC")}
    assert pages(drawn[-1])["process", 3, 4] == (9, "RW-U-")
    assert [item.frames[7].free for item in drawn] == [False] * 6 + [True]
    assert drawn[-1].frames[9].facts == ()


def test_a_page_that_no_step_changed_has_been_there_all_the_time() -> None:
    drawn = pictures([count(2, 1), None], [Mapped(2, 4, SHARED)])
    assert [pages(item) for item in drawn] == [HERE] * 3


def test_a_page_that_came_later_was_not_there_before() -> None:
    drawn = pictures([pte(2, 0, SHARED)], [Mapped(2, 4, SHARED)])
    assert [pages(item) for item in drawn] == [{("process", 2, 4): (None, "not here")}, HERE]


def test_where_all_is_told_a_page_that_leads_nowhere_is_not_mapped() -> None:
    drawn = pictures([pte(2, SHARED, 0)], of_one=False)
    assert pages(drawn[-1]) == {("process", 2, 4): (None, "not mapped")}


def test_a_frame_freed_twice_says_so() -> None:
    assert facts(pictures([free(1, 2)])[-1]) == ("on the free list TWICE",)


def test_where_there_is_nothing_to_draw_there_is_no_picture() -> None:
    assert pictures([None, None]) == ()
