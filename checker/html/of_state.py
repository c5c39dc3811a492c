"""The picture of a model's state: who maps which frame, its count, its writers, the free list, stale TLB entries."""

from __future__ import annotations

from collections.abc import Iterator

from cowcheck.checker.html.picture import Frame, Key, Page, Picture
from cowcheck.model.language import EMBRYO, SLEEPING, UNUSED, ZOMBIE
from cowcheck.model.layout import FIRST, KILLED, PANIC, STATE, TABLE
from cowcheck.model.observe import Observer
from cowcheck.model.sv39 import FLAG_BITS, PTE_V, PTE_W, flag_letters
from cowcheck.model.system import Model, StateTuple
from cowcheck.model.views import FrameView

_RUNS = {EMBRYO: "is being made", SLEEPING: "sleeps", ZOMBIE: "has ended", UNUSED: "is no more"}


class Painter:
    """Makes the pictures of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.observer = Observer(model)
        self.count = (model.program.count or "").split(".")[-1]
        self._names: dict[int, str] = {}

    def picture(self, state: StateTuple) -> Picture:
        """The picture; of a kernel that has panicked, whose frames are in the middle of a step, without writers."""
        remarks = {}
        for pid in range(FIRST, self.model.layout.processes + 1):
            base = self.model.layout.process(pid)
            words = [_RUNS[state[base + STATE]]] if state[base + STATE] in _RUNS else []
            words += ["is killed"] if state[base + KILLED] else []
            remarks[self._owner(state, pid)] = ", ".join(words)
        return Picture(dict(self._pages(state)), dict(self._frames(state)), remarks)

    def _owner(self, state: StateTuple, pid: int) -> str:
        """A process by the program that it ran first, so that its column keeps one name through an exec."""
        if pid not in self._names:
            name = self.model.op_program(state, pid)
            if state[self.model.layout.process(pid) + STATE] == UNUSED:
                return f"pid {pid}"
            self._names[pid] = f"{name} (pid {pid})"
        return self._names[pid]

    def _pages(self, state: StateTuple) -> Iterator[tuple[Key, Page]]:
        layout = self.model.layout
        running = {state[layout.hart(hart)]: hart for hart in range(layout.harts)}
        for pid in range(FIRST, layout.processes + 1):
            table = state[layout.process(pid) + TABLE]
            for page in range(layout.pages if table else 0):
                yield ("process", pid, page), self._page(self._owner(state, pid), page, state[layout.pte(table, page)])
            if pid in running:
                yield from self._stale(state, pid, running[pid])

    def _stale(self, state: StateTuple, pid: int, hart: int) -> Iterator[tuple[Key, Page]]:
        """Cached translations that are not what the page table says."""
        for page in range(self.model.layout.pages):
            cached = state[self.model.layout.hart(hart) + 1 + page]
            if cached and cached != self.model.kernel.leaf_pte(state, pid, page):
                yield ("tlb", hart, page), self._page(f"hart {hart}'s TLB", page, cached)

    def _page(self, owner: str, page: int, pte: int) -> Page:
        if not pte & PTE_V:
            return Page(owner, f"page {page}", None, "", False)
        return Page(owner, f"page {page}", pte >> FLAG_BITS, flag_letters(pte), bool(pte & PTE_W))

    def _frames(self, state: StateTuple) -> Iterator[tuple[int, Frame]]:
        model = self.model
        free = model.kernel.free_counts(state)
        views = {} if state[PANIC] else dict(self._views(state))
        yield 0, Frame("address 0", False, ("no RAM is there",))
        for frame in range(1, model.layout.frames + 1):
            facts = []
            if model.program.count:
                facts.append(f"{self.count} {state[model.layout.array(model.program.count, frame)]}")
            if view := views.get(frame):
                facts += [_counted(view.mappings, "mapping"), _counted(view.writers, "writer")]
                facts += ["the kernel's own"] if view.owned else []
                facts += ["a pointer in flight"] if view.held else []
            if free[frame]:
                facts.append("on the free list" + (" TWICE" if free[frame] > 1 else ""))
            yield frame, Frame(f"frame {frame}", free[frame] > 0, tuple(facts))

    def _views(self, state: StateTuple) -> Iterator[tuple[int, FrameView]]:
        """By frame: the observer tells them in the order of the frames."""
        views = (view for view in self.observer.views(state) if isinstance(view, FrameView))
        yield from enumerate(views, start=1)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
