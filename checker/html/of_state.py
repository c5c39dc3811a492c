"""The pictures of model states: who maps which frame, its count, its writers, the free list, stale TLB entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cowcheck.checker.html.picture import Frame, Key, Page, Picture
from cowcheck.model.language import EMBRYO, SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.layout import FIRST, KILLED, PANIC, STATE, TABLE
from cowcheck.model.observe import Observer
from cowcheck.model.sv39 import FLAG_BITS, PTE_V, PTE_W, flag_letters
from cowcheck.model.system import Model, StateTuple
from cowcheck.model.views import FrameView

_RUNS = {EMBRYO: "is being made", SLEEPING: "sleeps", ZOMBIE: "has ended", UNUSED: "is not there"}


def pictures(model: Model, states: Sequence[StateTuple]) -> tuple[Picture, ...]:
    """One of each state. Only frames are shown that a page leads to in some state, or whose count or place on the free
    list changes."""
    painter = _Painter(model, states)
    drawn = [painter.picture(state) for state in states]
    led_to = {page.frame for picture in drawn for page in picture.pages.values()}
    counted = [painter.counted(state) for state in states]
    shown = {frame for frame in drawn[0].frames if frame in led_to or len({row[frame] for row in counted}) > 1}
    return tuple(
        picture._replace(frames={number: frame for number, frame in picture.frames.items() if number in shown})
        for picture in drawn
    )


class _Painter:
    """Makes the pictures of one model."""

    def __init__(self, model: Model, states: Sequence[StateTuple]) -> None:
        self.model = model
        self.observer = Observer(model)
        self.count = (model.program.count or "").split(".")[-1]
        self.names = {pid: self._name(pid, states) for pid in range(FIRST, model.layout.processes + 1)}

    def _name(self, pid: int, states: Sequence[StateTuple]) -> str:
        """By the program that it runs first, so that it keeps one name through an exec."""
        slot = self.model.layout.process(pid) + STATE
        named = (self.model.op_program(state, pid) for state in states if state[slot] not in (UNUSED, EMBRYO))
        name = next(named, "")
        return f"{name} (pid {pid})" if name else f"pid {pid}"

    def picture(self, state: StateTuple) -> Picture:
        """The picture; of a kernel that has panicked, whose frames are in the middle of a step, without mappings."""
        remarks = {}
        for pid, name in self.names.items():
            base = self.model.layout.process(pid)
            words = [_RUNS[state[base + STATE]]] if state[base + STATE] in _RUNS else []
            words += ["is killed"] if state[base + KILLED] else []
            remarks[name] = ", ".join(words)
        return Picture(dict(self._pages(state)), dict(self._frames(state)), remarks)

    def counted(self, state: StateTuple) -> list[tuple[int, int]]:
        """Of each frame, from 0, its count and how often it stands on the free list."""
        free, count = self.model.kernel.free_counts(state), self.model.program.count
        return [(0, 0)] + [
            (state[self.model.layout.array(count, frame)] if count else 0, free[frame])
            for frame in range(1, self.model.layout.frames + 1)
        ]

    def _pages(self, state: StateTuple) -> Iterator[tuple[Key, Page]]:
        layout = self.model.layout
        running = {state[layout.hart(hart)]: hart for hart in range(layout.harts)}
        for pid, name in self.names.items():
            table = state[layout.process(pid) + TABLE]
            for page in range(layout.pages if table else 0):
                yield ("process", pid, page), self._page(name, page, state[layout.pte(table, page)])
            if pid in running:
                yield from self._stale(state, pid, running[pid])

    def _stale(self, state: StateTuple, pid: int, hart: int) -> Iterator[tuple[Key, Page]]:
        """Cached translations that are not what the page table says."""
        for page in range(self.model.layout.pages):
            cached = state[self.model.layout.hart(hart) + 1 + page]
            if cached and cached != self.model.kernel.leaf_pte(state, pid, page):
                yield ("tlb", hart, page), self._page(f"hart {hart}'s TLB, stale", page, cached)

    def _page(self, owner: str, page: int, pte: int) -> Page:
        if not pte & PTE_V:
            return Page(owner, f"page {page}", None, "not mapped", False)
        return Page(owner, f"page {page}", self._target(pte), flag_letters(pte), bool(pte & PTE_W))

    def _target(self, pte: int) -> int:
        """The frame; 0 for what is no RAM."""
        frame = pte >> FLAG_BITS
        return frame if frame <= self.model.layout.frames else 0

    def _frames(self, state: StateTuple) -> Iterator[tuple[int, Frame]]:
        yield 0, Frame("no frame of RAM", False, ())
        views = {} if state[PANIC] else dict(self._views(state))
        for frame, (count, free) in enumerate(self.counted(state)):
            if not frame:
                continue
            facts = [f"{self.count} {count}"] if self.count else []
            if free:
                facts.append("on the free list" + (" TWICE" if free > 1 else ""))
            if view := views.get(frame):
                facts += [_counted(view.mappings, "mapping")] if view.mappings or not free else []
                facts += [_counted(view.writers, "writer")] if view.writers else []
                facts += ["the kernel's own"] if view.owned else []
                facts += ["a pointer in flight"] if view.held else []
            yield frame, Frame(f"frame {frame}", free > 0, tuple(facts))

    def _views(self, state: StateTuple) -> Iterator[tuple[int, FrameView]]:
        """By frame: the observer tells them in the order of the frames."""
        views = (view for view in self.observer.views(state) if isinstance(view, FrameView))
        yield from enumerate(views, start=1)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
