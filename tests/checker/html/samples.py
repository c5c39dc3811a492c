"""Small pages, made by hand."""

from __future__ import annotations

from cowcheck.checker.html.page import Page, Passage, Source, Step, Story, Table
from cowcheck.checker.html.picture import Frame, Picture
from cowcheck.checker.html.picture import Page as Mapped

PARENT, CHILD = ("process", 2, 0), ("process", 3, 0)


def picture(child: int | None, count: int, remark: str = "") -> Picture:
    """Two processes; the child's page leads to frame ``child``; frame 7 has the count."""
    pages = {
        PARENT: Mapped("parent (pid 2)", "page 0", 7, "R--UC", False),
        CHILD: Mapped("child (pid 3)", "page 0", child, "RW-U-" if child else "not mapped", child is not None),
    }
    free = child != 3
    frames = {
        3: Frame("frame 3", free, ("refcnt 0", "on the free list") if free else ("refcnt 1", "1 mapping")),
        7: Frame("frame 7", False, (f"refcnt {count}", "1 mapping")),
    }
    return Picture(pages, frames, {"child (pid 3)": remark})


STORY = Story(
    title="no-leak: a-design in two-stores",
    claim="This violates no-leak: a frame is free, or mapped, or used by the kernel.",
    message="Frame 7 is lost: nothing leads to it.",
    remarks=("It takes 1 preemption; a race.",),
    start=Passage("Boot and setup leave this:", ("parent page 0 -> frame 7 (R--UC)", "free: frame 3")),
    harts=((0, "hart 0"), (1, "hart 1")),
    steps=(
        Step("#11", 0, "parent", (Source("kfree", "kalloc.c:40", "kref[i]--;", ("frame 7: refcnt 2 -> 1",)),), True),
        Step("#12", 1, "child", (Source("fault", "vm.c:9", "x = 1", ("page fault",)),), stops=True),
        Step(
            "#13",
            1,
            "child",
            (
                Source("fault", "vm.c:10", "pa = kalloc()", ("frame 3: refcnt 0 -> 1",)),
                Source("fault", "vm.c:11", "", ("child's page 0: R--UC frame 7 -> RW-U- frame 3",)),
            ),
            marked=True,
            repeats=True,
        ),
    ),
    pictures=(picture(7, 2), picture(7, 1), picture(7, 1), picture(3, 1, "is killed")),
    passages=(Passage("Files", ("kernel/vm.c",)),),
    commands=("cowcheck replay leak.json",),
)
PAGE = Page(
    title="a-design in two-stores",
    verdict="fail",
    summary="1 exploration: 1 fail",
    subject=("2 harts, 8 frames, 1 page",),
    warnings=("other-design: inconclusive, because of 100 states",),
    stories=(STORY,),
    tables=(
        Table(
            "Invariants",
            ("invariant", "status", "how much was judged", "states"),
            (("no-leak", "violated", "1 exploration", "1,308"), ("isolation", "not checked", "not asked for", "0")),
            state=1,
        ),
        Table("Runs", ("workload", "ending"), (("fork", "done"),), folded=True),
    ),
    passages=(Passage("a-design: lines that none of the 2 scenarios reached", ("a.py:3  x = 1",)),),
)


def long_story(steps: int) -> Story:
    """Of so many steps, on two harts in turn; the child's page goes to and fro."""
    places = [picture(3 if number % 2 else 7, number) for number in range(steps + 1)]
    made = tuple(
        Step(
            f"#{number}",
            number % 2,
            "child",
            (Source("kfree", f"kalloc.c:{number}", "kref[i]--;", (f"frame 7: refcnt {number - 1} -> {number}",)),),
            marked=number % 1000 == 0,
        )
        for number in range(1, steps + 1)
    )
    return STORY._replace(steps=made, pictures=tuple(places))
